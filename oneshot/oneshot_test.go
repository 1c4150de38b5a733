package oneshot_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/oneshot"
)

var background = context.Background()

// result is what a receive in a goroutine returned.
type result struct {
	v   int
	err error
}

// start runs a receive in a goroutine, and waits until it blocks or is done.
func start(recv func() (int, error)) <-chan result {
	done := make(chan result, 1)
	go func() {
		v, err := recv()
		done <- result{v, err}
	}()
	synctest.Wait()
	return done
}

var wantRecv, open = kind.WantTryRecv, kind.Open

// openForGood reports whether ch can be received from again and again.
func openForGood(ch <-chan struct{}) bool {
	first := open(ch)
	return first && open(ch)
}

// bubbles runs f in a synctest bubble, with channels made inside of it and with
// channels made outside, with a ctx that cannot end and with one that can.
func bubbles(t *testing.T, f func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int]))) {
	for _, ctxName := range []string{"background", "cancellable"} {
		for _, made := range []string{"inside", "outside"} {
			t.Run(ctxName+"/made_"+made, func(t *testing.T) {
				open := func() (*oneshot.Sender[int], *oneshot.Receiver[int]) { return oneshot.New[int]() }
				if made == "outside" {
					var txs [8]*oneshot.Sender[int]
					var rxs [8]*oneshot.Receiver[int]
					for i := range txs {
						txs[i], rxs[i] = oneshot.New[int]()
					}
					next := 0
					open = func() (*oneshot.Sender[int], *oneshot.Receiver[int]) {
						next++
						return txs[next-1], rxs[next-1]
					}
				}
				synctest.Test(t, func(t *testing.T) {
					ctx := background
					if ctxName == "cancellable" {
						ctx = t.Context()
					}
					f(t, ctx, open)
				})
			})
		}
	}
}

// R13. It fails if a mistake of the programmer goes through, or panics without
// saying what it was.
func TestMisusePanics(t *testing.T) {
	tx, rx := oneshot.New[int](leat.Name("answer"))
	var none context.Context
	kind.MustPanic(t, "oneshot", `"answer": nil context`, func() { tx.Send(none, 1) })
	kind.MustPanic(t, "oneshot", "nil context", func() { rx.Recv(none) })

	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		for first := range 2 {
			for second := range 2 {
				tx, rx := make()
				waits := []func() (int, error){
					func() (int, error) { return rx.Recv(ctx) },
					func() (int, error) { return leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnRecv(rx, nil)) },
				}
				done := start(waits[first])
				kind.MustPanic(t, "oneshot", "two goroutines receive", func() { waits[second]() })
				if err := tx.Send(ctx, 1); err != nil { // the channel still works, and the first goroutine ends
					t.Errorf("Send after the panic: %v", err)
				}
				if r := <-done; r.err != nil {
					t.Errorf("the first goroutine got %v", r.err)
				}
			}
		}
	})
}

// R8. It fails if the value does not arrive, arrives twice, or a second one is
// accepted; before the receive and after it.
func TestR8_OneValueOnce(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		for name, recv := range map[string]func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) (int, error){
			"TryRecv": func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) (int, error) {
				wantRecv(t, rx, 0, leat.ErrEmpty)
				tx.Send(ctx, 1)
				return rx.TryRecv()
			},
			"Recv": func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) (int, error) {
				tx.Send(ctx, 1)
				return rx.Recv(ctx)
			},
			"waiting Recv": func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int]) (int, error) {
				done := start(func() (int, error) { return rx.Recv(ctx) })
				if len(done) != 0 {
					t.Error("Recv does not wait")
				}
				tx.TrySend(1)
				r := <-done
				return r.v, r.err
			},
		} {
			tx, rx := make()
			if v, err := recv(tx, rx); v != 1 || err != nil {
				t.Errorf("%s: %d, %v; want 1", name, v, err)
			}
			if err := tx.Send(ctx, 2); err != leat.ErrClosed {
				t.Errorf("%s: second Send: %v, want ErrClosed", name, err)
			}
			if err := tx.TrySend(2); err != leat.ErrClosed {
				t.Errorf("%s: second TrySend: %v, want ErrClosed", name, err)
			}
			wantRecv(t, rx, 0, leat.ErrClosed)
			if _, err := rx.Recv(ctx); err != leat.ErrClosed {
				t.Errorf("%s: second Recv: %v, want ErrClosed", name, err)
			}
		}
	})
}

