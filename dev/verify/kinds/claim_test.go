//go:build modelcheck

package kinds

import (
	"slices"
	"testing"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/fifo"
	"github.com/leat-go/leat/internal/seam"
)

// A single receiver claims values, and others push and evict between its claim
// and its look at the value. It fails if a value is lost, repeated or out of
// order: then a slot was written to while the receiver read it.
func TestClaimBesideEvictions(t *testing.T) {
	fifo.SegmentSize = 2
	explore(t, func(r *model.Run) {
		const last = 4
		var q fifo.Queue[int]
		q.Init(1, true)
		var turn seam.Uint32 // a step of both goroutines, so that the checker tries it before and after each push
		var received, evicted []int
		r.Go("receives", func() {
			for range 2 {
				p, _ := q.Claim()
				turn.Load()
				if p == nil {
					q.LockHead()
					if p = q.TryPop(); p == nil {
						q.Head.Unlock()
						continue
					}
					received = append(received, *p)
					*p = 0
					q.Head.Unlock()
					continue
				}
				received = append(received, *p)
				*p = 0
			}
		})
		r.Go("forces", func() {
			for v := 1; v <= last; v++ {
				q.LockEnds()
				if q.Len() == 1 {
					evicted = append(evicted, q.Evict())
				}
				q.Push(v)
				q.UnlockEnds()
				turn.Store(uint32(v))
			}
		})
		r.Check(func() {
			q.LockEnds()
			left := make([]int, q.Len())
			q.PopInto(left)
			q.UnlockEnds()
			all := slices.Concat(received, evicted, left)
			slices.Sort(all)
			if !slices.IsSorted(received) || !slices.IsSorted(evicted) || !slices.Equal(all, []int{1, 2, 3, 4}) {
				r.Failf("received %v, evicted %v, left %v", received, evicted, left)
			}
		})
	})
}
