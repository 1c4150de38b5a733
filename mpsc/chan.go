package mpsc

import (
	"context"
	"math"
	"runtime"
	"strconv"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/fifo"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/probe"
)

// New makes a channel that holds up to capacity values, which is at least 1, and returns its two ends. The capacity is
// exact. Memory grows with use, up to the capacity, and is kept.
func New[T any](capacity int, opts ...leat.Option) (*Sender[T], *Receiver[T]) {
	if capacity < 1 {
		panic("mpsc: New with capacity " + strconv.Itoa(capacity) + "; it must be at least 1")
	}
	return newChannel(capacity, fifo.New[T](capacity), opts)
}

// NewUnbounded makes a channel that always has room, and returns its two ends. Its senders never wait, so nothing but memory
// limits how far they run ahead of the receiver. The memory of a burst is given back as it is received.
func NewUnbounded[T any](opts ...leat.Option) (*Sender[T], *Receiver[T]) {
	return newChannel(math.MaxInt, fifo.New[T](-1), opts)
}

func newChannel[T any](capacity int, values fifo.Queue[T], opts []leat.Option) (*Sender[T], *Receiver[T]) {
	c := &channel[T]{capacity: capacity, values: values, senders: 1}
	c.Kind = "mpsc"
	probe.Apply(&c.Channel, opts)
	return attach(c), newReceiver(c)
}

// A channel is what the handles of both ends share.
//
// Invariants, whenever mu is free:
//
//   - values.Len() + permits <= capacity.
//   - If a sender waits, there is no room: values.Len() + permits == capacity, and the receiver has not closed.
//   - If the receiver waits, values is empty and the channel has not ended.
//   - ready is open if and only if values is not empty or the channel has ended, unless a receive from ready shut it and
//     the receiver has not received since.
//
// settle restores them after a change. What the garbage collector's cleanup must not wake (see package park) it leaves as it
// was: then, and only then, a waiter may wait for what is already there.
type channel[T any] struct {
	probe.Channel
	capacity int // math.MaxInt if unbounded

	mu      sync.Mutex
	values  fifo.Queue[T] // accepted and not yet received
	permits int           // granted and neither used nor released
	senders int           // handles not closed
	closed  bool          // by the receiver: nothing more is accepted but what has a permit
	gone    bool          // the receiver was dropped: nothing will be received
	txq     park.Queue[sending[T]]
	rxq     park.Queue[receiving[T]] // at most one: a channel has one receiver
	ready   park.Gate
	done    park.Gate
}

// sending is what a waiting sender asks for, and what it got.
type sending[T any] struct {
	tx     *Sender[T]
	one    T    // Send
	many   []T  // SendMany: what is still to be sent
	permit bool // Reserve
	err    error
}

// receiving is where a waiting receiver's values go.
type receiving[T any] struct {
	one  T
	many []T // RecvMany
	n    int // how many came
	err  error
}

// take gives the receiver its one value.
func (r *receiving[T]) take(v T) {
	r.n = 1
	if r.many != nil {
		r.many[0] = v
	} else {
		r.one = v
	}
}

// wakes holds who is to be woken once mu is free.
type wakes[T any] struct {
	tx      park.Wakes[sending[T]]
	rx      park.Wakes[receiving[T]]
	outside bool // on behalf of the garbage collector: nobody in a testing/synctest bubble may be woken
}

func (wk *wakes[T]) run() {
	wk.rx.Run()
	wk.tx.Run()
}

// room returns how many values or permits could be accepted now without overtaking a sender that waits. mu is held.
func (c *channel[T]) room() int {
	if c.txq.Len() > 0 {
		return 0
	}
	return c.capacity - c.values.Len() - c.permits
}

// ended reports whether nothing more can come. mu is held.
func (c *channel[T]) ended() bool {
	return (c.senders == 0 || c.closed) && c.permits == 0
}

