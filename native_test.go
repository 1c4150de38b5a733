package leat_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
)

// It fails if ToChan's goroutine outlives its ctx or its source, or the native
// channel stays open.
func TestToChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		tx, rx := mpsc.New[int](4)
		ch := leat.ToChan(background, rx)
		tx.SendMany(background, []int{1, 2, 3})
		tx.Close()
		sum := 0
		for v := range ch {
			sum += v
		}
		if sum != 6 {
			t.Errorf("sum %d, want 6", sum)
		}

		tx, rx = mpsc.New[int](4)
		ctx, cancel := context.WithCancel(background)
		ch = leat.ToChan(ctx, rx)
		tx.SendMany(background, []int{1, 2, 3})
		<-ch
		cancel()
		synctest.Wait()
		if _, ok := <-ch; ok {
			t.Error("the native channel is open after ctx ended and nobody received")
		}

		btx := broadcast.New[int](1)
		brx := btx.Subscribe()
		btx.SendMany(background, []int{1, 2, 3})
		btx.Close()
		if v := <-leat.ToChan[int](background, brx); v != 3 || brx.Missed() != 2 {
			t.Errorf("from a receiver that lagged: %d with %d missed, want 3 with 2", v, brx.Missed())
		}
	})
}

// It fails if ToChan allocates for a value that it hands on.
func TestToChanAllocatesNothing(t *testing.T) {
	for _, capacity := range []int{0, 1, 16} {
		const values = 1000
		tx, rx := mpsc.New[int](values + 1)
		for i := range values + 1 { // AllocsPerRun has one extra run, to begin with
			tx.TrySend(i)
		}
		tx.Close()
		ch := leat.ToChan(background, rx, capacity)
		if n := testing.AllocsPerRun(values, func() { <-ch }); n != 0 {
			t.Errorf("capacity %d: %v allocations for each value, want 0", capacity, n)
		}
	}
}

// FromChan on every state of a native channel.
func TestFromChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int, 2)
		rx := leat.FromChan(ch)
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("TryRecv of an empty channel: %v", err)
		}
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		if _, err := rx.Recv(ctx); err != context.DeadlineExceeded {
			t.Errorf("Recv until the deadline: %v", err)
		}
		ch <- 1
		if _, err := rx.Recv(ctx); err != context.DeadlineExceeded {
			t.Errorf("Recv with a ctx that is done, and a value there: %v; ctx comes first", err)
		}
		if v, err := rx.Recv(background); v != 1 || err != nil {
			t.Errorf("Recv: %d, %v", v, err)
		}
		ch <- 2
		close(ch)
		if v, err := rx.TryRecv(); v != 2 || err != nil {
			t.Errorf("TryRecv: %d, %v", v, err)
		}
		if _, err := rx.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv of a closed channel: %v", err)
		}
		if _, err := rx.Recv(background); err != leat.ErrClosed {
			t.Errorf("Recv of a closed channel: %v", err)
		}

		never := leat.FromChan[int](nil)
		errs := make(chan error, 2)
		for range 2 {
			go func() { _, err := never.Recv(background); errs <- err }()
		}
		synctest.Wait()
		never.Close()
		never.Close()
		for range 2 {
			if err := <-errs; err != leat.ErrClosed {
				t.Errorf("waiting Recv after Close: %v", err)
			}
		}
		if _, err := never.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv after Close: %v", err)
		}
		if _, err := never.Recv(background); err != leat.ErrClosed {
			t.Errorf("Recv after Close: %v", err)
		}
	})
}

// Made outside of the bubble: it hangs if FromChan's own part of the wait does
// not block durably.
func TestFromChanMadeOutsideOfTheBubble(t *testing.T) {
	never := leat.FromChan[int](nil)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(background, time.Hour)
		defer cancel()
		if _, err := never.Recv(ctx); err != context.DeadlineExceeded {
			t.Errorf("Recv: %v", err)
		}
	})
}

