//go:build modelcheck

package kinds

import (
	"context"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/mpsc"
)

// One of several sender handles closes while a Send waits in it, and others are
// cloned and closed. It fails if the Send waits on, or if the channel ends
// before the last handle is closed, or not then.
func TestOneSenderOfSeveralCloses(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpsc.New[int](1)
		a := tx.Clone()
		if err := tx.TrySend(1); err != nil {
			r.Failf("TrySend: %v", err)
		}
		r.Go("A", func() {
			if err := a.Send(context.Background(), 2); err != leat.ErrClosed {
				r.Failf("Send to a full channel, in a handle that is closed: %v", err)
			}
		})
		r.Go("B", func() { a.Close() })
		r.Go("C", func() { tx.Clone().Close() })
		r.Check(func() {
			if v, err := rx.TryRecv(); v != 1 || err != nil {
				r.Failf("TryRecv: %d, %v", v, err)
			}
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
