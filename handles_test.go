package leat_test

import (
	"testing"

	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// What it takes to make a handle and close it. It fails if a handle costs more
// allocations than itself and what its channel needs of it: then its guard (see
// package internal/leak) is not used again.
func TestHandlesAllocateLittle(t *testing.T) {
	tx, rx := mpmc.New[int](1)
	defer rx.Close()
	defer tx.Close()
	events := broadcast.New[int](1)
	defer events.Close()
	state := watch.New(0)
	defer state.Close()
	for _, c := range []struct {
		name string
		f    func()
		most float64
	}{
		{"mpsc.New", func() { tx, rx := mpsc.New[int](8); tx.Close(); rx.Close() }, 3},
		{"mpsc.New, the receiver closes first", func() { tx, rx := mpsc.New[int](8); rx.Close(); tx.Close() }, 3},
		{"mpmc.New", func() { tx, rx := mpmc.New[int](0); tx.Close(); rx.Close() }, 3},
		{"oneshot.New, Send and Recv", func() { tx, rx := oneshot.New[int](); tx.TrySend(1); rx.TryRecv() }, 2},
		{"Sender.Clone of a queue", func() { tx.Clone().Close() }, 1},
		{"Sender.Clone of a broadcast", func() { events.Clone().Close() }, 1},
		{"Sender.Clone of a watch", func() { state.Clone().Close() }, 1},
		{"Subscribe to a broadcast", func() { events.Subscribe().Close() }, 3},
		{"Subscribe to a watch", func() { state.Subscribe().Close() }, 2},
	} {
		most := c.most
		if raceEnabled { // a sync.Pool then forgets a quarter of what it gets
			most += 4
		}
		if n := testing.AllocsPerRun(1000, c.f); n > most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, most)
		}
	}
}
