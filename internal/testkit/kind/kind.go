// Package kind holds what the tests of the kinds have in common, besides the
// contract, which is leattest's.
package kind

import (
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/queue"
)

// Main is the TestMain of mpsc and mpmc. With LEAT_TWO_LOCKS set, small
// channels have two locks, as those of more than queue.OneLock values have.
func Main(m *testing.M) {
	if os.Getenv("LEAT_TWO_LOCKS") != "" {
		queue.OneLock = 0
	}
	os.Exit(m.Run())
}

// MustPanic fails t unless f panics with a text that begins with the kind's
// name and contains want.
func MustPanic(t testing.TB, kind, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, ok := recover().(string); !ok || !strings.Contains(got, want) || !strings.HasPrefix(got, kind) {
			t.Errorf("panic value %q; it should begin with %q and contain %q", got, kind, want)
		}
	}()
	f()
}

// Until collects garbage until done reports true, and fails t, saying what did
// not happen, if that takes longer than ten seconds of the real clock. Inside a
// testing/synctest bubble the clock stands still, and the test's own time-out
// is the bound.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("the garbage collector ran for ten seconds, and yet: not %s", what)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

// Live returns how many bytes are reachable.
func Live() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found unreachable was swept, and its cleanups have been queued
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// WantTryRecv fails t unless TryRecv of rx returns v and err.
func WantTryRecv(t testing.TB, rx interface{ TryRecv() (int, error) }, v int, err error) {
	t.Helper()
	if gotV, gotErr := rx.TryRecv(); gotV != v || gotErr != err {
		t.Errorf("TryRecv: %d, %v; want %d, %v", gotV, gotErr, v, err)
	}
}

// WantCause fails t unless err is ErrClosed with the cause, or ErrClosed itself
// if cause is nil.
func WantCause(t testing.TB, what string, err, cause error) {
	t.Helper()
	closed, ok := err.(*leat.ClosedError)
	bare := leat.ErrClosed // compared by ==, because errors.Is finds it in a *ClosedError, too
	switch {
	case cause == nil && err != bare:
		t.Errorf("%s: %v, want ErrClosed itself", what, err)
	case cause != nil && (!ok || closed.Cause != cause):
		t.Errorf("%s: %v, want a *ClosedError with the cause %v", what, err, cause)
	}
}

// LargeCapacity fails t if a channel that open makes takes memory for more
// values than it holds, loses one, or has another capacity than it was given.
func LargeCapacity(t *testing.T, open func(capacity int) (tx Sender, rx Receiver)) {
	t.Helper()
	const (
		n        = 5000
		perValue = 64
		slack    = 1 << 16 // what else is live
	)
	for _, capacity := range []int{1 << 20, math.MaxInt32/2 + 1, math.MaxInt - 1, math.MaxInt} {
		before := Live()
		tx, rx := open(capacity)
		if idle := Live(); idle > before+slack {
			t.Errorf("capacity %d: %d bytes are live while nothing was sent", capacity, idle-before)
		}
		for i := range n {
			if err := tx.TrySend(i); err != nil {
				t.Fatalf("capacity %d: TrySend %d: %v", capacity, i, err)
			}
		}
		if used := Live(); used > before+n*perValue+slack {
			t.Errorf("capacity %d: %d bytes are live with %d values", capacity, used-before, n)
		}
		for i := range n {
			WantTryRecv(t, rx, i, nil)
		}
		if tx.Cap() != capacity {
			t.Errorf("Cap is %d, want %d", tx.Cap(), capacity)
		}
		tx.Close()
		rx.Close()
	}
}

// A Sender is a bounded channel's sending end.
type Sender interface {
	TrySend(int) error
	Cap() int
	Close() error
}

// A Receiver is a channel's receiving end.
type Receiver interface {
	TryRecv() (int, error)
	Close() error
}

// Open reports whether ch can be received from.
func Open(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
