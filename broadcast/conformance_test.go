package broadcast_test

import (
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/leattest"
)

func conformanceChannel(capacity int, opts ...broadcast.SubscribeOption) leattest.Channel {
	tx := broadcast.New[int](capacity)
	ch := leattest.Channel{
		Sender:    tx,
		Receiver:  tx.Subscribe(opts...),
		Clone:     func() leat.Sender[int] { return tx.Clone() },
		Subscribe: func() leat.Receiver[int] { return tx.Subscribe(opts...) },
		From: func(n uint64) leat.Receiver[int] {
			return tx.Subscribe(append(opts[:len(opts):len(opts)], broadcast.From(n))...)
		},
		Listen: func(rx leat.Receiver[int]) leat.Receiver[int] {
			return rx.(*broadcast.Receiver[int]).Subscribe(opts...)
		},
	}
	if capacity != leat.Unbounded {
		ch.LosslessFor = func(d time.Duration) leat.Receiver[int] { return tx.Subscribe(broadcast.LosslessFor(d)) }
	}
	return ch
}

// It fails, with the promise that broke, where broadcast does not keep the
// contract.
func TestConformance(t *testing.T) {
	leattest.Run(t, leattest.Kind{
		Name:     "lossy",
		New:      func(_ testing.TB, capacity int) leattest.Channel { return conformanceChannel(capacity) },
		Features: leattest.Features{Broadcast: true, Lossy: true, SingleReceiver: true, AutoClose: true},
	})
	leattest.Run(t, leattest.Kind{
		Name: "lossless",
		New: func(_ testing.TB, capacity int) leattest.Channel {
			return conformanceChannel(capacity, broadcast.Lossless())
		},
		Features: leattest.Features{Broadcast: true, SingleReceiver: true, AutoClose: true},
	})
	leattest.Run(t, leattest.Kind{
		Name: "patient",
		New: func(_ testing.TB, capacity int) leattest.Channel {
			return conformanceChannel(capacity, broadcast.LosslessFor(1000*time.Hour)) // which no test is long enough for
		},
		Features: leattest.Features{Broadcast: true, SingleReceiver: true, AutoClose: true},
	})
	leattest.Run(t, leattest.Kind{
		Name:     "unbounded",
		New:      func(testing.TB, int) leattest.Channel { return conformanceChannel(leat.Unbounded) },
		Features: leattest.Features{Broadcast: true, Unbounded: true, SingleReceiver: true, AutoClose: true},
	})
}
