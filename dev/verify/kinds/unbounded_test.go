//go:build modelcheck

package kinds

import (
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/ring"
)

// It fails if an unbounded broadcast keeps a value that all receivers have had,
// whichever of them is the last.
func TestUnboundedKeepsNothing(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](leat.Unbounded)
		first, second, closes := tx.Subscribe(), tx.Subscribe(), tx.Subscribe()
		tx.TrySend(0)
		tx.TrySend(1)
		receive := func(rx *broadcast.Receiver[int]) func() {
			return func() {
				for want := range 2 {
					if v, err := rx.TryRecv(); v != want || err != nil {
						r.Failf("TryRecv = %d, %v; want %d", v, err, want)
					}
				}
			}
		}
		r.Go("receives", receive(first))
		r.Go("receives, too", receive(second))
		r.Go("closes", func() { closes.Close() })
		r.Check(func() {
			if n := tx.Len(); n != 0 {
				r.Failf("%d values are kept, and all receivers have had them", n)
			}
		})
	})
}

// It fails if a receiver that is closed while it receives finds the channel
// empty instead.
func TestUnboundedReceiverCloses(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](leat.Unbounded)
		rx := tx.Subscribe()
		rx.Ready() // so that a receive looks for more than a value
		tx.TrySend(0)
		r.Go("receives", func() {
			if _, err := rx.TryRecv(); err != nil && err != leat.ErrClosed {
				r.Failf("TryRecv: %v", err)
			}
		})
		r.Go("closes", func() { rx.Close() })
	})
}
