package leattest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
)

// A tester is a test that runs. Its failures explain themselves, and its end
// closes what it has opened.
type tester struct {
	*testing.T
	*testcase
	kind    Kind
	can     abilities
	virtual bool // in a bubble
	make    func(capacity int) Channel

	mu      sync.Mutex
	handles []interface{ Close() error }
	cancels []context.CancelFunc
	calls   []*call
}

// Errorf reports a failure and the promise that broke.
func (t *tester) Errorf(format string, args ...any) {
	t.Helper()
	t.T.Errorf("%s\n%s", fmt.Sprintf(format, args...), t.explain())
}

// Fatalf is Errorf, and ends the test.
func (t *tester) Fatalf(format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	t.FailNow()
}

// scale returns n, or less where each operation is a journey.
func (t *tester) scale(n int) int {
	if t.kind.Features.Remote {
		return max(10, n/100)
	}
	return n
}

// A channel is an opened Channel whose handles are closed at the end of the
// test.
type channel struct {
	t *tester
	Channel
	tx       leat.Sender[int]
	rx       leat.Receiver[int]
	capacity int
}

func (t *tester) open(capacity int) *channel {
	ch := &channel{t: t, Channel: t.make(capacity), capacity: capacity}
	ch.tx, ch.rx = ch.Sender, ch.Receiver
	t.own(ch.tx, ch.rx)
	return ch
}

func (ch *channel) clone() leat.Sender[int] {
	tx := ch.Clone()
	ch.t.own(tx)
	return tx
}

func (ch *channel) subscribe() leat.Receiver[int] {
	rx := ch.Subscribe()
	ch.t.own(rx)
	return rx
}

func (t *tester) own(handles ...interface{ Close() error }) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handles = append(t.handles, handles...)
}

