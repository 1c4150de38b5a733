package watch_test

import (
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/watch"
)

// It fails, with the promise that broke, where watch does not keep the
// contract.
func TestConformance(t *testing.T) {
	leattest.Run(t, leattest.Kind{
		Name: "watch",
		New: func(t testing.TB, _ int) leattest.Channel {
			tx := watch.New(0)
			return leattest.Channel{
				Sender:    tx,
				Receiver:  tx.Subscribe(),
				Clone:     func() leat.Sender[int] { return tx.Clone() },
				Subscribe: func() leat.Receiver[int] { return tx.Subscribe() },
				Listen: func(rx leat.Receiver[int]) leat.Receiver[int] {
					return rx.(*watch.Receiver[int]).Subscribe()
				},
			}
		},
		Features: leattest.Features{Latest: true, SingleReceiver: true, AutoClose: true},
	})
}
