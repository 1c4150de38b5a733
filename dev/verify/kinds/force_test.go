//go:build modelcheck

package kinds

import (
	"context"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

// A sender waits in a full channel, or is about to, and another goroutine
// forces a value in. It fails if that one overtakes a value that waits: then
// the waiting sender's value comes after it although the sender had waited
// before.
func TestForceSendOvertakesNobody(t *testing.T) {
	explore(t, func(r *model.Run) {
		before := park.Queued()
		tx, rx := mpsc.New[int](1)
		tx.TrySend(1)
		forced := tx.Clone()
		r.Go("waits", func() { tx.Send(context.Background(), 2) })
		r.Go("forces", func() {
			waiting := park.Queued() - before
			evicted, full, err := forced.ForceSend(3)
			switch {
			case waiting > 0 && (err != leat.ErrFull || !full):
				r.Failf("ForceSend beside a sender that waits: %d, %v, %v", evicted, full, err)
			case waiting == 0 && err == nil && evicted != 1 && evicted != 2:
				r.Failf("ForceSend evicted %d", evicted)
			}
			rx.TryRecv()
		})
	})
}

// A Select waits to send on two channels, and one of them takes its value. It
// fails if the waiter that it leaves in the other counts as a sender that
// waits.
func TestForceSendPastAStaleSelect(t *testing.T) {
	explore(t, func(r *model.Run) {
		full, fullRx := mpmc.New[int](1)
		other, otherRx := mpmc.New[int](1)
		full.TrySend(1)
		other.TrySend(2)
		chosen := -1
		r.Go("selects", func() {
			chosen, _ = leat.Select(context.Background(), leat.OnSend(full, 3, nil), leat.OnSend(other, 4, nil))
		})
		r.Go("forces", func() {
			otherRx.TryRecv()
			if other.Len() == 0 { // the Select has not come yet, or not gone there
				return
			}
			if evicted, _, err := full.ForceSend(5); err != nil || evicted != 1 {
				r.Failf("ForceSend to a channel in which nobody waits any more: %d, %v", evicted, err)
			}
		})
		r.Check(func() {
			if chosen != 1 {
				r.Failf("Select chose case %d", chosen)
			}
			fullRx.Close()
		})
	})
}