// ctx returns a context that ends long after anything should have happened, and
// can be cancelled.
func (t *tester) ctx() context.Context {
	d := remotePatience
	if t.virtual {
		d = time.Hour
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.mu.Lock()
	t.cancels = append(t.cancels, cancel)
	t.mu.Unlock()
	return ctx
}

// contexts returns the two sorts of context that a call can wait on: one that
// never ends, and one that can.
func (t *tester) contexts() map[string]context.Context {
	return map[string]context.Context{"background": context.Background(), "cancellable": t.ctx()}
}

// A call is an operation in a goroutine of its own. Its fields are good once
// done is closed.
type call struct {
	t        *tester
	what     string
	done     chan struct{}
	n        int // a value, or a count
	err      error
	panicked any
}

// start runs f in a goroutine, and returns at once: in a bubble, when f waits
// or has returned.
func (t *tester) start(what string, f func() (int, error)) *call {
	c := &call{t: t, what: what, done: make(chan struct{})}
	t.mu.Lock()
	t.calls = append(t.calls, c)
	t.mu.Unlock()
	go func() {
		defer close(c.done)
		defer func() { c.panicked = recover() }()
		c.n, c.err = f()
	}()
	t.settle()
	return c
}

// startSend sends v in a goroutine, and startRecv receives.
func (t *tester) startSend(ctx context.Context, tx leat.Sender[int], v int) *call {
	return t.start(fmt.Sprintf("Send(%d)", v), func() (int, error) { return 0, tx.Send(ctx, v) })
}

func (t *tester) startRecv(ctx context.Context, rx leat.Receiver[int]) *call {
	return t.start("Recv", func() (int, error) { return rx.Recv(ctx) })
}

// settle waits until all goroutines of the bubble wait. Outside of a bubble it
// does nothing.
func (t *tester) settle() {
	if t.virtual {
		synctest.Wait()
	}
}

func (c *call) returned() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// waits asserts that the call has not returned. Outside of a bubble nobody can
// tell, and it does nothing.
func (c *call) waits() {
	c.t.Helper()
	c.t.settle()
	if c.t.virtual && c.returned() {
		c.t.Fatalf("%s returned %d, %v; it should wait", c.what, c.n, c.err)
	}
}

// result waits for the call to return what it did; in a bubble, it must have
// returned by now.
func (c *call) result() (int, error) {
	c.t.Helper()
	c.t.settle()
	if c.t.virtual && !c.returned() {
		c.t.Fatalf("%s still waits", c.what)
	}
	select {
	case <-c.done:
	case <-time.After(remotePatience):
		c.t.Fatalf("%s still waits after %v", c.what, remotePatience)
	}
	if c.panicked != nil {
		c.t.Fatalf("%s panicked: %v", c.what, c.panicked)
	}
	return c.n, c.err
}

// want asserts that the call has returned n and err.
func (c *call) want(n int, err error) {
	c.t.Helper()
	if gotN, gotErr := c.result(); gotN != n || !same(gotErr, err) {
		c.t.Fatalf("%s returned %d, %v; want %d, %v", c.what, gotN, gotErr, n, err)
	}
}

// wantErr asserts that the call has failed with err.
func (c *call) wantErr(err error) {
	c.t.Helper()
	if n, got := c.result(); !same(got, err) {
		c.t.Fatalf("%s returned %d, %v; want the error %v", c.what, n, got, err)
	}
}

// same reports whether got is the error that was wanted: a sentinel by
// errors.Is, a context's error by identity, a lag by its count.
func same(got, want error) bool {
	var g, w *leat.LaggedError
	switch {
	case want == nil || want == context.Canceled || want == context.DeadlineExceeded:
		return got == want
	case errors.As(want, &w):
		return errors.As(got, &g) && g.Missed == w.Missed
	}
	return errors.Is(got, want)
}

func lagged(missed uint64) error { return &leat.LaggedError{Missed: missed} }

// send sends values that must be accepted without a wait.
func (t *tester) send(tx leat.Sender[int], values ...int) {
	t.Helper()
	for _, v := range values {
		if err := tx.Send(t.ctx(), v); err != nil {
			t.Fatalf("Send(%d) = %v; there is room for it", v, err)
		}
	}
}

// trySend asserts what TrySend returns.
func (t *tester) trySend(tx leat.Sender[int], v int, want error) {
	t.Helper()
	if err := tx.TrySend(v); !same(err, want) {
		t.Fatalf("TrySend(%d) = %v; want %v", v, err, want)
	}
}

// recv asserts that rx has these values to give, in this order.
func (t *tester) recv(rx leat.Receiver[int], want ...int) {
	t.Helper()
	for _, v := range want {
		if got, err := rx.Recv(t.ctx()); err != nil || got != v {
			t.Fatalf("Recv = %d, %v; want %d", got, err, v)
		}
	}
}

// recvErr asserts that there is err instead of a value, by TryRecv and, unless
// it would wait, by Recv. A lag is reported once, so it is asked for once.
func (t *tester) recvErr(rx leat.Receiver[int], want error) {
	t.Helper()
	if want != leat.ErrEmpty {
		v, err := rx.Recv(t.ctx())
		if !same(err, want) {
			t.Fatalf("Recv = %d, %v; want the error %v", v, err, want)
		}
		if !errors.Is(want, leat.ErrClosed) {
			return
		}
	}
	if v, err := rx.TryRecv(); !same(err, want) {
		t.Fatalf("TryRecv = %d, %v; want the error %v", v, err, want)
	}
}

// close closes handles, which must not panic.
func (t *tester) close(handles ...interface{ Close() error }) {
	t.Helper()
	for _, h := range handles {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("Close of a %T panicked: %v", h, r)
				}
			}()
			if err := h.Close(); err != nil {
				t.Fatalf("Close of a %T = %v; want nil", h, err)
			}
		}()
	}
}

// len asserts what the handles that have a Len say.
func (t *tester) len(want int, handles ...any) {
	t.Helper()
	for _, h := range handles {
		if l, ok := h.(lener); ok && l.Len() != want {
			t.Fatalf("Len of a %T is %d; want %d", h, l.Len(), want)
		}
	}
}

// finish ends everything that is left: then every call has to return.
func (t *tester) finish() {
	t.mu.Lock()
	handles, cancels, calls := t.handles, t.cancels, t.calls
	t.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
	for _, h := range handles {
		func() { // a Close that panics must not keep the others open
			defer func() {
				if r := recover(); r != nil {
					t.T.Errorf("Close of a %T panicked: %v\n%s", h, r, t.explain())
				}
			}()
			h.Close()
		}()
	}
	t.settle()
	late := make(chan struct{})
	if t.virtual {
		close(late) // settle has given them all the time that there is
	} else {
		time.AfterFunc(remotePatience, func() { close(late) })
	}
	var left []string
	for _, c := range calls {
		select {
		case <-c.done:
		case <-late:
			if !c.returned() {
				left = append(left, c.what)
			}
		}
	}
	if left != nil {
		t.T.Errorf("all handles are closed and all contexts cancelled, and these still wait: %s\n%s",
			strings.Join(slices.Compact(left), ", "), t.explain())
	}
}
