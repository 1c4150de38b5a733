package queue

import (
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Rx is a handle of the receiving end. It is used in place, and not copied.
//
// A method calls runtime.KeepAlive when it is done with the channel. Without
// that, the garbage collector may find the handle unreachable while a method
// still runs, and the cleanup would close the handle under it.
type Rx[T any] struct {
	c        *Channel[T]
	closed   *contract.ClosedError // nil while r is open; guarded by both ends' locks
	waiters  park.Handle           // guarded by both ends' locks
	guard    leak.Guard
	spare    park.Spare
	patience park.Patience
	loop     contract.Loop
}

// attach makes r a handle of c, which counts it already.
func (r *Rx[T]) attach(c *Channel[T]) {
	r.c = c
	if r.closed != nil {
		r.guard.WatchReceiver(r, (*droppedClosedReceiver[T])(c))
	} else {
		r.guard.WatchReceiver(r, (*droppedReceiver[T])(c))
	}
}

// Clone makes to another handle like r.
func (r *Rx[T]) Clone(to *Rx[T]) {
	c := r.channel()
	c.Lock()
	if r.closed == nil {
		c.openReceivers++
	} else {
		to.closed = contract.NoCause
	}
	c.reachableReceivers++
	c.Unlock()
	to.attach(c)
	runtime.KeepAlive(r)
}

// Recv returns the next value, and blocks while there is none. The result has a
// name so that a large value is copied to it at once, and not by way of a local
// variable.
func (r *Rx[T]) Recv(ctx context.Context) (v T, err error) {
	c := r.channel()
	if ctx == nil {
		c.NilContext()
	}
	if err = ctx.Err(); err != nil {
		return v, err
	}
	empty := false
	if c.claims {
		p := c.values.ClaimHere()
		if p == nil {
			p, empty = c.values.Claim()
		}
		if p != nil {
			v = *p
			var zero T // declared here, so that the compiler clears the slot in place
			*p = zero
			runtime.KeepAlive(r)
			return v, nil
		}
	}
	if c.capacity > 0 { // at capacity 0, every step needs the lock
		if !empty || c.ending.Load() { // or TryRecv would return ErrEmpty, as in seemsEmpty
			v, err = r.TryRecv()
			if !contract.IsEmpty[T](err) {
				return v, err
			}
		}
		if r.yieldsFirst() {
			seam.Yield()
			crowded := c.crowded()
			v, err = r.TryRecv()
			r.patience.Learn(err == nil && !crowded)
			if !contract.IsEmpty[T](err) {
				return v, err
			}
		}
	}
	c.Lock()
	v, err = r.tryRecvAndUnlockUnlessEmpty()
	if !contract.IsEmpty[T](err) {
		return v, err
	}
	w, got := r.waiterLocked()
	yields := r.joinLocked(w)
	c.Unlock()
	if yields {
		seam.Yield()
	}
	err = c.rxq.Sleep(ctx, c, w)
	if err == nil {
		v, err = got.one, got.err
	}
	r.returnWaiter(w)
	runtime.KeepAlive(r)
	return v, err
}

// yieldsFirst reports whether r, which finds nothing, lets others run once
// before it stands in the queue. With one lock, and if senders have waited
// lately, it stands there first: see joinLocked.
func (r *Rx[T]) yieldsFirst() bool {
	return !(r.c.oneLock && r.c.many.Load()) && r.patience.Yields()
}

// TryRecv returns the next value if there is one.
func (r *Rx[T]) TryRecv() (v T, err error) {
	c := r.channel()
	if c.oneLock {
		if !c.values.Tail.Marked() { // as in seemsEmpty
			runtime.KeepAlive(r)
			return v, contract.ErrEmpty
		}
		c.values.Tail.Lock()
		if c.uncontended && r.closed == nil {
			p := c.values.PopHere()
			if p == nil {
				p = c.values.TryPop()
			}
			if p != nil {
				v = *p
				var zero T
				*p = zero
				c.values.Tail.Mark(c.values.Len() > 0 || c.endingLocked())
				c.values.Tail.Unlock()
				runtime.KeepAlive(r)
				return v, nil
			}
		}
		return r.tryRecvAndUnlock()
	}
	if c.claims {
		p, empty := c.values.ClaimHere(), false
		if p == nil {
			p, empty = c.values.Claim()
		}
		if p != nil {
			v = *p
			var zero T
			*p = zero
			runtime.KeepAlive(r)
			return v, nil
		}
		if empty && !c.ending.Load() { // as in seemsEmpty
			runtime.KeepAlive(r)
			return v, contract.ErrEmpty
		}
		c.values.LockHead()
	} else {
		c.values.Head.Lock()
	}
	if c.uncontended && r.closed == nil {
		if p := c.values.TryPop(); p != nil {
			v = *p
			var zero T
			*p = zero
			c.values.Head.Unlock()
			runtime.KeepAlive(r)
			return v, nil
		}
		if c.hasSenders {
			c.values.Head.Unlock()
			runtime.KeepAlive(r)
			return v, contract.ErrEmpty
		}
	}
	c.values.LockTailToo() // it may be the end
	return r.tryRecvAndUnlock()
}

// tryRecvAndUnlock takes the next value, if there is one.
func (r *Rx[T]) tryRecvAndUnlock() (v T, err error) {
	v, err = r.tryRecvAndUnlockUnlessEmpty()
	if contract.IsEmpty[T](err) {
		r.c.Unlock()
	}
	return v, err
}

// tryRecvAndUnlockUnlessEmpty takes the next value, if there is one. Both ends
// are locked, and stay locked if it returns ErrEmpty.
func (r *Rx[T]) tryRecvAndUnlockUnlessEmpty() (v T, err error) {
	c := r.c
	switch {
	case r.goneLocked():
		err = r.endErrorLocked()
		c.settleAndUnlock() // opens the gate again, which a receive from it shut for a value of another receiver
		return v, err
	case c.values.Len() > 0:
		v = c.values.Pop()
		if c.txq.Len() > 0 || c.ready.Asked() {
			c.settleAndUnlock()
		} else {
			c.Unlock()
		}
		runtime.KeepAlive(r)
		return v, nil
	case c.endedLocked():
		err = r.endErrorLocked()
		c.settleAndUnlock()
		return v, err
	}
	if c.capacity == 0 && c.txq.Len() > 0 {
		if w := c.findSenderLocked(nil, 0); w != nil {
			v = c.takeFromSenderAndUnlock(w)
			runtime.KeepAlive(r)
			return v, nil
		}
	}
	return v, contract.ErrEmpty
}

// endErrorLocked returns the error of a receive from r that has nothing more to
// receive. A closed handle returns the cause that it was closed with itself. An
// open one finds the end only if all senders are closed.
func (r *Rx[T]) endErrorLocked() error {
	if r.closed != nil {
		return contract.Closed(r.closed)
	}
	return contract.Closed(r.c.senderCause)
}

// takeFromSenderAndUnlock takes a value straight from w, a waiting sender.
func (c *Channel[T]) takeFromSenderAndUnlock(w *park.Waiter) T {
	v, last := c.sending(w).give()
	c.direct++
	if last {
		c.txq.Remove(w)
	}
	if c.ready.Asked() { // that a sender leaves makes nothing else possible
		c.setReadyLocked()
	}
	c.Unlock()
	if last {
		w.Wake()
	}
	return v
}

// joinLocked puts w, which waiterLocked has returned, into the queue. With one
// lock a sender probably comes soon, if senders have waited lately; at capacity
// 0, in any case.
func (r *Rx[T]) joinLocked(w *park.Waiter) (yields bool) {
	return r.c.rxq.Join(w, r.c.capacity == 0 || r.c.oneLock && r.c.many.Load())
}

// waitAndUnlock blocks until w, which waiterLocked has returned, is served; or
// until ctx ends, whose error it returns.
func (r *Rx[T]) waitAndUnlock(ctx context.Context, w *park.Waiter) error {
	yields := r.joinLocked(w)
	r.c.Unlock()
	if yields {
		seam.Yield()
	}
	return r.c.rxq.Sleep(ctx, r.c, w)
}

// waiterLocked returns a waiter and its request, in which only by is set. If
// another goroutine waits in a channel of one receiver, it unlocks both ends
// and panics.
func (r *Rx[T]) waiterLocked() (*park.Waiter, *recvRequest[T]) {
	r.requireAloneLocked(nil)
	w := r.spare.Take(park.NewWaiter[recvRequest[T]])
	w.Handle, w.Stamp = &r.waiters, r.c.Stamp("receives from")
	got := r.c.receiving(w)
	got.by = r
	r.c.noteReceiverLocked()
	return w, got
}

// returnWaiter gives back what waiterLocked has returned.
func (r *Rx[T]) returnWaiter(w *park.Waiter) {
	*r.c.receiving(w) = recvRequest[T]{}
	r.spare.Return(w)
}

// requireAloneLocked panics if another goroutine waits in a channel of one
// receiver; cases of s do not count. It unlocks both ends before it panics.
func (r *Rx[T]) requireAloneLocked(s *park.Selection) {
	for w := r.c.rxq.Front(); w != nil && r.c.single; w = w.Next() {
		if !w.Of(s) && !w.Stale() {
			r.c.Unlock()
			r.twoReceivers()
		}
	}
}

func (r *Rx[T]) twoReceivers() {
	panic(r.c.String() + ": two goroutines receive from one Receiver at the same time; take mpmc for that")
}

// RecvMany blocks until there is a value, moves as many as there are and fit to
// buf, and returns how many.
func (r *Rx[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	c := r.channel()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	if n = r.recvUncontended(buf); n > 0 {
		return n, nil
	}
	if !r.marked() && r.yieldsFirst() {
		seam.Yield()
		crowded := c.crowded()
		n = r.recvUncontended(buf)
		r.patience.Learn((n > 0 || r.marked()) && !crowded)
		if n > 0 {
			return n, nil
		}
	}
	c.Lock()
	if c.values.Len() > 0 && !r.goneLocked() {
		n = c.popIntoLocked(buf)
		c.settleAndUnlock()
		runtime.KeepAlive(r)
		return n, nil
	}
	v, err := r.tryRecvAndUnlockUnlessEmpty()
	if err == nil {
		buf[0] = v
		return 1, nil
	}
	if !contract.IsEmpty[T](err) {
		return 0, err
	}
	w, got := r.waiterLocked()
	got.many = buf
	err = r.waitAndUnlock(ctx, w)
	if err == nil {
		n, err = got.n, got.err
	}
	r.returnWaiter(w)
	runtime.KeepAlive(r)
	return n, err
}

// RecvBatch blocks until there is a value, and then until buf is full, maxAge
// has passed, ctx ends, or nothing more can be received. It returns how many
// values it moved to buf.
//
// Once it has the first value, its waiter stays in the queue until buf is full.
// Senders write to buf, so a batch costs two wake-ups, however many
// values come one by one. The other limits end the wait as a cancelled ctx
// does: the goroutine takes its waiter out of the queue, and finds in it how
// many values came.
func (r *Rx[T]) RecvBatch(ctx context.Context, buf []T, maxAge time.Duration) (n int, err error) {
	c := r.channel()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	var wk wakes
	c.Lock()
	n, err = r.takeManyLocked(buf, &wk)
	if contract.IsEmpty[T](err) {
		wk.run() // before this goroutine sleeps, and so with both ends locked
		w, got := r.waiterLocked()
		got.many, got.batch = buf, true
		err = r.waitAndUnlock(ctx, w)
		if err == nil {
			n, err = got.n, got.err
		}
		r.returnWaiter(w)
		if err != nil {
			runtime.KeepAlive(r)
			return 0, err
		}
		c.Lock()
		more, _ := r.takeManyLocked(buf[n:], &wk)
		n += more
	} else if err != nil {
		c.Unlock()
		wk.run()
		return 0, err
	}
	if n == len(buf) || maxAge <= 0 || r.endLocked() {
		c.Unlock()
		wk.run()
		runtime.KeepAlive(r)
		return n, nil
	}
	wk.run() // with both ends locked, as above
	age := time.NewTimer(maxAge)
	defer age.Stop()
	w, got := r.waiterLocked()
	got.many, got.n, got.batch, got.collects = buf, n, true, true
	_ = c.rxq.WaitTimer(ctx, c, w, age.C) // whatever ends it, the values that came are in buf
	n = got.n
	r.returnWaiter(w)
	runtime.KeepAlive(r)
	return n, nil
}

// goneLocked reports whether r is closed while another receiver is open. Then r
// gets no value, although the channel may hold some.
func (r *Rx[T]) goneLocked() bool { return r.closed != nil && !r.c.closedLocked() }

// endLocked reports whether a receive from r that finds no value would return
// ErrClosed.
func (r *Rx[T]) endLocked() bool { return r.goneLocked() || r.c.endedLocked() }

// TryRecvMany moves to buf the values that can be received now, and returns how
// many.
func (r *Rx[T]) TryRecvMany(buf []T) (n int, err error) {
	c := r.channel()
	if len(buf) == 0 {
		return 0, nil
	}
	if c.oneLock {
		c.Lock()
		return r.takeManyAndUnlock(buf)
	}
	c.values.LockHead()
	if c.uncontended && r.closed == nil {
		n = int(c.values.Available(uint64(len(buf))))
		c.values.PopInto(buf[:n])
		if n > 0 || c.hasSenders {
			c.values.Head.Unlock()
			runtime.KeepAlive(r)
			if n == 0 {
				return 0, contract.ErrEmpty
			}
			return n, nil
		}
	}
	c.values.LockTailToo() // it may be the end
	return r.takeManyAndUnlock(buf)
}

// takeManyAndUnlock is takeManyLocked for a call that does not wait.
func (r *Rx[T]) takeManyAndUnlock(buf []T) (n int, err error) {
	var wk wakes
	n, err = r.takeManyLocked(buf, &wk)
	r.c.Unlock()
	wk.run()
	runtime.KeepAlive(r)
	return n, err
}

// takeManyLocked moves to buf the values that can be received without a wait,
// and returns how many: values in the channel, and then values of waiting
// senders, which get the freed slots or, at capacity 0, hand their values over.
// If there are none, it returns ErrEmpty or ErrClosed. The caller runs wk.
func (r *Rx[T]) takeManyLocked(buf []T, wk *wakes) (n int, err error) {
	c := r.c
	gone := r.goneLocked()
	for n < len(buf) && !gone {
		if c.values.Len() > 0 {
			n += c.popIntoLocked(buf[n:])
			c.admitLocked(wk)
			continue
		}
		if c.capacity > 0 || c.txq.Len() == 0 {
			break
		}
		w := c.findSenderLocked(nil, 0)
		if w == nil {
			break
		}
		var last bool
		if buf[n], last = c.sending(w).give(); last {
			c.dequeueSenderLocked(w, wk)
		}
		c.direct++
		n++
	}
	if n == 0 {
		err = contract.ErrEmpty
		if r.endLocked() {
			err = r.endErrorLocked()
		}
	}
	c.settleLocked(wk)
	return n, err
}

// marked reports whether the channel has one lock, and the tail a mark: then a
// receive takes the lock at once.
func (r *Rx[T]) marked() bool { return r.c.oneLock && r.c.values.Tail.Marked() }

// recvUncontended moves the values that there are, if the channel is
// uncontended and has two locks, and returns how many.
func (r *Rx[T]) recvUncontended(buf []T) (n int) {
	c := r.c
	if c.oneLock {
		return 0
	}
	c.values.LockHead()
	if c.uncontended && r.closed == nil {
		n = int(c.values.Available(uint64(len(buf))))
		c.values.PopInto(buf[:n])
	}
	c.values.Head.Unlock()
	runtime.KeepAlive(r)
	return n
}

// All returns an iterator over the values.
func (r *Rx[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		r.loop.Begin()
		for {
			v, err := r.Recv(ctx)
			if err != nil {
				r.loop.End(err)
				return
			}
			if !yield(v) {
				return
			}
		}
	}
}

// Err returns why the last loop over All ended.
func (r *Rx[T]) Err() error {
	r.channel()
	return r.loop.Err()
}

// Ready returns the channel's gate.
func (r *Rx[T]) Ready() <-chan struct{} {
	c := r.channel()
	c.Lock()
	ready := c.ready.Chan()
	c.settleAndUnlock()
	runtime.KeepAlive(r)
	return ready
}

// Len returns how many values were accepted and not yet received.
func (r *Rx[T]) Len() int { return r.channel().length() }

// Cap returns the capacity.
func (r *Rx[T]) Cap() int { return r.channel().capacity }

// Close gives up the handle. The last one closes the channel.
func (r *Rx[T]) Close() error { return r.CloseWith(nil) }

// CloseWith is Close with a cause, which may be nil.
func (r *Rx[T]) CloseWith(cause error) error {
	c := r.channel()
	text := c.CauseText(cause)
	c.Lock()
	if r.closed != nil {
		c.Unlock()
		return nil
	}
	r.closed = contract.Closing(cause)
	if contract.First(&c.receiverCause, r.closed) {
		c.NoteCauseLocked(meter.ReceiverClosed, text)
	}
	c.openReceivers--
	if !c.closedLocked() || c.values.Len() > 0 || c.permits > 0 { // there may be something for r to drain, until it is dropped
		r.guard.Tell((*droppedClosedReceiver[T])(c))
	} else {
		r.guard.Release(r)
	}
	var wk wakes
	if !c.idleLocked() {
		for w := r.waiters.First(); w != nil && !c.closedLocked(); w = r.waiters.First() {
			c.endLocked(w, &wk)
		}
		c.settleLocked(&wk)
	}
	c.NoteCloseLocked(meter.ReceiverClosed, c.closedLocked(), c)
	c.Unlock()
	wk.run()
	runtime.KeepAlive(r)
	return nil
}