func TestNilContextPanics(t *testing.T) {
	var none context.Context
	for name, f := range map[string]func(){
		"FromChan": func() { leat.FromChan[int](nil).Recv(none) },
		"ToChan":   func() { leat.ToChan(none, leat.FromChan[int](nil)) },
		"All":      func() { leat.All(none, leat.Never[int]()) },
		"IntoChan": func() { leat.IntoChan(make(chan int, 1)).Send(none, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic for a nil ctx", name)
				}
			}()
			f()
		}()
	}
}

// It fails if IntoChan's Sender differs from the contract on any state of the
// native channel.
func TestIntoChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int, 1)
		tx := leat.IntoChan(ch)
		done, cancel := context.WithCancel(background)
		cancel()
		if err := tx.Send(done, 0); err != context.Canceled || len(ch) != 0 {
			t.Errorf("Send with a ctx that is done: %v, and ch holds %d values; ctx comes first", err, len(ch))
		}
		if err := tx.Send(background, 1); err != nil || len(ch) != 1 {
			t.Errorf("Send to a channel with room: %v, and ch holds %d values", err, len(ch))
		}
		if err := tx.TrySend(2); err != leat.ErrFull {
			t.Errorf("TrySend to a full channel: %v", err)
		}
		ctx, stop := context.WithTimeout(background, time.Second)
		defer stop()
		if err := tx.Send(ctx, 3); err != context.DeadlineExceeded || len(ch) != 1 {
			t.Errorf("Send until the deadline: %v, and ch holds %d values", err, len(ch))
		}
		sent := make(chan error)
		go func() { sent <- tx.Send(background, 4) }()
		synctest.Wait()
		if v := <-ch; v != 1 {
			t.Errorf("received %d, want 1", v)
		}
		if err := <-sent; err != nil || <-ch != 4 {
			t.Errorf("Send that waited for room: %v", err)
		}
		if err := tx.TrySend(5); err != nil || <-ch != 5 {
			t.Errorf("TrySend to a channel with room: %v", err)
		}
	})
}

// It fails if Close of an IntoChan Sender closes the native channel or another
// Sender of it, or leaves a Send of its own waiting.
func TestIntoChanCloseIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		tx, other := leat.IntoChan(ch), leat.IntoChan(ch)
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		sent := make(chan error, 2)
		for _, ctx := range []context.Context{background, ctx} {
			go func() { sent <- tx.Send(ctx, 1) }()
		}
		kept := make(chan error, 1)
		go func() { kept <- other.Send(background, 2) }()
		synctest.Wait()
		for range 2 {
			if err := tx.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		for range 2 {
			if err := <-sent; err != leat.ErrClosed {
				t.Errorf("Send that waited at Close: %v", err)
			}
		}
		if v, ok := <-ch; v != 2 || !ok || <-kept != nil {
			t.Errorf("the other Sender's value arrived as %d, %v", v, ok)
		}
		if err := tx.Send(background, 3); err != leat.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
		if err := tx.TrySend(3); err != leat.ErrClosed {
			t.Errorf("TrySend after Close: %v", err)
		}
		cancel()
		if err := tx.Send(ctx, 3); err != context.Canceled {
			t.Errorf("Send after Close, with a ctx that is done: %v; ctx comes first", err)
		}
	})
}

// It fails if a Send panics, or blocks, because the native channel was closed
// before it or while it waited.
func TestIntoChanOfChannelThatCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		tx := leat.IntoChan(ch)
		sent := make(chan error, 2)
		for i := range 2 {
			go func() { sent <- tx.Send(background, i) }()
		}
		synctest.Wait()
		close(ch)
		for range 2 {
			if err := <-sent; err != leat.ErrClosed {
				t.Errorf("Send that waited as the channel closed: %v", err)
			}
		}
		if err := tx.Send(background, 1); err != leat.ErrClosed {
			t.Errorf("Send to a closed channel: %v", err)
		}
		if err := tx.TrySend(1); err != leat.ErrClosed {
			t.Errorf("TrySend to a closed channel: %v", err)
		}
		if err := tx.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// It fails if a nil channel has room, or if a wait for it does not end, or is
