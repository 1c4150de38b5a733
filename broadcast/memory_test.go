package broadcast_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

// R15. It fails if an operation that does not wait allocates; a send of values
// without pointers may, once in 32.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	batch, buf := make([]int, 32), make([]int, 64)
	tx := broadcast.New[int](64)
	lossy, lossless := tx.Subscribe(), tx.Subscribe(broadcast.Lossless())
	for op, f := range map[string]func(){
		"TrySend and TryRecv": func() { tx.TrySend(1); lossy.TryRecv(); lossless.TryRecv() },
		"Send and Recv":       func() { tx.Send(ctx, 1); lossy.Recv(ctx); lossless.Recv(background) },
		"Len, empty TryRecv":  func() { _ = tx.Len() + lossy.Len() + tx.Receivers(); lossy.TryRecv() },
	} {
		if n := testing.AllocsPerRun(3200, f); n != 0 {
			t.Errorf("%s: %v allocations, want none", op, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() {
		tx.SendMany(ctx, batch)
		lossy.RecvMany(ctx, buf)
		lossless.RecvMany(ctx, buf)
	}); n > 1 {
		t.Errorf("SendMany of 32 and RecvMany: %v allocations, want at most 1", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		tx.TrySendMany(batch)
		lossy.TryRecvMany(buf)
		lossless.TryRecvMany(buf)
		lossless.TryRecvMany(buf)
	}); n > 1 {
		t.Errorf("TrySendMany of 32 and TryRecvMany: %v allocations, want at most 1", n)
	}
}

// It fails if a cursor does not start at the beginning of a cache line: then
// two receivers may write to one line, and take it from each other's core.
func TestCursorsShareNoCacheLine(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("a cursor is padded for 64-bit machines")
	}
	tx := broadcast.New[int](1)
	for range 100 {
		if at := broadcast.CursorAddress(tx.Subscribe()); at%64 != 0 {
			t.Fatalf("a cursor is at address %#x, which is not a multiple of 64", at)
		}
	}
}

// R10. It fails if a value stays reachable through the channel after as many
// newer values as the channel keeps.
func TestR10_OverwrittenValuesAreFreed(t *testing.T) {
	const capacity, n = 4, 100
	tx := broadcast.New[*[1 << 16]byte](capacity)
	rx := tx.Subscribe() // a receiver that never receives holds nothing back
	var freed atomic.Int32
	for range n {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		tx.TrySend(v)
	}
	kind.Until(t, "all freed but the four values that are kept", func() bool { return freed.Load() == n-capacity })
	runtime.GC()
	if freed.Load() != n-capacity {
		t.Errorf("%d of %d values freed with capacity %d: a kept one is gone", freed.Load(), n, capacity)
	}
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R10. It fails if a million operations make the channel grow, or receivers
// that come and go do.
func TestR10_NoGrowth(t *testing.T) {
	tx := broadcast.New[[64]byte](128)
	rx := tx.Subscribe()
	for range 1000 {
		tx.TrySend([64]byte{})
		rx.TryRecv()
	}
	idle := kind.Live()
	for range 1_000_000 {
		tx.TrySend([64]byte{})
		rx.TryRecv()
	}
	for i := range 10_000 {
		var opts []broadcast.SubscribeOption
		if i%2 == 0 {
			opts = append(opts, broadcast.Lossless())
		}
		other := tx.Subscribe(opts...)
		other.Ready()
		other.Close()
	}
	if after := kind.Live(); after > idle+1<<19 {
		t.Errorf("after a million sends and 10,000 receivers %d bytes are live, before them %d", after, idle)
	}
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R4. It fails if a receiver waits for ever for senders that were dropped.
func TestDroppedSenderEndsTheChannel(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	tx.Clone().Close()
	leaked := broadcast.LeakedFunc(tx)
	ended := make(chan error, 1)
	go func() {
		_, err := rx.Recv(background)
		ended <- err
	}()
	kind.Until(t, "the receiver told the end after the last sender handle was dropped", func() bool { return len(ended) == 1 })
	if err := <-ended; err != leat.ErrClosed {
		t.Errorf("Recv: %v, want ErrClosed", err)
	}
	if leaked() != 1 {
		t.Errorf("%d handles counted as leaked, want 1: the closed one is not", leaked())
	}
}

// R4. It fails if a lossless receiver that was dropped stops the senders for
// ever, or stays counted.
func TestDroppedReceiverLetsTheSendersGo(t *testing.T) {
	tx := broadcast.New[int](1)
	tx.Subscribe(broadcast.Lossless())
	tx.Subscribe()
	tx.TrySend(1)
	sent := make(chan error, 1)
	go func() { sent <- tx.Send(background, 2) }()
	kind.Until(t, "the send done and the receivers gone", func() bool { return len(sent) == 1 && tx.Receivers() == 0 })
	if err := <-sent; err != nil {
		t.Errorf("Send: %v", err)
	}
	if n := broadcast.LeakedFunc(tx)(); n != 2 {
		t.Errorf("%d handles counted as leaked, want 2", n)
	}
}

// R11. The cleanup of a dropped handle runs outside of every bubble, where it
// may wake nobody inside: the runtime would kill the process, and with it this
// test.
func TestDroppedHandlesInBubble(t *testing.T) {
	outside := broadcast.New[int](1)
	outsideRx := outside.Subscribe()
	synctest.Test(t, func(t *testing.T) {
		inside := broadcast.New[int](1)
		insideRx, joined := inside.Subscribe(), inside.Subscribe()
		full := broadcast.New[int](1)
		full.Subscribe(broadcast.Lossless())
		full.TrySend(0)

		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 3)
		ready := joined.Ready()
		go func() { _, err := insideRx.Recv(ctx); errs <- err }()
		go func() { _, err := outsideRx.Recv(ctx); errs <- err }()
		go func() { errs <- full.Send(ctx, 1) }()
		synctest.Wait()

		leaks := []func() uint64{broadcast.LeakedFunc(inside), broadcast.LeakedFunc(outside), broadcast.LeakedFunc(full)}
		inside, outside = nil, nil
		for _, leaked := range leaks {
			kind.Until(t, "the dropped handle found", func() bool { return leaked() == 1 })
		}
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
		// The next call from inside does the work that was left undone for
		// the bubble's sake.
		if _, err := insideRx.Recv(background); err != leat.ErrClosed {
			t.Errorf("Recv after the wait: %v, want ErrClosed", err)
		}
		if _, err := joined.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv of a joined receiver: %v, want ErrClosed", err)
		}
		<-ready
		if err := full.Send(background, 1); err != nil {
			t.Errorf("Send after the lossless receiver was found: %v", err)
		}
	})
}

