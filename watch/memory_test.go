package watch_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

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
		"WaitFor what is there":      {0, func() { rx.WaitFor(ctx, yes) }},
		"Send and Recv":              {1, func() { tx.Send(ctx, [4]int{}); rx.Recv(ctx); joined.Recv(background) }},
		"TrySend and TryRecv":        {1, func() { tx.TrySend([4]int{}); rx.TryRecv(); joined.TryRecv() }},
		"Update":                     {1, func() { tx.Update(func(v *[4]int) bool { v[0]++; return true }) }},
	} {
		if n := testing.AllocsPerRun(1000, c.f); n != c.want {
			t.Errorf("%s: %v allocations, want %v", op, n, c.want)
		}
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

// R4. It fails if a receiver that was dropped stays counted, or is counted as
// leaked although it owed no Close.
func TestDroppedReceiver(t *testing.T) {
	tx := watch.New(0)
	leaked := watch.LeakedFunc(tx)
	tx.Subscribe().Ready() // a joined one stands on a list of the channel
	tx.Subscribe()
	tx.Subscribe().Close()
	kind.Until(t, "the dropped receivers found", func() bool { return tx.Receivers() == 0 })
	if leaked() != 2 {
		t.Errorf("%d handles counted as leaked, want 2", leaked())
	}
	tx.Subscribe()
	tx.Close()
	kind.Until(t, "the receiver found that was dropped after the end", func() bool { return tx.Receivers() == 0 })
	if leaked() != 2 {
		t.Errorf("%d handles counted as leaked, want 2: one that saw the end owes no Close", leaked())
	}
}

// R11. The cleanup of a dropped handle runs outside of every bubble, where it
// may wake nobody inside: the runtime would kill the process, and with it this
// test.
func TestDroppedHandlesInBubble(t *testing.T) {
	outside := watch.New(0)
	outsideRx := outside.Subscribe()
	synctest.Test(t, func(t *testing.T) {
		inside := watch.New(0)
		insideRx, joined, selecting := inside.Subscribe(), inside.Subscribe(), inside.Subscribe()
		inside.Subscribe().Ready() // dropped at once, with its gate
		insideLeaked, outsideLeaked := watch.LeakedFunc(inside), watch.LeakedFunc(outside)
		kind.Until(t, "the dropped receiver found", func() bool { return insideLeaked() == 1 })

		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 3)
		ready := joined.Ready()
		go func() { _, err := insideRx.Recv(ctx); errs <- err }()
		go func() { _, err := outsideRx.Recv(ctx); errs <- err }()
		go func() { _, err := leat.Select(ctx, leat.OnRecv(selecting, nil)); errs <- err }()
		synctest.Wait()

		runtime.KeepAlive(inside)
		inside, outside = nil, nil
		kind.Until(t, "the dropped senders found", func() bool { return insideLeaked() == 2 && outsideLeaked() == 1 })
		synctest.Wait()
		if len(errs) != 0 {
			t.Errorf("%v: a goroutine in the bubble was woken from outside of it", <-errs)
		}
		cancel()
		for range cap(errs) {
			if err := <-errs; err != context.Canceled {
				t.Errorf("waiting call: %v, want context.Canceled", err)
			}
		}
		// What was left undone for the bubble's sake is done at the next call
		// from inside.
		if _, err := insideRx.Recv(background); err != leat.ErrClosed {
			t.Errorf("Recv after the wait: %v, want ErrClosed", err)
		}
		if _, err := joined.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv of a joined receiver: %v, want ErrClosed", err)
		}
		<-ready
	})
}

// Rule 11: no goroutine is started by the core. It fails if using a channel in
// all ways leaves one, or has one.
func TestNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	tx := watch.New(1)
	rx := tx.Subscribe()
	rx.Ready()
	tx.TrySend(2)
	tx.Update(func(v *int) bool { *v = 3; return true })
	ctx, cancel := context.WithCancel(background)
	cancel()
	rx.Recv(ctx)
	rx.WaitFor(background, func(int) bool { return true })
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines with a channel in use, %d before", now, before)
	}
	tx.Close()
	rx.Close()
}

// R4. It fails if a receiver that was dropped stays counted, so that a sender
// waits for ever for the last one to leave.
func TestDroppedReceiverIsCounted(t *testing.T) {
	tx := watch.New(0)
	tx.Subscribe()
	left := make(chan error, 1)
	go func() {
		_, err := tx.WaitReceivers(background, func(n int) bool { return n == 0 })
		left <- err
	}()
	kind.Until(t, "a sender learns that the last receiver was dropped", func() bool { return len(left) == 1 })
	if err := <-left; err != nil {
		t.Errorf("WaitReceivers: %v", err)
	}
}

// R11. It fails if the cleanup of a dropped receiver wakes a WaitReceivers in a
// bubble, which kills the process, or if the next receiver that leaves does
// not.
func TestDroppedReceiverInBubbleWakesNoSender(t *testing.T) {
	outside := watch.New(0)
	synctest.Test(t, func(t *testing.T) {
		inside := watch.New(0)
		for _, tx := range []*watch.Sender[int]{inside, outside} {
			tx.Subscribe()
			left := make(chan int, 1)
			go func() {
				n, err := tx.WaitReceivers(background, func(n int) bool { return n == 0 })
				if err != nil {
					t.Errorf("WaitReceivers: %v", err)
				}
				left <- n
			}()
			synctest.Wait()
			kind.Until(t, "the dropped receiver found", func() bool { return tx.Receivers() == 0 })
			synctest.Wait()
			if len(left) != 0 {
				t.Errorf("a goroutine in the bubble was woken from outside of it")
			}
			tx.Subscribe().Close()
			synctest.Wait()
			if len(left) != 1 {
				t.Fatalf("WaitReceivers blocks, though a receiver has left and none is there")
			}
			<-left
		}
	})
}
