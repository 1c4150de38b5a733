package broadcast

import (
	"iter"
	"math"
	"reflect"
	"strconv"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/ring"
	"github.com/leat-go/leat/internal/seam"
)

// New makes a channel that keeps exactly the last capacity values, and returns
// its sending end; receivers subscribe. New panics if capacity is below 1.
// There is no upper limit: memory grows with use, up to the capacity, and is
// kept.
//
// With the capacity [leat.Unbounded], no receiver misses a value and no sender
// waits: the channel keeps each value until all receivers have had it, and no
// longer. So a receiver that does not receive makes memory grow without end. A
// receiver that subscribes with [Replay] or [From] gets the values that the
// slowest of the others has yet to receive; without a receiver nothing is kept.
// [Lossless] and [LosslessFor] change nothing.
func New[T any](capacity int, opts ...leat.Option) *Sender[T] {
	if capacity < 1 {
		panic("broadcast: New with capacity " + strconv.Itoa(capacity) + "; it must be at least 1")
	}
	c := &channel[T]{
		limit:   math.MaxUint64,
		senders: 1,
		slabLen: slabLen[T](capacity),
	}
	if capacity == leat.Unbounded {
		c.unbounded, c.kept = true, seam.Origin
		c.slowest.Store(c.kept + 1)
		c.ring.InitUnbounded(seam.Origin)
	} else {
		c.ring.Init(capacity)
	}
	c.next, c.tail = c.ring.Place(seam.Origin), seam.Origin
	if seam.Origin > 0 {
		c.published.Store(seam.Origin)
	}
	c.Kind = "broadcast"
	if contract.Apply(&c.Meter, opts); c.Name != "" {
		meter.Register[T](c, &c.Meter)
	}
	return attach(c)
}

// A channel is what its handles share. Values are numbered from 0 in the order
// in which they were accepted. Value n is entry n, which is in slot n %
// capacity from its acceptance until entry n + capacity takes the slot.
//
// # Reading without a lock
//
// Slots are allocated when they are first used: see package ring. A slot that
// does not exist yet reads as one without an entry, and the argument below
// needs no more than that.
//
// Senders publish under mu, one after the other; receivers read the ring
// without it. An entry is immutable once a slot points to it, and a slot's
// entries have rising numbers. So one load of the slot for value n tells a
// receiver all:
//
//   - entry n: here is the value. It was complete before the store that the
//     load observed.
//   - no entry, or one with a smaller number: value n was not yet accepted at
//     the instant of the load.
//   - an entry with a greater number m: value n was accepted and is
//     overwritten. So are all up to m - capacity, for m's predecessors were
//     accepted before m. Where the gap ends, accepted finds out.
//
// The garbage collector frees an entry when no slot and no reader points to it;
// there is nothing to reclaim by hand, and no reader can see a slot's next
// value in the middle of reading this one.
//
// # Waiting for lossless receivers
//
// Each lossless receiver's cursor bounds tail: tail <= cursor + capacity. (A
// receiver that subscribed From a value that was gone counts as if its cursor
// were past the gap: see needs.) limit is the least of these bounds when they
// were last looked at; cursors only grow, so a limit that is out of date is too
// small, never too great: a sender looks at the cursors again only when tail
// has reached it. A sender that then still finds no room waits, and somebody
// has to tell it when the slowest receiver moves. This is Dekker's exclusion,
// on slowest and the cursor:
//
//	sender, under mu:  slowest = least cursor + 1; look at the cursors again; wait if none has moved
//	receiver:          cursor = n + 1; if slowest == n + 1, take mu and serve the waiting senders
//
// All four are sequentially consistent atomics. If the receiver's load of
// slowest comes before the sender's store, then so does its store of the
// cursor, and the sender, which looks after its store, sees it. If it comes
// after, the receiver takes mu, which it gets when the sender waits. Either way
// the sender goes on. Of several receivers at the least cursor, the last to
// leave it matters, and the argument holds for it.
//
// # Invariants, whenever mu is free
//
//   - If a sender waits: limit == tail, slowest is tail - capacity + 1, and
//     some lossless cursor is tail - capacity, or has moved from there and its
//     receiver is on its way to mu.
//   - Those of patience.
//   - If a receiver waits, or its gate is armed: its cursor is tail, and the
//     channel has not ended.
//
// What the garbage collector's cleanup must not wake (see package park) may
// wait although there is something for it, until the next send.
type channel[T any] struct {
	meter.Meter
	ring    ring.Ring[entry[T]]
	slabLen int // how many entries are allocated at a time

	unbounded bool      // see keep.go
	ended     seam.Bool // all sender handles are closed, tail is final; written under mu

	// slowest is described above. It means nothing when no sender waits, unless
	// the channel is unbounded. It is written under mu.
	slowest seam.Word[T]

	// Receivers read the fields above with each value, and senders write those
	// below: so no cache line has both.
	_ [64]byte

	published seam.Uint64 // tail, or a few less; written under mu: see accepted

	mu       seam.Mutex
	tail     uint64               // number of the next value
	kept     uint64               // number of the oldest value that is kept, if unbounded
	next     ring.Place[entry[T]] // of value tail
	senders  int
	cause    *contract.ClosedError // the first that a sender handle was closed with, or nil; final once ended is set
	limit    uint64
	lossy    fanout.List[*cursor] // open receivers
	lossless fanout.List[*cursor] // open receivers for which senders wait
	slow     int                  // index in lossless at which measureLocked begins; only a hint
	subs     uint64               // how many receivers there ever were
	gone     tally                // what closed receivers received and missed
	slab     []entry[T]
	used     int // how many entries of slab
	txq      park.Queue
	waiting  fanout.Waiting[*cursor]
	counting fanout.Counting
	patience
}