// Rule 11: no goroutine is started by the core. It fails if using a channel in
// all ways leaves one, or has one.
func TestNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	tx := broadcast.New[int](1)
	rx := tx.Subscribe(broadcast.Lossless())
	rx.Ready()
	tx.TrySend(1)
	ctx, cancel := context.WithCancel(background)
	cancel()
	tx.Send(ctx, 2)
	rx.TryRecv()
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines with a channel in use, %d before", now, before)
	}
	tx.Close()
	rx.Close()
}

// It fails if a large capacity costs memory that is not used, ends the process,
// or is not exact.
func TestLargeCapacity(t *testing.T) {
	kind.LargeCapacity(t, func(capacity int) (kind.Sender, kind.Receiver) {
		tx := broadcast.New[int](capacity)
		return tx, tx.Subscribe(broadcast.Lossless())
	})
}

// It fails if a lossless receiver holds the senders back, or a lossy one lags,
// anywhere but exactly capacity values behind, in a ring of several segments.
func TestLargeCapacityIsExact(t *testing.T) {
	const capacity = 1000
	tx := broadcast.New[int](capacity)
	rx, lossy := tx.Subscribe(broadcast.Lossless()), tx.Subscribe()
	for round := range 3 {
		for i := range capacity {
			if err := tx.TrySend(round*capacity + i); err != nil {
				t.Fatalf("TrySend %d in round %d: %v", i, round, err)
			}
		}
		if err := tx.TrySend(-1); err != leat.ErrFull {
			t.Fatalf("TrySend to a full channel in round %d: %v, want ErrFull", round, err)
		}
		buf := make([]int, capacity+1)
		if n, err := rx.RecvMany(background, buf[:7]); n != 7 || err != nil {
			t.Fatalf("RecvMany: %d, %v; want 7", n, err)
		}
		n, err := rx.RecvMany(background, buf[7:])
		if n != capacity-7 || err != nil {
			t.Fatalf("RecvMany: %d, %v; want %d", n, err, capacity-7)
		}
		for i, v := range buf[:capacity] {
			if v != round*capacity+i {
				t.Fatalf("round %d: value %d is %d", round, i, v)
			}
		}
	}
	tx.TrySend(3 * capacity)
	var lag *leat.LaggedError
	if _, err := lossy.TryRecv(); !errors.As(err, &lag) || lag.Missed != 2*capacity+1 {
		t.Errorf("lossy receiver: %v, want a lag of %d", err, 2*capacity+1)
	}
	kind.WantTryRecv(t, lossy, 2*capacity+1, nil)

	replay := tx.Subscribe(broadcast.Replay(300))
	for i := range 300 {
		kind.WantTryRecv(t, replay, 3*capacity+1-300+i, nil)
	}
	kind.WantTryRecv(t, replay, 0, leat.ErrEmpty)
}

// R4. It fails if a receiver that was dropped stays counted.
func TestDroppedReceiverIsCounted(t *testing.T) { kind.DroppedReceiverIsCounted(t, fanout()) }

// R11. It fails if the cleanup of a dropped receiver wakes a WaitReceivers in a
// bubble.
func TestDroppedReceiverInBubbleWakesNoSender(t *testing.T) {
	kind.DroppedReceiverInBubbleWakesNoSender(t, fanout)
}