// R8. It fails if a second send replaces the value that was not received yet.
func TestR8_SecondSendChangesNothing(t *testing.T) {
	tx, rx := oneshot.New[int]()
	tx.TrySend(1)
	if err := tx.TrySend(2); err != leat.ErrClosed {
		t.Errorf("second TrySend: %v, want ErrClosed", err)
	}
	tx.Close() // after a Send it does nothing
	wantRecv(t, rx, 1, nil)
}

// R8. It fails if a Close without a value does not end the wait, or is taken
// back by a send.
func TestR8_SenderClose(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		tx, rx := make()
		ready := rx.Ready()
		done := start(func() (int, error) { return rx.Recv(ctx) })
		tx.Close()
		tx.Close()
		if r := <-done; r != (result{0, leat.ErrClosed}) {
			t.Errorf("Recv when the sender closes: %v, want ErrClosed", r)
		}
		if !openForGood(ready) {
			t.Error("the end does not open Ready for good")
		}
		if err := tx.TrySend(1); err != leat.ErrClosed {
			t.Errorf("TrySend on a closed handle: %v, want ErrClosed", err)
		}
		wantRecv(t, rx, 0, leat.ErrClosed)
	})
}

// R8. It fails if a receiver that was closed lets a send succeed, does not
// close Done, loses a value sent before, or goes on waiting.
func TestR8_ReceiverClose(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		tx, rx := make()
		done := tx.Done()
		if open(done) {
			t.Error("Done is closed, and the receiver is not")
		}
		waiting := start(func() (int, error) { return rx.Recv(ctx) })
		rx.Close()
		rx.Close()
		if r := <-waiting; r != (result{0, leat.ErrClosed}) {
			t.Errorf("Recv when its receiver closes: %v, want ErrClosed", r)
		}
		<-done
		<-tx.Done()
		if err := tx.Send(ctx, 1); err != leat.ErrClosed {
			t.Errorf("Send to a closed receiver: %v, want ErrClosed", err)
		}
		wantRecv(t, rx, 0, leat.ErrClosed)
		if !open(rx.Ready()) {
			t.Error("Ready of a closed receiver is shut")
		}

		tx, rx = make()
		tx.Send(ctx, 2)
		rx.Close()
		if !open(rx.Ready()) {
			t.Error("Ready is shut, and there is a value")
		}
		wantRecv(t, rx, 2, nil)
		wantRecv(t, rx, 0, leat.ErrClosed)
	})
}

// Done says that nobody will receive any more. It fails if it says so while
// somebody may, or not when the value was received.
func TestDone(t *testing.T) {
	tx, rx := oneshot.New[int]()
	early := tx.Done()
	tx.TrySend(1)
	if open(early) || open(tx.Done()) {
		t.Error("Done is closed before the value was received")
	}
	rx.TryRecv()
	if !open(early) || !open(tx.Done()) {
		t.Error("Done is open after the value was received")
	}
	tx, rx = oneshot.New[int]()
	tx.Close()
	if open(tx.Done()) {
		t.Error("Done is closed when the sender closes")
	}
	rx.Close()
	if !open(tx.Done()) {
		t.Error("Done, asked for late, is open when the receiver is closed")
	}
}

// R2. It fails if a call whose ctx is done does anything, also on a closed
// handle, where the ctx comes first.
func TestContextFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	tx, rx := oneshot.New[int]()
	for range 2 {
		if err := tx.Send(ctx, 1); err != context.Canceled {
			t.Errorf("Send: %v, want context.Canceled", err)
		}
		if _, err := rx.Recv(ctx); err != context.Canceled {
			t.Errorf("Recv: %v, want context.Canceled", err)
		}
		tx.TrySend(2)
	}
	wantRecv(t, rx, 2, nil)
}

// R2. It fails if a Recv that is cancelled takes the value with it, or one that
// was served by then says that it was cancelled.
func TestCancelledRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := oneshot.New[int]()
		waiting := oneshot.WaitingFunc(tx)
		for range 3 {
			ctx, cancel := context.WithCancel(background)
			done := start(func() (int, error) { return rx.Recv(ctx) })
			cancel()
			if r := <-done; r != (result{0, context.Canceled}) {
				t.Errorf("cancelled Recv: %v", r)
			}
			if waiting() != 0 {
				t.Error("a waiter is left behind")
			}
		}
		ctx, cancel := context.WithCancel(background)
		done := start(func() (int, error) { return rx.Recv(ctx) })
		tx.Send(background, 1) // serves it
		cancel()
		if r := <-done; r != (result{1, nil}) {
			t.Errorf("Recv that was served and then cancelled: %v, want 1", r)
		}
	})
}

