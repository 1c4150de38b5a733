// Package fifo holds the values that a channel has accepted and nobody has
// received: a queue in segments, with a lock for each end. Memory grows as it
// is used and, where asked for, goes back; a slot is cleared when its value
// leaves.
//
// It is the two-lock queue of Michael and Scott ("Simple, Fast, and Practical
// Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996): a
// pushing and a popping goroutine do not meet. Two things are different. A node
// holds many values; and the lock of an end is a bit of the word that publishes
// the end's position, so that unlocking publishes, and one push costs two
// locked instructions, and so does one pop.
//
// # Why it is right
//
// Everything that belongs to an end is read and written with that end locked,
// but for the position, which the other end reads. Positions only grow. They
// have 62 bits, on 32-bit machines too: a billion values a second take 146
// years to use them up.
//
//   - A push writes its slot, then publishes the tail. A pop that sees the
//     value's position in the tail therefore sees the slot, and the chain of
//     segments up to it.
//   - A pop clears its slot, then publishes the head. A push that sees the
//     slot's position passed by the head therefore writes to a cleared slot
//     that nobody reads.
//   - With the head locked, the queue is empty at the instant at which the tail
//     is loaded and equals the head, because the head does not move meanwhile.
//     With the tail locked, the queue has its greatest length at the instant at
//     which the head is loaded, for the same reason. So neither "empty" nor
//     "full" is ever a guess.
//   - With both locked nothing moves, and the queue is as if one goroutine
//     owned it.
//
// A goroutine that needs both locks takes the tail's first.
package fifo

import "github.com/leat-go/leat/internal/seam"

// SegmentSize is how many values a segment holds; a power of two. Tests that
// want to cross segments often make it small before they make a Queue.
var SegmentSize = 32

// A Queue is a first-in first-out queue. Its zero value is not ready for use:
// see Init.
//
// Invariants: value n is in slot n % size of its segment. The segments from
// headSeg on, along next, hold the values from head.pos on. An end enters a
// segment when it comes to the segment's first slot, and not before. Slots that
// hold no value are zero.
type Queue[T any] struct {
	_       [64]byte // nothing else in the lines of the ends
	Tail    End[T]
	tailSeg *segment[T]
	mask    uint64 // slots of a segment, less one

	// With the tail locked:

	ring     bool // segments stand in a circle, and are used again
	segments uint64
	first    *segment[T] // where the head begins; written once, before the first value is published
	skipped  uint64      // positions that Reset has passed over

	_       [64]byte
	Head    End[T]
	headSeg *segment[T]
	_       [64]byte
	spare   seam.Pointer[segment[T]] // a segment that the head has left, if not ring
}

// An End is one end of a Queue.
type End[T any] struct {
	word seam.Word[T] // the position, and the bits locked and waiting
	pos  uint64       // the next slot; what word says, or ahead of it while locked
	seen uint64       // the other end's position when it was last read

	aside seam.Mutex  // held by the one of those who wait for the lock that is woken for it
	sleep *seam.Mutex // made when first needed, with aside held; locked but between an Unlock that wakes and the wake-up
}

type segment[T any] struct {
	next *segment[T]
	slot []T
}

// Init makes q ready: for at most capacity values, and q then keeps the memory
// that it has once used; or, if capacity is negative, for any number, and q
// then goes back to two segments when it is empty.
func (q *Queue[T]) Init(capacity int) {
	size := SegmentSize
	if capacity > 0 {
		q.ring = true
		for size/2 >= capacity {
			size /= 2
		}
	}
	q.mask = uint64(size) - 1
	if seam.Origin > 0 {
		q.skipTo(seam.Origin &^ q.mask)
		q.UnlockEnds()
	}
}

// What an end's word says besides the position, which is between them.
const (
	locked  = 1       // somebody holds the end
	waiting = 1 << 63 // and somebody sleeps until it is unlocked
)

// TryLock locks an end if it is free and nobody is faster.
func (e *End[T]) TryLock() bool {
	v := e.word.Load()
	return v&locked == 0 && e.word.CompareAndSwap(v, v|locked)
}

// Lock locks an end. It is just small enough to be inlined, so that a call on
// an end that is free costs one locked instruction and no call. On a word that
// is locked already Or changes nothing.
func (e *End[T]) Lock() {
	if e.word.Or(locked)&locked != 0 {
		e.lockHeld()
	}
}

