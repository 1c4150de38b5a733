// Package fifo holds the values that a channel has accepted and nobody has received: a queue in segments. Memory grows
// as it is used and, where asked for, goes back; a slot is cleared when its value leaves.
//
// It is dull on purpose: no atomics, no sharing. The channel's mutex guards it.
package fifo

// SegmentSize is how many values a segment holds. Tests that want to cross segments often make it small before they
// make a Queue.
var SegmentSize = 32

// A Queue is a first-in first-out queue. Its zero value is not ready for use: see New.
//
// Invariants: head and tail are nil only before the first Push. The values are slots r… of head up to w of tail;
// if head == tail, r <= w. If n == 0, then head == tail and r == w == 0. Slots that hold no value are zero.
type Queue[T any] struct {
	head, tail *segment[T]
	r, w       int // next slot to read in head, to write in tail
	n          int
	pushed     uint64      // in total
	size       int         // slots of a segment
	spare      *segment[T] // emptied segments, for the next time tail is full
	spares     int
	keep       int // at most so many spares
}

type segment[T any] struct {
	next *segment[T]
	slot []T
}

// New returns an empty queue for at most capacity values, which keeps the memory that it has once used; or, if capacity
// is negative, for any number, which goes back to two segments when it is empty.
func New[T any](capacity int) Queue[T] {
	if capacity < 0 {
		return Queue[T]{size: SegmentSize, keep: 1}
	}
	size := min(capacity, SegmentSize)
	return Queue[T]{size: size, keep: capacity/size + 1}
}

// Len returns how many values are queued.
func (q *Queue[T]) Len() int { return q.n }

// Pushed returns how many values were ever pushed.
func (q *Queue[T]) Pushed() uint64 { return q.pushed }

// Push puts v last.
func (q *Queue[T]) Push(v T) {
	q.grow()
	q.tail.slot[q.w] = v
	q.w++
	q.n++
	q.pushed++
}

// PushAll puts all of vs last, in order.
func (q *Queue[T]) PushAll(vs []T) {
	for len(vs) > 0 {
		q.grow()
		k := copy(q.tail.slot[q.w:], vs)
		q.w += k
		q.n += k
		q.pushed += uint64(k)
		vs = vs[k:]
	}
}

// Pop takes the first value. The queue is not empty.
func (q *Queue[T]) Pop() T {
	p := &q.head.slot[q.r]
	v := *p
	var zero T
	*p = zero
	q.r++
	q.n--
	q.shrink()
	return v
}

// PopInto moves the first values, as many as there are and as fit, to buf, and returns how many.
func (q *Queue[T]) PopInto(buf []T) int {
	total := 0
	for q.n > 0 && total < len(buf) {
		full := q.head.slot[q.r:]
		if q.head == q.tail {
			full = q.head.slot[q.r:q.w]
		}
		k := copy(buf[total:], full)
		clear(full[:k])
		q.r += k
		q.n -= k
		total += k
		q.shrink()
	}
	return total
}

// Reset drops all values and all memory.
func (q *Queue[T]) Reset() { *q = Queue[T]{size: q.size, keep: q.keep, pushed: q.pushed} }

// grow makes sure that tail has a slot to write.
func (q *Queue[T]) grow() {
	if q.tail != nil && q.w < len(q.tail.slot) {
		return
	}
	s := q.spare
	if s != nil {
		q.spare, s.next = s.next, nil
		q.spares--
	} else {
		s = &segment[T]{slot: make([]T, q.size)}
	}
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail, q.w = s, 0
}

// shrink retires head if it was read to its end, and starts an emptied queue at the first slot again.
func (q *Queue[T]) shrink() {
	if q.n > 0 && q.r < len(q.head.slot) {
		return
	}
	if q.head != q.tail {
		old := q.head
		q.head = old.next
		old.next = nil
		if q.spares < q.keep {
			old.next, q.spare = q.spare, old
			q.spares++
		}
		q.r = 0
	}
	if q.n == 0 {
		q.r, q.w = 0, 0
	}
}
