package watch

import (
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Receiver sees the newest value whenever it looks. It remembers which one it
// has seen, so that it can wait for a newer one. One goroutine at a time
// receives, by Recv, TryRecv, WaitFor, Settled or All; a second one that would
// wait at the same time panics. Ready, Get, HasChanged, Subscribe and Close may
// be called by any goroutine.
//
// Receiving takes no lock, unless there is nothing to receive.
type Receiver[T any] struct {
	recvArms[T]
	c        *channel[T]
	cur      *cursor
	spare    park.Spare
	patience park.Patience // of Recv
	guard    leak.Guard
	loop     contract.Loop
	cause    *contract.ClosedError // how it was closed; written before cur.closed is set, and read after
}

// made returns the handle's channel.
func (r *Receiver[T]) made() *channel[T] {
	if r == nil || r.c == nil {
		panic("watch: nil or zero Receiver; use one that Subscribe returned")
	}
	return r.c
}

// Recv returns the newest value that this receiver has not seen, and blocks
// while there is none. The value then counts as seen. Older values that the
// receiver did not see are skipped.
//
// When the channel has ended, Recv returns the last value if this receiver has
// not seen it, and then ErrClosed. It returns ErrClosed at once if this
// receiver is closed. It returns ctx.Err() at once if ctx is already done, or
// when ctx ends during the wait.
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	if c := r.made(); ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	for {
		v, err := r.tryRecv()
		if err != leat.ErrEmpty {
			runtime.KeepAlive(r)
			return v, err
		}
		// Here, and not in a function: see park.Queue.Join.
		if r.patience.Yields() {
			seam.Yield()
			found := r.c.current.Load().n != r.cur.seen.Load()
			if r.patience.Learn(found); found {
				continue
			}
		}
		if w := r.join(r.cur.seen.Load()); w != nil {
			err := r.c.waiting.Queue.Sleep(ctx, &r.c.mu, w)
			if r.spare.Return(w); err != nil {
				runtime.KeepAlive(r)
				return v, err
			}
		}
	}
}

// TryRecv returns the newest value if this receiver has not seen it, and never
// blocks. It returns ErrEmpty if the current value was seen and a newer one may
// come, and ErrClosed as Recv does.
func (r *Receiver[T]) TryRecv() (T, error) {
	r.made()
	v, err := r.tryRecv()
	runtime.KeepAlive(r)
	return v, err
}

func (r *Receiver[T]) tryRecv() (v T, err error) {
	seen := r.cur.seen.Load()
	// These are the reads of news, without the time of the call.
	final := r.c.ended.Load() // before current, which then is the last
	e := r.c.current.Load()
	switch {
	case r.cur.closed.Load():
		err = contract.Closed(r.cause)
	case e.n != seen:
		r.advance(seen, e.n)
		v = e.value
	case final:
		err = contract.Closed(r.c.cause)
	default:
		err = leat.ErrEmpty
	}
	r.rejoin()
	return v, err
}

// advance notes that version to is seen. If another goroutine has moved the
// note, the receiver was misused.
func (r *Receiver[T]) advance(from, to uint64) {
	if !r.cur.seen.CompareAndSwap(from, to) {
		r.twoReceivers()
	}
}

func (r *Receiver[T]) twoReceivers() {
	panic(r.c.String() + ": two goroutines receive from one Receiver at the same time; let each Subscribe")
}

// join puts a waiter for a newer value than version known into the queue; or
// returns nil, if there may be something to receive.
func (r *Receiver[T]) join(known uint64) *park.Waiter {
	c := r.c
	c.mu.Lock()
	w := r.waiterLocked(known)
	if w != nil {
		c.waiting.Queue.Join(w, false)
	}
	c.mu.Unlock()
	return w
}

// waiterLocked returns a waiter, or nil if there is a newer value than version
// known, or the end.
func (r *Receiver[T]) waiterLocked(known uint64) *park.Waiter {
	c := r.c
	r.aloneLocked(nil)
	if c.current.Load().n != known || c.ended.Load() || r.cur.closed.Load() {
		return nil
	}
	r.patience.Among(c.receivers.Len() - 1)
	w := r.spare.Take(park.NewWaiter[struct{}])
	w.Request, w.Handle, w.Stamp = r.cur, &r.cur.place.Waiters, c.Stamp("receives from")
	return w
}