// not durably blocking because the Sender was made outside the bubble.
func TestIntoChanOfNil(t *testing.T) {
	tx := leat.IntoChan[int](nil)
	synctest.Test(t, func(t *testing.T) {
		if err := tx.TrySend(1); err != leat.ErrFull {
			t.Errorf("TrySend: %v", err)
		}
		ctx, cancel := context.WithTimeout(background, time.Hour)
		defer cancel()
		if err := tx.Send(ctx, 1); err != context.DeadlineExceeded {
			t.Errorf("Send until the deadline: %v", err)
		}
		sent := make(chan error)
		go func() { sent <- tx.Send(background, 1) }()
		synctest.Wait()
		tx.Close()
		if err := <-sent; err != leat.ErrClosed {
			t.Errorf("Send that waited at Close: %v", err)
		}
	})
}

// It fails if a Send to a channel with room allocates, or one that waits more
// than the channel that it sleeps on.
func TestIntoChanAllocations(t *testing.T) {
	ch := make(chan int, 1)
	tx := leat.IntoChan(ch)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if n := testing.AllocsPerRun(100, func() { tx.Send(ctx, 1); <-ch; tx.TrySend(1); <-ch }); n != 0 {
		t.Errorf("%v allocations for a Send and a TrySend that do not wait, want 0", n)
	}
	ch <- 0
	waited := make(chan struct{})
	go func() {
		for range waited {
			for range 100 {
				<-ch
			}
			waited <- struct{}{}
		}
	}()
	n := testing.AllocsPerRun(100, func() {
		waited <- struct{}{}
		for range 100 {
			tx.Send(ctx, 1)
		}
		<-waited
	})
	close(waited)
	if n > 100 {
		t.Errorf("%v allocations for 100 Sends, some of which wait; want at most 1 each", n)
	}
}

// It fails if OnSend takes a Sender of IntoChan, or refuses it without the
// reason.
func TestIntoChanInSelect(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "leat: OnSend to a Sender from IntoChan; ") {
			t.Errorf("OnSend panics with %q", text)
		}
	}()
	leat.OnSend(leat.IntoChan(make(chan int, 1)), 1, nil)
}

// It fails if Copy into a native channel loses a value, or does not hand back
// the one that it could not send.
func TestCopyIntoChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, rx := mpsc.New[int](3)
		src.SendMany(background, []int{1, 2, 3})
		ch := make(chan int, 2)
		tx := leat.IntoChan(ch)
		type result struct {
			n   int64
			err error
		}
		copied := make(chan result)
		go func() { n, err := leat.Copy(background, tx, rx); copied <- result{n, err} }()
		synctest.Wait()
		tx.Close()
		got := <-copied
		var unsent *leat.UnsentError[int]
		if got.n != 2 || !errors.As(got.err, &unsent) || unsent.Value != 3 || !errors.Is(got.err, leat.ErrClosed) {
			t.Errorf("Copy: %d, %v; want 2 and the third value back", got.n, got.err)
		}
		if a, b := <-ch, <-ch; a != 1 || b != 2 {
			t.Errorf("received %d and %d", a, b)
		}
	})
}

// plain hides every method of a Receiver that is not in the contract.
type plain[T any] struct{ rx leat.Receiver[T] }

func (p plain[T]) Recv(ctx context.Context) (T, error) { return p.rx.Recv(ctx) }
func (p plain[T]) TryRecv() (T, error)                 { return p.rx.TryRecv() }
func (p plain[T]) Close() error                        { return p.rx.Close() }

