package watch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

// It fails if a receiver that was closed goes on, one that waits is not told,
// or another is.
func TestReceiverClose(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		for name, wait := range map[string]func(rx *watch.Receiver[int]) (int, error){
			"Recv":    func(rx *watch.Receiver[int]) (int, error) { return rx.Recv(ctx) },
			"WaitFor": func(rx *watch.Receiver[int]) (int, error) { return rx.WaitFor(ctx, func(int) bool { return false }) },
			"Select": func(rx *watch.Receiver[int]) (v int, err error) {
				fn := func(_ int, e error) { err = e }
				leat.Select(ctx, leat.OnRecv(rx, fn), leat.OnRecv(rx, fn))
				return v, err
			},
			"All": func(rx *watch.Receiver[int]) (int, error) {
				for range rx.All(ctx) {
				}
				return 0, leat.ErrClosed
			},
		} {
			rx, other := tx.Subscribe(), tx.Subscribe()
			ready := rx.Ready()
			done := start(func() (int, error) { return wait(rx) })
			otherDone := start(func() (int, error) { return other.Recv(ctx) })
			rx.Close()
			if r := <-done; r != (result{0, leat.ErrClosed}) {
				t.Errorf("%s that waits: %v, want ErrClosed", name, r)
			}
			<-ready
			tx.Send(ctx, 1)
			if r := <-otherDone; r != (result{1, nil}) {
				t.Errorf("the other receiver: %v, want 1", r)
			}
			wantRecv(t, rx, 0, leat.ErrClosed)
			if rx.HasChanged() || rx.Get() != 1 {
				t.Errorf("closed receiver: changed %v, Get %d; want false, 1", rx.HasChanged(), rx.Get())
			}
			for range rx.All(ctx) {
				t.Error("All of a closed receiver yields a value")
			}
			other.Close()
		}
		if tx.Waiting() != 0 || tx.Receivers() != 0 {
			t.Errorf("%d wait on %d receivers, want none", tx.Waiting(), tx.Receivers())
		}
	})
}

// All begins with the current value, seen or not, and goes on with newer
// ones. It fails if a value is repeated or the last missed.
func TestAll(t *testing.T) {
	tx := watch.New(1)
	rx := tx.Subscribe()
	loop := func(ctx context.Context, each func(v int) bool) string {
		var got []int
		for v := range rx.All(ctx) {
			got = append(got, v)
			if !each(v) {
				break
			}
		}
		return fmt.Sprint(got)
	}
	if got := loop(background, func(v int) bool {
		if v == 1 {
			tx.TrySend(2)
			tx.TrySend(3)
		}
		return v < 3
	}); got != "[1 3]" {
		t.Errorf("a loop that is left at 3 saw %s, want 1 and 3", got)
	}
	if rx.HasChanged() {
		t.Error("a value that All has yielded is not seen")
	}
	ctx, cancel := context.WithCancel(background)
	if got := loop(ctx, func(int) bool { cancel(); tx.TrySend(4); return true }); got != "[3]" {
		t.Errorf("a loop whose ctx ends saw %s, want 3", got)
	}
	if !rx.HasChanged() {
		t.Error("the loop whose ctx had ended has seen 4")
	}
	if got := loop(background, func(int) bool { tx.Close(); return true }); got != "[4]" {
		t.Errorf("a loop to the end saw %s, want 4", got)
	}
	if got := loop(background, func(int) bool { return true }); got != "[4]" {
		t.Errorf("a loop after the end saw %s, want the last value, 4", got)
	}
}

// Rule 12: a receiver that waits in native select, again and again. It fails if
// Ready is shut when there is something, open when there is nothing, or another
// channel each time.
func TestReadyInNativeSelect(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		ready := rx.Ready()
		if open(ready) {
			t.Error("Ready is open when all is seen")
		}
		var got []int
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				<-ready
				v, err := rx.TryRecv()
				if err == leat.ErrClosed {
					return
				}
				if err != nil {
					t.Errorf("TryRecv after Ready: %v", err)
				}
				if got = append(got, v); v == 3 {
					return
				}
			}
		}()
		synctest.Wait()
		for i := 1; i <= 3; i++ {
			tx.Send(ctx, i)
			synctest.Wait()
		}
		<-done
		if fmt.Sprint(got) != "[1 2 3]" {
			t.Errorf("received %v, want 1 2 3", got)
		}
		tx.Send(ctx, 4)
		rx.WaitFor(ctx, func(int) bool { return true })
		if open(ready) {
			t.Error("Ready is open for a value that WaitFor has returned")
		}
		tx.Send(ctx, 5)
		tx.Close()
		if !open(ready) {
			t.Error("Ready is shut with the last value unseen")
		}
		wantRecv(t, rx, 5, nil)
		if first := open(ready); !first || !open(ready) {
			t.Error("the end does not open Ready for good")
		}
		if rx.Ready() != ready {
			t.Error("another channel")
		}
	})
}

// R11: user code that runs within leat's calls may use the same channel. It
// fails by deadlock, or by a panic that it is misused.
func TestR11_Reentrancy(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, tx *watch.Sender[int]) {
		rx := tx.Subscribe()
		use := func() {
			other := tx.Clone()
			other.Subscribe().Close()
			other.Close()
			if tx.Receivers() != 1 || tx.Get() != rx.Get() {
				t.Errorf("%d receivers, values %d and %d", tx.Receivers(), tx.Get(), rx.Get())
			}
			rx.Ready()
			rx.TryRecv()
		}
		if v, err := rx.WaitFor(ctx, func(v int) bool {
			tx.Send(ctx, v+1)
			use()
			return v == 5
		}); v != 5 || err != nil {
			t.Errorf("WaitFor: %d, %v; want 5", v, err)
		}
		if rx.HasChanged() {
			t.Error("what the func itself received is unseen again")
		}
		runs := 0
		tx.Update(func(v *int) bool {
			use()
			if runs++; runs < 3 {
				tx.Send(ctx, *v+10)
			}
			*v++
			return true
		})
		if tx.Get() != 27 || runs != 3 {
			t.Errorf("Update made it %d in %d runs, want 27 in 3: a value sent meanwhile is lost", tx.Get(), runs)
		}
		for v := range rx.All(ctx) {
			use()
			if v == 30 {
				tx.Close()
				continue
			}
			tx.Send(ctx, v+1)
		}
	})
}

// It fails if a panic in the loop body, in a predicate or in an update leaves a
// lock locked or a receiver in use.
func TestPanics(t *testing.T) {
	tx := watch.New(1)
	rx := tx.Subscribe()
	tx.TrySend(2)
	var panics atomic.Int32
	for _, f := range []func(){
		func() { rx.WaitFor(background, func(int) bool { panic("in WaitFor") }) },
		func() { tx.Update(func(v *int) bool { *v = 9; panic("in Update") }) },
	} {
		func() {
			defer func() { recover(); panics.Add(1) }()
			f()
		}()
		if !rx.HasChanged() || rx.Get() != 2 || tx.Get() != 2 {
			t.Errorf("after the panic: changed %v, values %d and %d; want true, 2 and 2", rx.HasChanged(), rx.Get(), tx.Get())
		}
	}
	func() {
		defer func() { recover(); panics.Add(1) }()
		for range rx.All(background) {
			panic("in the loop")
		}
	}()
	if panics.Load() != 3 {
		t.Errorf("%d panics came through, want 3", panics.Load())
	}
	wantRecv(t, rx, 0, leat.ErrEmpty)
	if !tx.Update(func(v *int) bool { *v++; return true }) {
		t.Error("Update after the panic did not send")
	}
	wantRecv(t, rx, 3, nil)
}
