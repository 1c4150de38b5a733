package oneshot

import (
	"context"
	"runtime"

	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
)

// Sender is the sending end of a oneshot channel. All methods may be called
// concurrently, Close among them. It must be used or closed: a Sender that has
// sent needs no Close.
type Sender[T any] struct {
	sendArms[T]
	c     *channel[T]
	guard leak.Guard
}

// made returns the handle's channel.
func (s *Sender[T]) made() *channel[T] {
	if s == nil || s.c == nil {
		panic("oneshot: nil or zero Sender; use one that New returned")
	}
	return s.c
}

// Send sends v, and never blocks. It returns nil when the channel has accepted
// v. It returns ErrClosed if a value was accepted before, or if the receiver or
// this end is closed, and ctx.Err() if ctx is done. With an error, v was not
// sent.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	if c := s.made(); ctx == nil {
		c.meter().NilContext()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.TrySend(v)
}

// TrySend sends v as Send does, without a context. It never returns ErrFull.
func (s *Sender[T]) TrySend(v T) error {
	c := s.made()
	c.Lock()
	if c.endedLocked() {
		err := c.refusalLocked()
		c.Unlock()
		return err
	}
	c.value = v
	var w *park.Waiter
	if c.rxq.Front() != nil {
		w = c.dequeueReceiverLocked()
	}
	if w == nil {
		c.state |= full
	} else {
		c.state |= emptied
	}
	c.settleLocked()
	c.Unlock()
	if w != nil {
		w.Wake()
	}
	s.guard.Release(s)
	runtime.KeepAlive(s)
	return nil
}

// Done returns a channel that is closed when the receiver is closed or has
// received. It is for a sender that works on the value meanwhile. The channel
// is made when first asked for. A receiver that is dropped without Close does
// not close it, except on a channel that has a name.
func (s *Sender[T]) Done() <-chan struct{} {
	c := s.made()
	c.Lock()
	defer c.Unlock()
	done := c.gatesLocked().done.Chan()
	c.settleLocked()
	return done
}

// Close closes this end: a waiting receiver gets ErrClosed at once. After a
// Send it has no effect, and the value stays. Close never blocks or panics, and
// returns nil. It may be called more than once, and concurrently with anything.
//
// The garbage collector closes a Sender that is dropped without Send or Close.
// That is only a safety net: it may take long, and inside a testing/synctest
// bubble it wakes no goroutine.
func (s *Sender[T]) Close() error { return s.CloseWith(nil) }

// CloseWith is Close with a cause: the answer is an error. Where the receiver
// would get ErrClosed, it gets a *leat.ClosedError that carries the cause;
// errors.Is finds both ErrClosed and the cause. So a oneshot is a future that
// ends with a value or an error.
//
// Later calls on this handle get the cause, too. After a Send, and on a handle
// that is already closed, CloseWith does nothing. CloseWith(nil) is Close. It
// never waits and never panics, may be called concurrently with anything, and
// returns nil.
func (s *Sender[T]) CloseWith(cause error) error {
	c := s.made()
	text := c.meter().CauseText(cause)
	c.Lock()
	if c.hasLocked(txFinished) {
		c.Unlock()
		return nil
	}
	c.state |= txFinished | txClosed
	c.noteCloseLocked(meter.SenderClosed, cause, text, !c.hasLocked(rxFinished))
	c.endAndUnlock()
	s.guard.Release(s)
	runtime.KeepAlive(s)
	return nil
}
