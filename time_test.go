package leat_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
)

// The value is the instant that was asked for, however late it is taken; there
// is one, and then none, and no end.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rx := leat.After(100 * time.Millisecond)
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("TryRecv before it is due: %v", err)
		}
		if v, err := rx.Recv(background); err != nil || v.Sub(start) != 100*time.Millisecond || time.Since(start) != 100*time.Millisecond {
			t.Errorf("Recv: %v, %v after %v", v.Sub(start), err, time.Since(start))
		}
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("TryRecv of a used timer: %v, want ErrEmpty", err)
		}
		ctx, cancel := context.WithTimeout(background, time.Hour)
		defer cancel()
		if _, err := rx.Recv(ctx); err != context.DeadlineExceeded {
			t.Errorf("Recv of a used timer: %v", err)
		}

		start = time.Now()
		late := leat.After(time.Second)
		<-time.After(time.Minute)
		if v, err := late.TryRecv(); err != nil || v.Sub(start) != time.Second {
			t.Errorf("TryRecv a minute late: %v, %v; want the instant that was due", v.Sub(start), err)
		}
	})
}

// Zero, negative and huge durations.
func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{0, -1, math.MinInt64} {
			if v, err := leat.After(d).TryRecv(); err != nil || !v.Equal(time.Now()) {
				t.Errorf("After(%d): %v, %v; want the present at once", d, v, err)
			}
			rx := leat.Every(d)
			for range 3 {
				if v, err := rx.Recv(background); err != nil || !v.Equal(time.Now()) {
					t.Errorf("Every(%d): %v, %v; want the present each time", d, v, err)
				}
			}
			if i, _ := leat.Select(background, leat.Default(nil), leat.OnRecv(leat.After(d), nil)); i != 1 {
				t.Errorf("After(%d) did not beat Default", d)
			}
		}
		ctx, cancel := context.WithTimeout(background, 24*time.Hour)
		defer cancel()
		i, err := leat.Select(ctx, leat.OnRecv(leat.After(math.MaxInt64), nil), leat.OnRecv(leat.Every(math.MaxInt64), nil), leat.OnRecv(leat.Never[int](), nil))
		if i != -1 || err != context.DeadlineExceeded {
			t.Errorf("Select over timers that are centuries away: %d, %v", i, err)
		}
	})
}

// Missed ticks are one, and the next is in step with the first.
func TestEveryCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rx := leat.Every(50 * time.Millisecond)
		at := func() time.Duration { return time.Since(start) / time.Millisecond }
		recv := func(wantValue, wantAt time.Duration) {
			t.Helper()
			v, err := rx.Recv(background)
			if value := v.Sub(start) / time.Millisecond; err != nil || value != wantValue || at() != wantAt {
				t.Errorf("received %d, %v at %d; want %d at %d", value, err, at(), wantValue, wantAt)
			}
		}
		recv(50, 50)
		<-time.After(300 * time.Millisecond)
		recv(100, 350) // the first that was missed, once
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("a second missed tick is there: %v", err)
		}
		recv(400, 400) // in step
		recv(450, 450)
	})
}

// However many goroutines share timers, each value is received once.
func TestSharedTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		timers := make([]leat.Receiver[time.Time], n)
		for i := range timers {
			timers[i] = leat.After(time.Duration(i) * time.Millisecond)
		}
		var hits atomic.Int64
		ctx, cancel := context.WithTimeout(background, time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for _, rx := range timers {
					if _, err := rx.TryRecv(); err == nil {
						hits.Add(1)
					}
					short, cancel := context.WithTimeout(ctx, 2*time.Millisecond)
					if _, err := rx.Recv(short); err == nil {
						hits.Add(1)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if hits.Load() != n {
			t.Errorf("%d timers gave %d values", n, hits.Load())
		}

		slow, fast := leat.Every(300*time.Millisecond), leat.Every(200*time.Millisecond)
		hits.Store(0)
		ctx, cancel = context.WithTimeout(background, 1100*time.Millisecond)
		defer cancel()
		for range 4 {
			wg.Go(func() {
				count := func(time.Time, error) { hits.Add(1) }
				for {
					if _, err := leat.Select(ctx, leat.OnRecv(slow, count), leat.OnRecv(fast, count)); err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if hits.Load() != 8 { // 3 of the slow and 5 of the fast one
			t.Errorf("ticks received by four goroutines in 1100 ms: %d, want 8", hits.Load())
		}
	})
}

// The timer that is due first is chosen, whatever the order of the cases.
func TestSelectTimersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 10 {
			i, err := leat.Select(background, leat.OnRecv(leat.After(3*time.Second), nil), leat.OnRecv(leat.After(time.Second), nil), leat.OnRecv(leat.After(2*time.Second), nil))
			if i != 1 || err != nil {
				t.Errorf("Select: %d, %v", i, err)
			}
		}
	})
}

// It fails if Close does not free who waits, or a closed timer still fires.
func TestTimerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, make := range []func() leat.Receiver[time.Time]{
			func() leat.Receiver[time.Time] { return leat.After(time.Hour) },
			func() leat.Receiver[time.Time] { return leat.Every(time.Hour) },
			leat.Never[time.Time],
		} {
			rx := make()
			var recv, selected error
			received := blocked(func() { _, recv = rx.Recv(background) })
			done := blocked(func() {
				leat.Select(background, leat.OnRecv(rx, func(_ time.Time, err error) { selected = err }), leat.OnRecv(leat.After(2*time.Hour), nil))
			})
			rx.Close()
			rx.Close()
			<-received
			<-done
			if recv != leat.ErrClosed || selected != leat.ErrClosed {
				t.Errorf("Close: Recv %v, Select %v; want ErrClosed", recv, selected)
			}
			<-time.After(3 * time.Hour)
			if _, err := rx.TryRecv(); err != leat.ErrClosed {
				t.Errorf("TryRecv after Close: %v", err)
			}
		}
	})
}

// It fails if a timer that nobody waits for costs more than its memory: no
// goroutine, and no timer of the runtime, which would keep it alive until it is
// due.
func TestAbandonedTimers(t *testing.T) {
	before := runtime.NumGoroutine()
	var freed atomic.Int32
	const n = 1000
	for range n {
		v := new([64]byte)
		runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
		rx := leat.After(time.Hour)
		leat.Select(background, leat.OnRecv(rx, func(time.Time, error) { _ = v }), leat.OnRecv(leat.Every(time.Hour), nil), leat.Default(nil))
		ctx, cancel := context.WithCancel(background)
		go cancel()
		leat.Select(ctx, leat.OnRecv(rx, func(time.Time, error) { _ = v }), leat.OnRecv(leat.Every(time.Hour), nil))
	}
	kind.Until(t, "all freed that belonged to abandoned Selects", func() bool { return freed.Load() == n })
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines after %d abandoned timers, %d before", after, n, before)
	}
}
