package queue

import (
	"context"
	"iter"
	"runtime"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Rx is a handle of the receiving end. It is used in place, and not copied.
type Rx[T any] struct {
	c        *Channel[T]
	closed   bool                      // guarded by both ends' locks
	waiters  park.Handle[receiving[T]] // guarded by both ends' locks
	cleanup  seam.Cleanup
	spare    park.Spare[receiving[T]]
	patience park.Patience
}

// attach makes r a handle of c, which counts it already.
func (r *Rx[T]) attach(c *Channel[T]) {
	r.c = c
	whenDropped := ends.receiverDropped
	if r.closed {
		whenDropped = ends.closedReceiverDropped
	}
	r.cleanup = seam.AddCleanup(r, whenDropped, ends(c))
}

// Clone makes to another handle like r.
func (r *Rx[T]) Clone(to *Rx[T]) {
	c := r.channel()
	c.Lock()
	to.closed = r.closed
	if !to.closed {
		c.receivers++
	}
	c.reachable++
	c.Unlock()
	to.attach(c)
	runtime.KeepAlive(r)
}

// Recv returns the next value, and waits while there is none.
func (r *Rx[T]) Recv(ctx context.Context) (T, error) {
	c := r.channel()
	c.NeedContext(ctx)
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	v, err := r.TryRecv()
	if err == contract.ErrEmpty && c.capacity > 0 && r.patience.Yield() {
		crowded := c.crowded()
		v, err = r.TryRecv()
		r.patience.Learn(err == nil && !crowded)
	}
	if err != contract.ErrEmpty {
		return v, err
	}
	c.Lock()
	if v, err = r.tryRecv(); err != contract.ErrEmpty {
		return v, err
	}
	result, err := r.wait(ctx, nil)
	if err != nil {
		return v, err
	}
	return result.one, result.err
}

// TryRecv returns the next value if there is one.
func (r *Rx[T]) TryRecv() (v T, err error) {
	c := r.channel()
	if !c.values.Head.TryLock() {
		c.values.Head.Lock()
	}
	if c.calm && !r.closed {
		if p := c.values.TryPop(); p != nil {
			var zero T
			v, *p = *p, zero
			c.values.Head.Unlock()
			runtime.KeepAlive(r)
			return v, nil
		}
		if c.senders > 0 {
			c.values.Head.Unlock()
			runtime.KeepAlive(r)
			return v, contract.ErrEmpty
		}
	}
	c.values.LockTailToo() // it may be the end
	v, err = r.tryRecv()
	if err == contract.ErrEmpty {
		c.Unlock()
	}
	return v, err
}

// tryRecv takes the next value, if there is one. It is called with both ends locked, and unlocks them unless it returns ErrEmpty.
func (r *Rx[T]) tryRecv() (v T, err error) {
	c := r.c
	switch {
	case r.closed && !c.closed():
		c.finish() // opens the gate again, if this receiver was let through for a value that is not for it
		return v, contract.ErrClosed
	case c.values.Len() > 0:
		v = c.values.Pop()
		if c.txq.Len() > 0 || c.ready.Asked() {
			c.finish()
		} else {
			c.Unlock()
		}
		runtime.KeepAlive(r)
		return v, nil
	case c.ended():
		c.finish()
		return v, contract.ErrClosed
	}
	if c.capacity == 0 && c.txq.Len() > 0 {
		if w := c.sender(nil, 0); w != nil {
			v = c.takeFrom(w)
			runtime.KeepAlive(r)
			return v, nil
		}
	}
	return v, contract.ErrEmpty
}

// takeFrom takes a value straight from w, a waiting sender. Both ends are locked, and free when it returns.
func (c *Channel[T]) takeFrom(w *park.Waiter[sending[T]]) T {
	var wk wakes[T]
	v, last := w.Payload.give()
	c.direct++
	if last {
		c.sent(w, &wk)
	}
	c.settle(&wk)
	c.Unlock()
	wk.run()
	return v
}

// wait puts a receiver to sleep until it is given values, in buf if that is not nil, or the end; or until ctx ends, whose error it
// returns. Both ends are locked, and free when wait returns.
func (r *Rx[T]) wait(ctx context.Context, buf []T) (got receiving[T], err error) {
	c := r.c
	r.alone(nil)
	w := r.spare.Take(receiving[T]{many: buf})
	w.Handle, w.Stamp = &r.waiters, c.Stamp()
	err = c.rxq.Wait(ctx, c, w)
	got = r.spare.Return(w)
	runtime.KeepAlive(r)
	return got, err
}

// alone panics if somebody waits in a channel of one receiver, other than a case of s. Both ends are locked.
func (r *Rx[T]) alone(s *park.Selection) {
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

// RecvMany waits for a value, moves as many as there are and fit to buf, and returns how many.
func (r *Rx[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	c := r.channel()
	c.NeedContext(ctx)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	if n = r.recvCalmly(buf); n > 0 {
		return n, nil
	}
	if c.capacity > 0 && r.patience.Yield() {
		crowded := c.crowded()
		n = r.recvCalmly(buf)
		r.patience.Learn(n > 0 && !crowded)
		if n > 0 {
			return n, nil
		}
	}
	c.Lock()
	if c.values.Len() > 0 && !(r.closed && !c.closed()) {
		n = c.popInto(buf)
		c.finish()
		runtime.KeepAlive(r)
		return n, nil
	}
	v, err := r.tryRecv()
	if err == nil {
		buf[0] = v
		return 1, nil
	}
	if err != contract.ErrEmpty {
		return 0, err
	}
	got, err := r.wait(ctx, buf)
	if err != nil {
		return 0, err
	}
	return got.n, got.err
}

// recvCalmly moves the values that there are, if the channel is calm, and returns how many.
func (r *Rx[T]) recvCalmly(buf []T) (n int) {
	c := r.c
	if !c.values.Head.TryLock() {
		c.values.Head.Lock()
	}
	if c.calm && !r.closed {
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
		for {
			v, err := r.Recv(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Ready returns the channel's gate.
func (r *Rx[T]) Ready() <-chan struct{} {
	c := r.channel()
	c.Lock()
	ready := c.ready.Chan()
	c.finish()
	runtime.KeepAlive(r)
	return ready
}

// Len returns how many values were accepted and not yet received.
func (r *Rx[T]) Len() int { return r.channel().length() }

// Cap returns the capacity.
func (r *Rx[T]) Cap() int { return r.channel().capacity }

// Close gives up the handle. The last one closes the channel.
func (r *Rx[T]) Close() error {
	c := r.channel()
	c.Lock()
	if r.closed {
		c.Unlock()
		return nil
	}
	r.closed = true
	r.cleanup.Stop()
	c.receivers--
	if !c.closed() || c.values.Len() > 0 || c.permits > 0 { // there may be something for r to drain, until it is dropped
		r.cleanup = seam.AddCleanup(r, ends.closedReceiverDropped, ends(c))
	}
	var wk wakes[T]
	for w := r.waiters.First(); w != nil && !c.closed(); w = r.waiters.First() {
		if w.Claim() {
			w.Payload.err = contract.ErrClosed
			c.received(w, &wk)
		} else {
			c.rxq.Remove(w)
		}
	}
	c.settle(&wk)
	c.NoteCloseLocked(meter.ReceiverClosed, c.closed(), c)
	c.Unlock()
	wk.run()
	runtime.KeepAlive(r)
	return nil
}
