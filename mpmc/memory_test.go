package mpmc_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

// R15. It fails if an operation that does not wait allocates.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	batch, buf := make([]int, 64), make([]int, 64)
	for name, make := range map[string]func() (*mpmc.Sender[int], *mpmc.Receiver[int]){
		"bounded":   func() (*mpmc.Sender[int], *mpmc.Receiver[int]) { return mpmc.New[int](64) },
		"unbounded": func() (*mpmc.Sender[int], *mpmc.Receiver[int]) { return mpmc.NewUnbounded[int]() },
	} {
		tx, rx := make()
		for op, f := range map[string]func(){
			"TrySend and TryRecv":         func() { tx.TrySend(1); rx.TryRecv() },
			"Send and Recv":               func() { tx.Send(background, 1); rx.Recv(background) },
			"Send and Recv, cancel":       func() { tx.Send(ctx, 1); rx.Recv(ctx) },
			"SendMany and RecvMany":       func() { tx.SendMany(ctx, batch[:32]); rx.RecvMany(ctx, buf) },
			"ForceSend and TryRecv":       func() { tx.ForceSend(1); rx.TryRecv() },
			"TrySendMany and TryRecvMany": func() { tx.TrySendMany(batch[:32]); rx.TryRecvMany(buf); rx.TryRecvMany(buf) },
			"TryReserve and Send": func() {
				p, err := tx.TryReserve()
				if err != nil {
					t.Fatal(err)
				}
				p.Send(1)
				rx.TryRecv()
			},
			"Reserve and Send": func() {
				p, err := tx.Reserve(ctx)
				if err != nil {
					t.Fatal(err)
				}
				p.Send(1)
				rx.TryRecv()
			},
			"Reserve and Release": func() {
				p, _ := tx.Reserve(ctx)
				defer p.Release()
			},
			"Len, Cap, empty TryRecv": func() { _ = tx.Len() + rx.Cap(); rx.TryRecv() },
		} {
			if n := testing.AllocsPerRun(1000, f); n != 0 {
				t.Errorf("%s channel: %s: %v allocations, want none", name, op, n)
			}
		}
	}
}

// Rule 4, with several receivers: the senders are stopped when the last handle
// is dropped, and not before, whether the others were closed or dropped.
// Values not received go with it.
func TestDroppedReceiversStopTheSenders(t *testing.T) {
	tx, rx := mpmc.New[*[1 << 16]byte](1)
	rx.Clone().Close()
	rx.Clone() // dropped
	var freed atomic.Bool
	v := new([1 << 16]byte)
	runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
	tx.TrySend(v)
	kind.Until(t, "the dropped clone found", func() bool { return mpmc.LeakedFunc(tx)() == 1 })
	if err := tx.TrySend(nil); err != leat.ErrFull {
		t.Errorf("TrySend with one receiver left: %v, want ErrFull", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- tx.Send(background, nil) }()
	runtime.KeepAlive(rx)
	kind.Until(t, "the senders stopped and the value freed after the last receiver was dropped", func() bool { return len(stopped) == 1 && freed.Load() })
	if err := <-stopped; err != leat.ErrClosed {
		t.Errorf("Send: %v, want ErrClosed", err)
	}
	if !mpmc.Gone(tx) {
		t.Error("a closed handle that was dropped counts as reachable")
	}
}

// Rule 11, at capacity 0. The cleanup of a dropped handle runs outside of every
// bubble, where it may wake nobody inside: the runtime would kill the process,
// and with it this test. (That of other capacities is mpsc's, whose channel
// this is.)
func TestDroppedHandlesInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0)
		full, _ := mpmc.New[int](0) // the receiver is dropped at once
		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 2)
		go func() { _, err := rx.Recv(ctx); errs <- err }()
		go func() { errs <- full.Send(ctx, 1) }()
		synctest.Wait()
		leaks := []func() uint64{mpmc.LeakedFunc(tx), mpmc.LeakedFunc(full)}
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
		if _, err := rx.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv after the wait: %v, want ErrClosed", err)
		}
		if err := full.TrySend(1); err != leat.ErrClosed {
			t.Errorf("TrySend after the wait: %v, want ErrClosed", err)
		}
	})
}

// Rule 11: no goroutine is started by the core. It fails if using a channel in
// all ways leaves one, or has one.
func TestNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	tx, rx := mpmc.New[int](0)
	rx.Ready()
	tx.Done()
	tx.TrySend(1)
	ctx, cancel := context.WithCancel(background)
	cancel()
	tx.Send(ctx, 2)
	rx.Clone().TryRecv()
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
		return mpmc.New[int](capacity)
	})
}
