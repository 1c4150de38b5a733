package queue

import (
	"context"
	"runtime"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Tx is a handle of the sending end. It is used in place, and not copied.
//
// A method calls runtime.KeepAlive when it is done with the channel. Without
// that, the garbage collector may find the handle unreachable while a method
// still runs, and the cleanup would close the handle under it.
type Tx[T any] struct {
	c       *Channel[T]
	closed  *contract.ClosedError // nil while s is open; guarded by the tail's lock
	waiters park.Handle           // guarded by both ends' locks
	guard   leak.Guard
	spare   park.Spare
}

// attach makes s a handle of c, which counts it already.
func (s *Tx[T]) attach(c *Channel[T]) {
	s.c = c
	s.guard.Watch(s, (*droppedSender[T])(c))
}

// Clone makes to another handle like s.
func (s *Tx[T]) Clone(to *Tx[T]) {
	c := s.channel()
	c.values.Tail.Lock()
	open := s.closed == nil
	if open { // and so hasSenders stays true
		c.openSenders++
	}
	c.values.Tail.Unlock()
	if open {
		to.attach(c)
	} else {
		to.c, to.closed = c, contract.NoCause
	}
}

// Send sends v, and blocks until there is room.
func (s *Tx[T]) Send(ctx context.Context, v T) error {
	c := s.channel()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.values.Tail.Lock()
	if c.uncontended && s.closed == nil {
		limit := uint64(c.capacity - c.permits)
		p := c.values.PushHere(limit)
		if p == nil {
			p = c.values.TryPush(limit)
		}
		if p != nil {
			*p = v
			c.values.Tail.Unlock()
			runtime.KeepAlive(s)
			return nil
		}
		if !c.oneLock && !c.many.Load() {
			c.values.Tail.Unlock()
			if c.patience.Yields() {
				seam.Yield()
				err := s.TrySend(v)
				c.patience.Learn(err == nil)
				if err != contract.ErrFull {
					return err
				}
			}
			c.values.Tail.Lock()
		}
	}
	c.lockHeadToo()
	if err := s.trySendAndUnlockUnlessFull(v); err != contract.ErrFull {
		return err
	}
	w, p := s.waiterLocked()
	p.one = v
	yields := s.joinLocked(w)
	c.Unlock()
	if yields {
		seam.Yield()
	}
	err := s.waited(w, c.txq.Sleep(ctx, c, w))
	s.returnWaiter(w)
	return err
}

// parkAndUnlock blocks until the sender is served, or ctx ends, and returns the
// values of many that are not sent.
func (s *Tx[T]) parkAndUnlock(ctx context.Context, p sendRequest[T]) (left []T, err error) {
	w, own := s.waiterLocked()
	*own = p
	yields := s.joinLocked(w)
	s.c.Unlock()
	if yields {
		seam.Yield()
	}
	err = s.waited(w, s.c.txq.Sleep(ctx, s.c, w))
	left = own.many
	s.returnWaiter(w)
	return left, err
}

// waiterLocked returns a waiter and its request, which is zero.
func (s *Tx[T]) waiterLocked() (*park.Waiter, *sendRequest[T]) {
	w, c := s.spare.Take(park.NewWaiter[sendRequest[T]]), s.c
	w.Handle, w.Stamp = &s.waiters, c.Stamp("sends to")
	c.NoteDepth(c.values.Len())
	return w, c.sending(w)
}

// returnWaiter gives back what waiterLocked has returned.
func (s *Tx[T]) returnWaiter(w *park.Waiter) {
	*s.c.sending(w) = sendRequest[T]{}
	s.spare.Return(w)
}

// joinLocked puts w, which waiterLocked has returned, into the queue. With one
// lock a receiver probably comes soon. At capacity 0 ready is set, because a
// sender has a value although the channel holds none.
func (s *Tx[T]) joinLocked(w *park.Waiter) (yields bool) {
	c := s.c
	if c.capacity == 0 && c.ready.Asked() {
		c.ready.Set(true)
	}
	yields = c.txq.Join(w, c.oneLock)
	if c.capacity > 0 {
		c.noteSenderLocked()
	}
	return yields
}

// waited returns the result of w, which has slept. err says that ctx has ended.
func (s *Tx[T]) waited(w *park.Waiter, err error) error {
	c := s.c
	switch {
	case err == nil:
		err = c.sending(w).err
	case c.capacity == 0:
		c.Lock()
		c.settleAndUnlock() // shuts ready if no other sender waits
	}
	runtime.KeepAlive(s)
	return err
}

// TrySend sends v if there is room.
func (s *Tx[T]) TrySend(v T) error {
	c := s.channel()
	c.values.Tail.Lock()
	if c.uncontended && s.closed == nil {
		limit := uint64(c.capacity - c.permits)
		p := c.values.PushHere(limit)
		if p == nil {
			p = c.values.TryPush(limit)
		}
		if p != nil {
			*p = v
		}
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		if p == nil {
			return contract.ErrFull
		}
		return nil
	}
	c.lockHeadToo()
	err := s.trySendAndUnlockUnlessFull(v)
	if err == contract.ErrFull {
		c.Unlock()
	}
	return err
}

// trySendAndUnlockUnlessFull sends v if there is room. Both ends are locked,
// and stay locked if it returns ErrFull.
func (s *Tx[T]) trySendAndUnlockUnlessFull(v T) error {
	c := s.c
	if err := s.refusalLocked(); err != nil {
		c.Unlock()
		return err
	}
	if c.capacity > 0 && c.roomLocked() == 0 {
		return contract.ErrFull
	}
	if r := c.takeReceiverLocked(nil, 0); r != nil { // then values is empty, and stays so: v goes straight to the receiver
		served := c.giveLocked(r, v)
		c.Unlock()
		if served {
			r.Wake()
		}
	} else if c.capacity == 0 {
		return contract.ErrFull
	} else {
		c.values.Push(v)
		c.ready.Set(true)
		c.Unlock()
	}
	runtime.KeepAlive(s)
	return nil
}

// ForceSend sends v, and takes the oldest value out of a full channel for it.
// full means that the channel was full: then either evicted is that value, or
// err is ErrFull and nothing happened, because senders wait, permits hold all
// slots, or the capacity is 0.
//
// The oldest value leaves and v comes with both ends locked, so no receiver
// finds the channel empty between, and no sender finds room.
func (s *Tx[T]) ForceSend(v T) (evicted T, full bool, err error) {
	c := s.channel()
	c.values.Tail.Lock()
	if c.uncontended && s.closed == nil {
		if p := c.values.TryPush(uint64(c.capacity - c.permits)); p != nil {
			*p = v
			c.values.Tail.Unlock()
			runtime.KeepAlive(s)
			return evicted, false, nil
		}
	}
	c.lockHeadToo()
	err = s.trySendAndUnlockUnlessFull(v)
	if err != contract.ErrFull {
		return evicted, false, err
	}
	if !c.senderWaitsLocked() && c.values.Len() > 0 {
		evicted = c.values.Evict()
		c.values.Push(v)
		c.evicted++
		c.ready.Set(true)
		err = nil
	}
	c.Unlock()
	runtime.KeepAlive(s)
	return evicted, true, err
}

// senderWaitsLocked reports whether a sender waits that is not stale. It
// removes the stale ones that are first in the queue.
func (c *Channel[T]) senderWaitsLocked() bool {
	for w := c.txq.Front(); w != nil; w = c.txq.Front() {
		if !w.Stale() {
			return true
		}
		c.txq.Remove(w)
	}
	return false
}

// refusalLocked returns the error of a send by s, because s or the receivers
// are closed; or nil if neither is.
func (s *Tx[T]) refusalLocked() error {
	switch {
	case s.closed != nil:
		return contract.Closed(s.closed)
	case s.c.closedLocked():
		return contract.Closed(s.c.receiverCause)
	}
	return nil
}

// SendMany sends the values of vs in order, and returns how many were accepted.
func (s *Tx[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	c := s.channel()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c.values.Tail.Lock()
	rest := vs
	if c.uncontended && s.closed == nil {
		k := int(c.values.Room(uint64(c.capacity-c.permits), uint64(len(vs))))
		c.values.PushAll(vs[:k])
		rest = vs[k:]
	}
	if len(rest) == 0 {
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		return len(vs), nil
	}
	c.lockHeadToo()
	if err := s.refusalLocked(); err != nil {
		c.Unlock()
		return len(vs) - len(rest), err
	}
	var wk wakes
	rest = c.sendManyLocked(rest, &wk)
	if len(rest) == 0 {
		c.Unlock()
		wk.run()
		runtime.KeepAlive(s)
		return len(vs), nil
	}
	wk.run() // before this goroutine sleeps, and so with both ends locked
	left, err := s.parkAndUnlock(ctx, sendRequest[T]{many: rest})
	return len(vs) - len(left), err
}

// TrySendMany sends the first values of vs, as many as there is room for.
//
// It locks the tail alone only if that tells whether all values fit or none. If
// some do, a receiver could make room before they are published; then the
// channel would never have been full.
func (s *Tx[T]) TrySendMany(vs []T) (n int, err error) {
	c := s.channel()
	if len(vs) == 0 {
		return 0, nil
	}
	c.values.Tail.Lock()
	if c.uncontended && s.closed == nil {
		n = int(c.values.Room(uint64(c.capacity-c.permits), uint64(len(vs))))
		if n == len(vs) || n == 0 {
			c.values.PushAll(vs[:n])
			c.values.Tail.Unlock()
			runtime.KeepAlive(s)
			if n == 0 {
				return 0, contract.ErrFull
			}
			return n, nil
		}
	}
	c.lockHeadToo()
	if err := s.refusalLocked(); err != nil {
		c.Unlock()
		return 0, err
	}
	var wk wakes
	rest := c.sendManyLocked(vs, &wk)
	c.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	if len(rest) > 0 {
		err = contract.ErrFull
	}
	return len(vs) - len(rest), err
}

// sendManyLocked sends the first values of vs, as many as can be accepted
// without a wait, and returns the others. The channel is not closed. The caller
// runs wk.
func (c *Channel[T]) sendManyLocked(vs []T, wk *wakes) (rest []T) {
	for k := min(c.roomLocked(), len(vs)); k > 0; k = min(c.roomLocked(), len(vs)) {
		c.values.PushAll(vs[:k])
		vs = vs[k:]
		c.settleLocked(wk) // a waiting receiver takes some, and makes room
	}
	for c.capacity == 0 && len(vs) > 0 {
		r := c.takeReceiverLocked(nil, 0)
		if r == nil {
			break
		}
		if c.giveLocked(r, vs[0]) {
			wk.rx.Add(r)
		}
		vs = vs[1:]
	}
	return vs
}

// Reserve takes a slot, and blocks until there is one. Without an error, the
// caller makes a Permit for the channel that it returns. It panics if the
// capacity is 0.
func (s *Tx[T]) Reserve(ctx context.Context) (*Channel[T], error) {
	c := s.channel()
	if ctx == nil {
		c.NilContext()
	}
	c.needSlot("Reserve")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err := s.reserveUnlessFull()
	if err == contract.ErrFull {
		_, err = s.parkAndUnlock(ctx, sendRequest[T]{permit: true})
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// TryReserve takes a slot if there is one, as Reserve does.
func (s *Tx[T]) TryReserve() (*Channel[T], error) {
	c := s.channel()
	c.needSlot("TryReserve")
	if err := s.reserveUnlessFull(); err != nil {
		if err == contract.ErrFull {
			c.Unlock()
		}
		return nil, err
	}
	return c, nil
}

// needSlot panics if the capacity is 0.
func (c *Channel[T]) needSlot(op string) {
	if c.capacity == 0 {
		panic(c.String() + ": " + op + " on a channel of capacity 0; it has no slot to reserve")
	}
}

// reserveUnlessFull takes a slot if there is one. If it returns ErrFull, both
// ends are locked.
func (s *Tx[T]) reserveUnlessFull() error {
	c := s.c
	c.values.Tail.Lock()
	if c.uncontended && s.closed == nil && c.values.Room(uint64(c.capacity-c.permits), 1) > 0 {
		c.permits++
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		return nil
	}
	c.lockHeadToo()
	if err := s.refusalLocked(); err != nil {
		c.Unlock()
		return err
	}
	if c.roomLocked() == 0 {
		return contract.ErrFull
	}
	c.permits++
	c.Unlock()
	runtime.KeepAlive(s)
	return nil
}

// Done returns a channel that is closed when all receivers are.
func (s *Tx[T]) Done() <-chan struct{} {
	c := s.channel()
	c.Lock()
	defer c.Unlock()
	done := c.done.Chan()
	if c.closedLocked() {
		c.done.End()
	}
	return done
}

// Len returns how many values were accepted and not yet received.
func (s *Tx[T]) Len() int { return s.channel().length() }

// Cap returns the capacity.
func (s *Tx[T]) Cap() int { return s.channel().capacity }

// Close gives up the handle.
func (s *Tx[T]) Close() error { return s.CloseWith(nil) }

// CloseWith is Close with a cause, which may be nil.
func (s *Tx[T]) CloseWith(cause error) error {
	c := s.channel()
	text := c.CauseText(cause)
	c.values.Tail.Lock()
	if s.closed != nil {
		c.values.Tail.Unlock()
		return nil
	}
	if c.openSenders > 1 && cause == nil && s.waiters.First() == nil && !c.Named() {
		// One of several handles, in which nobody waits: nothing changes for
		// anybody else, and nobody reads these fields without the tail's lock.
		s.closed = contract.NoCause
		s.guard.Release(s)
		c.openSenders--
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		return nil
	}
	c.lockHeadToo()
	s.closed = contract.Closing(cause)
	if contract.First(&c.senderCause, s.closed) {
		c.NoteCauseLocked(meter.SenderClosed, text)
	}
	s.guard.Release(s)
	c.lostSenderLocked()
	var wk wakes
	if !c.idleLocked() {
		for w := s.waiters.First(); w != nil; w = s.waiters.First() {
			c.refuseLocked(w, contract.Closed(s.closed), &wk)
		}
		c.settleLocked(&wk)
	}
	c.NoteCloseLocked(meter.SenderClosed, !c.hasSenders, c)
	c.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	return nil
}