// It fails if more than capacity + 1 values leave the receiver before the first
// is received, fewer than that, or if one is lost or out of order.
func TestToChanCapacityIsExact(t *testing.T) {
	for _, capacity := range []int{0, 1, 2, 63, 64, 65, 200} {
		for _, wrap := range []func(leat.Receiver[int]) leat.Receiver[int]{
			func(rx leat.Receiver[int]) leat.Receiver[int] { return rx },
			func(rx leat.Receiver[int]) leat.Receiver[int] { return plain[int]{rx} },
		} {
			synctest.Test(t, func(t *testing.T) {
				const values = 500
				tx, rx := mpsc.New[int](values)
				for i := range values {
					tx.TrySend(i)
				}
				tx.Close()
				ch := leat.ToChan(background, wrap(rx), capacity)
				if cap(ch) != capacity {
					t.Fatalf("capacity %d: the native channel has %d", capacity, cap(ch))
				}
				for i := range values {
					synctest.Wait()
					if left, most := values-rx.Len()-i, capacity+1; left != min(most, values-i) {
						t.Fatalf("capacity %d: %d values have left and were not received, want %d", capacity, left, most)
					}
					if v := <-ch; v != i {
						t.Fatalf("capacity %d: received %d, want %d", capacity, v, i)
					}
				}
				if _, ok := <-ch; ok {
					t.Errorf("capacity %d: a value too many", capacity)
				}
			})
		}
	}
}

// doubled has a Recv and a TryRecv of its own, and the RecvMany of another.
type doubled struct{ *mpsc.Receiver[int] }

func (d doubled) Recv(ctx context.Context) (int, error) {
	v, err := d.Receiver.Recv(ctx)
	return 2 * v, err
}

func (d doubled) TryRecv() (int, error) {
	v, err := d.Receiver.TryRecv()
	return 2 * v, err
}

// It fails if ToChan passes by the Recv of a type that embeds a receiver.
func TestToChanUsesTheOuterRecv(t *testing.T) {
	tx, rx := mpsc.New[int](4)
	tx.SendMany(background, []int{1, 2, 3})
	tx.Close()
	sum := 0
	for v := range leat.ToChan[int](background, doubled{rx}, 8) {
		sum += v
	}
	if sum != 12 {
		t.Errorf("sum %d, want 12", sum)
	}
}

// counted counts the calls of RecvMany.
type counted struct {
	plain[int]
	many  *mpsc.Receiver[int]
	calls int
}

func (c *counted) RecvMany(ctx context.Context, buf []int) (int, error) {
	c.calls++
	return c.many.RecvMany(ctx, buf)
}

// It fails if ToChan receives one by one though the native channel has room.
func TestToChanReceivesInRuns(t *testing.T) {
	tx, rx := mpsc.New[int](64)
	for i := range 64 {
		tx.TrySend(i)
	}
	tx.Close()
	c := &counted{plain: plain[int]{rx}, many: rx}
	for range leat.ToChan[int](background, c, 64) {
	}
	if c.calls != 2 {
		t.Errorf("%d calls of RecvMany for 64 values and the end, want 2", c.calls)
	}
}

// It fails if ToChan with a capacity stops at a gap, or drops at the end of ctx
// what the native channel holds.
func TestToChanWithCapacityEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		btx := broadcast.New[int](2)
		brx := btx.Subscribe()
		btx.SendMany(background, []int{1, 2, 3, 4})
		ctx, cancel := context.WithCancel(background)
		ch := leat.ToChan[int](ctx, brx, 8)
		synctest.Wait()
		cancel()
		synctest.Wait()
		var got []int
		for v := range ch {
			got = append(got, v)
		}
		if len(got) != 2 || got[0] != 3 || got[1] != 4 || brx.Missed() != 2 {
			t.Errorf("received %v with %d missed, want 3 and 4 with 2", got, brx.Missed())
		}
	})
}

// It fails if a capacity that makes no sense is taken, or refused without a
// reason.
func TestToChanPanics(t *testing.T) {
	for want, capacity := range map[string][]int{
		"leat: ToChan with capacity -1; it must be at least 0": {-1},
		"leat: ToChan with 2 capacities; it takes at most one": {1, 2},
	} {
		func() {
			defer func() {
				if r := recover(); r != want {
					t.Errorf("ToChan with %v panics with %v", capacity, r)
				}
			}()
			leat.ToChan(background, leat.Never[int](), capacity...)
		}()
	}
}