// lockHeld locks an end that was found locked. The holder keeps an end for some
// instructions: it never blocks and never calls user code meanwhile. Only if
// the operating system stops it does it take longer. So a goroutine that finds
// the end locked sleeps until it is unlocked, and leaves the processor to the
// holder. Only one goroutine sleeps so; the others wait in aside for their
// turn. A goroutine that comes later need not wait for them. So where many want
// the lock, a running one gets it many times before another does. That is
// unfair, and why it is fast: the lines of an end stay in one core's cache.
//
// A sleeper is not forgotten. It sleeps only after it has set waiting in a word
// that was locked, by one compare-and-swap. The Swap of the Unlock that ends
// that lock comes later, and therefore finds the bit, and sleep made. That
// Unlock clears the bit and unlocks sleep, once for each time that the bit was
// set. Whether that comes before or after the sleeper locks sleep, the sleeper
// then has sleep locked, as it was before.
func (e *End[T]) lockHeld() {
	e.aside.Lock()
	if e.sleep == nil {
		e.sleep = new(seam.Mutex)
		e.sleep.Lock()
	}
	for !e.TryLock() {
		if v := e.word.Load(); v&locked != 0 && e.word.CompareAndSwap(v, v|waiting) {
			e.sleep.Lock()
		}
	}
	e.aside.Unlock()
}

// Unlock publishes the position.
func (e *End[T]) Unlock() {
	if int64(e.word.Swap(e.pos<<1)) < 0 { // waiting; said so, Unlock is just small enough to be inlined
		wake(e.sleep)
	}
}

// wake wakes the one that sleeps. It is neither a part of Unlock nor generic,
// for the same reason.
//
//go:noinline
func wake(sleep *seam.Mutex) { sleep.Unlock() }

// publish publishes the position, and keeps the end locked.
func (e *End[T]) publish() {
	for v := e.word.Load(); !e.word.CompareAndSwap(v, e.pos<<1|v&(locked|waiting)); v = e.word.Load() {
	}
}

// position returns the published position.
func (e *End[T]) position() uint64 { return e.word.Load() << 1 >> 2 }

// LockEnds locks both ends.
func (q *Queue[T]) LockEnds() {
	q.Tail.Lock()
	q.Head.Lock()
}

// LockTailToo locks both ends, of which the caller has locked the head.
func (q *Queue[T]) LockTailToo() {
	if !q.Tail.TryLock() { // the tail goes first: unless it is free, start again
		q.Head.Unlock()
		q.LockEnds()
	}
}

// UnlockEnds unlocks both ends. A value may have been pushed and popped
// meanwhile. So the tail is published before the head is unlocked: the next
// goroutine that locks the head must not find a tail below it. And the tail
// stays locked until the head is published: the next goroutine that locks the
// tail must not find more values than there are.
func (q *Queue[T]) UnlockEnds() {
	if q.Tail.position() != q.Tail.pos {
		q.Tail.publish()
	}
	q.Head.Unlock()
	q.Tail.Unlock()
}

// Len returns how many values are queued. Both ends are locked.
func (q *Queue[T]) Len() int { return int(q.Tail.pos - q.Head.pos) }

// Pushed returns how many values were ever pushed. The tail is locked.
func (q *Queue[T]) Pushed() uint64 { return q.Tail.pos - q.skipped }

// Room returns for how many of n values there is room in a queue of at most
// limit. If that is fewer than n, it is so at some instant during the call.
// Room reads the other end's position only if the one that it read last is not
// enough. The tail is locked.
func (q *Queue[T]) Room(limit, n uint64) uint64 {
	if q.Tail.pos-q.Tail.seen+n > limit {
		q.Tail.seen = q.Head.position()
	}
	return min(n, limit-min(limit, q.Tail.pos-q.Tail.seen))
}

// Empty reports whether the queue was empty at some instant during the call. If
// it says false, nobody knows. Neither end need be locked.
//
// The head's position is loaded first. It only grows, and never passes the
// tail's. So if the tail's, when it is loaded, equals it, the head's still
// does, and the queue is empty at that instant. (A push or a pop takes effect
// when its end publishes its position.)
func (q *Queue[T]) Empty() bool {
	head := q.Head.position()
	return q.Tail.position() == head
}

// Available returns how many of n values there are to pop. If that is fewer
// than n, it is so at some instant during the call. Available reads the other
// end's position only if the one that it read last is not enough. The head is
// locked.
func (q *Queue[T]) Available(n uint64) uint64 {
	if q.Head.pos+n > q.Head.seen {
		q.Head.seen = q.Tail.position()
	}
	return min(n, q.Head.seen-q.Head.pos)
}

// TryPush makes room for a last value, and returns where to put it, if the
// queue holds fewer than limit values. Otherwise it held as many at some
// instant during the call, and the result is nil. The tail is locked.
func (q *Queue[T]) TryPush(limit uint64) *T {
	if q.Tail.pos-q.Tail.seen >= limit && q.Room(limit, 1) == 0 {
		return nil
	}
	return q.last()
}

