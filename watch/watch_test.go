package watch_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/watch"
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

// bubbles runs f in a synctest bubble, on a channel made inside of it and on
// one made outside, with a ctx that cannot end and with one that can.
func bubbles(t *testing.T, f func(t *testing.T, ctx context.Context, tx *watch.Sender[int])) {
	for _, ctxName := range []string{"background", "cancellable"} {
		for _, made := range []string{"inside", "outside"} {
			t.Run(ctxName+"/made_"+made, func(t *testing.T) {
				tx := watch.New(0)
				synctest.Test(t, func(t *testing.T) {
					ctx := background
					if ctxName == "cancellable" {
						ctx = t.Context()
					}
					if made == "inside" {
						tx = watch.New(0)
					}
					f(t, ctx, tx)
				})
			})
		}
	}
}

// R13. It fails if a mistake of the programmer goes through, or panics without
// saying what it was.
func TestMisusePanics(t *testing.T) {
	tx := watch.New(0, leat.Name("config"))
	rx := tx.Subscribe()
	yes := func(int) bool { return true }
	var none context.Context
	kind.MustPanic(t, "watch", `"config": nil context`, func() { tx.Send(none, 1) })
	kind.MustPanic(t, "watch", "nil context", func() { rx.Recv(none) })
	kind.MustPanic(t, "watch", "nil context", func() { rx.WaitFor(none, yes) })
	kind.MustPanic(t, "watch", "nil context", func() {
		for range rx.All(none) {
			t.Error("a value")
		}
	})

	kind.MustPanic(t, "watch", "two goroutines receive", func() { watch.Advance(rx, 1, 2) }) // rx has seen version 0
	tx.TrySend(1)
	wantRecv(t, rx, 1, nil)

	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx, no := tx.Subscribe(), func(v int) bool { return v < 0 }
		waits := map[string]func() (int, error){
			"Recv":    func() (int, error) { return rx.Recv(ctx) },
			"WaitFor": func() (int, error) { return rx.WaitFor(ctx, no) },
			"Select":  func() (int, error) { return leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnRecv(rx, nil)) },
		}
		for _, first := range waits {
			for _, second := range waits {
				done := start(first)
				kind.MustPanic(t, "watch", "two goroutines receive", func() { second() })
				tx.Send(ctx, -1) // the channel still works, and the first goroutine ends
				if r := <-done; r.err != nil {
					t.Errorf("the first goroutine got %v", r.err)
				}
				rx.TryRecv()
				tx.Send(ctx, 0)
				rx.TryRecv()
			}
		}
	})
}

// R8. It fails if the initial value is received, a new one is not, or the last
// one cannot be read for ever.
func TestR8_OneReceiver(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		if rx.HasChanged() || rx.Get() != 0 {
			t.Errorf("a new receiver: changed %v, value %d", rx.HasChanged(), rx.Get())
		}
		wantRecv(t, rx, 0, leat.ErrEmpty)
		done := start(func() (int, error) { return rx.Recv(ctx) })
		if tx.Waiting() != 1 {
			t.Fatal("Recv does not wait for a value that was not seen")
		}
		tx.Send(ctx, 1)
		if r := <-done; r != (result{1, nil}) {
			t.Errorf("Recv: %v, want 1", r)
		}
		wantRecv(t, rx, 0, leat.ErrEmpty)

		tx.Send(ctx, 2)
		tx.Send(ctx, 3)
		if rx.Get() != 3 || tx.Get() != 3 || !rx.HasChanged() {
			t.Errorf("Get: %d and %d, want 3; changed %v, want true also after Get", rx.Get(), tx.Get(), rx.HasChanged())
		}
		wantRecv(t, rx, 3, nil)
		if rx.HasChanged() {
			t.Error("changed after the receive")
		}

		done = start(func() (int, error) { return rx.Recv(ctx) })
		tx.Close()
		if r := <-done; r != (result{0, leat.ErrClosed}) {
			t.Errorf("Recv at the end: %v, want ErrClosed", r)
		}
		if rx.Get() != 3 || tx.Get() != 3 {
			t.Errorf("Get after the end: %d and %d, want 3", rx.Get(), tx.Get())
		}
	})
}