// wait sleeps until there is a newer value than version known, or the end, or
// ctx ends. With due, the channel of a timer, it sleeps at most until then, and
// returns park.ErrDue.
func (r *Receiver[T]) wait(ctx context.Context, known uint64, due <-chan time.Time) (err error) {
	c := r.c
	c.mu.Lock()
	w := r.waiterLocked(known)
	if w == nil {
		c.mu.Unlock()
		return nil
	}
	err = c.waiting.Queue.WaitTimer(ctx, &c.mu, w, due)
	r.spare.Return(w)
	runtime.KeepAlive(r)
	return err
}

// aloneLocked panics if a goroutine waits in r; cases of s do not count.
func (r *Receiver[T]) aloneLocked(s *park.Selection) {
	if !r.cur.place.Alone(s) {
		r.c.mu.Unlock()
		r.twoReceivers()
	}
}

// WaitFor returns the first value that it finds for which fn returns true. It
// begins with the current value, seen or not, and blocks for newer ones; it may
// skip some. The value that it returns then counts as seen. A value for which
// fn returned false does not.
//
// When the channel has ended, WaitFor calls fn with the last value again, and
// then returns ErrClosed. It returns ErrClosed at once if this receiver is
// closed. It returns ctx.Err() at once if ctx is already done, or when ctx ends
// before fn has returned true.
//
// No lock is held while fn runs, so it may use the channel. If fn panics, so
// does WaitFor, and nothing has changed.
func (r *Receiver[T]) WaitFor(ctx context.Context, fn func(T) bool) (T, error) {
	var zero T
	c := r.made()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	for {
		if r.cur.closed.Load() {
			return zero, contract.Closed(r.cause)
		}
		final := c.ended.Load() // before current, which then is the last
		e := c.current.Load()
		if fn(e.value) {
			if seen := r.cur.seen.Load(); int64(e.n-seen) > 0 { // fn itself may have received a newer one
				r.advance(seen, e.n)
			}
			r.rejoin()
			runtime.KeepAlive(r)
			return e.value, nil
		}
		if final {
			return zero, contract.Closed(c.cause)
		}
		if err := ctx.Err(); err != nil { // values may come so fast that there is never a wait
			return zero, err
		}
		if err := r.wait(ctx, e.n, nil); err != nil {
			return zero, err
		}
	}
}

// Settled returns the newest value once the changes have come to rest. It waits
// for a value that this receiver has not seen, as Recv does. Then it waits
// until the value has not changed for quiet, or until atMost has passed since
// it found that first change, whichever comes first. With atMost zero or
// negative there is no such limit; with quiet zero or negative, Settled is
// Recv. The value that it returns is seen then, and until then none is.
//
// So a program that reloads what changed, and must not do that for each of many
// changes in a row, does it once, and no later than atMost after the first.
//
// If the channel ends meanwhile, Settled returns at once, as Recv would: the
// last value if it was not seen, then ErrClosed. It returns ErrClosed at once
// when this receiver is closed. It returns ctx.Err() at once if ctx is done
// already, or when ctx ends before the value has settled.
func (r *Receiver[T]) Settled(ctx context.Context, quiet, atMost time.Duration) (v T, err error) {
	if c := r.made(); ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return v, err
	}
	seen := r.cur.seen.Load()
	e, final, err := r.news(seen)
	for err == leat.ErrEmpty {
		if err := r.wait(ctx, seen, nil); err != nil {
			return v, err
		}
		e, final, err = r.news(seen)
	}
	if err == nil && !final && quiet > 0 {
		e, err = r.settle(ctx, e, seen, quiet, atMost)
	}
	if err == nil {
		r.advance(seen, e.n)
		v = e.value
	}
	r.rejoin()
	runtime.KeepAlive(r)
	return v, err
}

// news is tryRecv without seeing: it returns the current value if its version
// is not seen, and whether it is the last; or why there is none: ErrEmpty,
// ErrClosed or a *ClosedError.
func (r *Receiver[T]) news(seen uint64) (e *entry[T], final bool, err error) {
	final = r.c.ended.Load() // before current, which then is the last
	e = r.c.current.Load()
	switch {
	case r.cur.closed.Load():
		err = contract.Closed(r.cause)
	case e.n != seen:
	case final:
		err = contract.Closed(r.c.cause)
	default:
		err = leat.ErrEmpty
	}
	return e, final, err
}

