package watch_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

// R8. It fails if an update that declines changes the value or wakes anybody,
// or one that does not wakes nobody.
func TestR8_UpdateCanDecline(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		ready := rx.Ready()
		joined := tx.Subscribe().Ready()
		done := start(func() (int, error) { return rx.Recv(ctx) })
		if tx.Update(func(v *int) bool { *v = 7; return false }) {
			t.Error("Update says that it sent a declined value")
		}
		synctest.Wait()
		select {
		case r := <-done:
			t.Fatalf("a declined update woke the receiver: %v", r)
		case <-ready:
			t.Error("a declined update opened Ready")
		case <-joined:
			t.Error("a declined update opened the other receiver's Ready")
		default:
		}
		if tx.Get() != 0 || rx.HasChanged() {
			t.Errorf("after a declined update: value %d, changed %v", tx.Get(), rx.HasChanged())
		}
		if !tx.Update(func(v *int) bool { *v += 8; return true }) {
			t.Error("Update says that it did not send")
		}
		if r := <-done; r != (result{8, nil}) {
			t.Errorf("Recv: %v, want 8", r)
		}
	})
}

// It fails if an update that runs while the handle closes is sent after the
// end.
func TestUpdateWhileClosing(t *testing.T) {
	tx := watch.New(0)
	rx := tx.Subscribe()
	if tx.Update(func(v *int) bool { tx.Close(); *v = 1; return true }) {
		t.Error("Update says that it sent on a handle that was closed meanwhile")
	}
	if tx.Get() != 0 {
		t.Errorf("the value is %d, want 0", tx.Get())
	}
	wantRecv(t, rx, 0, leat.ErrClosed)
}

// Updates of several goroutines at once, half of them declined. It fails if an
// update overwrites a value that it has not read, or counts twice because it
// ran twice.
func TestNoUpdateIsLost(t *testing.T) {
	const goroutines, each = 4, 2000
	tx := watch.New([2]int{})
	var wg sync.WaitGroup
	for k := range goroutines {
		wg.Go(func() {
			for i := range each {
				tx.Update(func(v *[2]int) bool { v[k%2]++; return i%2 == 0 })
			}
		})
	}
	wg.Wait()
	if got, want := tx.Get(), goroutines/2*each/2; got != [2]int{want, want} {
		t.Errorf("counted %v, want %d each", got, want)
	}
}

// R8. It fails if WaitFor returns a value that was not accepted, does not look
// at the current value first, or marks what it should not.
func TestR8_WaitFor(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		atLeast := func(n int) func() (int, error) {
			return func() (int, error) { return rx.WaitFor(ctx, func(v int) bool { return v >= n }) }
		}
		if v, err := atLeast(0)(); v != 0 || err != nil { // though it was seen
			t.Errorf("WaitFor the current value: %d, %v; want 0", v, err)
		}
		done := start(atLeast(3))
		for v := 1; v < 3; v++ {
			tx.Send(ctx, v)
			synctest.Wait()
			if len(done) != 0 {
				t.Fatalf("WaitFor 3 returned with %d", v)
			}
		}
		if !rx.HasChanged() {
			t.Error("a value that was refused is seen")
		}
		tx.Send(ctx, 4)
		if r := <-done; r != (result{4, nil}) {
			t.Errorf("WaitFor 3: %v, want 4", r)
		}
		if rx.HasChanged() {
			t.Error("the value that was accepted is not seen")
		}
		tx.Send(ctx, 5)
		if v, err := atLeast(5)(); v != 5 || err != nil || rx.HasChanged() {
			t.Errorf("WaitFor 5: %d, %v, changed %v", v, err, rx.HasChanged())
		}
	})
}

// R8: at the end. It fails if the last value is not tested again, or
// WaitFor waits for a value that cannot come.
func TestR8_WaitForAtTheEnd(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		var asked []int
		done := start(func() (int, error) {
			return rx.WaitFor(ctx, func(v int) bool { asked = append(asked, v); return false })
		})
		tx.Close()
		if r := <-done; r != (result{0, leat.ErrClosed}) {
			t.Errorf("WaitFor at the end: %v, want ErrClosed", r)
		}
		if len(asked) != 2 {
			t.Errorf("asked about %v, want the last value a second time", asked)
		}
		if v, err := rx.WaitFor(ctx, func(v int) bool { return v == 0 }); v != 0 || err != nil {
			t.Errorf("WaitFor the last value after the end: %d, %v; want 0", v, err)
		}
		if _, err := rx.WaitFor(ctx, func(v int) bool { return v == 1 }); err != leat.ErrClosed {
			t.Errorf("WaitFor a value that does not come: %v, want ErrClosed", err)
		}
		rx.Close()
		if _, err := rx.WaitFor(ctx, func(int) bool { return true }); err != leat.ErrClosed {
			t.Errorf("WaitFor of a closed receiver: %v, want ErrClosed", err)
		}
	})
}

// R2. It fails if a WaitFor that is cancelled has seen something, or if one
// that was served by then says that it was cancelled.
func TestWaitForCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		for _, accept := range []bool{false, true} {
			ctx, cancel := context.WithCancel(background)
			done := start(func() (int, error) { return rx.WaitFor(ctx, func(v int) bool { return accept && v > 0 }) })
			tx.Send(background, 1) // serves it
			cancel()
			want := result{0, context.Canceled}
			if accept {
				want = result{1, nil}
			}
			if r := <-done; r != want {
				t.Errorf("accept %v: WaitFor: %v, want %v", accept, r, want)
			}
			if rx.HasChanged() == accept {
				t.Errorf("accept %v: changed %v", accept, rx.HasChanged())
			}
			if tx.Waiting() != 0 {
				t.Errorf("accept %v: a waiter is left behind", accept)
			}
			tx.Send(background, 0)
			rx.TryRecv()
		}
	})
}

// Values that come as fast as they are refused. It fails, by going on for ever,
// if WaitFor heeds its ctx only when it has to wait.
func TestWaitForCancelledWithoutAWait(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	tx := watch.New(0)
	rx := tx.Subscribe()
	if _, err := rx.WaitFor(ctx, func(v int) bool {
		if v == 10 {
			cancel()
		}
		tx.Send(background, v+1)
		return false
	}); err != context.Canceled {
		t.Errorf("WaitFor: %v, want context.Canceled", err)
	}
}
