package watch_test

import (
	"context"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/watch"
)

// R15. It fails if an operation that does not wait allocates, but for the place
// of the new value.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	tx := watch.New([4]int{})
	rx, joined := tx.Subscribe(), tx.Subscribe()
	joined.Ready()
	yes := func([4]int) bool { return true }
	for op, c := range map[string]struct {
		want float64
		f    func()
	}{
		"Get, HasChanged, Receivers": {0, func() { tx.Get(); rx.Get(); rx.HasChanged(); tx.Receivers() }},
		"empty TryRecv":              {0, func() { rx.TryRecv(); joined.TryRecv() }},
		"WaitFor the current":        {0, func() { rx.WaitFor(ctx, yes) }},
		"Send and Recv":              {1, func() { tx.Send(ctx, [4]int{}); rx.Recv(ctx); joined.Recv(background) }},
		"TrySend and TryRecv":        {1, func() { tx.TrySend([4]int{}); rx.TryRecv(); joined.TryRecv() }},
		"Update":                     {1, func() { tx.Update(func(v *[4]int) bool { v[0]++; return true }) }},
	} {
		if n := testing.AllocsPerRun(1000, c.f); n != c.want {
			t.Errorf("%s: %v allocations, want %v", op, n, c.want)
		}
	}
}

// It fails if a value as large as a cache line lies across two, or shares its
// pair of lines with the next value, which a sender writes while others read.
func TestLargeValuesHaveTheirOwnLines(t *testing.T) {
	const pair = 128
	tx := watch.New([8]uint64{})
	for range 100 {
		if at := reflect.ValueOf(tx.Current()).Pointer(); at%pair != 0 {
			t.Fatalf("a value is at %#x, %d bytes after the begin of a pair of lines", at, at%pair)
		}
		tx.TrySend([8]uint64{})
		tx.Update(func(*[8]uint64) bool { return true })
	}
}

// R10. It fails if a value stays reachable through the channel after another
// replaced it: by a receiver that has not looked, or one that received it in a
// Select.
func TestR10_ReplacedValuesAreFreed(t *testing.T) {
	const n = 100
	tx := watch.New[*[1 << 16]byte](nil)
	idle, selecting := tx.Subscribe(), tx.Subscribe()
	var freed atomic.Int32
	send := func() {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		tx.TrySend(v)
	}
	for range n - 1 {
		send()
	}
	selecting.TryRecv()
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		leat.Select(background, leat.OnRecv(selecting, nil))
	}()
	for tx.Waiting() == 0 {
		runtime.Gosched()
	}
	send()
	<-waiting
	send()
	kind.Until(t, "all freed but the current value", func() bool { return freed.Load() == n })
	runtime.GC()
	if freed.Load() != n {
		t.Errorf("%d of %d values freed: the current one is gone", freed.Load(), n+1)
	}
	runtime.KeepAlive(tx)
	runtime.KeepAlive(idle)
	runtime.KeepAlive(selecting)
}

// R10. It fails if a million operations make the channel grow, or receivers
// that come and go do.
func TestR10_NoGrowth(t *testing.T) {
	tx := watch.New([64]byte{})
	rx := tx.Subscribe()
	rx.Ready()
	idle := kind.Live()
	for range 1_000_000 {
		tx.TrySend([64]byte{})
		rx.TryRecv()
	}
	for range 10_000 {
		other := tx.Subscribe()
		other.Ready()
		other.Close()
	}
	if after := kind.Live(); after > idle+1<<19 {
		t.Errorf("after a million sends and 10,000 receivers %d bytes are live, before them %d", after, idle)
	}
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R4. It fails if a receiver waits for ever for senders that were dropped, in
// whatever way it waits.
func TestDroppedSenderEndsTheChannel(t *testing.T) {
	tx := watch.New(1)
	recv, waitFor, ready := tx.Subscribe(), tx.Subscribe(), tx.Subscribe()
	tx.Clone().Close()
	leaked := watch.LeakedFunc(tx)
	ended := make(chan error, 3)
	go func() { _, err := recv.Recv(background); ended <- err }()
	go func() {
		_, err := waitFor.WaitFor(background, func(v int) bool { return v != 1 })
		ended <- err
	}()
	go func() {
		<-ready.Ready()
		_, err := ready.TryRecv()
		ended <- err
	}()
	tx = nil
	kind.Until(t, "all receivers told the end after the last sender handle was dropped", func() bool { return len(ended) == 3 })
	for range 3 {
		if err := <-ended; err != leat.ErrClosed {
			t.Errorf("receive: %v, want ErrClosed", err)
		}
	}
	if leaked() != 1 {
		t.Errorf("%d handles counted as leaked, want 1: the closed one is not", leaked())
	}
	if recv.Get() != 1 {
		t.Errorf("the last value is %d, want 1", recv.Get())
	}
}

// R4. It fails if a receiver that was dropped stays counted.
func TestDroppedReceiverIsCounted(t *testing.T) { kind.DroppedReceiverIsCounted(t, fanout()) }

// R11. It fails if the cleanup of a dropped receiver wakes a WaitReceivers in a
// bubble.
func TestDroppedReceiverInBubbleWakesNoSender(t *testing.T) {
	kind.DroppedReceiverInBubbleWakesNoSender(t, fanout)
}
