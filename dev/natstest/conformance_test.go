package natstest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func server(t *testing.T, o *natsembed.Options) jetstream.JetStream {
	t.Helper()
	s, err := natsembed.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// dial connects to a server until the end of the test.
func dial(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

var serial atomic.Int64

func unique() string { return fmt.Sprintf("test%d", serial.Add(1)) }

// A maker makes channels for leattest.
type maker struct {
	js   jetstream.JetStream
	ch   natschan.Channel
	opts []natschan.ReceiverOption
}

func (m *maker) channel(t testing.TB, capacity int) leattest.Channel {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := m.ch
	ch.Name, ch.Capacity = unique(), capacity
	if m.ch.Capacity < 0 {
		ch.Capacity = 0
	}
	receiver := func(more ...natschan.ReceiverOption) *natschan.Receiver[int] {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		rx, err := natschan.NewReceiver[int](ctx, m.js, ch, slices.Concat(m.opts, more)...)
		if err != nil {
			panic(err) // New is called from any goroutine
		}
		return rx
	}
	tx, err := natschan.NewSender[int](ctx, m.js, ch)
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := natschan.Delete(ctx, m.js, ch.Name); err != nil {
			t.Error(err)
		}
	})
	c := leattest.Channel{
		Sender:   tx,
		Receiver: receiver(),
		Clone:    func() leat.Sender[int] { return tx.Clone() },
	}
	// With Prefetch a receiver of an MPMC channel keeps values from others for
	// a while, so that it is tested alone. For several see prefetch_test.go.
	if ch.Kind != natschan.MPSC && !(ch.Kind == natschan.MPMC && len(m.opts) > 0) {
		c.Subscribe = func() leat.Receiver[int] { return receiver() }
	}
	if ch.Kind == natschan.Broadcast && !ch.Lossless {
		c.From = func(n uint64) leat.Receiver[int] { return receiver(natschan.From(n)) }
	}
	return c
}

// kinds are the kinds of natschan as leattest sees them.
var kinds = []struct {
	name     string
	ch       natschan.Channel
	opts     []natschan.ReceiverOption
	features leattest.Features
}{
	{"mpsc", natschan.Channel{Kind: natschan.MPSC}, nil, leattest.Features{}},
	{"mpsc_unbounded", natschan.Channel{Kind: natschan.MPSC, Capacity: -1}, nil, leattest.Features{Unbounded: true}},
	{"mpmc", natschan.Channel{Kind: natschan.MPMC}, nil, leattest.Features{}},
	{"mpmc_unbounded", natschan.Channel{Kind: natschan.MPMC, Capacity: -1}, nil, leattest.Features{Unbounded: true}},
	{"mpmc_prefetch", natschan.Channel{Kind: natschan.MPMC},
		[]natschan.ReceiverOption{natschan.Prefetch(64)}, leattest.Features{}},
	{"broadcast", natschan.Channel{Kind: natschan.Broadcast}, []natschan.ReceiverOption{natschan.Prefetch(1)},
		leattest.Features{Broadcast: true, Lossy: true}},
	{"broadcast_lossless", natschan.Channel{Kind: natschan.Broadcast, Lossless: true}, nil,
		leattest.Features{Broadcast: true}},
	{"watch", natschan.Channel{Kind: natschan.Watch}, nil, leattest.Features{Latest: true}},
}

// It fails, with the promise that broke, where natschan does not keep the
// contract.
func TestConformance(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	for _, c := range kinds {
		c.features.Remote = true
		m := &maker{js: js, ch: c.ch, opts: c.opts}
		m.ch.Storage = jetstream.MemoryStorage
		kind := leattest.Kind{Name: c.name, New: m.channel, Features: c.features}
		leattest.Run(t, kind)
	}
	leattest.Run(t, leattest.Kind{
		Name: "oneshot",
		New: func(t testing.TB, _ int) leattest.Channel {
			rx, err := natschan.NewOneshot[int](js.Conn())
			if err != nil {
				panic(err)
			}
			return leattest.Channel{Sender: natschan.OpenOneshot[int](js.Conn(), rx.Address()), Receiver: rx}
		},
		Features: leattest.Features{OneValue: true, Remote: true},
	})
}

// until calls ok every 50 ms until it returns true.
func until(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never: " + what)
		}
	}
}
