package queue

import (
	"context"
	"runtime"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Tx is a handle of the sending end. It is used in place, and not copied.
type Tx[T any] struct {
	c       *Channel[T]
	closed  bool                    // guarded by both ends' locks
	waiters park.Handle[sending[T]] // guarded by both ends' locks
	cleanup seam.Cleanup
	spare   park.Spare[sending[T]]
}

// attach makes s a handle of c, which counts it already.
func (s *Tx[T]) attach(c *Channel[T]) {
	s.c = c
	s.cleanup = seam.AddCleanup(s, ends.senderDropped, ends(c))
}

// Clone makes to another handle like s.
func (s *Tx[T]) Clone(to *Tx[T]) {
	c := s.channel()
	c.Lock()
	to.closed = s.closed
	if !to.closed {
		c.senders++
	}
	c.Unlock()
	if to.closed {
		to.c = c
	} else {
		to.attach(c)
	}
}

// Send sends v, and waits for room.
func (s *Tx[T]) Send(ctx context.Context, v T) error {
	c := s.channel()
	c.NeedContext(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if !c.values.Tail.TryLock() {
		c.values.Tail.Lock()
	}
	if c.calm && !s.closed {
		if p := c.values.TryPush(uint64(c.capacity - c.permits)); p != nil {
			*p = v
			c.values.Tail.Unlock()
			runtime.KeepAlive(s)
			return nil
		}
	}
	c.values.Head.Lock()
	if err := s.trySend(v); err != contract.ErrFull {
		return err
	}
	_, err := s.wait(ctx, sending[T]{one: v})
	return err
}

// wait puts a sender to sleep until it is served, or ctx ends, and returns what of many is left. Both ends are locked, and free when
// wait returns.
func (s *Tx[T]) wait(ctx context.Context, p sending[T]) (left []T, err error) {
	c := s.c
	if c.capacity == 0 {
		c.ready.Set(true) // somebody has a value, though the channel holds none
	}
	w := s.spare.Take(p)
	w.Handle, w.Stamp = &s.waiters, c.Stamp()
	c.NoteDepth(c.values.Len())
	err = c.txq.Wait(ctx, c, w)
	p = s.spare.Return(w)
	runtime.KeepAlive(s)
	if err == nil {
		return p.many, p.err
	}
	if c.capacity == 0 {
		c.Lock()
		c.finish() // and now perhaps nobody has
	}
	return p.many, err
}

// TrySend sends v if there is room.
func (s *Tx[T]) TrySend(v T) error {
	c := s.channel()
	if !c.values.Tail.TryLock() {
		c.values.Tail.Lock()
	}
	if c.calm && !s.closed {
		p := c.values.TryPush(uint64(c.capacity - c.permits))
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
	c.values.Head.Lock()
	err := s.trySend(v)
	if err == contract.ErrFull {
		c.Unlock()
	}
	return err
}

// trySend sends v if there is room. It is called with both ends locked, and unlocks them unless it returns ErrFull.
func (s *Tx[T]) trySend(v T) error {
	c := s.c
	if s.closed || c.closed() {
		c.Unlock()
		return contract.ErrClosed
	}
	if c.capacity > 0 && c.room() == 0 {
		return contract.ErrFull
	}
	if r := c.receiver(nil, 0); r != nil { // then values is empty, and stays so: v goes straight to the receiver
		r.Payload.take(v)
		c.Unlock()
		r.Wake()
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

// SendMany sends the values of vs in order, and returns how many were accepted.
func (s *Tx[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	c := s.channel()
	c.NeedContext(ctx)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if !c.values.Tail.TryLock() {
		c.values.Tail.Lock()
	}
	rest := vs
	if c.calm && !s.closed {
		k := int(c.values.Room(uint64(c.capacity-c.permits), uint64(len(vs))))
		c.values.PushAll(vs[:k])
		rest = vs[k:]
	}
	if len(rest) == 0 {
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		return len(vs), nil
	}
	c.values.Head.Lock()
	var wk wakes[T]
	if s.closed || c.closed() {
		c.Unlock()
		return len(vs) - len(rest), contract.ErrClosed
	}
	for k := min(c.room(), len(rest)); k > 0; k = min(c.room(), len(rest)) {
		c.values.PushAll(rest[:k])
		rest = rest[k:]
		c.settle(&wk) // a receiver that waits takes some, and makes room
	}
	for c.capacity == 0 && len(rest) > 0 {
		r := c.receiver(nil, 0)
		if r == nil {
			break
		}
		r.Payload.take(rest[0])
		wk.rx.Add(r)
		rest = rest[1:]
	}
	if len(rest) == 0 {
		c.Unlock()
		wk.run()
		runtime.KeepAlive(s)
		return len(vs), nil
	}
	wk.run() // with both ends locked, which costs a little; who sleeps first cannot wake others
	left, err := s.wait(ctx, sending[T]{many: rest})
	return len(vs) - len(left), err
}

// Reserve takes a slot, and blocks until there is one. Without an error, the caller makes a Permit for the channel that it
// returns. It panics if the capacity is 0.
func (s *Tx[T]) Reserve(ctx context.Context) (*Channel[T], error) {
	c := s.channel()
	c.NeedContext(ctx)
	if c.capacity == 0 {
		panic(c.String() + ": Reserve on a channel of capacity 0; it has no slot to reserve")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !c.values.Tail.TryLock() {
		c.values.Tail.Lock()
	}
	if c.calm && !s.closed && c.values.Room(uint64(c.capacity-c.permits), 1) > 0 {
		c.permits++
		c.values.Tail.Unlock()
		runtime.KeepAlive(s)
		return c, nil
	}
	c.values.Head.Lock()
	switch {
	case s.closed || c.closed():
		c.Unlock()
		return nil, contract.ErrClosed
	case c.room() > 0:
		c.permits++
		c.Unlock()
		runtime.KeepAlive(s)
		return c, nil
	}
	if _, err := s.wait(ctx, sending[T]{permit: true}); err != nil {
		return nil, err
	}
	return c, nil
}

// Done returns a channel that is closed when all receivers are.
func (s *Tx[T]) Done() <-chan struct{} {
	c := s.channel()
	c.Lock()
	defer c.Unlock()
	done := c.done.Chan()
	if c.closed() {
		c.done.End()
	}
	return done
}

// Len returns how many values were accepted and not yet received.
func (s *Tx[T]) Len() int { return s.channel().length() }

// Cap returns the capacity.
func (s *Tx[T]) Cap() int { return s.channel().capacity }

// Close gives up the handle.
func (s *Tx[T]) Close() error {
	c := s.channel()
	c.Lock()
	if s.closed {
		c.Unlock()
		return nil
	}
	s.closed = true
	s.cleanup.Stop()
	c.senders--
	var wk wakes[T]
	for w := s.waiters.First(); w != nil; w = s.waiters.First() {
		c.refuse(w, &wk)
	}
	c.settle(&wk)
	c.NoteCloseLocked(meter.SenderClosed, c.senders == 0, c)
	c.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	return nil
}