// Rule 12: the value or the end in native select. It fails if Ready is shut
// when there is one, or open when there is none.
func TestReadyInNativeSelect(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		tx, rx := make()
		if open(rx.Ready()) {
			t.Error("Ready is open on an empty channel")
		}
		done := start(func() (int, error) { <-rx.Ready(); return rx.TryRecv() })
		tx.Send(ctx, 1)
		if r := <-done; r != (result{1, nil}) {
			t.Errorf("TryRecv after Ready: %v, want 1", r)
		}
		if !openForGood(rx.Ready()) {
			t.Error("the end does not open Ready for good")
		}

		tx, rx = make()
		tx.Send(ctx, 1)
		ready := rx.Ready()
		rx.Recv(ctx) // by other means
		if !open(ready) {
			t.Error("Ready is shut at the end")
		}
		wantRecv(t, rx, 0, leat.ErrClosed)
	})
}

// R11: user code that runs when the channel closes Done may use the channel. It
// fails by deadlock.
func TestR11_Reentrancy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := oneshot.New[int]()
		ctx, cancel := context.WithCancel(background)
		context.AfterFunc(ctx, func() {
			tx.TrySend(1)
			tx.Close()
			tx.Done()
		})
		done := start(func() (int, error) { return rx.Recv(ctx) })
		cancel()
		if r := <-done; r.err == nil && r.v != 1 || r.err != nil && r.err != context.Canceled {
			t.Errorf("Recv: %v", r)
		}
	})
}

// Everything at once. It fails if the value that was accepted is not received,
// one that was refused is, or two sends succeed.
func TestRaces(t *testing.T) {
	outcomes := make(map[string]int)
	for round := range 3000 {
		tx, rx := oneshot.New[int]()
		ctx, cancel := context.WithCancel(background)
		var sent, received atomic.Int32
		var wg sync.WaitGroup
		for k := range 2 {
			wg.Go(func() {
				if tx.Send(background, k+1) == nil {
					sent.Add(int32(k + 1))
				}
			})
		}
		wg.Go(func() {
			switch round % 4 {
			case 0:
				cancel()
			case 1:
				rx.Close()
			case 2:
				tx.Close()
			}
		})
		wg.Go(func() {
			if round%3 == 0 {
				<-rx.Ready()
				if v, err := rx.TryRecv(); err == nil {
					received.Add(int32(v))
				} else if err == leat.ErrEmpty {
					t.Error("Ready was open, and TryRecv found nothing")
				}
			} else if v, err := rx.Recv(ctx); err == nil {
				received.Add(int32(v))
			}
		})
		wg.Wait()
		if v, err := rx.TryRecv(); err == nil {
			received.Add(int32(v))
			outcomes["after a cancelled receive"]++
		}
		if s, r := sent.Load(), received.Load(); s != r || s > 2 {
			t.Fatalf("round %d: sent %d, received %d", round, s, r)
		} else if s == 0 {
			outcomes["refused"]++
		} else {
			outcomes["received"]++
		}
		cancel()
	}
	t.Log(outcomes)
}

// 10,000 requests with an answer each, over one channel. It fails if an answer
// is lost or goes to another.
func TestTenThousand(t *testing.T) {
	type request struct {
		n     int
		reply *oneshot.Sender[int]
	}
	const clients, each = 10, 1000
	requests := make(chan request)
	var servers, wg sync.WaitGroup
	for range 2 {
		servers.Go(func() {
			for r := range requests {
				if err := r.reply.Send(background, r.n+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for k := range clients {
		wg.Go(func() {
			for i := range each {
				tx, rx := oneshot.New[int]()
				n := k*each + i
				requests <- request{n, tx}
				if v, err := rx.Recv(background); v != n+1 || err != nil {
					t.Errorf("answer to %d: %d, %v", n, v, err)
				}
			}
		})
	}
	wg.Wait()
	close(requests)
	servers.Wait()
}

// 10,000 at once, each received by a goroutine that waits before anything is
// sent.
func TestTenThousandWaiting(t *testing.T) {
	const n = 10_000
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		var sum atomic.Int64
		txs := make([]*oneshot.Sender[int], n)
		for i := range n {
			tx, rx := oneshot.New[int]()
			txs[i] = tx
			wg.Go(func() {
				v, err := rx.Recv(background)
				if v != i || err != nil {
					t.Errorf("%d: received %d, %v", i, v, err)
				}
				sum.Add(int64(v))
			})
		}
		synctest.Wait()
		for i, tx := range txs {
			tx.Send(background, i)
		}
		wg.Wait()
		if sum.Load() != n*(n-1)/2 {
			t.Errorf("the sum is %d, want %d", sum.Load(), n*(n-1)/2)
		}
	})
}
