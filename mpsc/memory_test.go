package mpsc_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

// R15. It fails if an operation that does not wait allocates.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	batch, buf := make([]int, 64), make([]int, 64)
	for name, make := range map[string]func() (*mpsc.Sender[int], *mpsc.Receiver[int]){
		"bounded":   func() (*mpsc.Sender[int], *mpsc.Receiver[int]) { return mpsc.New[int](64) },
		"unbounded": func() (*mpsc.Sender[int], *mpsc.Receiver[int]) { return mpsc.NewUnbounded[int]() },
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

// R10. It fails if a value stays reachable through the channel after it was
// received.
func TestR10_ReceivedValuesAreFreed(t *testing.T) {
	tx, rx := mpsc.New[*[1 << 16]byte](100)
	var freed atomic.Int32
	const n = 100
	for range n {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		tx.TrySend(v)
	}
	buf := make([]*[1 << 16]byte, 40)
	rx.RecvMany(background, buf)
	clear(buf)
	for range n - 40 {
		rx.TryRecv()
	}
	kind.Until(t, "all 100 received values freed while the channel lives", func() bool { return freed.Load() == n })
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R10. It fails if a handle keeps a value that was handed over while one of its
// calls waited.
func TestWaitedValuesAreFreed(t *testing.T) {
	tx, rx := mpsc.New[*[1 << 16]byte](1)
	var freed atomic.Int32
	value := func() *[1 << 16]byte {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		return v
	}
	waiting := func(senders, receivers int) {
		for {
			if s, r := tx.Waiting(); s == senders && r == receivers {
				return
			}
			runtime.Gosched()
		}
	}
	done := make(chan struct{})
	go func() { rx.Recv(background); done <- struct{}{} }()
	waiting(0, 1)
	tx.TrySend(value())
	<-done
	tx.TrySend(value())
	go func() { tx.Send(background, value()); done <- struct{}{} }()
	waiting(1, 0)
	rx.TryRecv()
	rx.TryRecv()
	<-done
	kind.Until(t, "all three values freed while the handles live", func() bool { return freed.Load() == 3 })
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R10. It fails if a value stays reachable through the channel after ForceSend
// has evicted it.
func TestEvictedValuesAreFreed(t *testing.T) {
	tx, rx := mpsc.New[*[1 << 16]byte](3)
	var freed atomic.Int32
	const n = 20
	for range n {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		tx.ForceSend(v)
	}
	kind.Until(t, "17 evicted values freed while the channel lives", func() bool { return freed.Load() == n-3 })
	runtime.KeepAlive(tx)
	runtime.KeepAlive(rx)
}

// R10. It fails if an unbounded channel keeps the memory of a burst, or if a
// million operations make it grow.
func TestR10_UnboundedShrinks(t *testing.T) {
	tx, rx := mpsc.NewUnbounded[[64]byte]()
	tx.TrySend([64]byte{})
	rx.TryRecv()
	idle := kind.Live()
	const burst = 1_000_000
	for range burst {
		tx.TrySend([64]byte{})
	}
	if grown := kind.Live() - idle; grown < burst*64 {
		t.Fatalf("a burst of a million 64-byte values takes %d bytes: this test measures the wrong thing", grown)
	}
	for rx.Len() > 0 {
		rx.TryRecv()
	}
	if after := kind.Live(); after > idle+1<<20 {
		t.Errorf("after the burst %d bytes are live, before it %d", after, idle)
	}
	for range burst {
		tx.TrySend([64]byte{})
		rx.TryRecv()
	}
	if after := kind.Live(); after > idle+1<<20 {
		t.Errorf("after a million sends and receives %d bytes are live, before them %d", after, idle)
	}
	runtime.KeepAlive(tx)
}

// R4. It fails if a receiver waits for ever for senders that were dropped.
func TestDroppedSenderEndsTheChannel(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	tx.Clone().Close()
	leaked := mpsc.LeakedFunc(tx)
	ended := make(chan error, 1)
	go func() {
		_, err := rx.Recv(background)
		ended <- err
	}()
	tx = nil
	kind.Until(t, "the receiver told the end after the last sender handle was dropped", func() bool { return len(ended) == 1 })
	if err := <-ended; err != leat.ErrClosed {
		t.Errorf("Recv: %v, want ErrClosed", err)
	}
	if leaked() != 1 {
		t.Errorf("%d handles counted as leaked, want 1: the closed one is not", leaked())
	}
}

// Rules 4 and 5. It fails if senders wait for ever for a receiver that was
// dropped, or if what it did not receive stays.
func TestDroppedReceiverStopsTheSenders(t *testing.T) {
	tx, _ := mpsc.New[*[1 << 16]byte](1) // the receiver is dropped at once
	var freed atomic.Bool
	v := new([1 << 16]byte)
	runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
	tx.TrySend(v)
	p := make(chan *mpsc.Permit[*[1 << 16]byte], 1)
	stopped := make(chan error, 1)
	go func() { stopped <- tx.Send(background, nil) }()
	go func() {
		permit, err := tx.Reserve(background)
		if err == nil {
			p <- permit
		}
		close(p)
	}()
	kind.Until(t, "the senders stopped and the value freed after the receiver was dropped", func() bool { return len(stopped) == 1 && freed.Load() })
	if err := <-stopped; err != leat.ErrClosed {
		t.Errorf("Send: %v, want ErrClosed", err)
	}
	if permit := <-p; permit != nil {
		t.Error("Reserve succeeded on a full channel")
	}
	<-tx.Done()
	if tx.Len() != 0 {
		t.Errorf("Len is %d, want 0", tx.Len())
	}
}

// Rule 5: closed and then dropped. It fails if a permit's value goes where
// nobody can receive it, and says it was sent.
func TestPermitAfterTheReceiverIsGone(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	p, _ := tx.Reserve(background)
	rx.Close()
	kind.Until(t, "the closed receiver found", func() bool { return mpsc.Gone(tx) })
	if err := p.Send(1); err != leat.ErrClosed {
		t.Errorf("Send: %v, want ErrClosed", err)
	}
	if mpsc.LeakedFunc(tx)() != 0 {
		t.Error("a receiver that was closed is counted as leaked")
	}
}

// R11. The cleanup of a dropped handle runs outside of every bubble, where it
// may wake nobody inside: the runtime would kill the process, and with it this
// test. Handles are made inside and outside, and waits are of both sorts.
func TestDroppedHandlesInBubble(t *testing.T) {
	outside, outsideRx := mpsc.New[int](1)
	synctest.Test(t, func(t *testing.T) {
		inside, insideRx := mpsc.New[int](1)
		full, _ := mpsc.New[int](1) // the receiver is dropped at once
		full.TrySend(0)

		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 3)
		ready, done := insideRx.Ready(), full.Done()
		go func() { _, err := insideRx.Recv(ctx); errs <- err }()
		go func() { _, err := outsideRx.Recv(ctx); errs <- err }()
		go func() { errs <- full.Send(ctx, 1) }()
		synctest.Wait()

		leaks := []func() uint64{mpsc.LeakedFunc(inside), mpsc.LeakedFunc(outside), mpsc.LeakedFunc(full)}
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
		<-ready
		<-full.Done()
		<-done
	})
}

// Rule 11: no goroutine is started by the core. It fails if using a channel in
// all ways leaves one, or has one.
func TestNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	tx, rx := mpsc.New[int](1)
	rx.Ready()
	tx.Done()
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
		return mpsc.New[int](capacity)
	})
}
