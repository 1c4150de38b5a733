// Package queue is the channel behind mpsc and mpmc: values are queued, and
// each is received once. Those packages give it their names and promises; the
// steps are here.
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

// OneLock is the largest capacity at which both ends have one lock: where a
// channel holds few values, most steps find somebody waiting, and would need
// both. Tests that want two locks at each capacity but 0 make it 0 before they
// make a channel.
var OneLock = 4

// Unbounded is the capacity of a channel that always has room.
const Unbounded = math.MaxInt

// A Channel is what the handles of both ends share.
//
// # Two locks
//
// Each end of values has a lock. A goroutine that has locked both, by Lock, has
// the channel to itself. While the channel is uncontended, a call has nothing
// to do but move its value: then a send needs only the tail's lock, a receive
// only the head's, and the two do not meet. Fields that both sides read, such
// as uncontended, are written with both ends locked, and so may be read with
// either.
//
// A single receiver does not even need the head's lock while the channel is
// uncontended: it claims values. Unlock guards the head when the channel is not
// uncontended, so that nothing is claimed then. See package fifo.
//
// At a small capacity, of at most OneLock, the tail's lock is both: nobody
// locks the head, and nobody claims. What both locks guard, the one then guards
// alone. At capacity 0, moreover, values stays empty, and uncontended is never
// true.
//
// Neither lock is held while a goroutine blocks or the user's code runs.
//
// A function whose name ends in Locked needs both ends locked. A function with
// Unlock in its name needs them locked, too, and unlocks them.
//
// # Invariants
//
// Whenever both locks are free, and not counting stale waiters (see
// park.Selection):
//
//   - If capacity > 0: values.Len() + permits <= capacity. If a sender waits,
//     these are equal, and a receiver is open.
//   - If capacity == 0, values is empty and there are no permits. If a sender
//     waits, every waiting receiver is of the same Selection.
//   - If a receiver waits, values is empty and the channel has not ended.
//   - ready is open if and only if a TryRecv would not return ErrEmpty, unless
//     a receive from ready shut it and nobody has received since.
//   - If uncontended: capacity > 0, nobody waits, ready was not asked for, and
//     a receiver is open.
//
// settleLocked restores them after a change. A cleanup of the garbage collector
// must not wake a goroutine in a bubble (see package park). It leaves that
// goroutine's waiter in its queue, although the channel is closed or has ended.
//
// On a 64-bit machine it has 512 bytes. The allocator puts objects of that size
// at multiples of it, so a channel begins with a cache line, and with a pair of
// lines, which some processors fetch together. The first pair is only read by
// most operations, the second is the tail's, and the third the head's.
type Channel[T any] struct {
	meter.Meter
	capacity    int
	single      bool      // one goroutine at a time may receive
	oneLock     bool      // the tail's lock is both
	claims      bool      // single, and not oneLock
	uncontended bool      // guarded by both locks
	many        seam.Bool // see noteSenderLocked; written with both locks, read without

	_ [64]byte

	values fifo.Queue[T] // accepted and not yet received

	// Guarded by the tail's lock:

	permits     int // granted and neither used nor released
	openSenders int // handles that are not closed

	// Guarded by both locks:

	hasSenders         bool                  // openSenders > 0
	crowd              uint16                // see noteSenderLocked
	ending             seam.Bool             // see endingLocked; read without a lock, and not used if oneLock
	senderCause        *contract.ClosedError // the first that a sender handle was closed with, or nil
	receiverCause      *contract.ClosedError // the first that a receiver handle was closed with, or nil
	openReceivers      int                   // handles that are not closed
	reachableReceivers int                   // handles, closed or not, that the garbage collector has not found
	direct             uint64                // values that went from a sender to a receiver without being queued
	dropped            uint64                // values that nobody was left to receive
	evicted            uint64                // values that ForceSend took out
	txq                park.Queue
	rxq                park.Queue // at most one Recv or Select, if single
	ready              park.Gate
	done               park.Gate

	patience park.Patience // of senders that find the channel full; used without a lock
}

