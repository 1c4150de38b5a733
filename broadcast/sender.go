package broadcast

import (
	"context"
	"math"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/leak"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Sender is a handle of the sending end of a broadcast channel. All methods may
// be called concurrently, Close among them. A handle must be closed; the
// channel ends when all are.
type Sender[T any] struct {
	sendArms[T]
	c       *channel[T]
	closed  *contract.ClosedError // nil while s is open; guarded by c.mu
	waiters park.Handle           // guarded by c.mu
	counts  park.Handle           // in WaitReceivers; guarded by c.mu
	guard   leak.Guard
	spare   park.Spare
}

// made returns the handle's channel.
func (s *Sender[T]) made() *channel[T] {
	if s == nil || s.c == nil {
		panic("broadcast: nil or zero Sender; use one that New returned")
	}
	return s.c
}

// Send sends v to every receiver. It blocks only for lossless receivers, while
// one of them has as many values to receive as the capacity. Waiting senders
// are served in the order in which they came. A Send without a receiver
// succeeds.
//
// Send returns nil when the channel has accepted v, and ErrClosed if this
// handle is closed, also during the wait. It returns ctx.Err() if ctx ends
// before v is accepted, at once if ctx is already done. With an error, v was
// not sent.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	c := s.made()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if err := s.trySend(v); err != leat.ErrFull {
		return err
	}
	if c.txq.Len() == 0 && c.roomOrWatchLocked() { // the slowest receiver moved just now
		c.unwatchLocked()
		return s.trySend(v)
	}
	w := s.joinLocked(sending[T]{one: v})
	c.mu.Unlock()
	_, err := s.slept(w, c.txq.Sleep(ctx, &c.mu, w))
	return err
}

// joinLocked puts a waiter into the queue, and returns it, for the caller to
// sleep: see park.Queue.Join. slept follows.
func (s *Sender[T]) joinLocked(p sending[T]) *park.Waiter {
	c := s.c
	c.waitsLocked()
	w := s.spare.Take(park.NewWaiter[sending[T]])
	*c.sending(w) = p
	w.Handle, w.Stamp = &s.waiters, c.Stamp("sends to")
	c.NoteDepth(s.Cap())
	c.txq.Join(w, false)
	return w
}

// slept returns what of many is left, and the error of the send. err is what
// the sleep of w returned.
func (s *Sender[T]) slept(w *park.Waiter, err error) (left []T, _ error) {
	own := s.c.sending(w)
	p := *own
	*own = sending[T]{}
	s.spare.Return(w)
	runtime.KeepAlive(s)
	if err == nil {
		err = p.err
	}
	return p.many, err
}

// TrySend sends v to every receiver, and never blocks. It returns ErrFull if a
// lossless receiver holds the channel back, or if senders wait. It returns
// ErrClosed as Send does.
func (s *Sender[T]) TrySend(v T) error {
	s.made().mu.Lock()
	err := s.trySend(v)
	if err == leat.ErrFull {
		s.c.mu.Unlock()
	}
	return err
}

// trySend sends v if there is room. It is called with mu held, and frees it
// unless it returns ErrFull.
func (s *Sender[T]) trySend(v T) error {
	c := s.c
	if s.closed != nil {
		c.mu.Unlock()
		return contract.Closed(s.closed)
	}
	if c.txq.Len() > 0 && c.tail < c.limit { // left by the garbage collector's cleanup: see package park
		var wk wakes
		c.admitLocked(&wk)
		wk.run() // with mu held, which costs a little, and happens once for a receiver that was dropped
	}
	if c.txq.Len() > 0 || !c.roomLocked() {
		return leat.ErrFull
	}
	c.acceptLocked(v)
	if c.waiting.None() {
		c.mu.Unlock()
	} else {
		var wk wakes
		c.notifyLocked(&wk)
		c.mu.Unlock()
		wk.run()
	}
	runtime.KeepAlive(s)
	return nil
}