type entry[T any] struct {
	n     uint64
	value T
}

// sending is the request of a waiting sender, and its result.
type sending[T any] struct {
	one  T   // Send
	many []T // SendMany: the values still to be sent
	err  error
}

// sending returns the request of w, a waiting sender.
func (c *channel[T]) sending(w *park.Waiter) *sending[T] { return w.Request.(*sending[T]) }

// wakes holds the waiters to wake once mu is free.
type wakes struct {
	tx    park.Wakes
	rx    park.Wakes
	count park.Wakes
}

func (wk *wakes) run() {
	wk.rx.Run()
	wk.tx.Run()
	wk.count.Run()
}

// accepted returns how many values were accepted, which was at least least, at
// some instant during the call. The caller need not hold mu, under which tail
// is the number.
//
// A value is accepted when its slot points to it. A sender publishes tail only
// once in publishEvery values, because that takes a locked instruction. So
// accepted begins there and walks through the slots. The last slot that it
// looks at did not hold value n, and value n-1 was accepted before. If value n
// was not released either, n is exact at that instant.
//
// Only an unbounded channel releases values, and it publishes a tail beyond
// them first. So if published is still not above n after that look, value n was
// not released before it.
func (c *channel[T]) accepted(least uint64) uint64 {
	n := max(least, c.published.Load())
	for {
		if e := c.ring.Load(n); e != nil && e.n >= n {
			n = e.n + 1
			continue
		}
		if !c.unbounded {
			return n
		}
		published := c.published.Load()
		if published <= n {
			return n
		}
		n = published
	}
}

// publishEvery is how many slots accepted looks at, at most, in a channel that
// no sender sends to meanwhile.
const publishEvery = 8

// oldest returns the number of the oldest value that the ring holds when the
// next value gets the number tail. If the channel is unbounded, mu is held.
func (c *channel[T]) oldest(tail uint64) uint64 {
	if c.unbounded {
		return c.kept
	}
	return tail - min(tail-seam.Origin, c.ring.Capacity())
}

// roomLocked reports whether a value could be accepted now, waiting senders
// aside.
func (c *channel[T]) roomLocked() bool {
	if c.tail == c.limit {
		c.measureLocked()
	}
	return c.tail < c.limit
}

// measureLocked brings limit up to date. It begins at the lossless receiver
// that held the senders back when it last looked, and ends at the first that
// does so now: no bound is below limit, so one that equals it is the least. So
// it passes each receiver about once while they all read what the ring holds,
// however many times it is called.
func (c *channel[T]) measureLocked() {
	least := uint64(math.MaxUint64)
	all := c.lossless.All()
	for range all {
		if c.slow >= len(all) {
			c.slow = 0
		}
		bound := all[c.slow].needs() + c.ring.Capacity()
		if bound == c.limit {
			return
		}
		least = min(least, bound)
		c.slow++
	}
	c.limit = least
}

// roomOrWatchLocked returns what roomLocked returns. If there is no room, it
// also asks the slowest receiver to serve the waiting senders when it moves.
func (c *channel[T]) roomOrWatchLocked() bool {
	if c.roomLocked() {
		return true
	}
	c.slowest.Store(c.limit - c.ring.Capacity() + 1)
	return c.roomLocked()
}

// acceptLocked appends v to the ring, which has room. The caller calls
// notifyLocked afterwards.
func (c *channel[T]) acceptLocked(v T) {
	n := c.tail
	e := c.newEntry()
	e.n, e.value = n, v
	c.ring.Put(&c.next, n, e)
	c.tail = n + 1
	if c.tail%publishEvery == 0 {
		c.published.Store(c.tail)
	}
	if c.unbounded && c.lossless.Len() == 0 {
		c.releaseLocked()
	}
}

// newEntry allocates.
func (c *channel[T]) newEntry() *entry[T] {
	if c.slabLen == 1 {
		return new(entry[T])
	}
	if c.used == len(c.slab) {
		c.slab, c.used = make([]entry[T], c.slabLen), 0
	}
	e := &c.slab[c.used]
	c.used++
	return e
}