// R8. It fails if the value that was sent just before the end is lost.
func TestR8_LastValueThenTheEnd(t *testing.T) {
	tx := watch.New(0)
	rx, late := tx.Subscribe(), tx.Subscribe()
	tx.TrySend(1)
	tx.Close()
	if !rx.HasChanged() {
		t.Error("HasChanged is false with the last value unseen")
	}
	wantRecv(t, rx, 1, nil)
	wantRecv(t, rx, 0, leat.ErrClosed)
	if v, err := late.Recv(background); v != 1 || err != nil {
		t.Errorf("Recv: %d, %v; want 1", v, err)
	}
	if _, err := late.Recv(background); err != leat.ErrClosed {
		t.Errorf("Recv: %v, want ErrClosed", err)
	}
	after := tx.Subscribe() // on a closed handle of a channel that has ended
	if after.HasChanged() || after.Get() != 1 {
		t.Errorf("subscribed after the end: changed %v, value %d", after.HasChanged(), after.Get())
	}
	wantRecv(t, after, 0, leat.ErrClosed)
}

// R8, as a race: the last value and the end come while the receiver looks. It
// fails if it sees the end and not the value.
func TestR8_LastValueRacesWithTheEnd(t *testing.T) {
	txs := make(chan *watch.Sender[int])
	defer close(txs)
	go func() {
		for tx := range txs {
			tx.TrySend(1)
			tx.Close()
		}
	}()
	for range 1000 {
		tx := watch.New(0)
		rx := tx.Subscribe()
		txs <- tx
		v, err := rx.TryRecv()
		for i := 1; err == leat.ErrEmpty; i++ {
			if i%5000 == 0 { // seldom, or the receiver does not look at the very moment
				runtime.Gosched()
			}
			v, err = rx.TryRecv()
		}
		if v != 1 || err != nil {
			t.Fatalf("received %d, %v; want 1", v, err)
		}
		rx.Close()
	}
}

// R8. It fails if receivers share what they have seen, or if one of them does
// not see each change once.
func TestR8_ManyReceivers(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		a, b := tx.Subscribe(), tx.Subscribe()
		for i := 1; i <= 3; i++ {
			aDone := start(func() (int, error) { return a.Recv(ctx) })
			tx.Send(ctx, i*10)
			if r := <-aDone; r != (result{i * 10, nil}) {
				t.Errorf("round %d: the receiver that waits got %v", i, r)
			}
		}
		wantRecv(t, b, 30, nil) // the two before are skipped
		wantRecv(t, b, 0, leat.ErrEmpty)
		wantRecv(t, a, 0, leat.ErrEmpty)

		aDone := start(func() (int, error) { return a.Recv(ctx) })
		bDone := start(func() (int, error) { return b.Recv(ctx) })
		tx.Send(ctx, 40)
		if ra, rb := <-aDone, <-bDone; ra.v != 40 || rb.v != 40 {
			t.Errorf("one Send to two that wait: %v, %v; want 40 for both", ra, rb)
		}
	})
}

// R8. Many senders and receivers at once: it fails if a receiver sees an older
// value after a newer one, or misses the last one, or if two updates make one.
func TestR8_FinalValueUnderConcurrency(t *testing.T) {
	const senders, updates, receivers = 4, 2000, 4
	type state struct{ count, by, nth int }
	tx := watch.New(state{})
	var wg sync.WaitGroup
	for k := range receivers {
		rx := tx.Subscribe()
		wg.Go(func() {
			var last state
			look := func(s state) {
				if s.count < last.count {
					t.Errorf("receiver %d saw %v after %v", k, s, last)
				}
				last = s
			}
			ready := rx.Ready()
			for {
				var s state
				var err error
				switch n := last.count; k {
				case 0:
					s, err = rx.Recv(background)
				case 1:
					s, err = rx.WaitFor(background, func(s state) bool { return s.count > n })
				case 2:
					<-ready
					if s, err = rx.TryRecv(); err == leat.ErrEmpty {
						t.Error("Ready was open, and TryRecv found nothing")
					}
				case 3:
					for s := range rx.All(background) {
						look(s)
					}
					err = leat.ErrClosed
				}
				if err == leat.ErrClosed {
					break
				}
				look(s)
			}
			if last.count != senders*updates {
				t.Errorf("receiver %d saw %d last, want %d", k, last.count, senders*updates)
			}
		})
	}
	for k := range senders {
		tx := tx.Clone()
		wg.Go(func() {
			defer tx.Close()
			for i := range updates {
				if !tx.Update(func(s *state) bool { *s = state{s.count + 1, k, i}; return true }) {
					t.Error("an update was not made")
				}
			}
		})
	}
	tx.Close()
	wg.Wait()
	if tx.Get().count != senders*updates {
		t.Errorf("%d updates made %d", senders*updates, tx.Get().count)
	}
}

