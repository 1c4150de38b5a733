package mpsc

import (
	"context"
	"iter"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
)

// Receiver is the receiving end. One goroutine at a time receives; a second one that would wait beside it panics.
// Ready, Len, Cap and Close may be called by any goroutine.
type Receiver[T any] struct {
	c *channel[T]
	w park.Waiter[receiving[T]] // the one that waits; guarded by c.mu while it does not
}

// Recv returns the next value, in the order in which the channel accepted them, and waits while there is none. It returns
// ErrClosed when nothing more can come: all values were received, all permits used or released, and all senders or
// this receiver closed. It returns ctx.Err() at once if ctx is done already, or when it ends during the wait, unless a
// value was handed over by then.
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	c := r.c
	c.needContext(ctx)
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	c.mu.Lock()
	v, err := c.tryRecv()
	if err != leat.ErrEmpty {
		return v, err
	}
	got, err := r.wait(ctx, nil)
	if err != nil {
		return v, err
	}
	return got.one, got.err
}

// TryRecv is Recv without the wait: it returns ErrEmpty if there is no value now and one may come.
func (r *Receiver[T]) TryRecv() (T, error) {
	r.c.mu.Lock()
	v, err := r.c.tryRecv()
	if err == leat.ErrEmpty {
		r.c.mu.Unlock()
	}
	runtime.KeepAlive(r)
	return v, err
}

// tryRecv takes the next value, if there is one. It is called with mu held, and frees it unless it returns ErrEmpty.
func (c *channel[T]) tryRecv() (v T, err error) {
	switch {
	case c.values.Len() > 0:
		v = c.values.Pop()
		if c.txq.Len() > 0 || c.ready.Asked() {
			c.unlock()
		} else {
			c.mu.Unlock()
		}
		return v, nil
	case c.ended():
		c.unlock()
		return v, leat.ErrClosed
	}
	return v, leat.ErrEmpty
}

// wait puts the receiver to sleep until it is given values, in buf if that is not nil, or the end; or until ctx ends, whose
// error it returns. mu is held, and free when wait returns.
func (r *Receiver[T]) wait(ctx context.Context, buf []T) (got receiving[T], err error) {
	c := r.c
	if c.rxq.Len() > 0 {
		c.mu.Unlock()
		panic(c.String() + ": two goroutines receive from one Receiver at the same time")
	}
	r.w.Payload.many = buf
	err = c.rxq.Wait(ctx, &c.mu, &r.w)
	got, r.w.Payload = r.w.Payload, receiving[T]{}
	runtime.KeepAlive(r)
	return got, err
}

// RecvMany waits for a value as Recv does, moves as many as there are and as fit to the front of buf, and returns how many.
// It does not wait to fill buf. With an error, n is 0; with an empty buf, RecvMany returns 0 and nil at once.
func (r *Receiver[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	c := r.c
	c.needContext(ctx)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	switch {
	case c.values.Len() > 0:
		n = c.values.PopInto(buf)
		c.unlock()
		runtime.KeepAlive(r)
		return n, nil
	case c.ended():
		c.unlock()
		return 0, leat.ErrClosed
	}
	got, err := r.wait(ctx, buf)
	if err != nil {
		return 0, err
	}
	return got.n, got.err
}

// All returns an iterator over the values as Recv returns them. It ends when the channel does, or ctx; ctx.Err() tells
// which. Leaving the loop early leaves the rest in the channel, and All may be called again.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := r.Recv(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Ready returns a channel for native select, which can be received from when there is a value to take, or the end to be
// told. Then use TryRecv, once for each receive from Ready or until it returns ErrEmpty:
//
//	select {
//	case <-rx.Ready():
//		v, err := rx.TryRecv()
//		…
//	case <-other:
//		…
//	}
//
// It is the same channel each time, and made when first asked for. No goroutine stands behind it, and no value is taken out
// before TryRecv takes it.
func (r *Receiver[T]) Ready() <-chan struct{} {
	c := r.c
	c.mu.Lock()
	ready := c.ready.Chan()
	c.unlock()
	return ready
}

// Len returns how many values the channel has accepted that were not yet received.
func (r *Receiver[T]) Len() int { return r.c.length() }

// Cap returns the capacity; math.MaxInt if the channel is unbounded.
func (r *Receiver[T]) Cap() int { return r.c.capacity }

// Close stops the senders: they get ErrClosed from now on, waiting ones at once, and Done is closed. What was accepted can still be
// received, and permits granted before are still good; the end comes behind them. Close never waits and
// never panics, may be called more than once and concurrently with anything; it returns nil.
//
// When the receiver is dropped, closed or not, the garbage collector releases what was not received.
func (r *Receiver[T]) Close() error {
	c := r.c
	c.mu.Lock()
	c.closed = true
	c.unlock()
	runtime.KeepAlive(r)
	return nil
}
