package broadcast

import (
	"context"
	"iter"
	"math"
	"runtime"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/ring"
	"github.com/leat-go/leat/internal/seam"
)

// Receiver gets every value that was accepted after it subscribed, in order, or
// learns how many it missed: received and missed values are together all. One
// goroutine at a time receives; a second one that would wait at the same time
// panics. Ready, Len, Missed, Next, Subscribe and Close may be called by any
// goroutine.
//
// Receiving takes no lock, unless there is nothing to receive.
type Receiver[T any] struct {
	recvArms[T]
	c        *channel[T]
	cur      *cursor
	at       ring.Place[entry[T]] // of the next value, which saves a division; only a hint for where to look first
	spare    park.Spare
	patience park.Patience
	guard    leak.Guard
	loop     contract.Loop
	cause    *contract.ClosedError // how it was closed; written before isClosed is set, and read after
}

// made returns the handle's channel.
func (r *Receiver[T]) made() *channel[T] {
	if r == nil || r.c == nil {
		panic("broadcast: nil or zero Receiver; use one that Subscribe returned")
	}
	return r.c
}

// Recv returns the next value, and blocks while there is none.
//
// If the receiver lags so far that values were overwritten, Recv returns a
// *leat.LaggedError with their number, once for each gap; the next call
// continues at the oldest kept value. It returns ErrClosed if the channel has
// ended and all values were received, or if this receiver is closed. It returns
// ctx.Err() at once if ctx is already done, or when ctx ends during the wait.
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	if c := r.made(); ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	for {
		if e := r.at.Load(); e != nil && r.cur.take(e.n) {
			if !r.at.Step(1) || r.cur.lossless && r.c.slowest.Load() == e.n+1 {
				r.took(e.n)
			}
			runtime.KeepAlive(r)
			return e.value, nil
		}
		v, err := r.tryRecv()
		if err != leat.ErrEmpty {
			runtime.KeepAlive(r)
			return v, err
		}
		// Here, as in RecvMany, and not in a function: see park.Queue.Join.
		if r.patience.Yields() {
			seam.Yield()
			found := r.there()
			if r.patience.Learn(found); found {
				continue
			}
		}
		if w := r.join(); w != nil {
			err := r.c.waiting.Queue.Sleep(ctx, &r.c.mu, w)
			if r.spare.Return(w); err != nil {
				runtime.KeepAlive(r)
				return v, err
			}
		}
	}
}

// TryRecv returns the next value if there is one, and never blocks. It returns
// ErrEmpty if there is no value now and one may come, and other errors as Recv
// does.
func (r *Receiver[T]) TryRecv() (T, error) {
	r.made()
	if e := r.at.Load(); e != nil && r.cur.take(e.n) {
		if !r.at.Step(1) || r.cur.lossless && r.c.slowest.Load() == e.n+1 {
			r.took(e.n)
		}
		runtime.KeepAlive(r)
		return e.value, nil
	}
	v, err := r.tryRecv()
	runtime.KeepAlive(r)
	return v, err
}

// took does what seldom follows when value n was taken: it finds the next place
// if that is in another segment, and wakes senders that wait for this receiver.
//
// Recv, TryRecv and All take a value where they stand, because a call of a
// generic method takes as long as half of the rest. They call took only if
// there is something for it to do.
func (r *Receiver[T]) took(n uint64) {
	if !r.at.Step(0) {
		r.c.ring.Cross(&r.at, n+1)
	}
	if r.cur.lossless && r.c.slowest.Load() == n+1 {
		r.c.moved()
	}
}

// tryRecv receives if there is more to do than to take the value at r.at, or if
// there is nothing.
func (r *Receiver[T]) tryRecv() (v T, err error) {
	if r.cur.is(isLapsed) {
		var one [1]T
		if _, done, err := r.recvLapsed(one[:]); done {
			r.rejoin()
			return one[0], err
		}
	}
	pos := r.cur.pos()
	e, err := r.look(pos)
	if err == nil {
		v = e.value
		r.at = r.c.ring.Place(pos)
		r.advance(pos, 1)
	}
	r.rejoin()
	return v, err
}

