package leat_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/watch"
)

// What docs/from-tokio-and-crossbeam.md says of leat where it differs from
// tokio and crossbeam. Each part fails if the page is wrong.
func TestFromTokioAndCrossbeam(t *testing.T) {
	t.Run("capacity() is Cap() - Len() only while no permit is out", func(t *testing.T) {
		tx, rx := mpsc.New[int](4)
		defer rx.Close()
		tx.TrySend(1)
		if free := tx.Cap() - tx.Len(); free != 3 {
			t.Errorf("with one value: %d, want 3", free)
		}
		p, err := tx.Reserve(background)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		if free := tx.Cap() - tx.Len(); free != 3 {
			t.Errorf("with one value and one permit: %d, want 3, as without the permit", free)
		}
		for range 2 {
			if err := tx.TrySend(1); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.TrySend(1); err != leat.ErrFull || tx.Cap()-tx.Len() != 1 {
			t.Errorf("TrySend beside the permit: %v, Cap() - Len() = %d; want ErrFull, and 1 for the permit's slot",
				err, tx.Cap()-tx.Len())
		}
	})

	t.Run("a time limit of 0 never takes a value that is there", func(t *testing.T) {
		tx, rx := mpmc.New[int](2)
		defer tx.Close()
		tx.TrySend(1)
		ctx, cancel := context.WithTimeout(background, 0)
		defer cancel()
		if v, err := rx.Recv(ctx); err != context.DeadlineExceeded {
			t.Errorf("Recv: %d, %v", v, err)
		}
		if err := tx.Send(ctx, 2); err != context.DeadlineExceeded {
			t.Errorf("Send: %v", err)
		}
		if v, err := rx.TryRecv(); v != 1 || err != nil {
			t.Errorf("TryRecv: %d, %v; want the value", v, err)
		}
	})

	t.Run("HasChanged is true at the end while the last value is unseen", func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		tx.TrySend(1)
		tx.Close()
		if !rx.HasChanged() {
			t.Error("false, though the last value is unseen")
		}
		if v, err := rx.TryRecv(); v != 1 || err != nil {
			t.Errorf("TryRecv: %d, %v", v, err)
		}
		if rx.HasChanged() {
			t.Error("true after the last value was seen")
		}
	})

	t.Run("an Update that panics keeps nothing", func(t *testing.T) {
		tx := watch.New(1)
		defer tx.Close()
		rx := tx.Subscribe()
		func() {
			defer func() { recover() }()
			tx.Update(func(v *int) bool { *v = 2; panic("in Update") })
		}()
		if tx.Get() != 1 || rx.HasChanged() {
			t.Errorf("the value is %d, HasChanged is %v", tx.Get(), rx.HasChanged())
		}
	})

	t.Run("Every first ticks after one period", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			every := leat.Every(time.Minute)
			if _, err := every.TryRecv(); err != leat.ErrEmpty {
				t.Errorf("at once: %v", err)
			}
			for i := range 3 {
				tick, err := every.Recv(background)
				if want := time.Duration(i+1) * time.Minute; tick.Sub(start) != want || err != nil {
					t.Errorf("tick %d came after %v, %v; want %v", i, tick.Sub(start), err, want)
				}
			}
		})
	})

	t.Run("a broadcast receiver does not keep the channel open", func(t *testing.T) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe()
		if n := tx.Receivers(); n != 1 {
			t.Errorf("Receivers() = %d", n)
		}
		tx.Close()
		if _, err := rx.TryRecv(); !errors.Is(err, leat.ErrClosed) {
			t.Errorf("after the last sender closed: %v", err)
		}
		rx.Close()
		if n := tx.Receivers(); n != 0 {
			t.Errorf("Receivers() = %d after the last Close", n)
		}
	})
}