// New makes a channel for a kind, and tx and rx its first handles. The kind has
// checked capacity.
func New[T any](kind string, capacity int, single bool, opts []contract.Option, tx *Tx[T], rx *Rx[T]) {
	oneLock := capacity <= OneLock
	c := &Channel[T]{capacity: capacity, single: single, oneLock: oneLock, claims: single && !oneLock,
		uncontended: capacity > 0, openSenders: 1, hasSenders: true, openReceivers: 1, reachableReceivers: 1}
	switch {
	case capacity == 0:
		c.values.InitOneLock(-1)
		c.values.Tail.Mark(true) // for ever: whether a sender waits is not noted
		c.values.Tail.Unlock()
		c.many.Store(true) // for ever, too
	case oneLock:
		c.values.InitOneLock(capacity)
	case capacity == Unbounded:
		c.values.Init(-1, single)
	default:
		c.values.Init(capacity, single)
	}
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
func (c *Channel[T]) Lock() {
	c.values.Tail.Lock()
	c.lockHeadToo()
}

// lockHeadToo locks both ends, of which the caller has locked the tail.
func (c *Channel[T]) lockHeadToo() {
	if !c.oneLock {
		c.values.LockHead()
	}
}

// Unlock notes whether the channel is uncontended and ending, and unlocks both
// ends. It is the one caller of values.UnlockEnds, because a call that unlocks
// the ends without these notes breaks the invariants. With one lock, the tail's
// mark takes the place of ending: it says that the channel is not empty, or
// that it is ending.
func (c *Channel[T]) Unlock() {
	if c.capacity == 0 { // never uncontended, and always marked
		c.values.Tail.Unlock()
		return
	}
	uncontended := c.txq.Len() == 0 && c.rxq.Len() == 0 && !c.ready.Asked() && !c.closedLocked()
	if c.uncontended != uncontended {
		c.uncontended = uncontended
	}
	if c.oneLock {
		c.values.Tail.Mark(c.values.Len() > 0 || c.endingLocked())
		c.values.Tail.Unlock()
		return
	}
	c.values.Guard(!uncontended)
	if ending := c.endingLocked(); c.ending.Load() != ending {
		c.ending.Store(ending)
	}
	c.values.UnlockEnds()
}

// seemsEmpty reports whether TryRecv of each of the channel's receivers would
// have returned ErrEmpty at some instant during the call. If it says false,
// nobody knows. It takes no lock. With one lock, callers read the tail's mark
// in its place.
//
// The instant is the one at which values was empty and the tail free. A
// buffered channel that is empty has nothing to receive. ErrClosed takes an
// end, or a receiver handle that is closed and still there (then there are
// fewer open handles than reachable ones). Neither had come at the instant:
// ending is loaded after it, and does not become false again after the end, or
// while a closed handle is reachable.
//
// With one lock, the instant is the load of the tail's word. The mark says what
// the last step has left: Unlock publishes it, and so does a push or a pop
// alone.
//
// The tail must be free, because others may see a part of a step before its
// end: that Ready or Done opens, or that a Select has gone elsewhere. A
// goroutine that has seen that must not find the channel as it was before the
// step. A step that shows such a part has both ends, and so the tail, until its
// end.
func (c *Channel[T]) seemsEmpty() bool { return c.values.Empty() && !c.ending.Load() }

// endingLocked reports whether a reachable receiver may get ErrClosed: see
// seemsEmpty.
func (c *Channel[T]) endingLocked() bool {
	return !c.hasSenders || c.openReceivers != c.reachableReceivers
}

// sendRequest is what a waiting sender asks for, and the result.
type sendRequest[T any] struct {
	one    T    // Send
	many   []T  // SendMany: the values still to be sent
	permit bool // Reserve
	err    error
}

// give returns the sender's next value, and reports whether it was the last.
func (s *sendRequest[T]) give() (v T, last bool) {
	if s.many == nil {
		return s.one, true
	}
	v, s.many = s.many[0], s.many[1:]
	return v, len(s.many) == 0
}

// recvRequest is where a waiting receiver's values go, and the result.
type recvRequest[T any] struct {
	by       *Rx[T] // the handle that waits
	one      T
	many     []T  // RecvMany and RecvBatch
	n        int  // how many values came
	batch    bool // RecvBatch
	collects bool // RecvBatch that has its first value: it is served when many is full
	err      error
}

// take gives the receiver a value, and reports whether the receiver is served.
func (r *recvRequest[T]) take(v T) bool {
	if r.many == nil {
		r.one = v
	} else {
		r.many[r.n] = v
	}
	r.n++
	return !r.collects || r.n == len(r.many)
}

// sending returns what w, a waiting sender, asks for.
func (c *Channel[T]) sending(w *park.Waiter) *sendRequest[T] { return w.Request.(*sendRequest[T]) }

// receiving returns where the values of w, a waiting receiver, go.
func (c *Channel[T]) receiving(w *park.Waiter) *recvRequest[T] { return w.Request.(*recvRequest[T]) }

// wakes holds the waiters to be woken once both ends are unlocked.
type wakes struct{ tx, rx park.Wakes }

func (wk *wakes) run() {
	wk.rx.Run()
	wk.tx.Run()
}

// dequeueSenderLocked takes w, which is served, out of its queue, to be woken
// by wk.
func (c *Channel[T]) dequeueSenderLocked(w *park.Waiter, wk *wakes) {
	c.txq.Remove(w)
	wk.tx.Add(w)
}

// dequeueReceiverLocked takes w, which is served, out of its queue, to be woken
// by wk.
func (c *Channel[T]) dequeueReceiverLocked(w *park.Waiter, wk *wakes) {
	c.rxq.Remove(w)
	wk.rx.Add(w)
}

// popIntoLocked moves the first values, as many as there are and as fit, to
// buf, and returns how many.
func (c *Channel[T]) popIntoLocked(buf []T) int {
	n := min(len(buf), c.values.Len())
	c.values.PopInto(buf[:n])
	return n
}

// closedLocked reports whether all receiver handles are closed. Then the
// channel accepts nothing more but the values of permits.
func (c *Channel[T]) closedLocked() bool { return c.openReceivers == 0 }

// endedLocked reports whether nothing more can be accepted.
func (c *Channel[T]) endedLocked() bool {
	return (!c.hasSenders || c.closedLocked()) && c.permits == 0
}

// roomLocked returns how many values or permits the buffer can accept without
// overtaking a waiting sender.
func (c *Channel[T]) roomLocked() int {
	if c.txq.Len() > 0 {
		return 0
	}
	return c.capacity - c.values.Len() - c.permits
}

// availableLocked reports whether there is a value to receive.
func (c *Channel[T]) availableLocked() bool {
	return c.values.Len() > 0 || c.capacity == 0 && c.txq.Len() > 0
}

// crowded guesses whether a receiver that has just yielded finds so many values
// that it might as well have slept: a receiver that is woken later finds more
// of them, and disturbs the senders less often. That is not so if the channel
// is full, because then the senders wait for it; unless there are many, because
// a goroutine that yields goes on after all of them, and one that is woken
// before them. A channel of few values is not crowded.
func (c *Channel[T]) crowded() bool {
	return !c.oneLock && c.values.HoldsAtLeast(4) && (c.many.Load() || !c.values.HoldsAtLeast(uint64(c.capacity)))
}

// noteSenderLocked notes that a sender has begun to wait, as the last of txq.
// If it is the third there, the channel counts as one of many senders, until
// 256 others in a row were not. With one lock the first counts, until 256
// receivers have begun to wait and no sender has; and at capacity 0 there
// always are many.
func (c *Channel[T]) noteSenderLocked() {
	if c.oneLock || c.txq.Len() > 2 {
		c.noteCrowdLocked(256)
	} else if c.crowd > 0 {
		c.noteCrowdLocked(c.crowd - 1)
	}
}

// noteReceiverLocked notes that a receiver begins to wait.
func (c *Channel[T]) noteReceiverLocked() {
	if c.oneLock && c.crowd > 0 {
		c.noteCrowdLocked(c.crowd - 1)
	}
}

func (c *Channel[T]) noteCrowdLocked(n uint16) {
	c.crowd = n
	if many := n > 0; c.many.Load() != many {
		c.many.Store(many)
	}
}

// settleLocked does all that has become possible. The caller runs wk after it
// has unlocked both ends.
func (c *Channel[T]) settleLocked(wk *wakes) {
	if c.closedLocked() {
		c.done.End()
		for w := c.txq.Front(); w != nil; w = c.txq.Front() {
			c.refuseLocked(w, contract.Closed(c.receiverCause), wk)
		}
	}
	c.admitLocked(wk)
	for c.deliverLocked(wk) {
		c.admitLocked(wk)
	}
	if c.ready.Asked() {
		c.setReadyLocked()
	}
}

// idleLocked reports whether there is nothing to settle, whatever becomes
// possible: nobody waits, and nobody has asked for ready or done.
func (c *Channel[T]) idleLocked() bool {
	return c.rxq.Len() == 0 && c.txq.Len() == 0 && !c.ready.Asked() && !c.done.Asked()
}

// lostSenderLocked notes that one sender handle less is open.
func (c *Channel[T]) lostSenderLocked() {
	c.openSenders--
	c.hasSenders = c.openSenders > 0
}

// settleAndUnlock settles, unlocks both ends, and wakes the waiters it served.
func (c *Channel[T]) settleAndUnlock() {
	var wk wakes
	c.settleLocked(&wk)
	c.Unlock()
	wk.run()
}

// setReadyLocked sets ready, which was asked for.
func (c *Channel[T]) setReadyLocked() {
	switch {
	case c.availableLocked():
		c.ready.Set(true)
	case c.endedLocked():
		c.ready.End()
	default:
		c.ready.Set(false)
	}
}

// refuseLocked ends the wait of a sender with err, the reason.
func (c *Channel[T]) refuseLocked(w *park.Waiter, err error, wk *wakes) {
	if !w.Claim() {
		c.txq.Remove(w)
		return
	}
	c.sending(w).err = err
	c.dequeueSenderLocked(w, wk)
}

// endLocked ends the wait of a receiver with the error that its handle gets at
// the end.
func (c *Channel[T]) endLocked(w *park.Waiter, wk *wakes) {
	if !w.Claim() {
		c.rxq.Remove(w)
		return
	}
	r := c.receiving(w)
	r.err = r.by.endErrorLocked()
	c.dequeueReceiverLocked(w, wk)
}

// admitLocked serves waiting senders, in order, as far as there is room.
func (c *Channel[T]) admitLocked(wk *wakes) {
	for w := c.txq.Front(); w != nil; w = c.txq.Front() {
		room := c.capacity - c.values.Len() - c.permits
		if room == 0 {
			return
		}
		if !w.Claim() {
			c.txq.Remove(w)
			continue
		}
		switch s := c.sending(w); {
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
		c.dequeueSenderLocked(w, wk)
	}
}

// deliverLocked gives values, or the end, to waiting receivers, in order. It
// reports whether it took values.
func (c *Channel[T]) deliverLocked(wk *wakes) bool {
	took := false
	for w := c.rxq.Front(); w != nil && (c.values.Len() > 0 || c.endedLocked()); w = c.rxq.Front() {
		switch r := c.receiving(w); {
		case c.values.Len() == 0:
			c.endLocked(w, wk)
		case !w.Claim():
			c.rxq.Remove(w)
		case r.many != nil:
			r.n += c.popIntoLocked(r.many[r.n:])
			took = true
			if r.collects && r.n < len(r.many) {
				c.rxq.Remove(w)
				c.rxq.PutBack(w)
			} else {
				c.dequeueReceiverLocked(w, wk)
			}
		default:
			r.take(c.values.Pop())
			took = true
			c.dequeueReceiverLocked(w, wk)
		}
	}
	return took
}

// giveLocked gives v to r, which takeReceiverLocked has returned, and reports
// whether the caller must wake r. If not, r collects a batch, and stands in the
// queue again: last, so that other receivers get their turn.
func (c *Channel[T]) giveLocked(r *park.Waiter, v T) bool {
	if c.receiving(r).take(v) {
		return true
	}
	c.rxq.PutBack(r)
	return false
}

// takeReceiverLocked takes the first waiting receiver out of its queue, or
// returns nil. The caller must give it a value, by giveLocked. own is the
// Selection that looks for it, as its case i, and which is claimed with it; or
// nil.
func (c *Channel[T]) takeReceiverLocked(own *park.Selection, i int) *park.Waiter {
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

// length returns how many values were accepted and not yet received.
func (c *Channel[T]) length() int {
	c.Lock()
	defer c.Unlock()
	return c.values.Len()
}
