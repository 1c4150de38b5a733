//go:build modelcheck

package kinds

import (
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/mpmc"
)

// Handles close, and clones take their guards from the pool; one clone is
// dropped without Close; the garbage collector empties the pool. It fails if
// the channel ends before the last sender is closed or dropped, or not then: a
// guard has closed another handle, or none.
func TestGuardsAreUsedAgain(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](1)
		a := tx.Clone()
		r.Go("A", func() { a.Close() })
		r.Go("B", func() {
			b, dropped := tx.Clone(), tx.Clone()
			b.Close()
			r.Drop(dropped)
		})
		r.Go("C", leak.CollectPool)
		r.Check(func() {
			if _, err := rx.TryRecv(); err != leat.ErrEmpty {
				r.Failf("TryRecv while a sender is open: %v", err)
			}
			tx.Close()
			if _, err := rx.TryRecv(); err != leat.ErrClosed {
				r.Failf("TryRecv after the last sender was closed: %v", err)
			}
		})
	})
}

// A receiver closes, and is then found unreachable: the channel forgets it, and
// has closed it once. It fails if the other receiver, which is open, counts as
// closed by that, or if its values are released.
func TestClosedReceiverIsDropped(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](1)
		other := rx.Clone()
		r.Go("A", func() {
			rx.Close()
			r.Drop(rx)
		})
		r.Go("B", func() {
			if err := tx.TrySend(1); err != nil {
				r.Failf("TrySend: %v", err)
			}
		})
		r.Check(func() {
			if v, err := other.TryRecv(); v != 1 || err != nil {
				r.Failf("TryRecv: %d, %v", v, err)
			}
			if err := tx.TrySend(2); err != nil {
				r.Failf("TrySend while a receiver is open: %v", err)
			}
		})
	})
}
