package oneshot

import (
	"context"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Receiver is the receiving end of a oneshot channel. One goroutine at a time
// receives; a second one that would wait at the same time panics. Ready and
// Close may be called by any goroutine. A Receiver that has received needs no
// Close.
type Receiver[T any] struct {
	recvArms[T]
	c     *channel[T]
	guard leak.Guard // watches nothing if the channel has no name
}

// made returns the handle's channel.
func (r *Receiver[T]) made() *channel[T] {
	if r == nil || r.c == nil {
		panic("oneshot: nil or zero Receiver; use one that New returned")
	}
	return r.c
}

// Recv returns the value, and blocks while it may still come. It returns
// ErrClosed if it cannot come: it was received before, or the sender or this
// receiver was closed without it. It returns ctx.Err() at once if ctx is
// already done, or when ctx ends during the wait, unless it has got the value
// by then.
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	c := r.made()
	if ctx == nil {
		c.meter().NilContext()
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	if c.claim() {
		return r.claimed(), nil
	}
	c.Lock()
	v, err := r.tryRecvAndUnlockUnlessEmpty()
	if !contract.IsEmpty[T](err) {
		return v, err
	}
	r.requireAloneLocked(nil)
	w := waiters.Take(park.NewWaiter[receiving])
	w.Stamp = c.meter().Stamp("receives from")
	yields := c.rxq.Join(w, true)
	c.Unlock()
	if yields {
		seam.Yield()
	}
	err = c.rxq.Sleep(ctx, c, w)
	got := w.Request.(*receiving)
	served := got.err
	*got = receiving{}
	waiters.Return(w)
	if err != nil {
		runtime.KeepAlive(r)
		return v, err
	}
	return r.waited(served)
}

// claimed returns the value, which r has claimed.
func (r *Receiver[T]) claimed() T {
	v := r.c.given()
	if r.c.more.Load() != nil { // or there is nothing to finish
		r.finish()
	}
	runtime.KeepAlive(r)
	return v
}

// waited returns the result of a receiver that waited, and was served with err.
func (r *Receiver[T]) waited(err error) (v T, _ error) {
	if err == nil {
		v = r.c.given()
	}
	r.used(err)
	return v, err
}

// TryRecv returns the value if it is there, and never blocks. It returns
// ErrEmpty if there is no value now and one may come, and ErrClosed as Recv
// does.
func (r *Receiver[T]) TryRecv() (T, error) {
	c := r.made()
	if c.claim() {
		return r.claimed(), nil
	}
	if c.word.Load() == 0 {
		runtime.KeepAlive(r)
		var zero T
		return zero, leat.ErrEmpty
	}
	c.Lock()
	v, err := r.tryRecvAndUnlockUnlessEmpty()
	if contract.IsEmpty[T](err) {
		c.Unlock()
	}
	return v, err
}

// tryRecvAndUnlockUnlessEmpty takes the value, if it is there. The channel is
// locked, and stays locked if it returns ErrEmpty.
func (r *Receiver[T]) tryRecvAndUnlockUnlessEmpty() (v T, err error) {
	c := r.c
	switch {
	case c.hasLocked(holds):
		v = c.takeLocked()
	case c.endedLocked():
		err = c.endErrorLocked()
	default:
		return v, leat.ErrEmpty
	}
	c.settleLocked()
	c.Unlock()
	r.used(err)
	return v, err
}

// used notes how a receive ended. A receiver that has received has finished.
// A receiver that got the end has not: a goroutine that waits for Done still
// waits for its Close.
func (r *Receiver[T]) used(err error) {
	if err == nil {
		r.finish()
	}
	runtime.KeepAlive(r)
}

// finish notes that there is nothing for the garbage collector to do when r is
// dropped.
func (r *Receiver[T]) finish() {
	r.guard.Release(r)
	runtime.KeepAlive(r)
}

// requireAloneLocked panics if another goroutine waits in r; cases of s do not
// count. It unlocks the channel before it panics.
func (r *Receiver[T]) requireAloneLocked(s *park.Selection) {
	for w := r.c.rxq.Front(); w != nil; w = w.Next() {
		if !w.Of(s) && !w.Stale() {
			r.c.Unlock()
			panic(r.c.meter().String() + ": two goroutines receive from one Receiver at the same time; the value is for one")
		}
	}
}

// Ready returns a channel for native select. It can be received from when
// TryRecv has the value or the end to return. Then call TryRecv:
//
//	select {
//	case <-rx.Ready():
//		v, err := rx.TryRecv()
//		…
//	case <-other:
//		…
//	}
//
// It is the same channel each time, made when first asked for. It needs no
// goroutine, and the value stays until TryRecv takes it.
func (r *Receiver[T]) Ready() <-chan struct{} {
	c := r.made()
	c.Lock()
	ready := c.gatesLocked().ready.Chan()
	c.settleLocked()
	c.Unlock()
	runtime.KeepAlive(r)
	return ready
}

// Close closes this end: a later send returns ErrClosed, Done is closed, and a
// waiting Recv returns ErrClosed at once. A value that was sent before can
// still be received. Close never blocks or panics, and returns nil. It may be
// called more than once, and concurrently with anything.
//
// Close a receiver whose answer is no longer wanted. The garbage collector does
// not find a receiver that is dropped without Close, because that would cost as
// much as the rest of the channel: Done stays open, a Send succeeds, and the
// value is released together with the Sender. A channel with a name is watched,
// so that leaks are seen: there the garbage collector closes the receiver,
// releases the value, and counts the handle as leaked.
func (r *Receiver[T]) Close() error { return r.CloseWith(nil) }

// CloseWith is Close with a cause: nobody wants the answer, and why. Where the
// sender would get ErrClosed, it gets a *leat.ClosedError that carries the
// cause; errors.Is finds both ErrClosed and the cause.
//
// Where later calls on this handle, and a Recv that waits on it, would get
// ErrClosed, they get the cause, too. On a handle that is already closed,
// CloseWith does nothing. CloseWith(nil) is Close. It never waits and never
// panics, may be called concurrently with anything, and returns nil.
func (r *Receiver[T]) CloseWith(cause error) error {
	c := r.made()
	text := c.meter().CauseText(cause)
	c.Lock()
	if c.hasLocked(rxClosed) {
		c.Unlock()
		return nil
	}
	if c.hasLocked(rxFinished) { // it has received, so there is nothing to stop
		c.state |= rxClosed
		if cause != nil {
			c.getMore().rxCause = contract.Closing(cause)
		}
		c.Unlock()
		return nil
	}
	c.state |= rxFinished | rxClosed
	c.noteCloseLocked(meter.ReceiverClosed, cause, text, !c.hasLocked(txFinished))
	held := c.hasLocked(holds)
	c.endAndUnlock()
	if !held {
		r.finish()
	}
	return nil
}