// TryPop returns where the first value is, if there is one; the caller takes it
// and puts a zero value there. Otherwise the queue was empty at some instant
// during the call, and the result is nil. The head is locked.
func (q *Queue[T]) TryPop() *T {
	if q.Head.pos >= q.Head.seen && q.Available(1) == 0 {
		return nil
	}
	return q.front()
}

// Push puts v last. There is room, and the tail is locked.
func (q *Queue[T]) Push(v T) { *q.last() = v }

// last makes room for a last value, and returns where to put it. There is room,
// and the tail is locked.
func (q *Queue[T]) last() *T {
	i := q.Tail.pos & q.mask
	if i == 0 {
		q.extend()
	}
	q.Tail.pos++
	return &q.tailSeg.slot[i]
}

// PushAll puts all of vs last, in order. There is room, and the tail is locked.
func (q *Queue[T]) PushAll(vs []T) {
	for len(vs) > 0 {
		i := q.Tail.pos & q.mask
		if i == 0 {
			q.extend()
		}
		k := copy(q.tailSeg.slot[i:], vs)
		q.Tail.pos += uint64(k)
		vs = vs[k:]
	}
}

// Pop takes the first value. There is one, and the head is locked.
func (q *Queue[T]) Pop() T {
	p := q.front()
	v := *p
	var zero T
	*p = zero
	return v
}

// front returns where the first value is, and goes past it. There is one, and
// the head is locked.
func (q *Queue[T]) front() *T {
	i := q.Head.pos & q.mask
	if i == 0 {
		q.advance()
	}
	q.Head.pos++
	return &q.headSeg.slot[i]
}

// PopInto moves the first values to buf. There are as many, and the head is
// locked.
func (q *Queue[T]) PopInto(buf []T) {
	for len(buf) > 0 {
		i := q.Head.pos & q.mask
		if i == 0 {
			q.advance()
		}
		full := q.headSeg.slot[i:]
		k := copy(buf, full)
		clear(full[:k])
		q.Head.pos += uint64(k)
		buf = buf[k:]
	}
}

// extend makes tailSeg the segment for the values from tail.pos on. The tail is
// locked.
func (q *Queue[T]) extend() {
	last := q.tailSeg
	switch {
	case last == nil:
		q.first = q.newSegment()
		q.tailSeg = q.first
		if q.ring {
			q.first.next = q.first
		}
	case !q.ring:
		s := q.spare.Swap(nil)
		if s == nil {
			s = q.newSegment()
		}
		last.next = s
		q.tailSeg = s
	default:
		// In use are the segments from the one that the head is in, be it only
		// because it has not entered the next, to this one. If these are not
		// all, the next in the circle is free: the head has popped all of its
		// values, and published that, and has left it. A segment that is
		// inserted after last comes after last for the head, too: the head is
		// in last or before it, and has not gone on from it.
		q.Tail.seen = q.Head.position()
		size := q.mask + 1
		used := q.Tail.pos/size - (max(q.Tail.seen, 1)-1)/size
		if used >= q.segments {
			s := q.newSegment()
			s.next = last.next
			last.next = s
		}
		q.tailSeg = last.next
	}
}

func (q *Queue[T]) newSegment() *segment[T] {
	q.segments++
	return &segment[T]{slot: make([]T, q.mask+1)}
}

// advance makes headSeg the segment of value head.pos, which is there. The head
// is locked.
func (q *Queue[T]) advance() {
	old := q.headSeg
	switch {
	case old == nil:
		q.headSeg = q.first
	case q.ring:
		q.headSeg = old.next
	default:
		q.headSeg = old.next
		old.next = nil
		q.spare.Store(old)
	}
}

// Reset drops all values and all memory. Both ends are locked.
func (q *Queue[T]) Reset() {
	// Both ends go on at the first slot of a segment, which is yet to be made.
	q.skipTo((q.Tail.pos + q.mask) &^ q.mask)
	q.tailSeg, q.headSeg, q.first, q.segments = nil, nil, nil, 0
	q.spare.Store(nil)
}

// skipTo makes pos, where a segment begins, the position of both ends, which
// are locked.
func (q *Queue[T]) skipTo(pos uint64) {
	q.skipped += pos - q.Tail.pos
	q.Tail.pos, q.Head.pos = pos, pos
	q.Tail.seen, q.Head.seen = pos, pos
}

// HoldsAtLeast reports whether the queue seems to hold limit values or more.
// Nothing needs to be locked: it is a guess.
func (q *Queue[T]) HoldsAtLeast(limit uint64) bool {
	return q.Tail.position()-q.Head.position() >= limit
}
