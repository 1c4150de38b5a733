package watchbroadcaster

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
)

func watch(t *testing.T, b *Broadcaster[int], prefix ...int) *Watcher[int] {
	t.Helper()
	w, err := b.Watch(prefix...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func all(w *Watcher[int]) (got []int) {
	for e := range w.ResultChan() {
		got = append(got, e)
	}
	return got
}

// It fails if a watcher misses an event of its time, receives one of before or
// out of order, or receives its prefix elsewhere than first.
func TestEveryWatcherEveryEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int](2, WaitIfChannelFull)
		early := watch(t, b)
		var gotEarly []int
		go func() { gotEarly = all(early) }()
		for i := range 50 {
			if err := b.Action(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		late := watch(t, b, 100, 101, 102)
		var gotLate []int
		go func() { gotLate = all(late) }()
		for i := 50; i < 60; i++ {
			b.Action(t.Context(), i)
		}
		b.Shutdown()
		synctest.Wait()
		var want []int
		for i := range 60 {
			want = append(want, i)
		}
		if !slices.Equal(gotEarly, want) {
			t.Errorf("the first watcher: %v", gotEarly)
		}
		if want := append([]int{100, 101, 102}, want[50:]...); !slices.Equal(gotLate, want) {
			t.Errorf("the one with a prefix: %v, want %v", gotLate, want)
		}
	})
}

// It fails if a watcher that does not read blocks Watch, the Stop of another or
// its own, if Action does not wait for it, or its Stop does not free Action.
func TestWatcherThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int](1, WaitIfChannelFull)
		stuck, other := watch(t, b), watch(t, b)
		got, sent := 0, 0
		go func() {
			for range other.ResultChan() {
				got++
			}
		}()
		go func() {
			for ; sent < 100 && b.Action(t.Context(), sent) == nil; sent++ {
			}
		}()
		synctest.Wait()
		if want := incoming + 2; sent != want || got != want { // its channel, and one in hand
			t.Errorf("%d sent, %d received by the other; want %d", sent, got, want)
		}
		watch(t, b).Stop()
		other.Stop()
		synctest.Wait()
		if sent > incoming+2 {
			t.Error("Action did not wait for the watcher")
		}
		stuck.Stop()
		synctest.Wait()
		if sent != 100 {
			t.Errorf("%d of 100 sent after the watcher has stopped", sent)
		}
		b.Shutdown()
	})
}

// It fails if a full watcher holds anything up, if another one misses an event,
// or the events that were dropped are not counted.
func TestDropIfChannelFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int](1, DropIfChannelFull)
		full, reads := watch(t, b), watch(t, b)
		go func() {
			for i := range 100 {
				b.Action(t.Context(), i)
				synctest.Wait()
			}
			b.Shutdown()
		}()
		if got := all(reads); len(got) != 100 || reads.Dropped() != 0 {
			t.Errorf("the watcher that reads: %d events, %d dropped", len(got), reads.Dropped())
		}
		if got := all(full); !slices.Equal(got, []int{0}) || full.Dropped() != 99 {
			t.Errorf("the watcher that does not read: %v, %d dropped", got, full.Dropped())
		}
	})
}

// It fails if Shutdown returns before the events are in the watchers' channels,
// or anything is accepted afterwards.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int](10, WaitIfChannelFull)
		w, rx := watch(t, b), b.Subscribe()
		for i := range 5 {
			b.Action(t.Context(), i)
		}
		b.Shutdown()
		if n := len(w.ResultChan()); n != 5 {
			t.Errorf("%d of 5 events in the channel when Shutdown returns", n)
		}
		if got := all(w); len(got) != 5 {
			t.Errorf("received %v", got)
		}
		n := 0
		for range rx.All(t.Context()) {
			n++
		}
		if n != 5 {
			t.Errorf("the receiver got %d of 5", n)
		}
		if err := b.Action(t.Context(), 5); err != leat.ErrClosed {
			t.Errorf("Action: %v", err)
		}
		if err := b.ActionOrDrop(5); err != leat.ErrClosed {
			t.Errorf("ActionOrDrop: %v", err)
		}
		if _, err := b.Watch(); err != leat.ErrClosed {
			t.Errorf("Watch: %v", err)
		}
		b.Shutdown()
		w.Stop()
	})
}

// It fails if ActionOrDrop blocks, or its ctx does not end an Action.
func TestActionThatWouldBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int](1, WaitIfChannelFull)
		w := watch(t, b)
		defer b.Shutdown()
		defer w.Stop()
		dropped := 0
		for i := range 100 {
			if b.ActionOrDrop(i) == leat.ErrFull {
				dropped++
			}
			synctest.Wait()
		}
		if want := 100 - incoming - 2; dropped != want {
			t.Errorf("%d dropped, want %d", dropped, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if err := b.Action(ctx, 100); err != context.Canceled {
			t.Errorf("Action: %v", err)
		}
	})
}
