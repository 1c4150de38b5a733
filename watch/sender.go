package watch

import (
	"context"
	"runtime"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Sender is a handle of the sending end of a watch channel. All methods may be
// called concurrently, Close among them. A handle must be closed; the channel
// ends when all are.
type Sender[T any] struct {
	sendArms[T]
	c      *channel[T]
	closed seam.Pointer[contract.ClosedError] // nil while s is open; written under c.mu
	counts park.Handle                        // in WaitReceivers; guarded by c.mu
	guard  leak.Guard
}

// made returns the handle's channel.
func (s *Sender[T]) made() *channel[T] {
	if s == nil || s.c == nil {
		panic("watch: nil or zero Sender; use one that New returned")
	}
	return s.c
}

// Send makes v the current value, and never blocks. Every receiver sees it
// unless a newer value replaces it before the receiver looks. A Send without a
// receiver succeeds, and v is kept. Equal values are not compared; each Send is
// a change. Send returns ctx.Err() if ctx is done, and ErrClosed if this handle
// is closed. With an error, v was not sent.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	if c := s.made(); ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.TrySend(v)
}

// TrySend makes v the current value, as Send does, without a context. It never
// returns ErrFull.
func (s *Sender[T]) TrySend(v T) error {
	c := s.made()
	e := c.newEntry()
	e.value = v
	c.mu.Lock()
	if closed := s.closed.Load(); closed != nil {
		c.mu.Unlock()
		return contract.Closed(closed)
	}
	c.publishAndUnlock(e)
	runtime.KeepAlive(s)
	return nil
}

// Update changes the current value: it calls fn with a pointer to a copy, and
// makes the copy the current value if fn returns true. No change is lost
// between reading and writing: if another value was sent while fn ran, Update
// calls fn again, with a copy of that value. So fn may run more than once, and
// should only read and change the copy. No lock is held while it runs.
//
// Update reports whether it sent. If fn returns false, or this handle is
// closed, the value does not change, and no receiver is woken. If fn panics, so
// does Update, and nothing has changed.
//
// The copy is shallow: a map or a slice in it is shared with everybody who has
// the value, so fn must replace it instead of writing to it. fn must not keep
// the pointer. It may use the channel; but if it sends on it each time that it
// runs, Update never ends.
func (s *Sender[T]) Update(fn func(*T) bool) bool {
	c := s.made()
	if s.closed.Load() != nil {
		return false
	}
	e := c.newEntry()
	for {
		old := c.current.Load()
		e.value = old.value
		if !fn(&e.value) {
			return false
		}
		c.mu.Lock()
		if s.closed.Load() != nil {
			c.mu.Unlock()
			return false
		}
		if c.current.Load() == old {
			c.publishAndUnlock(e)
			runtime.KeepAlive(s)
			return true
		}
		c.mu.Unlock()
	}
}

// Get returns the current value. It takes no lock, and works on a closed
// handle, too.
func (s *Sender[T]) Get() T { return s.made().current.Load().value }

// Subscribe makes a receiver of the values that are sent from now on. The value
// that is current now counts as seen; the receiver reads it by Get or All. On a
// channel that has ended, the last value is there to be read. A closed handle
// can subscribe, too.
func (s *Sender[T]) Subscribe() *Receiver[T] { return s.made().subscribe() }

// Receivers returns how many receivers are subscribed.
func (s *Sender[T]) Receivers() int {
	s.made().mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.receivers.Len()
}

// WaitReceivers blocks until fn returns true for the number of open receivers,
// and returns that number. So a sender waits until the first receiver has come,
// or the last one has left:
//
//	_, err := tx.WaitReceivers(ctx, func(n int) bool { return n > 0 })
//
// WaitReceivers calls fn with the present number, and then with each new one
// that it finds; it may miss one that does not last. fn runs without a lock, so
// it may use the channel. If fn panics, so does WaitReceivers, and nothing has
// changed.
//
// WaitReceivers returns ErrClosed if this handle is closed, also while it
// blocks; and ctx.Err() if ctx is done already, or ends while it blocks. It may
// be called concurrently. The number may have changed when WaitReceivers
// returns.
func (s *Sender[T]) WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error) {
	c := s.made()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	look := func() fanout.Count { return fanout.Count{N: c.receivers.Len(), Closed: s.closed.Load()} }
	n, err := c.counting.Wait(ctx, &c.Meter, &c.mu, &s.counts, look, fn)
	runtime.KeepAlive(s)
	return n, err
}

// Clone returns another handle of the sending end, which must be closed itself.
// The clone of a closed handle is closed. Clone never blocks.
func (s *Sender[T]) Clone() *Sender[T] {
	c := s.made()
	c.mu.Lock()
	closed := s.closed.Load() != nil
	if !closed {
		c.senders++
	}
	c.mu.Unlock()
	if closed {
		clone := newSender(c)
		clone.closed.Store(contract.NoCause)
		return clone
	}
	return attach(c)
}

// Close closes this handle: later sends on it return ErrClosed. When the last
// handle is closed, the channel ends: each receiver gets the last value if it
// has not seen it, and then ErrClosed. Get still returns the last value. Close
// never blocks or panics, and returns nil. It may be called more than once, and
// concurrently with anything.
//
// The garbage collector closes a handle that is dropped without Close. That is
// only a safety net: it may take long, and inside a testing/synctest bubble it
// wakes no goroutine.
func (s *Sender[T]) Close() error { return s.CloseWith(nil) }

// CloseWith is Close with a cause. Where receivers would get ErrClosed at the
// end, they get a *leat.ClosedError that carries the cause; errors.Is finds
// both ErrClosed and the cause. If several sender handles are closed with
// causes, the first cause counts, also if the last handle is closed without
// one.
//
// Later calls on this handle, and those that wait on it, get this handle's own
// cause. Its clones get ErrClosed. On a handle that is already closed,
// CloseWith does nothing. CloseWith(nil) is Close. It never waits and never
// panics, may be called concurrently with anything, and returns nil.
func (s *Sender[T]) CloseWith(cause error) error {
	c := s.made()
	text := c.CauseText(cause)
	var wk wakes
	c.mu.Lock()
	if s.closed.Load() != nil {
		c.mu.Unlock()
		return nil
	}
	closed := contract.Closing(cause)
	s.closed.Store(closed)
	if contract.First(&c.cause, closed) {
		c.NoteCauseLocked(meter.SenderClosed, text)
	}
	s.guard.Release(s)
	c.counting.Close(&s.counts, closed, &wk.count)
	last := c.releaseLocked()
	if last {
		c.notifyLocked(&wk)
	}
	c.NoteCloseLocked(meter.SenderClosed, last, c)
	c.mu.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	return nil
}
