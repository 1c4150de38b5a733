//go:build modelcheck

package kinds

import (
	"context"
	"testing"
	"time"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/spec"
	"github.com/leat-go/leat/internal/seam"
	"github.com/leat-go/leat/watch"
)

// timers lets timers fire at any instant, for the rest of the test.
func timers(t *testing.T) {
	seam.Timers = true
	t.Cleanup(func() { seam.Timers = false })
}

// A goroutine waits for a value to settle, which takes for ever, and another
// one closes its receiver. It fails if it waits on, or returns another value
// than the last or another cause than the receiver's.
func TestSettledOfAReceiverThatCloses(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		r.Go("settles", func() {
			v, err := rx.Settled(context.Background(), time.Hour, 0)
			if spec.CauseOf(err) != causeA && (err != nil || v != 2) {
				r.Failf("Settled = %d, %v", v, err)
			}
		})
		r.Go("closes", func() { rx.CloseWith(causeA) })
		r.Go("sends", func() {
			tx.TrySend(1)
			tx.TrySend(2)
			tx.CloseWith(causeOfSender)
		})
	})
}

// It fails if Ready does not know which value a Settled has seen.
func TestSettledShutsReady(t *testing.T) {
	timers(t)
	explore(t, func(r *model.Run) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		ready := rx.Ready()
		r.Go("settles", func() { rx.Settled(context.Background(), moment, 0) })
		r.Go("sends", func() {
			tx.TrySend(1)
			tx.TrySend(2)
		})
		r.Check(func() {
			open := false
			select {
			case <-ready:
				open = true
			default:
			}
			if open != rx.HasChanged() {
				r.Failf("Ready can be received from: %v; there is an unseen value: %v", open, rx.HasChanged())
			}
		})
	})
}

// moment is less than any time that passes.
const moment = time.Microsecond
