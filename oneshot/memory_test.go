package oneshot_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/oneshot"
)

// R15. It fails if an operation that does not wait allocates, or if New takes
// more than the sender and the rest once there are guards to use again.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	const runs = 1000
	txs, rxs := make([]*oneshot.Sender[int], 0, 3*runs), make([]*oneshot.Receiver[int], 0, 3*runs)
	if n := testing.AllocsPerRun(2*runs, func() {
		tx, rx := oneshot.New[int]()
		tx.Close()
		rx.Close()
	}); n > 4 { // with -race, a sync.Pool forgets a quarter of what it gets
		t.Errorf("New and Close: %v allocations, want 2", n)
	}
	for range 2 * runs {
		tx, rx := oneshot.New[int]()
		txs, rxs = append(txs, tx), append(rxs, rx)
	}
	next := 0
	for op, f := range map[string]func(*oneshot.Sender[int], *oneshot.Receiver[int]){
		"Send and Recv": func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) {
			tx.Send(ctx, 1)
			rx.Recv(ctx)
		},
		"TryRecv, TrySend, TryRecv, Close": func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) {
			rx.TryRecv()
			tx.TrySend(1)
			rx.TryRecv()
			tx.Close()
			rx.Close()
		},
	} {
		if n := testing.AllocsPerRun(runs-1, func() {
			f(txs[next], rxs[next])
			next++
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", op, n)
		}
	}
}

// R10. It fails if the value stays reachable through the channel after it was
// received, in whatever way; or if it does not stay until then.
func TestR10_ReceivedValueIsFreed(t *testing.T) {
	type big = [1 << 16]byte
	for name, recv := range map[string]func(*oneshot.Sender[*big], *oneshot.Receiver[*big], *big){
		"TryRecv": func(tx *oneshot.Sender[*big], rx *oneshot.Receiver[*big], v *big) {
			tx.TrySend(v)
			rx.TryRecv()
		},
		"waiting Recv": func(tx *oneshot.Sender[*big], rx *oneshot.Receiver[*big], v *big) {
			done := make(chan struct{})
			go func() { rx.Recv(background); close(done) }()
			for waiting := oneshot.WaitingFunc(tx); waiting() == 0; {
				runtime.Gosched()
			}
			tx.TrySend(v)
			<-done
		},
		"Select": func(tx *oneshot.Sender[*big], rx *oneshot.Receiver[*big], v *big) {
			done := make(chan struct{})
			go func() { leat.Select(background, leat.OnRecv(rx, nil)); close(done) }()
			for waiting := oneshot.WaitingFunc(tx); waiting() == 0; {
				runtime.Gosched()
			}
			tx.TrySend(v)
			<-done
		},
	} {
		tx, rx := oneshot.New[*big]()
		var freed atomic.Bool
		v := new(big)
		runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
		recv(tx, rx, v)
		v = nil
		kind.Until(t, name+": the received value freed while the channel lives", freed.Load)
		runtime.KeepAlive(tx)
		runtime.KeepAlive(rx)
	}

	tx, rx := oneshot.New[*big]()
	var freed atomic.Bool
	v := new(big)
	runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
	tx.TrySend(v)
	rx.Close()
	v = nil
	for range 3 {
		runtime.GC()
	}
	if freed.Load() {
		t.Error("a value that can still be received is gone")
	}
	rx.TryRecv()
}

