package mpsc_test

import (
	"context"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/mpsc"
)

func conformanceChannel(tx *mpsc.Sender[int], rx *mpsc.Receiver[int]) leattest.Channel {
	return leattest.Channel{
		Sender:     tx,
		Receiver:   rx,
		Clone:      func() leat.Sender[int] { return tx.Clone() },
		Reserve:    func(ctx context.Context) (leattest.Permit, error) { return tx.Reserve(ctx) },
		TryReserve: func() (leattest.Permit, error) { return tx.TryReserve() },
	}
}

// It fails, with the promise that broke, where mpsc does not keep the contract.
func TestConformance(t *testing.T) {
	leattest.Run(t, leattest.Kind{
		Name: "bounded",
		New: func(_ testing.TB, capacity int) leattest.Channel {
			return conformanceChannel(mpsc.New[int](capacity))
		},
		Features: leattest.Features{SingleReceiver: true, AutoClose: true},
	})
	leattest.Run(t, leattest.Kind{
		Name:     "unbounded",
		New:      func(testing.TB, int) leattest.Channel { return conformanceChannel(mpsc.NewUnbounded[int]()) },
		Features: leattest.Features{Unbounded: true, SingleReceiver: true, AutoClose: true},
	})
}