// settle does all that has become possible: it moves what waiting senders hold into the channel, hands values or the end to
// a waiting receiver, and sets the gates. mu is held; the caller runs wk after unlocking it.
func (c *channel[T]) settle(wk *wakes[T]) {
	c.admit(wk)
	if c.deliver(wk) {
		c.admit(wk)
	}
	if c.ready.Asked() && !(wk.outside && c.ready.Bubbled()) {
		if c.values.Len() == 0 && c.ended() {
			c.ready.End()
		} else {
			c.ready.Set(c.values.Len() > 0)
		}
	}
	if c.closed && !(wk.outside && c.done.Bubbled()) {
		c.done.End()
	}
}

// admit serves waiting senders, first come first served, as far as there is room; or, if the receiver has closed, tells
// them all. mu is held.
func (c *channel[T]) admit(wk *wakes[T]) {
	for w := c.txq.Front(); w != nil; {
		next := w.Next()
		s := &w.Payload
		switch room := c.capacity - c.values.Len() - c.permits; {
		case c.closed:
			if wk.outside && w.Bubbled() {
				w = next
				continue
			}
			s.err = leat.ErrClosed
		case room == 0:
			return
		case s.permit:
			c.permits++
		case s.many != nil:
			k := min(room, len(s.many))
			c.values.PushAll(s.many[:k])
			if s.many = s.many[k:]; len(s.many) > 0 {
				return
			}
		default:
			c.values.Push(s.one)
		}
		c.txq.Remove(w)
		wk.tx.Add(w)
		w = next
	}
}

// deliver serves the waiting receiver, if there is one and something to give it, and reports whether it took values. mu is
// held.
func (c *channel[T]) deliver(wk *wakes[T]) bool {
	w := c.rxq.Front()
	if w == nil || wk.outside && w.Bubbled() {
		return false
	}
	r := &w.Payload
	switch {
	case c.values.Len() == 0 && !c.ended():
		return false
	case c.values.Len() == 0:
		r.err = leat.ErrClosed
	case r.many != nil:
		r.n = c.values.PopInto(r.many)
	default:
		r.take(c.values.Pop())
	}
	c.rxq.Remove(w)
	wk.rx.Add(w)
	return r.n > 0
}

// unlock settles, frees mu, and wakes who is to be woken.
func (c *channel[T]) unlock() {
	var wk wakes[T]
	c.settle(&wk)
	c.mu.Unlock()
	wk.run()
}

// length returns how many values were accepted and not yet received.
func (c *channel[T]) length() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values.Len()
}

// senderDropped closes a handle that the garbage collector found unreachable.
func senderDropped[T any](c *channel[T]) {
	c.Leaked.Add(1)
	wk := wakes[T]{outside: true}
	c.mu.Lock()
	c.senders--
	c.settle(&wk)
	c.mu.Unlock()
	wk.run()
}

// receiverDropped closes the receiver, if it was not, and releases what nobody can receive any more.
func receiverDropped[T any](c *channel[T]) {
	wk := wakes[T]{outside: true}
	c.mu.Lock()
	if !c.closed && !c.ended() { // who has seen the end owes no Close
		c.Leaked.Add(1)
	}
	c.closed, c.gone = true, true
	c.values.Reset()
	c.settle(&wk)
	c.mu.Unlock()
	wk.run()
}

// needContext panics if ctx is nil.
func (c *channel[T]) needContext(ctx context.Context) {
	if ctx == nil {
		panic(c.String() + ": nil context; use context.Background() to wait without end")
	}
}

// attach makes a sender handle, which c.senders already counts.
func attach[T any](c *channel[T]) *Sender[T] {
	s := &Sender[T]{c: c}
	s.cleanup = runtime.AddCleanup(s, senderDropped[T], c)
	return s
}

func newReceiver[T any](c *channel[T]) *Receiver[T] {
	r := &Receiver[T]{c: c}
	runtime.AddCleanup(r, receiverDropped[T], c)
	return r
}
