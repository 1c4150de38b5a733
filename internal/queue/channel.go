// Package queue is the channel behind mpsc and mpmc: values are queued, and each is received once. Those packages give it
// their names and promises; what happens is here.
package queue

import (
	"math"
	"strconv"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/fifo"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Unbounded is the capacity of a channel that always has room.
const Unbounded = math.MaxInt

// A Channel is what the handles of both ends share.
//
// # Two locks
//
// Each end of values has a lock. Who has locked both, by lock, has the channel to itself. As long as the channel is calm, there is
// nothing else to do about a value than to move it: then a send needs only the tail's lock, and a receive only the head's, and the two do not
// meet. What both sides read, calm among it, is written with both locked, and so may be read with either.
//
// Neither lock is held while anything waits or foreign code runs.
//
// # Invariants
//
// Whenever both locks are free, stale waiters (see park.Selection) aside:
//
//   - If capacity > 0: values.Len() + permits <= capacity. If a sender waits, these are equal, and no receiver has closed the
//     channel.
//   - If capacity == 0, values is empty and there are no permits. If a sender waits, every waiting receiver is of the same
//     Selection.
//   - If a receiver waits, values is empty and the channel has not ended.
//   - ready is open if and only if a TryRecv would not return ErrEmpty, unless a receive from ready shut it and nobody has received
//     since.
//   - If calm: capacity > 0, nobody waits, ready was not asked for, and a receiver is open.
//
// settle restores them after a change. What the garbage collector's cleanup must not wake (see package park) it leaves as it
// was: then, and only then, a waiter may wait for what is already there.
type Channel[T any] struct {
	meter.Meter
	capacity int
	single   bool // one goroutine at a time may receive

	values fifo.Queue[T] // accepted and not yet received

	// Guarded by the tail's lock:

	permits int // granted and neither used nor released

	// Guarded by both locks:

	calm      bool
	senders   int       // handles that are not closed
	receivers int       // handles that are not closed
	reachable int       // receiver handles, closed or not, that the garbage collector has not found
	direct    uint64    // values that went from a sender to a receiver without being queued
	dropped   uint64    // values that nobody was left to receive
	open      seam.Bool // no receiver that exists gets ErrClosed: see seemsEmpty; read without a lock
	txq       park.Queue[sending[T]]
	rxq       park.Queue[receiving[T]] // at most one Recv or Select, if single
	ready     park.Gate
	done      park.Gate
}

// New makes a channel for a kind, and tx and rx its first handles. The kind has checked capacity.
func New[T any](kind string, capacity int, single bool, opts []contract.Option, tx *Tx[T], rx *Rx[T]) {
	c := &Channel[T]{capacity: capacity, single: single, calm: capacity > 0, senders: 1, receivers: 1, reachable: 1}
	switch capacity {
	case 0, Unbounded:
		c.values.Init(-1)
	default:
		c.values.Init(capacity)
	}
	c.open.Store(capacity > 0)
	c.Kind = kind
	if contract.Apply(&c.Meter, opts); c.Name != "" {
		meter.Register[T](c, &c.Meter)
	}
	tx.attach(c)
	rx.attach(c)
}

// NeedCapacity panics unless capacity is at least least.
func NeedCapacity(kind string, capacity, least int) {
	if capacity < least {
		panic(kind + ": New with capacity " + strconv.Itoa(capacity) + "; it must be at least " + strconv.Itoa(least))
	}
}

// Lock locks both ends.
func (c *Channel[T]) Lock() { c.values.Lock() }

// Unlock notes whether the channel is calm, and frees both ends.
func (c *Channel[T]) Unlock() {
	calm := c.capacity > 0 && c.txq.Len() == 0 && c.rxq.Len() == 0 && !c.ready.Asked() && !c.closed()
	if c.calm != calm {
		c.calm = calm
	}
	open := c.capacity > 0 && c.senders > 0 && c.receivers == c.reachable
	if c.open.Load() != open {
		c.open.Store(open)
	}
	c.values.Unlock()
}

// seemsEmpty reports whether TryRecv of each of the channel's receivers would have
// returned ErrEmpty at some instant during the call. If it says false, nobody
// knows. It takes no lock.
//
// The instant is the one at which values was empty. A buffered channel that is
// empty has nothing to receive. ErrClosed takes an end, or a receiver handle that
// is closed and still there (then there are fewer open handles than reachable
// ones). Neither had come at the instant: open is loaded after it, and does not
// become true again after the end, or while a closed handle is reachable.
func (c *Channel[T]) seemsEmpty() bool { return c.values.Empty() && c.open.Load() }

// sending is what a waiting sender asks for, and what it got.
type sending[T any] struct {
	one    T    // Send
	many   []T  // SendMany: what is still to be sent
	permit bool // Reserve
	err    error
}

// give takes the next value from the sender, and reports whether it was the last.
func (s *sending[T]) give() (v T, last bool) {
	if s.many == nil {
		return s.one, true
	}
	v, s.many = s.many[0], s.many[1:]
	return v, len(s.many) == 0
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

// wakes holds who is to be woken once nothing is locked.
type wakes[T any] struct {
	tx      park.Wakes[sending[T]]
	rx      park.Wakes[receiving[T]]
	outside bool // on behalf of the garbage collector: nobody in a testing/synctest bubble may be woken
}

func (wk *wakes[T]) run() {
	wk.rx.Run()
	wk.tx.Run()
}

// sent takes w, which is served, out of its queue.
func (c *Channel[T]) sent(w *park.Waiter[sending[T]], wk *wakes[T]) {
	c.txq.Remove(w)
	wk.tx.Add(w)
}

// received takes w, which is served, out of its queue.
func (c *Channel[T]) received(w *park.Waiter[receiving[T]], wk *wakes[T]) {
	c.rxq.Remove(w)
	wk.rx.Add(w)
}

// popInto moves the first values, as many as there are and as fit, to buf, and returns how many. Both ends are locked.
func (c *Channel[T]) popInto(buf []T) int {
	n := min(len(buf), c.values.Len())
	c.values.PopInto(buf[:n])
	return n
}

// closed reports whether all receiver handles are closed: nothing more is accepted but what has a permit. Both ends are locked.
func (c *Channel[T]) closed() bool { return c.receivers == 0 }

// ended reports whether nothing more can come. Both ends are locked.
func (c *Channel[T]) ended() bool { return (c.senders == 0 || c.closed()) && c.permits == 0 }

// room returns how many values or permits the buffer could accept now without overtaking a sender that waits. Both ends are locked.
func (c *Channel[T]) room() int {
	if c.txq.Len() > 0 {
		return 0
	}
	return c.capacity - c.values.Len() - c.permits
}

// crowded reports whether a receiver that has just let others run seems to find so many values that it might as well have slept: a receiver
// that is woken later finds more of them, and disturbs the senders less often. It is a guess, to learn from.
func (c *Channel[T]) crowded() bool { return c.values.HoldsAtLeast(4) }

// settle does all that has become possible. Both ends are locked; the caller runs wk after unlocking it.
func (c *Channel[T]) settle(wk *wakes[T]) {
	if c.closed() {
		c.refuseAll(wk)
	}
	c.admit(wk)
	for c.deliver(wk) {
		c.admit(wk)
	}
	if c.ready.Asked() && !(wk.outside && c.ready.Bubbled()) {
		if c.available() {
			c.ready.Set(true)
		} else if c.ended() {
			c.ready.End()
		} else {
			c.ready.Set(false)
		}
	}
	if c.closed() && !(wk.outside && c.done.Bubbled()) {
		c.done.End()
	}
}

// available reports whether there is a value to receive. Both ends are locked.
func (c *Channel[T]) available() bool {
	return c.values.Len() > 0 || c.capacity == 0 && c.txq.Len() > 0
}

// refuseAll tells all senders that wait that the channel is closed. Both ends are locked.
func (c *Channel[T]) refuseAll(wk *wakes[T]) {
	for w := c.txq.Front(); w != nil; {
		next := w.Next()
		if !(wk.outside && w.Bubbled()) {
			c.refuse(w, wk)
		}
		w = next
	}
}

// refuse tells a sender that waits that it, or the channel, is closed. Both ends are locked.
func (c *Channel[T]) refuse(w *park.Waiter[sending[T]], wk *wakes[T]) {
	if w.Claim() {
		w.Payload.err = contract.ErrClosed
		c.sent(w, wk)
	} else {
		c.txq.Remove(w)
	}
}

// admit serves waiting senders, first come first served, as far as there is room. Both ends are locked.
func (c *Channel[T]) admit(wk *wakes[T]) {
	if c.closed() {
		return
	}
	for w := c.txq.Front(); w != nil; w = c.txq.Front() {
		room := c.capacity - c.values.Len() - c.permits
		if room == 0 || wk.outside && w.Bubbled() {
			return
		}
		if !w.Claim() {
			c.txq.Remove(w)
			continue
		}
		switch s := &w.Payload; {
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
		c.sent(w, wk)
	}
}

// deliver gives values, or the end, to receivers that wait, first come first served. It reports whether it took values. Both ends
// are locked.
func (c *Channel[T]) deliver(wk *wakes[T]) bool {
	took := false
	for w := c.rxq.Front(); w != nil && (c.values.Len() > 0 || c.ended()); {
		next := w.Next()
		switch r := &w.Payload; {
		case wk.outside && w.Bubbled():
		case !w.Claim():
			c.rxq.Remove(w)
		case c.values.Len() == 0:
			r.err = contract.ErrClosed
			c.received(w, wk)
		case r.many != nil:
			r.n, took = c.popInto(r.many), true
			c.received(w, wk)
		default:
			r.take(c.values.Pop())
			took = true
			c.received(w, wk)
		}
		w = next
	}
	return took
}

// receiver takes the first waiting receiver out of the queue, to be served by the caller. own is the Selection that looks for it, as
// its case i, and which is claimed with it; or nil. Both ends are locked.
func (c *Channel[T]) receiver(own *park.Selection, i int) *park.Waiter[receiving[T]] {
	for r := c.rxq.Front(); r != nil; {
		next := r.Next()
		if r.Of(own) {
			next = r.SkipRun()
		} else {
			ownLives, rLives := park.PairWith(own, i, r)
			if !ownLives {
				return nil
			}
			c.rxq.Remove(r)
			if rLives {
				c.direct++
				return r
			}
		}
		r = next
	}
	return nil
}

// finish settles, unlocks, and wakes who is to be woken.
func (c *Channel[T]) finish() {
	var wk wakes[T]
	c.settle(&wk)
	c.Unlock()
	wk.run()
}

// length returns how many values were accepted and not yet received.
func (c *Channel[T]) length() int {
	c.Lock()
	defer c.Unlock()
	return c.values.Len()
}

// ends is what a channel does about handles that the garbage collector finds unreachable. As an interface, because a method of a
// generic type is a closure, which each handle would have to allocate.
type ends interface {
	senderDropped()
	receiverDropped()
	closedReceiverDropped()
}

// senderDropped closes a handle that was not closed.
func (c *Channel[T]) senderDropped() {
	c.Leaked.Add(1)
	c.Lock()
	c.senders--
	c.NoteCloseLocked(meter.SenderDropped, c.senders == 0, c)
	c.finishOutside()
}

// receiverDropped closes a handle that was not closed.
func (c *Channel[T]) receiverDropped() {
	c.Lock()
	if !c.ended() { // who has seen the end owes no Close
		c.Leaked.Add(1)
	}
	c.receivers--
	c.unreachable()
	c.NoteCloseLocked(meter.ReceiverDropped, c.closed(), c)
	c.finishOutside()
}

// closedReceiverDropped notes that a handle that was closed cannot be used to drain the channel any more.
func (c *Channel[T]) closedReceiverDropped() {
	c.Lock()
	c.unreachable()
	c.NoteCloseLocked(meter.ReceiverClosed, false, c)
	c.finishOutside()
}

// unreachable notes that a receiver handle is gone for good. Values that nobody can receive go with the last. Both ends are locked.
func (c *Channel[T]) unreachable() {
	if c.reachable--; c.reachable == 0 {
		c.dropped += uint64(c.values.Len())
		c.values.Reset()
	}
}

// finishOutside is finish for the garbage collector, which may wake nobody in a testing/synctest bubble.
func (c *Channel[T]) finishOutside() {
	wk := wakes[T]{outside: true}
	c.settle(&wk)
	c.Unlock()
	wk.run()
}