// look finds value pos, or says why not: ErrEmpty, ErrClosed, or a
// *LaggedError, in which case it has moved the cursor.
func (r *Receiver[T]) look(pos uint64) (*entry[T], error) {
	if r.cur.is(isClosed) {
		return nil, contract.Closed(r.cause)
	}
	e := r.c.ring.Load(pos)
	if e == nil || e.n < pos {
		nothing := leat.ErrEmpty
		if r.c.ended.Load() {
			// All values were published before ended was set, so this load of
			// the slot is final.
			e = r.c.ring.Load(pos)
			nothing = contract.Closed(r.c.cause)
		}
		if e == nil || e.n < pos {
			if r.c.unbounded {
				nothing = r.explainNothing(pos, nothing)
			}
			return nil, nothing
		}
	}
	if e.n > pos {
		// Only after isClosed was set could a sender that waited for this
		// receiver overwrite what it had not read.
		if r.cur.is(isClosed) {
			return nil, contract.Closed(r.cause)
		}
		oldest := r.c.accepted(e.n+1) - r.c.ring.Capacity()
		r.cur.missed.Add(oldest - pos)
		r.at = r.c.ring.Place(oldest)
		r.moveTo(pos, oldest)
		return nil, &leat.LaggedError{Missed: oldest - pos}
	}
	return e, nil
}

// advance moves the cursor by n, which is at most the capacity, and wakes
// senders that wait for this receiver. If another goroutine has moved it, the
// receiver was misused.
func (r *Receiver[T]) advance(from uint64, n int) {
	to := from + uint64(n)
	if !r.at.Step(n) {
		r.c.ring.Cross(&r.at, to)
	}
	r.moveTo(from, to)
}

// moveTo moves the cursor anywhere.
func (r *Receiver[T]) moveTo(from, to uint64) {
	if !r.cur.move(from, to) {
		r.twoReceivers()
	}
	if r.cur.lossless && r.c.slowest.Load() == from+1 {
		r.c.moved()
	}
}

func (r *Receiver[T]) twoReceivers() {
	panic(r.c.String() + ": two goroutines receive from one Receiver at the same time; let each Subscribe")
}

// join puts a waiter into the queue, and returns it, for the caller to sleep:
// see park.Queue.Join. It returns nil if there may be something to receive.
func (r *Receiver[T]) join() *park.Waiter {
	c := r.c
	c.mu.Lock()
	w := r.waiterLocked()
	if w != nil {
		c.waiting.Queue.Join(w, false)
	}
	c.mu.Unlock()
	return w
}

// waiterLocked returns a waiter, or nil if there may be something to receive.
func (r *Receiver[T]) waiterLocked() *park.Waiter {
	c := r.c
	r.aloneLocked(nil)
	if r.there() || c.ended.Load() || r.cur.is(isClosed) {
		return nil
	}
	r.patience.Among(c.receiversLocked() - 1)
	w := r.spare.Take(park.NewWaiter[struct{}])
	w.Request, w.Handle, w.Stamp = r.cur, &r.cur.place.Waiters, c.Stamp("receives from")
	return w
}

