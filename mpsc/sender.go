package mpsc

import (
	"context"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
)

// Sender is a handle of the sending end. All methods may be called concurrently, Close among them. A handle must be
// closed; the channel ends when all are.
type Sender[T any] struct {
	c       *channel[T]
	closed  bool // guarded by c.mu
	cleanup runtime.Cleanup
}

// Send hands v to the channel, and waits while it is full. Senders that wait are served in the order in which they came. It
// returns nil when the channel accepted v; ErrClosed when the receiver or this handle is closed, also
// during the wait; or ctx.Err(), at once if ctx is done already. With an error, v was not sent.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	c := s.c
	c.needContext(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if err := s.trySend(v); err != leat.ErrFull {
		return err
	}
	w := &park.Waiter[sending[T]]{Payload: sending[T]{tx: s, one: v}}
	if err := c.txq.Wait(ctx, &c.mu, w); err != nil {
		return err
	}
	runtime.KeepAlive(s)
	return w.Payload.err
}

// TrySend is Send without the wait: it returns ErrFull if there is no room, or if all room is for senders that wait.
func (s *Sender[T]) TrySend(v T) error {
	s.c.mu.Lock()
	err := s.trySend(v)
	if err == leat.ErrFull {
		s.c.mu.Unlock()
	}
	return err
}

// trySend sends v if there is room. It is called with mu held, and frees it unless it returns ErrFull.
func (s *Sender[T]) trySend(v T) error {
	c := s.c
	if s.closed || c.closed {
		c.mu.Unlock()
		return leat.ErrClosed
	}
	if c.room() == 0 {
		return leat.ErrFull
	}
	if w := c.rxq.Front(); w != nil { // then values is empty, and stays so: v goes straight to the receiver
		w.Payload.take(v)
		c.rxq.Remove(w)
		c.mu.Unlock()
		w.Wake()
	} else {
		c.values.Push(v)
		c.ready.Set(true)
		c.mu.Unlock()
	}
	runtime.KeepAlive(s)
	return nil
}

// SendMany sends the values of vs in order, waits for room as often as it must, and returns how many the channel
// accepted: all, and nil; or fewer, and why the rest was not sent. What is sent at once stays together; when SendMany has
// to wait, it keeps its place before senders that come later. It does not keep vs.
func (s *Sender[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	c := s.c
	c.needContext(ctx)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	var wk wakes[T]
	c.mu.Lock()
	if s.closed || c.closed {
		c.mu.Unlock()
		return 0, leat.ErrClosed
	}
	rest := vs
	for k := min(c.room(), len(rest)); k > 0; k = min(c.room(), len(rest)) {
		c.values.PushAll(rest[:k])
		rest = rest[k:]
		c.settle(&wk) // a receiver that waits takes some, and makes room
	}
	if len(rest) == 0 {
		c.mu.Unlock()
		wk.run()
		return len(vs), nil
	}
	wk.run() // with mu held, which costs a little; who sleeps first cannot wake others
	w := &park.Waiter[sending[T]]{Payload: sending[T]{tx: s, many: rest}}
	if err = c.txq.Wait(ctx, &c.mu, w); err == nil {
		err = w.Payload.err
	}
	runtime.KeepAlive(s)
	return len(vs) - len(w.Payload.many), err
}

// Reserve takes one slot of the capacity, and waits for it as Send does, so that a value need not be made before there is
// room for it. The permit must be used or released: until then the slot is taken, and the channel does not end. It stays
// good when the receiver or this handle closes. The errors are those of Send.
func (s *Sender[T]) Reserve(ctx context.Context) (p *Permit[T], err error) {
	// Small enough to be inlined, so that a permit that does not leave its caller needs no allocation.
	if err = s.reserve(ctx); err == nil {
		p = &Permit[T]{c: s.c}
	}
	return
}

func (s *Sender[T]) reserve(ctx context.Context) error {
	c := s.c
	c.needContext(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	switch {
	case s.closed || c.closed:
		c.mu.Unlock()
		return leat.ErrClosed
	case c.room() > 0:
		c.permits++
		c.mu.Unlock()
		runtime.KeepAlive(s)
		return nil
	}
	w := &park.Waiter[sending[T]]{Payload: sending[T]{tx: s, permit: true}}
	if err := c.txq.Wait(ctx, &c.mu, w); err != nil {
		return err
	}
	runtime.KeepAlive(s)
	return w.Payload.err
}

// Clone makes another handle of the sending end, to be closed on its own. The clone of a closed handle is closed.
func (s *Sender[T]) Clone() *Sender[T] {
	c := s.c
	c.mu.Lock()
	closed := s.closed
	if !closed {
		c.senders++
	}
	c.mu.Unlock()
	if closed {
		return &Sender[T]{c: c, closed: true}
	}
	return attach(c)
}

// Done returns a channel that is closed once the receiver is: for senders that wait for something else than room. It is made
// when first asked for.
func (s *Sender[T]) Done() <-chan struct{} {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done.Chan()
	if c.closed {
		c.done.End()
	}
	return done
}

// Len returns how many values the channel has accepted that were not yet received.
func (s *Sender[T]) Len() int { return s.c.length() }

// Cap returns the capacity; math.MaxInt if the channel is unbounded.
func (s *Sender[T]) Cap() int { return s.c.capacity }

// Close gives up this handle: its sends return ErrClosed from now on, waiting ones at once. When the last handle is closed,
// the channel ends: the receiver gets what was accepted, and what permits still bring, then ErrClosed.
// Close never waits and never panics, may be called more than once and concurrently with anything; it returns nil.
//
// A handle that is dropped without Close closes itself when the garbage collector finds it. That is a safety net: it may
// take long, and inside a testing/synctest bubble it wakes nobody.
func (s *Sender[T]) Close() error {
	c := s.c
	c.mu.Lock()
	if s.closed {
		c.mu.Unlock()
		return nil
	}
	s.closed = true
	s.cleanup.Stop()
	c.senders--
	var own park.Wakes[sending[T]]
	for w := c.txq.Front(); w != nil; {
		next := w.Next()
		if w.Payload.tx == s {
			w.Payload.err = leat.ErrClosed
			c.txq.Remove(w)
			own.Add(w)
		}
		w = next
	}
	c.unlock()
	own.Run()
	runtime.KeepAlive(s)
	return nil
}