// slabLen returns how many entries to allocate at a time: for small values
// without pointers up to 32; otherwise one, because values that were
// overwritten stay in memory, and what they point to stays reachable, as long
// as their neighbours.
func slabLen[T any](capacity int) int {
	t := reflect.TypeFor[T]()
	if !holdsNoPointers(t) {
		return 1
	}
	const slabBytes = 4 << 10
	return max(1, min(capacity, 32, int(slabBytes/(t.Size()+8))))
}

// notifyLocked tells the waiting receivers that there is a value or the end.
func (c *channel[T]) notifyLocked(wk *wakes) {
	c.waiting.Notify(&wk.rx, c.ended.Load(), false)
}

// admitLocked serves the waiting senders, first come first served, as far as
// there is room.
func (c *channel[T]) admitLocked(wk *wakes) { c.serveSendersLocked(wk, false) }

// serveSendersLocked is admitLocked, also for a caller that must not wake a
// goroutine in a testing/synctest bubble: a cleanup (gc), or a timer that was
// set outside every bubble. Then the first waiting sender that is in a bubble
// stays as it is, and so do the senders after it.
func (c *channel[T]) serveSendersLocked(wk *wakes, gc bool) {
	published := false
	for w := c.txq.Front(); w != nil && c.roomOrWatchLocked(); w = c.txq.Front() {
		if gc && w.Bubbled() {
			break
		}
		if !w.Claim() {
			c.txq.Remove(w)
			continue
		}
		published = true
		s := c.sending(w)
		if s.many == nil {
			c.acceptLocked(s.one)
		} else {
			c.acceptLocked(s.many[0])
			if s.many = s.many[1:]; len(s.many) > 0 {
				continue
			}
		}
		c.txq.Remove(w)
		wk.tx.Add(w)
	}
	if c.txq.Len() == 0 {
		c.unwatchLocked()
	} else if published && c.patient > 0 {
		c.stallLocked()
	}
	if published {
		c.waiting.Notify(&wk.rx, c.ended.Load(), gc)
	}
}

// moved serves the waiting senders after the slowest lossless receiver has
// moved or left, or releases the values that it has had.
func (c *channel[T]) moved() {
	var wk wakes
	c.mu.Lock()
	if c.unbounded {
		c.releaseLocked()
	} else {
		c.admitLocked(&wk)
	}
	c.mu.Unlock()
	wk.run()
}

// unwatchLocked notes that no sender waits.
func (c *channel[T]) unwatchLocked() {
	if !c.unbounded {
		c.slowest.Store(0)
	}
}

// receiversLocked returns how many receivers are open.
func (c *channel[T]) receiversLocked() int { return c.lossless.Len() + c.lossy.Len() }

// cursorsLocked returns an iterator over the cursors of all open receivers.
func (c *channel[T]) cursorsLocked() iter.Seq[*cursor] {
	return func(yield func(*cursor) bool) {
		for _, all := range [2][]*cursor{c.lossless.All(), c.lossy.All()} {
			for _, cur := range all {
				if !yield(cur) {
					return
				}
			}
		}
	}
}

// listLocked returns the list that cur is on while it is open.
func (c *channel[T]) listLocked(cur *cursor) *fanout.List[*cursor] {
	if cur.lossless && !cur.lapsed {
		return &c.lossless
	}
	return &c.lossy
}

// removeLocked closes the cursor of a receiver. The caller then notifies
// WaitReceivers and admits waiting senders.
func (c *channel[T]) removeLocked(cur *cursor, wk *wakes) {
	cur.closeLocked()
	c.gone.add(cur)
	c.listLocked(cur).Remove(cur)
	if cur.patience > 0 && !cur.lapsed {
		c.unholdLocked()
	}
	if c.unbounded {
		c.releaseLocked()
	}
	c.waiting.Leave(cur, &wk.rx)
}

// closeSenderLocked gives up one sender handle, and reports whether it was the
// last. The caller then passes the end to waiting receivers.
func (c *channel[T]) closeSenderLocked() (last bool) {
	c.senders--
	if c.senders > 0 {
		return false
	}
	c.ended.Store(true)
	c.stopLocked()
	return true
}

func newSender[T any](c *channel[T]) *Sender[T] {
	s := &Sender[T]{c: c}
	park.InitSend(&s.sendArms, (*sendEnd[T])(s))
	return s
}

// attach makes a sender handle, which c.senders already counts.
func attach[T any](c *channel[T]) *Sender[T] {
	s := newSender(c)
	s.guard.Watch(s, (*droppedSender[T])(c))
	return s
}

// holdsNoPointers reports whether values of type t keep nothing reachable.
func holdsNoPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() == 0 || holdsNoPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !holdsNoPointers(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128
	}
}