// wait sleeps until there may be something to receive, until ctx ends, or until
// due, the channel of a timer, can be received from. In the last case it
// returns park.ErrDue.
func (r *Receiver[T]) wait(ctx context.Context, due <-chan time.Time) (err error) {
	c := r.c
	c.mu.Lock()
	w := r.waiterLocked()
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

// RecvMany blocks for a value as Recv does, moves as many values as there are,
// and fit, to the front of buf, and returns how many. It does not wait to fill
// buf, and it stops before a gap, which the next call then reports. With an
// error, n is 0. With an empty buf, RecvMany returns 0 and nil at once.
func (r *Receiver[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	if c := r.made(); ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	for {
		n, err = r.tryRecvMany(buf)
		if err != leat.ErrEmpty {
			runtime.KeepAlive(r)
			return n, err
		}
		// As in Recv.
		if r.patience.Yields() {
			seam.Yield()
			found := r.there()
			if r.patience.Learn(found); found {
				continue
			}
		}
		if w := r.join(); w != nil {
			err := r.c.waiting.Queue.Sleep(ctx, &r.c.mu, w)
			if r.spare.Return(w); err != nil {
				runtime.KeepAlive(r)
				return 0, err
			}
		}
	}
}

func (r *Receiver[T]) tryRecvMany(buf []T) (n int, err error) {
	if r.cur.is(isLapsed) {
		if n, done, err := r.recvLapsed(buf); done {
			r.rejoin()
			return n, err
		}
	}
	pos := r.cur.pos()
	e := r.at.Load()
	if e == nil || e.n != pos || r.cur.is(flags) {
		if e, err = r.look(pos); err == nil {
			r.at = r.c.ring.Place(pos)
		}
	}
	if err == nil {
		n = r.takeRun(buf, pos, e)
	}
	if r.cur.is(flags) {
		r.rejoin()
	}
	return n, err
}

// takeRun moves to buf the value at pos, which is in e, and those after it that
// are there and fit, and returns how many. r.at is the place of pos.
func (r *Receiver[T]) takeRun(buf []T, pos uint64, e *entry[T]) (n int) {
	buf = buf[:min(uint64(len(buf)), r.c.ring.Capacity())]
	buf[0], n = e.value, 1
	at := r.at
	for k := 1; k > 0 && n < len(buf); n += k {
		if !at.Step(k) {
			r.c.ring.Cross(&at, pos+uint64(n))
		}
		k = moveRun(buf[n:], at.Rest(), pos+uint64(n))
	}
	r.advance(pos, n)
	return n
}

// moveRun moves the values from number n on, which stand one after the other in
// slots, to the front of buf, and returns how many.
func moveRun[T any](buf []T, slots []seam.Pointer[entry[T]], n uint64) (k int) {
	slots = slots[:min(len(slots), len(buf))]
	for k = range slots {
		e := slots[k].Load()
		if e == nil || e.n != n+uint64(k) {
			return k
		}
		buf[k] = e.value
	}
	return len(slots)
}

// TryRecvMany moves values to the front of buf, as many as there are and fit,
// and returns how many. It never blocks, and it stops before a gap, which the
// next call then reports. If n is 0, the error is ErrEmpty if a value may come,
// a *leat.LaggedError, or ErrClosed: see Recv. With values, the error is nil.
// An empty buf returns 0 and nil.
func (r *Receiver[T]) TryRecvMany(buf []T) (n int, err error) {
	r.made()
	if len(buf) == 0 {
		return 0, nil
	}
	n, err = r.tryRecvMany(buf)
	runtime.KeepAlive(r)
	return n, err
}

// RecvBatch collects values by number and by age. It blocks for the first value
// as Recv does. Then it moves values to the front of buf until buf is full, or
// until maxAge has passed since it received the first one, and returns how
// many. If maxAge is 0 or less, it takes the values in the channel and returns.
// It takes each value as it comes, so no sender waits for the batch.
//
// If the channel ends, ctx ends, this receiver lags or is closed while it
// collects, RecvBatch returns at once, with the values that it has and a nil
// error; the next call returns the error. Before the first value, the errors
// are those of Recv, and n is 0. With an empty buf, RecvBatch returns 0 and nil
// at once.
//
// RecvBatch starts no goroutine. Its age is that of a time.Timer, so in a
// testing/synctest bubble it passes when all goroutines wait.
func (r *Receiver[T]) RecvBatch(ctx context.Context, buf []T, maxAge time.Duration) (n int, err error) {
	n, err = r.RecvMany(ctx, buf)
	if err != nil || n == len(buf) {
		return n, err
	}
	defer runtime.KeepAlive(r)
	end := seam.Now().Add(maxAge)
	var age *time.Timer
	for n < len(buf) {
		k, more := r.collect(buf[n:])
		n += k
		switch {
		case !more:
			return n, nil
		case maxAge <= 0 && k > 0:
			continue
		case maxAge <= 0 || !seam.Now().Before(end):
			return n, nil
		case k > 0:
			continue
		}
		if age == nil {
			age = time.NewTimer(end.Sub(seam.Now()))
			defer age.Stop()
		}
		// If the timer is due while a value comes, wait returns nil, and the
		// clock ends the batch.
		if r.wait(ctx, age.C) != nil {
			return n, nil
		}
	}
	return n, nil
}

// collect moves values to buf as tryRecvMany does. It leaves everything else to
// the next call: a gap, the end, a close, or that the receiver has lapsed. more
// reports whether a value may still come before that.
func (r *Receiver[T]) collect(buf []T) (n int, more bool) {
	if r.cur.is(isClosed | isLapsed) {
		return 0, false
	}
	pos := r.cur.pos()
	ended := r.c.ended.Load() // if so, all values were published before, and the load of the slot is final
	e := r.c.ring.Load(pos)
	switch {
	case e == nil || e.n < pos:
		return 0, !ended
	case e.n > pos:
		return 0, false
	}
	r.at = r.c.ring.Place(pos)
	n = r.takeRun(buf, pos, e)
	if r.cur.is(flags) {
		r.rejoin()
	}
	return n, true
}

// All returns an iterator over the values that Recv returns, each with the
// number of values missed just before it. It ends with the channel or with ctx;
// [Receiver.Err] says why. If the loop ends early, the receiver keeps its
// place, and All may be called again. A gap that the end of the loop follows,
// and not a value, is counted by [Receiver.Missed] alone.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq2[T, uint64] {
	return func(yield func(T, uint64) bool) {
		if c := r.made(); ctx == nil {
			c.NilContext()
		}
		r.loop.Begin()
		var missed uint64
		for {
			err := ctx.Err()
			var v T
			if err == nil {
				if e := r.at.Load(); e != nil && !r.cur.lossless && r.cur.take(e.n) {
					if !r.at.Step(1) {
						r.c.ring.Cross(&r.at, e.n+1)
					}
					v = e.value
				} else if v, err = r.TryRecv(); err == leat.ErrEmpty {
					v, err = r.Recv(ctx)
				}
			}
			if err != nil {
				lag, ok := err.(*leat.LaggedError)
				if !ok {
					r.loop.End(err)
					return
				}
				missed += lag.Missed
				continue
			}
			if !yield(v, missed) {
				return
			}
			missed = 0
		}
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
// TryRecv has a value, a gap or the end to return. Then call TryRecv once for
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
// goroutine, and no value is received before TryRecv returns it.
func (r *Receiver[T]) Ready() <-chan struct{} {
	r.made()
	ready := r.cur.ready()
	r.rejoin()
	runtime.KeepAlive(r)
	return ready
}

// rejoin sets the gate to the present state, if the gate is used, and looks
// whether a lapsed receiver has received everything. Ready calls it from any
// goroutine, so the receiver may take the value that this goroutine sees. Then
// the receiver shuts the gate, in arm, after this goroutine has opened it,
// because both hold gateMu or mu while they look and set. A receive that takes
// a value and passes the gate by took it before isJoined was set, and so before
// Ready looks.
func (r *Receiver[T]) rejoin() {
	if r.cur.is(isLapsed) {
		r.catchUp()
	}
	if !r.cur.is(isJoined) {
		return
	}
	r.cur.gateMu.Lock()
	there := r.there()
	if there {
		r.cur.gate.Set(true)
	}
	r.cur.gateMu.Unlock()
	if !there {
		r.arm()
	}
}

// arm is rejoin for a receiver that seems to have nothing to receive.
func (r *Receiver[T]) arm() {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended.Load() || r.cur.is(isClosed):
		r.cur.OpenGate(true, false)
	case r.there():
		r.cur.OpenGate(false, false)
	default:
		r.cur.shut()
		c.waiting.Arm(r.cur)
	}
}

// there reports whether the value at the cursor was accepted: then a receive
// would find it, or a gap. Any goroutine may call it. On an unbounded channel,
// the value may be released once the receiver is closed.
func (r *Receiver[T]) there() bool {
	pos := r.cur.pos()
	e := r.c.ring.Load(pos)
	return e != nil && e.n >= pos || pos < r.cur.floor
}

// Len returns how many accepted values this receiver has neither received nor
// been reported as missed. If that is more than the capacity, it has missed
// some, and its next receive reports them.
func (r *Receiver[T]) Len() int {
	r.made()
	if r.cur.is(isClosed) {
		return 0
	}
	return int(min(r.cur.behind(r.c.accepted(0)), math.MaxInt))
}

// Missed returns the total number of values that this receiver's errors have
// reported as missed.
func (r *Receiver[T]) Missed() uint64 {
	r.made()
	return r.cur.missed.Load()
}

// Next returns the number of the value that the next receive looks for. The
// first value that the channel accepted has number 0. A receiver that has
// received every value so far looks for one that is not accepted yet. While a
// lag is not reported, Next is still the number of the first missed value; the
// receive that reports it moves Next past the gap.
//
// A receiver that subscribes with [From] and this number continues here. Next
// never blocks, may be called concurrently, and keeps its value after Close.
func (r *Receiver[T]) Next() uint64 {
	r.made()
	return r.cur.pos() - seam.Origin
}

// Subscribe makes another receiver, as [Sender.Subscribe] does. So a listener
// can make listeners without a sender handle, with which it could send, and
// would keep the channel open. The new receiver starts at the end, or where
// opts say, not where this one is; for that, use From(r.Next()). Subscribe
// never blocks, may be called concurrently, and works after Close.
func (r *Receiver[T]) Subscribe(opts ...SubscribeOption) *Receiver[T] {
	return r.made().subscribe(opts)
}

// Close closes this receiver and no other: waiting and later receives on it
// return ErrClosed, and senders no longer wait for it. Close never blocks or
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
	if r.cur.is(isClosed) {
		c.mu.Unlock()
		return nil
	}
	r.guard.Release(r)
	r.cause = contract.Closing(cause)
	c.removeLocked(r.cur, &wk)
	c.counting.Changed(c.receiversLocked(), &wk.count, false)
	if r.cur.is(isJoined) { // if Ready comes to join after this, it finds closed
		r.cur.OpenGate(true, false)
	}
	if c.txq.Len() > 0 {
		c.admitLocked(&wk)
	}
	c.NoteCloseLocked(meter.ReceiverClosed, false, c)
	c.mu.Unlock()
	wk.run()
	runtime.KeepAlive(r)
	return nil
}
