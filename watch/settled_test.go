package watch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/watch"
)

// settling is a Settled in a goroutine of its own, in a bubble.
type settling struct {
	done chan struct{}
	v    int
	err  error
	took time.Duration
}

func settle(ctx context.Context, rx *watch.Receiver[int], quiet, atMost time.Duration) *settling {
	s := &settling{done: make(chan struct{})}
	begun := time.Now()
	go func() {
		defer close(s.done)
		s.v, s.err = rx.Settled(ctx, quiet, atMost)
		s.took = time.Since(begun)
	}()
	synctest.Wait()
	return s
}

// want waits for Settled to return, and asserts what it returned, and when.
func (s *settling) want(t *testing.T, v int, err error, took time.Duration) {
	t.Helper()
	<-s.done
	if s.v != v || s.err != err || s.took != took {
		t.Errorf("Settled = %d, %v after %v; want %d, %v after %v", s.v, s.err, s.took, v, err, took)
	}
}

// It fails if Settled returns before the value has been quiet for as long as
// was asked, or later, or returns a value that is not the newest.
func TestSettledWaitsForQuiet(t *testing.T) {
	for _, name := range []string{"background", "cancellable"} {
		synctest.Test(t, func(t *testing.T) {
			ctx := context.Background()
			if name == "cancellable" {
				ctx = t.Context()
			}
			tx := watch.New(0)
			rx := tx.Subscribe()
			s := settle(ctx, rx, time.Second, 0)
			<-time.After(time.Hour) // it waits for the first change without end
			for v := 1; v <= 5; v++ {
				tx.TrySend(v)
				if !rx.HasChanged() {
					t.Errorf("%s: a value is seen before it has settled", name)
				}
				<-time.After(time.Second - 1)
			}
			s.want(t, 5, nil, time.Hour+5*time.Second-4)
			if rx.HasChanged() {
				t.Errorf("%s: the value that Settled returned is not seen", name)
			}
			if _, err := rx.TryRecv(); err != leat.ErrEmpty {
				t.Errorf("%s: TryRecv after Settled: %v, want ErrEmpty", name, err)
			}
		})
	}
}

// It fails if values that keep changing hold Settled back for longer than
// atMost, counted from the first change.
func TestSettledAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		s := settle(t.Context(), rx, time.Second, 3400*time.Millisecond)
		<-time.After(time.Minute)
		for v := 1; v <= 10; v++ {
			tx.TrySend(v)
			<-time.After(500 * time.Millisecond)
		}
		s.want(t, 7, nil, time.Minute+3400*time.Millisecond)
		kind.WantTryRecv(t, rx, 10, nil)
	})
}

// It fails if a value that was there before the call is not waited for, or if
// atMost, being shorter than quiet, does not count.
func TestSettledFromAValueThatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		tx.TrySend(1)
		<-time.After(time.Hour)
		settle(t.Context(), rx, time.Second, 0).want(t, 1, nil, time.Second)
		tx.TrySend(2)
		settle(t.Context(), rx, time.Minute, time.Second).want(t, 2, nil, time.Second)
	})
}

// It fails if Settled without a quiet time is not Recv.
func TestSettledWithoutQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		for i, quiet := range []time.Duration{0, -time.Second} {
			tx.TrySend(i + 1)
			settle(t.Context(), rx, quiet, time.Hour).want(t, i+1, nil, 0)
		}
		if n := testing.AllocsPerRun(100, func() {
			tx.TrySend(1)
			rx.Settled(t.Context(), 0, 0)
		}); n > 1 {
			t.Errorf("a Send and a Settled that does not wait: %v allocations, want 1 by Send", n)
		}
	})
}

// It fails if Settled blocks on when the channel has ended or the receiver is
// closed, or returns something else than Recv would.
func TestSettledEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		s := settle(t.Context(), rx, time.Hour, 0)
		tx.TrySend(1)
		synctest.Wait()
		tx.Close()
		s.want(t, 1, nil, 0)
		settle(t.Context(), rx, time.Hour, 0).want(t, 0, leat.ErrClosed, 0)

		tx = watch.New(0)
		rx, other := tx.Subscribe(), tx.Subscribe()
		s, waits := settle(t.Context(), rx, time.Hour, 0), settle(t.Context(), other, time.Hour, 0)
		tx.TrySend(1)
		synctest.Wait()
		rx.Close()
		other.Close()
		s.want(t, 0, leat.ErrClosed, 0)
		waits.want(t, 0, leat.ErrClosed, 0)

		rx = tx.Subscribe()
		s = settle(t.Context(), rx, time.Hour, 0) // ends before the first change
		tx.Close()
		s.want(t, 0, leat.ErrClosed, 0)
	})
}

// R1, R2. It fails if a Settled whose ctx ends returns a value, or has seen
// one.
func TestSettledCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := settle(ctx, rx, time.Hour, 0)
		tx.TrySend(1)
		s.want(t, 0, context.DeadlineExceeded, time.Minute)
		if !rx.HasChanged() {
			t.Error("a Settled that failed has seen the value")
		}
		settle(ctx, rx, time.Hour, 0).want(t, 0, context.DeadlineExceeded, 0)
		kind.WantTryRecv(t, rx, 1, nil)
	})
}

// It fails if Ready does not know what Settled has seen.
func TestSettledShutsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		ready := rx.Ready()
		s := settle(t.Context(), rx, time.Second, 0)
		tx.TrySend(1)
		s.want(t, 1, nil, time.Second)
		select {
		case <-ready:
			t.Error("Ready can be received from, and there is nothing that was not seen")
		default:
		}
		tx.TrySend(2)
		<-ready
		kind.WantTryRecv(t, rx, 2, nil)
	})
}

// It fails if a value sent from another goroutine while the timer fires is
// lost, or if a race detector finds the two.
func TestSettledWhileSending(t *testing.T) {
	tx := watch.New(0)
	rx := tx.Subscribe()
	const last = 2000
	go func() {
		for v := 1; v <= last; v++ {
			tx.TrySend(v)
		}
		tx.Close()
	}()
	for before := 0; ; {
		v, err := rx.Settled(context.Background(), time.Microsecond, 10*time.Microsecond)
		if err == leat.ErrClosed {
			if before != last {
				t.Errorf("the last value that settled is %d, want %d", before, last)
			}
			return
		}
		if err != nil || v <= before {
			t.Fatalf("Settled = %d, %v after %d", v, err, before)
		}
		before = v
	}
}
