//go:build modelcheck

package kinds

import (
	"context"
	"errors"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/watch"
)

// A hub is a sender of a kind whose receivers each see every value.
type hub interface {
	WaitReceivers(ctx context.Context, fn func(int) bool) (int, error)
	Close() error
}

// A listener is a receiver of such a kind.
type listener interface{ Close() error }

// hubs makes one sender of each such kind, with a second handle and what
// subscribes.
var hubs = map[string]func() (tx, other hub, subscribe func() listener){
	"broadcast": func() (hub, hub, func() listener) {
		tx := broadcast.New[int](1)
		return tx, tx.Clone(), func() listener { return tx.Subscribe() }
	},
	"watch": func() (hub, hub, func() listener) {
		tx := watch.New(0)
		return tx, tx.Clone(), func() listener { return tx.Subscribe() }
	},
}

// It fails if WaitReceivers blocks for ever although the number is right, or
// returns a number that it did not ask for.
func TestWaitReceiversMissesNothing(t *testing.T) {
	for name, open := range hubs {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				tx, _, subscribe := open()
				first := subscribe()
				r.Go("waits for three", func() {
					if n, err := tx.WaitReceivers(context.Background(), func(n int) bool { return n == 3 }); n != 3 || err != nil {
						r.Failf("WaitReceivers for 3 = %d, %v", n, err)
					}
					first.Close()
				})
				r.Go("subscribes", func() { subscribe() })
				r.Go("subscribes, too", func() { subscribe() })
				r.Go("waits for two", func() {
					tx.WaitReceivers(context.Background(), func(n int) bool { return n == 2 })
				})
			})
		})
	}
}

// It fails if a receiver that closes, or that the garbage collector finds,
// wakes nobody.
func TestWaitReceiversSeesTheLastLeave(t *testing.T) {
	for name, open := range hubs {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				tx, _, subscribe := open()
				closes, dropped := subscribe(), subscribe()
				r.Go("waits", func() {
					tx.WaitReceivers(context.Background(), func(n int) bool { return n == 0 })
				})
				r.Go("closes", func() { closes.Close() })
				r.Go("is dropped", func() { r.Drop(dropped) })
			})
		})
	}
}

// It fails if WaitReceivers outlives its handle or its context, or ends with
// another handle.
func TestWaitReceiversEnds(t *testing.T) {
	for name, open := range hubs {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				tx, other, subscribe := open()
				ctx, cancel := r.Context()
				r.Go("waits", func() {
					if _, err := tx.WaitReceivers(ctx, func(n int) bool { return n == 5 }); !errors.Is(err, leat.ErrClosed) && err != context.Canceled {
						r.Failf("WaitReceivers of a closed handle with a cancelled ctx: %v", err)
					}
				})
				r.Go("waits, too", func() {
					if _, err := tx.WaitReceivers(context.Background(), func(n int) bool { return n == 5 }); !errors.Is(err, leat.ErrClosed) {
						r.Failf("WaitReceivers of a closed handle: %v", err)
					}
				})
				r.Go("waits by the other handle", func() {
					if n, err := other.WaitReceivers(context.Background(), func(n int) bool { return n == 1 }); n != 1 || err != nil {
						r.Failf("WaitReceivers = %d, %v", n, err)
					}
				})
				r.Go("closes", func() { tx.Close() })
				r.Go("cancels", func() { cancel(); subscribe() })
			})
		})
	}
}
