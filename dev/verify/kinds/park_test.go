//go:build modelcheck

package kinds

import (
	"context"
	"testing"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/mpmc"
)

// Two goroutines wait in one handle, one of them twice and with a ctx that
// ends. Each wait uses a waiter, and its token channel, that another wait may
// have used. It fails if a wait gets the token of another one: then a Send has
// succeeded, and its value is not there.
func TestWaitsShareAHandle(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](1)
		ctx, cancel := r.Context()
		if err := tx.TrySend(1); err != nil {
			r.Failf("TrySend: %v", err)
		}
		accepted := []bool{true, false, false, false}
		send := func(ctx context.Context, v int) { accepted[v-1] = tx.Send(ctx, v) == nil }
		r.Go("A", func() {
			send(ctx, 2)
			send(context.Background(), 3)
		})
		r.Go("B", func() { send(context.Background(), 4) })
		r.Go("C", cancel)
		var got [4]bool
		r.Go("D", func() {
			for range 3 {
				v, err := rx.Recv(context.Background())
				if err != nil {
					r.Failf("Recv: %v", err)
				}
				got[v-1] = true
			}
		})
		r.Check(func() {
			if v, err := rx.TryRecv(); err == nil {
				got[v-1] = true
			}
			for i := range got {
				if got[i] != accepted[i] {
					r.Failf("value %d: accepted %v, received %v", i+1, accepted[i], got[i])
				}
			}
		})
	})
}