// SendMany sends the values of vs in order, blocks for room as often as it
// must, and returns how many the channel accepted. If these are not all, the
// error is that of Send for the next value. Values that fit at once stay
// together. While SendMany waits, it keeps its place before later senders. It
// does not keep vs.
func (s *Sender[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	c := s.made()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	var wk wakes
	c.mu.Lock()
	if s.closed != nil {
		c.mu.Unlock()
		return 0, contract.Closed(s.closed)
	}
	rest := vs
	if c.txq.Len() == 0 {
		for len(rest) > 0 && c.roomOrWatchLocked() {
			c.acceptLocked(rest[0])
			rest = rest[1:]
		}
		if len(rest) < len(vs) {
			c.notifyLocked(&wk)
		}
	}
	if len(rest) == 0 {
		if c.txq.Len() == 0 {
			c.unwatchLocked()
		}
		c.mu.Unlock()
		wk.run()
		runtime.KeepAlive(s)
		return len(vs), nil
	}
	wk.run() // with mu held, which costs a little; a goroutine that slept first could not wake others
	w := s.joinLocked(sending[T]{many: rest})
	c.mu.Unlock()
	left, err := s.slept(w, c.txq.Sleep(ctx, &c.mu, w))
	return len(vs) - len(left), err
}

// TrySendMany sends the first values of vs, in order, as many as there is room
// for, and returns how many. It never blocks. If n < len(vs), the error is
// ErrFull, as TrySend would return it for the next value: a lossless receiver
// holds the channel back, or senders wait. If this handle is closed, n is 0 and
// the error is ErrClosed. No other value comes between the accepted ones. An
// empty vs returns 0 and nil. TrySendMany does not keep vs.
func (s *Sender[T]) TrySendMany(vs []T) (n int, err error) {
	c := s.made()
	if len(vs) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	if s.closed != nil {
		c.mu.Unlock()
		return 0, contract.Closed(s.closed)
	}
	var wk wakes
	if c.txq.Len() > 0 && c.tail < c.limit { // see trySend
		c.admitLocked(&wk)
	}
	if c.txq.Len() == 0 {
		for n < len(vs) && c.roomLocked() {
			c.acceptLocked(vs[n])
			n++
		}
	}
	if n > 0 {
		c.notifyLocked(&wk)
	}
	c.mu.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	if n < len(vs) {
		err = leat.ErrFull
	}
	return n, err
}

// Subscribe returns a receiver. It gets every value accepted from now on, and
// before them the values that [Replay] or [From] asks for, without a gap or
// repetition between the two. On a channel that has ended it gets only the
// latter, and then ErrClosed. Subscribe works on a closed handle, too, and
// never blocks.
func (s *Sender[T]) Subscribe(opts ...SubscribeOption) *Receiver[T] { return s.made().subscribe(opts) }

// Next returns the number that the next accepted value will get, which is how
// many values the channel has accepted so far. It never blocks, and works on a
// closed handle. Values that other senders send meanwhile have numbers from
// Next on.
func (s *Sender[T]) Next() uint64 { return s.made().accepted(0) - seam.Origin }

// Search returns the number of the first kept value for which fn returns true,
// or Next if there is none. As for sort.Search, fn must be monotone: if it is
// true for a value, it is true for all later ones. To subscribe from where a
// revision begins:
//
//	rx := tx.Subscribe(broadcast.From(tx.Search(func(e Event) bool { return e.Rev >= rev })))
//
// If fn is true for the oldest kept value, then earlier values for which it
// would be true may be gone, and nothing tells: compare what you receive first
// with what you searched for.
//
// Search calls fn at most about twice the logarithm of the capacity. It takes
// no lock, so fn may use the channel, and senders do not wait for it. If values
// are accepted meanwhile, the result was right at an instant during the call.
// Search works on a closed handle.
func (s *Sender[T]) Search(fn func(T) bool) uint64 { return s.made().search(fn) - seam.Origin }

// Receivers returns how many receivers are subscribed.
func (s *Sender[T]) Receivers() int {
	s.made().mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.receiversLocked()
}

// WaitReceivers blocks until fn returns true for the number of open receivers,
// and returns that number. So a sender waits until the first receiver has come,
// or the last one has left:
//
//	_, err := tx.WaitReceivers(ctx, func(n int) bool { return n > 0 })
//
// WaitReceivers calls fn with the present number, and then with each new one
// that it finds; it may miss one that does not last. fn runs without a lock, so
// it may use the channel. If fn panics, so does WaitReceivers, and nothing has
// changed.
//
// WaitReceivers returns ErrClosed if this handle is closed, also while it
// blocks; and ctx.Err() if ctx is done already, or ends while it blocks. It may
// be called concurrently. The number may have changed when WaitReceivers
// returns.
func (s *Sender[T]) WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error) {
	c := s.made()
	if ctx == nil {
		c.NilContext()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	look := func() fanout.Count { return fanout.Count{N: c.receiversLocked(), Closed: s.closed} }
	n, err := c.counting.Wait(ctx, &c.Meter, &c.mu, &s.counts, look, fn)
	runtime.KeepAlive(s)
	return n, err
}

// Clone returns another handle of the sending end, which must be closed itself.
// The clone of a closed handle is closed. Clone never blocks.
func (s *Sender[T]) Clone() *Sender[T] {
	c := s.made()
	c.mu.Lock()
	closed := s.closed != nil
	if !closed {
		c.senders++
	}
	c.mu.Unlock()
	if closed {
		clone := newSender(c)
		clone.closed = contract.NoCause
		return clone
	}
	return attach(c)
}

// Len returns how many of the kept values some receiver has yet to receive: as
// many as the slowest has, but at most the capacity. On an unbounded channel
// these are all kept values.
func (s *Sender[T]) Len() int {
	c := s.made()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unbounded {
		return int(min(c.tail-c.kept, math.MaxInt))
	}
	var longest uint64
	for cur := range c.cursorsLocked() {
		longest = max(longest, cur.behind(c.tail))
	}
	return int(min(longest, c.ring.Capacity()))
}

// Cap returns the capacity, which may be [leat.Unbounded].
func (s *Sender[T]) Cap() int { return int(s.made().ring.Capacity()) }

// Close closes this handle: waiting and later sends on it return ErrClosed.
// When the last handle is closed, the channel ends: each receiver gets the
// values that it has yet to receive, and then ErrClosed. Close never blocks or
// panics, and returns nil. It may be called more than once, and concurrently
// with anything.
//
// The garbage collector closes a handle that is dropped without Close. That is
// only a safety net: it may take long, and inside a testing/synctest bubble it
// wakes no goroutine.
func (s *Sender[T]) Close() error { return s.CloseWith(nil) }

// CloseWith is Close with a cause. Where receivers would get ErrClosed at the
// end, they get a *leat.ClosedError that carries the cause; errors.Is finds
// both ErrClosed and the cause. If several sender handles are closed with
// causes, the first cause counts, also if the last handle is closed without
// one.
//
// Later calls on this handle, and those that wait on it, get this handle's own
// cause. Its clones get ErrClosed. On a handle that is already closed,
// CloseWith does nothing. CloseWith(nil) is Close. It never waits and never
// panics, may be called concurrently with anything, and returns nil.
func (s *Sender[T]) CloseWith(cause error) error {
	c := s.made()
	text := c.CauseText(cause)
	var wk wakes
	c.mu.Lock()
	if s.closed != nil {
		c.mu.Unlock()
		return nil
	}
	s.closed = contract.Closing(cause)
	if contract.First(&c.cause, s.closed) {
		c.NoteCauseLocked(meter.SenderClosed, text)
	}
	s.guard.Release(s)
	for w := s.waiters.First(); w != nil; w = s.waiters.First() {
		c.txq.Remove(w)
		if w.Claim() {
			c.sending(w).err = contract.Closed(s.closed)
			wk.tx.Add(w)
		}
	}
	c.counting.Close(&s.counts, s.closed, &wk.count)
	c.admitLocked(&wk)
	last := c.closeSenderLocked()
	if last {
		c.notifyLocked(&wk)
	}
	c.NoteCloseLocked(meter.SenderClosed, last, c)
	c.mu.Unlock()
	wk.run()
	runtime.KeepAlive(s)
	return nil
}