// R4. It fails if a receiver waits for ever for a sender that was dropped, in
// whatever way it waits.
func TestDroppedSenderEndsTheWait(t *testing.T) {
	for name, wait := range map[string]func(rx *oneshot.Receiver[int]) error{
		"Recv":  func(rx *oneshot.Receiver[int]) error { _, err := rx.Recv(background); return err },
		"Ready": func(rx *oneshot.Receiver[int]) error { <-rx.Ready(); _, err := rx.TryRecv(); return err },
		"Select": func(rx *oneshot.Receiver[int]) (err error) {
			leat.Select(background, leat.OnRecv(rx, func(_ int, e error) { err = e }))
			return err
		},
	} {
		tx, rx := oneshot.New[int](leat.Name(t.Name()))
		leaked := oneshot.LeakedFunc(tx)
		ended := make(chan error, 1)
		go func() { ended <- wait(rx) }()
		tx = nil
		kind.Until(t, name+": the receiver told the end", func() bool { return len(ended) == 1 })
		if err := <-ended; err != leat.ErrClosed {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
		if leaked() != 1 {
			t.Errorf("%s: %d handles counted as leaked, want 1", name, leaked())
		}
	}
}

// Rules 4 and 5, on a channel with a name. It fails if a sender does not learn
// that the receiver was dropped, or if a value stays that nobody can receive.
func TestDroppedReceiver(t *testing.T) {
	tx, _ := oneshot.New[int](leat.Name(t.Name()))
	done := tx.Done()
	kind.Until(t, "Done closed after the receiver was dropped", func() bool { return open(done) })
	if err := tx.TrySend(1); err != leat.ErrClosed {
		t.Errorf("TrySend: %v, want ErrClosed", err)
	}
	if n := oneshot.LeakedFunc(tx)(); n != 1 {
		t.Errorf("%d handles counted as leaked, want 1", n)
	}

	for _, closed := range []bool{false, true} {
		tx, rx := oneshot.New[*[1 << 16]byte](leat.Name(t.Name()))
		var freed atomic.Bool
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
		tx.TrySend(v)
		if closed {
			rx.Close()
		}
		v, rx = nil, nil
		kind.Until(t, "the value released with the receiver", freed.Load)
		if n := oneshot.LeakedFunc(tx)(); n != 0 {
			t.Errorf("closed %v: %d handles counted as leaked, want none: the channel had ended", closed, n)
		}
		runtime.KeepAlive(tx)
	}
}

// A receiver of a channel without a name is not watched: see Receiver.Close. It
// fails if a Send or Done does anything else than while the receiver is there,
// or if the value is not released with the channel.
func TestDroppedReceiverOfUnnamedChannel(t *testing.T) {
	tx, _ := oneshot.New[*[1 << 16]byte]()
	done := tx.Done()
	for range 3 {
		runtime.GC()
	}
	if open(done) {
		t.Error("Done is closed; the documentation says that nobody watches the receiver")
	}
	var freed atomic.Bool
	v := new([1 << 16]byte)
	runtime.AddCleanup(v, func(struct{}) { freed.Store(true) }, struct{}{})
	if err := tx.TrySend(v); err != nil {
		t.Errorf("TrySend: %v", err)
	}
	v, tx = nil, nil
	kind.Until(t, "the value released with the channel", freed.Load)
}

// It fails if Done stays open when the receiver was dropped, because the
// receiver had got the end before.
func TestDroppedReceiverThatHasSeenTheEnd(t *testing.T) {
	for name, see := range map[string]func(rx *oneshot.Receiver[int], end func()) error{
		"TryRecv": func(rx *oneshot.Receiver[int], end func()) error { end(); _, err := rx.TryRecv(); return err },
		"waiting Recv": func(rx *oneshot.Receiver[int], end func()) error {
			go end()
			_, err := rx.Recv(background)
			return err
		},
		"waiting Select": func(rx *oneshot.Receiver[int], end func()) (err error) {
			go end()
			leat.Select(background, leat.OnRecv(rx, func(_ int, e error) { err = e }))
			return err
		},
	} {
		tx, rx := oneshot.New[int](leat.Name(t.Name()))
		waiting := oneshot.WaitingFunc(tx)
		end := func() {
			for name != "TryRecv" && waiting() == 0 {
				runtime.Gosched()
			}
			tx.Close()
		}
		if err := see(rx, end); err != leat.ErrClosed {
			t.Fatalf("%s: %v, want ErrClosed", name, err)
		}
		rx = nil
		done := tx.Done()
		kind.Until(t, name+": Done closed after the receiver was dropped", func() bool { return open(done) })
		if n := oneshot.LeakedFunc(tx)(); n != 0 {
			t.Errorf("%s: %d handles counted as leaked, want none: the channel had ended", name, n)
		}
	}
}

// R4. It fails if a handle that owes no Close is counted as leaked when it is
// dropped: one that has sent or received, or whose other end is closed.
func TestUsedHandlesAreNotLeaked(t *testing.T) {
	var counts []func() uint64
	var freed atomic.Int32
	const rounds = 5
	for range rounds {
		for _, use := range []func(*oneshot.Sender[*int], *oneshot.Receiver[*int]){
			func(tx *oneshot.Sender[*int], rx *oneshot.Receiver[*int]) { tx.TrySend(nil); rx.TryRecv() },
			func(tx *oneshot.Sender[*int], rx *oneshot.Receiver[*int]) { tx.TrySend(nil) },
			func(tx *oneshot.Sender[*int], rx *oneshot.Receiver[*int]) { tx.Close() },
			func(tx *oneshot.Sender[*int], rx *oneshot.Receiver[*int]) { rx.Close() },
		} {
			tx, rx := oneshot.New[*int](leat.Name(t.Name()))
			runtime.AddCleanup(tx, func(struct{}) { freed.Add(1) }, struct{}{})
			runtime.AddCleanup(rx, func(struct{}) { freed.Add(1) }, struct{}{})
			use(tx, rx)
			counts = append(counts, oneshot.LeakedFunc(tx))
		}
	}
	kind.Until(t, "all handles found", func() bool { return freed.Load() == rounds*4*2 })
	for i, leaked := range counts {
		if leaked() != 0 {
			t.Errorf("way of use %d: %d handles counted as leaked, want none", i%4, leaked())
		}
	}
}

// R11. The cleanup of a dropped handle runs outside of every bubble, where it
// may wake nobody inside: the runtime would kill the process, and with it this
// test.
func TestDroppedHandlesInBubble(t *testing.T) {
	outside, outsideRx := oneshot.New[int](leat.Name(t.Name()))
	synctest.Test(t, func(t *testing.T) {
		inside, insideRx := oneshot.New[int](leat.Name(t.Name()))
		selecting, selectingRx := oneshot.New[int](leat.Name(t.Name()))
		joined, joinedRx := oneshot.New[int](leat.Name(t.Name()))
		alone, _ := oneshot.New[int](leat.Name(t.Name())) // the receiver is dropped at once

		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 3)
		ready, done := joinedRx.Ready(), alone.Done()
		go func() { _, err := insideRx.Recv(ctx); errs <- err }()
		go func() { _, err := outsideRx.Recv(ctx); errs <- err }()
		go func() { _, err := leat.Select(ctx, leat.OnRecv(selectingRx, nil)); errs <- err }()
		synctest.Wait()

		leaks := []func() uint64{oneshot.LeakedFunc(inside), oneshot.LeakedFunc(outside), oneshot.LeakedFunc(selecting),
			oneshot.LeakedFunc(joined), oneshot.LeakedFunc(alone)}
		inside, outside, selecting, joined = nil, nil, nil, nil
		for _, leaked := range leaks {
			kind.Until(t, "the dropped handle found", func() bool { return leaked() == 1 })
		}
		synctest.Wait()
		if len(errs) != 0 || open(ready) || open(done) {
			t.Error("somebody in the bubble was woken from outside of it")
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
		wantRecv(t, joinedRx, 0, leat.ErrClosed)
		<-ready
		if err := alone.TrySend(1); err != leat.ErrClosed {
			t.Errorf("TrySend to a receiver that was dropped: %v, want ErrClosed", err)
		}
		<-alone.Done()
		<-done
	})
}

// Rule 11: no goroutine is started by the core. It fails if using a channel in
// all ways leaves one, or has one.
func TestNoGoroutine(t *testing.T) {
	oneshot.New[int]() // the runtime may start its own goroutine for cleanups at the first
	before := runtime.NumGoroutine()
	tx, rx := oneshot.New[int]()
	rx.Ready()
	tx.Done()
	ctx, cancel := context.WithCancel(background)
	cancel()
	rx.Recv(ctx)
	tx.TrySend(1)
	rx.TryRecv()
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines with a channel in use, %d before", now, before)
	}
	tx.Close()
	rx.Close()
}
