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
// but for the position, which the other end reads. (A single receiver is an
// exception: see below.) Positions only grow. They have 61 bits, on 32-bit
// machines too: a billion values a second take 73 years to use them up.
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
//
// # One lock
//
// After InitOneLock the tail's lock is the head's, too: a goroutine that has
// locked the tail owns both ends, and Tail.Unlock unlocks both. The head's word
// is not used then.
//
// # A single receiver needs no lock
//
// If one goroutine at a time pops, its pop may be a Claim: one compare-and-swap
// of the head's word, in place of a lock and an unlock. It moves the head past
// a value, and from then on the value's slot is the receiver's. The word also
// says whether the head is locked or guarded, and then nothing is claimed. So
// with the head locked its position stands still, as before; and a goroutine
// that guards the head, with both ends locked, makes the receiver lock it.
//
// A claim passes the slot before the receiver has read and cleared it. Nobody
// else uses the slot meanwhile:
//
//   - A push uses a segment again only when the head has passed a value of a
//     later segment: see extend. The receiver has claimed that value itself, by
//     a compare-and-swap that came after it was done with the slots before. It
//     also reads a segment's pointer to the next before that compare-and-swap.
//   - A goroutine that pops for the receiver does so with both ends locked,
//     while the receiver waits, and so claims nothing.
//   - Evict is the only other pop. Evictions could lead the head on, and the
//     tail round, to a slot that is being read. So the first Evict guards the
//     head for good. The receiver may then still be in the segment of the last
//     value before, and so that segment is not used again.
//
// What the receiver knows about the head is in own. Its goroutine alone uses
// own, and a goroutine that pops for it while it waits. Once the head is
// guarded for good, another reader is used in its place, with the head locked.
// If nobody claims values, own belongs to the goroutine that has locked the
// head.
package fifo

import (
	"math/bits"
	"reflect"

	"github.com/leat-go/leat/internal/seam"
)

// SegmentSize is how many values a segment holds; a power of two. If the
// capacity is smaller, so is a segment, but it has a fourth of SegmentSize, or
// 64 bytes. Tests that want to cross segments often make it small before they
// make a Queue.
var SegmentSize = 32

// A Queue is a first-in first-out queue. Its zero value is not ready for use:
// see Init.
//
// Invariants: value n is in slot n % size of its segment. The segments from
// from.seg on, along next, hold the values from the head on. An end enters a
// segment when it comes to the segment's first slot, and not before. Slots that
// hold no value are zero.
//
// On a 64-bit machine it has three cache lines, if it begins with one: that of
// a push, that of a change of segments, and that of a pop.
type Queue[T any] struct {
	Tail    End[T]
	tailSeg *segment[T]
	mask    uint64 // slots of a segment, less one
	oneLock bool   // see InitOneLock
	ring    bool   // segments stand in a circle, and are used again
	claims  bool   // a single receiver may claim values; written with both ends locked

	// With the tail locked:

	segments uint64
	first    *segment[T] // where the head begins; written once, before the first value is published
	kept     *segment[T] // not to be used again: see Evict; or nil
	start    uint64      // where both ends were when there were no segments
	skipped  uint64      // positions that Reset has passed over

	spare seam.Pointer[segment[T]] // a segment that the head has left, if not ring
	_     [16]byte

	Head End[T]
	from *reader[T] // &own, or another; written with both ends locked
	own  reader[T]  // see the package comment
}

// An End is one end of a Queue.
type End[T any] struct {
	word seam.Word[T] // the position of the next slot, and bits
	next uint64       // with the end locked: what Unlock stores in word
	seen uint64       // the tail's: the head's position when it was last read

	aside seam.Mutex  // held by the one of those who wait for the lock that is woken for it
	sleep *seam.Mutex // made when first needed, with aside held; locked but between an Unlock that wakes and the wake-up
}

// A reader is what the head's side knows besides the position.
type reader[T any] struct {
	seg  *segment[T] // of the last value that was popped; nil before the first
	seen uint64      // the tail's position when it was last read
}

type segment[T any] struct {
	next *segment[T]
	slot []T
}

