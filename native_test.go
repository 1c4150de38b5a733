package leat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
)

// It fails if ToChan's goroutine outlives its ctx or its source, or the native channel stays open.
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
	const values = 1000
	tx, rx := mpsc.New[int](values + 1)
	for i := range values + 1 { // AllocsPerRun receives once more, to begin with
		tx.TrySend(i)
	}
	tx.Close()
	ch := leat.ToChan(background, rx)
	if n := testing.AllocsPerRun(values, func() { <-ch }); n != 0 {
		t.Errorf("%v allocations for each value, want 0", n)
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

// Made outside of the bubble: it hangs if FromChan's own part of the wait does not block durably.
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