// Sends of several goroutines, while all read: it fails if one sender's values
// come in another order.
func TestR7_OrderOfEachSender(t *testing.T) {
	const senders, each = 4, 2000
	tx := watch.New([2]int{})
	var wg sync.WaitGroup
	for range 2 {
		rx := tx.Subscribe()
		wg.Go(func() {
			var last [senders]int
			for v := range rx.All(background) {
				if v[1] < last[v[0]] {
					t.Errorf("sender %d: %d after %d", v[0], v[1], last[v[0]])
				}
				last[v[0]] = v[1]
			}
			if rx.Get() != tx.Get() {
				t.Errorf("two last values: %v and %v", rx.Get(), tx.Get())
			}
		})
	}
	for k := range senders {
		tx := tx.Clone()
		wg.Go(func() {
			defer tx.Close()
			for i := 1; i <= each; i++ {
				tx.Send(background, [2]int{k, i})
			}
		})
	}
	tx.Close()
	wg.Wait()
}

// It fails if the first of two handles ends the channel, the second does not,
// or a closed handle sends or revives by Clone.
func TestClosedHandle(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, a *watch.Sender[int]) {
		rx, b := a.Subscribe(), a.Clone()
		done := start(func() (int, error) { return rx.Recv(ctx) })
		a.Close()
		a.Close()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatalf("Recv ended with one handle open: %v", <-done)
		}
		c := a.Clone()
		for _, tx := range []*watch.Sender[int]{a, c} {
			if err := tx.Send(ctx, 1); err != leat.ErrClosed {
				t.Errorf("Send on a closed handle: %v, want ErrClosed", err)
			}
			if err := tx.TrySend(1); err != leat.ErrClosed {
				t.Errorf("TrySend on a closed handle: %v, want ErrClosed", err)
			}
			if tx.Update(func(*int) bool { t.Error("Update on a closed handle ran"); return true }) {
				t.Error("Update on a closed handle sent")
			}
		}
		c.Close()
		b.Close()
		if r := <-done; r.err != leat.ErrClosed {
			t.Errorf("Recv with no handle open: %v, want ErrClosed", r)
		}
		if b.Get() != 0 {
			t.Errorf("the value is %d, want 0: a failed send has sent", b.Get())
		}
	})
}

// R2. It fails if a Send whose ctx is done sends, also on a closed handle,
// where the ctx comes first.
func TestContextFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	tx := watch.New(0)
	rx := tx.Subscribe()
	for range 2 {
		if err := tx.Send(ctx, 1); err != context.Canceled {
			t.Errorf("Send: %v, want context.Canceled", err)
		}
		if _, err := rx.WaitFor(ctx, func(int) bool { t.Error("WaitFor asked"); return true }); err != context.Canceled {
			t.Errorf("WaitFor: %v, want context.Canceled", err)
		}
		if _, err := rx.Recv(ctx); err != context.Canceled {
			t.Errorf("Recv: %v, want context.Canceled", err)
		}
		for range rx.All(ctx) {
			t.Error("All yields a value")
		}
		tx.Close()
		rx.Close()
	}
	if tx.Get() != 0 {
		t.Errorf("the value is %d, want 0", tx.Get())
	}
}

// R4. It fails if Receivers is off by one anywhere.
func TestR4_Receivers(t *testing.T) {
	tx := watch.New(0)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			rx := tx.Subscribe()
			rx.Ready()
			if i%2 == 0 {
				rx.Close()
				rx.Close()
			} else {
				t.Cleanup(func() { rx.Close() })
			}
		})
	}
	wg.Wait()
	if tx.Receivers() != 32 {
		t.Errorf("%d receivers, want 32", tx.Receivers())
	}
}