// Init makes q ready: for at most capacity values, and q then keeps the memory
// that it has once used; or, if capacity is negative, for any number, and q
// then goes back to two segments when it is empty. single says that one
// goroutine at a time pops, and may use Claim.
func (q *Queue[T]) Init(capacity int, single bool) {
	q.from, q.claims = &q.own, single
	size := SegmentSize
	if capacity > 0 {
		q.ring = true
		if capacity < size {
			size = 1 << bits.Len(uint(capacity-1))
		}
		if few := SegmentSize / 4; size < few { // each end has more to do between two segments
			for value := int(reflect.TypeFor[T]().Size()); size < few && size*value < 64; {
				size *= 2
			}
		}
	}
	q.mask = uint64(size) - 1
	if seam.Origin > 0 {
		q.skipTo(seam.Origin &^ q.mask)
	}
	q.Guard(false)
	// A new word says that its end is free, at position 0 and not guarded.
	// Where that is so, it need not be stored.
	if q.Head.next != 0 {
		q.Head.Unlock()
	}
	if q.Tail.next != 0 {
		q.Tail.Unlock()
	}
}

// InitOneLock is Init for callers that lock both ends by the tail's lock alone:
// see the package comment. They do not lock the head, which none of LockHead,
// LockEnds, LockTailToo and UnlockEnds is for then, and do not call Claim,
// ClaimHere, Empty or HoldsAtLeast, which ask what it has published. They call
// TryPop and Available only if they have pushed nothing since they locked the
// tail.
func (q *Queue[T]) InitOneLock(capacity int) {
	q.oneLock = true
	q.Init(capacity, false)
}

