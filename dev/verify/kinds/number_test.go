//go:build modelcheck

package kinds

import (
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/ring"
)

// It fails if a sender's Next does not count a value that a receiver has.
func TestNextIsNotBehind(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe()
		r.Go("sends", func() {
			tx.TrySend(0)
			tx.TrySend(1)
		})
		r.Go("receives", func() {
			rx.TryRecv()
			if looks, next := rx.Next(), tx.Next(); looks > next {
				r.Failf("a receiver looks for number %d, and the next number is %d", looks, next)
			}
		})
	})
}

// It fails if a sender's Next does not count a value that a receiver has, and
// that is released while Next looks for it.
func TestNextIsNotBehindARelease(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](leat.Unbounded)
		ahead, slow := tx.Subscribe(), tx.Subscribe()
		tx.TrySend(0)
		ahead.TryRecv()
		r.Go("sends", func() { tx.TrySend(1) })
		r.Go("receives", func() {
			ahead.TryRecv()
			if looks, next := ahead.Next(), tx.Next(); looks > next {
				r.Failf("a receiver looks for number %d, and the next number is %d", looks, next)
			}
		})
		r.Go("releases", func() {
			slow.TryRecv()
			slow.TryRecv()
		})
	})
}

// It fails if Search returns a number that was not right at any instant during
// the call, or does not end.
func TestSearchWhileSending(t *testing.T) {
	ring.SegmentSize = 1
	for capacity := 1; capacity <= 3; capacity++ {
		for wanted := range 5 {
			explore(t, func(r *model.Run) {
				tx := broadcast.New[int](capacity)
				tx.TrySend(0)
				var begun, done atomic.Int32
				begun.Store(1)
				done.Store(1)
				r.Go("sends", func() {
					for v := 1; v < 4; v++ {
						begun.Add(1)
						tx.TrySend(v)
						done.Add(1)
					}
				})
				r.Go("searches", func() {
					first := int(done.Load())
					got := tx.Search(func(v int) bool { return v >= wanted })
					last := int(begun.Load())
					for n := first; n <= last; n++ { // when n values were accepted
						if got == uint64(min(n, max(wanted, n-capacity))) {
							return
						}
					}
					r.Failf("capacity %d: Search for %d = %d, when %d to %d values were sent", capacity, wanted, got, first, last)
				})
			})
		}
	}
}