// settle waits until e, which was found just now, or a newer value has not
// changed for quiet, and returns that value. It also ends when atMost has
// passed, if that is positive, and when e is the last value.
func (r *Receiver[T]) settle(
	ctx context.Context, e *entry[T], seen uint64, quiet, atMost time.Duration,
) (*entry[T], error) {
	begun := time.Now()
	var timer *time.Timer
	for {
		rest := quiet
		if atMost > 0 {
			rest = min(quiet, atMost-time.Since(begun))
		}
		if rest <= 0 {
			return e, nil
		}
		if err := ctx.Err(); err != nil { // values may come so fast that there is never a wait
			return nil, err
		}
		if timer == nil {
			timer = time.NewTimer(rest)
			defer timer.Stop()
		} else {
			timer.Reset(rest)
		}
		due := r.wait(ctx, e.n, timer.C)
		if due != nil && due != park.ErrDue {
			return nil, due
		}
		newest, final, err := r.news(seen)
		if err != nil || final || due != nil && newest == e {
			return newest, err
		}
		e = newest
	}
}

// All returns an iterator over the current value, seen or not, and then over
// the newer ones that Recv returns. It ends with the channel or with ctx;
// [Receiver.Err] says why. The values that it yields count as seen. All may be
// called again.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		r.made()
		r.loop.Begin()
		v, err := r.WaitFor(ctx, func(T) bool { return true })
		for err == nil {
			if !yield(v) {
				return
			}
			v, err = r.Recv(ctx)
		}
		r.loop.End(err)
	}
}

// Err returns why the last loop over [Receiver.All] ended: nil after a plain
// close or a break, the error of ctx, or a *leat.ClosedError that carries the
// cause of the close. Call it from the goroutine that ran the loop.
func (r *Receiver[T]) Err() error {
	r.made()
	return r.loop.Err()
}

// Ready returns a channel for native select. It can be received from when
// TryRecv has an unseen value or the end to return. Then call TryRecv once for
// each receive from Ready, or until it returns ErrEmpty:
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
// goroutine, and no value counts as seen before TryRecv returns it.
func (r *Receiver[T]) Ready() <-chan struct{} {
	r.made().mu.Lock()
	ready := r.cur.gate.Chan()
	r.cur.joined.Store(true)
	r.c.mu.Unlock()
	r.rejoin()
	runtime.KeepAlive(r)
	return ready
}

// rejoin sets the gate to the present state, if the gate is used.
func (r *Receiver[T]) rejoin() {
	if !r.cur.joined.Load() {
		return
	}
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.cur.closed.Load():
		r.cur.OpenGate(true, false)
	case c.current.Load().n != r.cur.seen.Load():
		r.cur.OpenGate(false, false)
	case c.ended.Load():
		r.cur.OpenGate(true, false)
	default:
		r.cur.gate.Set(false)
		c.waiting.Arm(r.cur)
	}
}

// Get returns the current value, and does not count it as seen. It takes no
// lock, and works also when the channel has ended or this receiver is closed.
func (r *Receiver[T]) Get() T { return r.made().current.Load().value }

// HasChanged reports whether there is a value that this receiver has not seen.
// When the channel has ended, that can be the last value. It reports false if
// this receiver is closed.
func (r *Receiver[T]) HasChanged() bool {
	c := r.made()
	seen := r.cur.seen.Load()
	return c.current.Load().n != seen && !r.cur.closed.Load()
}

// Subscribe makes another receiver, as [Sender.Subscribe] does. So a listener
// can make listeners without a sender handle, with which it could send, and
// would keep the channel open. The value that is current now counts as seen by
// the new receiver, whatever this one has seen. Subscribe never blocks, may be
// called concurrently, and works after Close.
func (r *Receiver[T]) Subscribe() *Receiver[T] { return r.made().subscribe() }

// Close closes this receiver and no other: waiting and later receives on it
// return ErrClosed. Get still returns the current value. Close never blocks or
// panics, and returns nil. It may be called more than once, and concurrently
// with anything. The garbage collector closes a receiver that is dropped
// without Close.
func (r *Receiver[T]) Close() error { return r.CloseWith(nil) }

// CloseWith is Close with a cause: a hub tells a subscriber why it drops it.
// Later receives on this receiver, and those that wait on it, return a
// *leat.ClosedError that carries the cause; errors.Is finds both ErrClosed and
// the cause. Nobody else gets the cause.
//
// If this receiver is already closed, CloseWith does nothing. CloseWith(nil) is
// Close. It never waits and never panics, may be called concurrently with
// anything, and returns nil.
func (r *Receiver[T]) CloseWith(cause error) error {
	c := r.made()
	var wk wakes
	c.mu.Lock()
	if r.cur.closed.Load() {
		c.mu.Unlock()
		return nil
	}
	r.guard.Release(r)
	r.cause = contract.Closing(cause)
	c.leaveLocked(r.cur, &wk)
	c.NoteCloseLocked(meter.ReceiverClosed, false, c)
	r.cur.OpenGate(true, false)
	c.mu.Unlock()
	wk.run()
	runtime.KeepAlive(r)
	return nil
}