// What an end's word says besides the position.
const (
	locked  = 1       // somebody holds the end
	marked  = 2       // see Mark
	guarded = marked  // the head's: to pop a value, one must lock the head
	one     = 4       // the lowest bit of the position
	waiting = 1 << 63 // the end is locked, and somebody sleeps until it is unlocked
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
	if int64(e.word.Swap(e.next)) < 0 { // waiting; said so, Unlock is just small enough to be inlined
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
	for v := e.word.Load(); !e.word.CompareAndSwap(v, e.next|v&(locked|waiting)); v = e.word.Load() {
	}
}

// position returns the published position.
func (e *End[T]) position() uint64 { return e.word.Load() << 1 >> 3 }

// pos returns the position of the next slot, which is the published one or
// ahead of it. The end is locked.
func (e *End[T]) pos() uint64 { return e.next / one }

// LockHead locks the head, which claims may have moved since the last Unlock.
func (q *Queue[T]) LockHead() {
	q.Head.Lock()
	q.Head.next = q.Head.word.Load() &^ (locked | waiting)
}

// Mark sets a mark that Unlock publishes with the position, or takes it away. A
// push sets the tail's mark, and nothing but Mark takes that away. The head's
// says that the head is guarded. The end is locked.
func (e *End[T]) Mark(on bool) {
	e.next &^= marked
	if on {
		e.next |= marked
	}
}

// Marked reports whether the last Unlock has published the mark. It also says
// so of a locked end, because nobody knows what its holder is about to publish.
// Nothing need be locked.
func (e *End[T]) Marked() bool { return e.word.Load()&(marked|locked) != 0 }

// passed returns the position that the head has published; or, with one lock,
// the one that it has. The tail is locked.
func (q *Queue[T]) passed() uint64 {
	if q.oneLock {
		return q.Head.pos()
	}
	return q.Head.position()
}

// Guard has a single receiver lock the head for each value from now on; or not,
// and then it may claim values again. Both ends are locked. The head of a queue
// without a single receiver, or from which a value was evicted, stays guarded.
func (q *Queue[T]) Guard(on bool) {
	q.Head.Mark(on || !q.claims)
}

// LockEnds locks both ends.
func (q *Queue[T]) LockEnds() {
	q.Tail.Lock()
	q.LockHead()
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
	if q.Tail.position() != q.Tail.pos() {
		q.Tail.publish()
	}
	q.Head.Unlock()
	q.Tail.Unlock()
}

// Len returns how many values are queued. Both ends are locked.
func (q *Queue[T]) Len() int { return int(q.Tail.pos() - q.Head.pos()) }

// Pushed returns how many values were ever pushed. The tail is locked.
func (q *Queue[T]) Pushed() uint64 { return q.Tail.pos() - q.skipped }

// Room returns for how many of n values there is room in a queue of at most
// limit. If that is fewer than n, it is so at some instant during the call.
// Room reads the other end's position only if the one that it read last is not
// enough. The tail is locked.
func (q *Queue[T]) Room(limit, n uint64) uint64 {
	if q.Tail.pos()-q.Tail.seen+n > limit {
		q.Tail.seen = q.passed()
	}
	return min(n, limit-min(limit, q.Tail.pos()-q.Tail.seen))
}

// Empty reports whether the queue was empty, and the tail free, at some instant
// during the call. If it says false, nobody knows. Neither end need be locked.
//
// The head's position is loaded first. It only grows, and never passes the
// tail's. So if the tail's, when it is loaded, equals it, the head's still
// does, and the queue is empty at that instant. (A push or a pop takes effect
// when its end publishes its position.)
func (q *Queue[T]) Empty() bool {
	head, tail := q.Head.position(), q.Tail.word.Load()
	return tail&locked == 0 && tail<<1>>3 == head
}

// Available returns how many of n values there are to pop. If that is fewer
// than n, it is so at some instant during the call. Available reads the other
// end's position only if the one that it read last is not enough. The head is
// locked.
func (q *Queue[T]) Available(n uint64) uint64 {
	if q.Head.pos()+n > q.from.seen {
		q.from.seen = q.Tail.position()
	}
	return min(n, q.from.seen-q.Head.pos())
}

// TryPush makes room for a last value, and returns where to put it, if the
// queue holds fewer than limit values. Otherwise it held as many at some
// instant during the call, and the result is nil. The tail is locked.
func (q *Queue[T]) TryPush(limit uint64) *T {
	if q.Room(limit, 1) == 0 {
		return nil
	}
	return q.last()
}

// PushHere is TryPush where the tail alone tells that there is room, in the
// same segment as for the last value. Otherwise it returns nil, and TryPush
// follows. It is small enough to be inlined.
func (q *Queue[T]) PushHere(limit uint64) *T {
	i := q.Tail.next / one & q.mask
	if i == 0 || q.Tail.next/one-q.Tail.seen >= limit {
		return nil
	}
	q.Tail.next = (q.Tail.next + one) | marked
	return &q.tailSeg.slot[i]
}

// ClaimHere is Claim where the head alone tells that there is a value, in the
// same segment as the last value. Otherwise it returns nil, and Claim follows.
// It is small enough to be inlined.
func (q *Queue[T]) ClaimHere() *T {
	v := q.Head.word.Load()
	i := v / one & q.mask
	if v&(locked|guarded) != 0 || i == 0 || v/one >= q.own.seen || !q.Head.word.CompareAndSwap(v, v+one) {
		return nil
	}
	return &q.own.seg.slot[i]
}

// PopHere is TryPop for a queue with one lock, if there is a value and it is in
// the same segment as the last one. Otherwise it returns nil, and TryPop
// follows. It is small enough to be inlined.
func (q *Queue[T]) PopHere() *T {
	i := q.Head.next / one & q.mask
	if i == 0 || q.Head.next/one == q.Tail.next/one {
		return nil
	}
	q.Head.next += one
	q.Tail.seen = q.Head.next / one
	return &q.own.seg.slot[i]
}

// TryPop returns where the first value is, if there is one; the caller takes it
// and puts a zero value there. Otherwise the queue was empty at some instant
// during the call, and the result is nil. The head is locked.
func (q *Queue[T]) TryPop() *T {
	if q.Head.pos() >= q.from.seen && q.Available(1) == 0 {
		return nil
	}
	return q.front()
}

// Claim is TryPop for a single receiver, without a lock. If it returns nil and
// true, the head was not guarded, and after that the queue was empty at some
// instant during the call, as in Empty. If it returns nil and false, it tells
// nothing: the head is guarded or locked.
func (q *Queue[T]) Claim() (p *T, empty bool) {
	v := q.Head.word.Load()
	if v&(locked|guarded) != 0 {
		return nil, false
	}
	r, pos := &q.own, v/one
	if pos >= r.seen {
		if r.seen = q.Tail.position(); pos >= r.seen {
			return nil, true
		}
	}
	i, seg := pos&q.mask, r.seg
	if i == 0 {
		seg = q.after(seg)
	}
	if !q.Head.word.CompareAndSwap(v, v+one) {
		return nil, false
	}
	if i == 0 {
		q.leave(r.seg)
		r.seg = seg
	}
	return &seg.slot[i], false
}

// Push puts v last. There is room, and the tail is locked.
func (q *Queue[T]) Push(v T) { *q.last() = v }

// last makes room for a last value, and returns where to put it. There is room,
// and the tail is locked.
func (q *Queue[T]) last() *T {
	i := q.Tail.pos() & q.mask
	if i == 0 {
		q.extend()
	}
	q.Tail.next = (q.Tail.next + one) | marked
	return &q.tailSeg.slot[i]
}

// PushAll puts all of vs last, in order. There is room, and the tail is locked.
func (q *Queue[T]) PushAll(vs []T) {
	for len(vs) > 0 {
		i := q.Tail.pos() & q.mask
		if i == 0 {
			q.extend()
		}
		k := copy(q.tailSeg.slot[i:], vs)
		q.Tail.next = (q.Tail.next + uint64(k)*one) | marked
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
	i := q.Head.pos() & q.mask
	if i == 0 {
		q.advance()
	}
	q.Head.next += one
	return &q.from.seg.slot[i]
}

// PopInto moves the first values to buf. There are as many, and the head is
// locked.
func (q *Queue[T]) PopInto(buf []T) {
	for len(buf) > 0 {
		i := q.Head.pos() & q.mask
		if i == 0 {
			q.advance()
		}
		full := q.from.seg.slot[i:]
		k := copy(buf, full)
		clear(full[:k])
		q.Head.next += uint64(k) * one
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
		q.Tail.seen = q.passed()
		used := q.Tail.pos() - (max(q.Tail.seen, 1)-1)&^q.mask // slots, of whole segments
		switch {
		case used >= q.segments*(q.mask+1):
			s := q.newSegment()
			s.next = last.next
			last.next = s
		case last.next == q.kept: // take a new one in its place
			s := q.newSegment()
			q.segments--
			s.next = q.kept.next
			last.next = s
			q.kept = nil
		}
		q.tailSeg = last.next
	}
}

func (q *Queue[T]) newSegment() *segment[T] {
	q.segments++
	return &segment[T]{slot: make([]T, q.mask+1)}
}

// advance makes from.seg the segment of the first value, which is there. The
// head is locked.
func (q *Queue[T]) advance() {
	old := q.from.seg
	q.from.seg = q.after(old)
	q.leave(old)
}

// after returns the segment after s, which is there; or the first one, if s is
// nil.
func (q *Queue[T]) after(s *segment[T]) *segment[T] {
	if s == nil {
		return q.first
	}
	return s.next
}

// leave gives up s, which the head has left. s may be nil.
func (q *Queue[T]) leave(s *segment[T]) {
	if s != nil && !q.ring {
		s.next = nil
		q.spare.Store(s)
	}
}

// Evict is Pop for a goroutine that is not the receiver. q is bounded, and both
// ends are locked. If a single receiver may have claimed values, Evict guards
// the head for good, as the package comment explains.
func (q *Queue[T]) Evict() T {
	if q.claims {
		q.from, q.claims = &reader[T]{seg: q.popped()}, false
		q.Guard(true)
		q.kept = q.from.seg
	}
	return q.Pop()
}

// popped returns the segment of the value that was popped last, or nil if there
// is none. It does not read own, which the receiver may be writing to. There is
// a value, q is bounded, and both ends are locked.
//
// All segments stand in the circle. After tailSeg come the free ones, then
// those in use, the wanted one first, up to tailSeg again.
func (q *Queue[T]) popped() *segment[T] {
	if q.Head.pos() == q.start {
		return nil
	}
	size, s := q.mask+1, q.tailSeg
	for range q.segments - ((q.Tail.pos()-1)/size - (q.Head.pos()-1)/size) {
		s = s.next
	}
	return s
}

// Reset drops all values and all memory. Both ends are locked.
func (q *Queue[T]) Reset() {
	// Both ends go on at the first slot of a segment, which is yet to be made.
	q.skipTo((q.Tail.pos() + q.mask) &^ q.mask)
	q.tailSeg, q.from.seg, q.first, q.segments, q.kept = nil, nil, nil, 0, nil
	q.spare.Store(nil)
}

// skipTo makes pos, where a segment begins, the position of both ends, which
// are locked.
func (q *Queue[T]) skipTo(pos uint64) {
	q.skipped += pos - q.Tail.pos()
	q.Tail.next, q.Head.next = pos*one|q.Tail.next&marked, pos*one
	q.Tail.seen, q.from.seen = pos, pos
	q.start = pos
	q.Guard(true)
}

// HoldsAtLeast reports whether the queue seems to hold limit values or more.
// Nothing needs to be locked: it is a guess.
func (q *Queue[T]) HoldsAtLeast(limit uint64) bool {
	return q.Tail.position()-q.Head.position() >= limit
}
