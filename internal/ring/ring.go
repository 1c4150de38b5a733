// Package ring holds the slots of a broadcast channel. A ring has as many slots
// as the channel's capacity, and memory for those that were ever used: it is
// made of segments, which are allocated when the writer first comes to them. An
// unbounded ring has a slot for each value, and memory for those that were not
// released.
//
// Value n is in slot n % capacity. One goroutine at a time puts entries into
// the slots, under the channel's mutex. Any number of goroutines read them
// meanwhile, and take no lock.
//
// # Why reading needs no lock
//
// A directory lists the segments that exist, in order. It never changes: a
// longer one replaces it. A segment is never moved, and is released with the
// ring. So a slot, once it is listed, is the same word for ever, and reading
// the ring is reading that word.
//
// Release, in an unbounded ring, stores nil in slots, and then a directory that
// starts later. So a slot that was released is empty, and stays so. A reader
// must know by itself that a value whose slot is empty was not released.
//
// The remaining case is a slot that is not listed yet. The first Put to a
// segment stores a directory that lists it, and then stores the entry in its
// slot. All of these are sequentially consistent atomics. So a reader that
// loads a directory that does not list the segment has loaded it before the
// first entry was stored there: at the instant of that load the slot was empty.
// Load then returns nil, exactly as it does for an empty slot that exists.
//
// The last element of a longer directory may be written to the backing array of
// a shorter one. The two share no element that is written: a reader of the
// shorter one goes no further than its length.
package ring

import (
	"math"
	"math/bits"
	"slices"

	"github.com/leat-go/leat/internal/seam"
)

// SegmentSize is how many slots a segment has; a power of two. Tests that want
// to cross segments often make it small before they make a Ring.
var SegmentSize = 128

// A Ring is the slots for pointers to E. Its zero value is not ready for use:
// see Init.
type Ring[E any] struct {
	capacity  uint64
	unbounded bool
	shift     int // SegmentSize is 1 << shift
	directory seam.Pointer[directory[E]]
}

// A directory lists segments. At least one is there. The first is segment base,
// which is 0 in a bounded ring.
type directory[E any] struct {
	base     uint64
	segments []*segment[E]
}

type segment[E any] struct{ slot []seam.Pointer[E] }

// A Place is a slot of a Ring, or no slot, if the slot's segment did not exist
// when the Place was made. It belongs to one goroutine at a time, and saves it
// from looking the slot up. If two goroutines move one Place by mistake, it is
// some slot or none: a reader must compare the number of the entry.
type Place[E any] struct {
	in *segment[E] // never nil, except in the zero value
	i  uint        // which slot of it; none if it has fewer
}

// Init makes r ready, with the first segment.
func (r *Ring[E]) Init(capacity int) {
	r.capacity = uint64(capacity)
	r.shift = bits.TrailingZeros(uint(SegmentSize))
	r.directory.Store(&directory[E]{segments: []*segment[E]{r.newSegment(0)}})
}

// InitUnbounded makes r ready, without a capacity. The first value is first.
func (r *Ring[E]) InitUnbounded(first uint64) {
	r.capacity, r.unbounded = math.MaxInt, true
	r.shift = bits.TrailingZeros(uint(SegmentSize))
	r.directory.Store(&directory[E]{first >> r.shift, []*segment[E]{r.newSegment(0)}})
}

// Capacity returns how many slots there are, or math.MaxInt without a bound.
func (r *Ring[E]) Capacity() uint64 { return r.capacity }

// newSegment makes segment k. The last one may be shorter.
func (r *Ring[E]) newSegment(k int) *segment[E] {
	n := uint64(1) << r.shift
	if !r.unbounded {
		n = min(1<<r.shift, r.capacity-uint64(k)<<r.shift)
	}
	return &segment[E]{slot: make([]seam.Pointer[E], n)}
}

// Load returns the entry in the slot of value n, or nil.
func (r *Ring[E]) Load(n uint64) *E {
	p := r.Place(n)
	return p.Load()
}

// Place returns where the slot of value n is.
func (r *Ring[E]) Place(n uint64) Place[E] {
	slot := r.slot(n)
	directory := r.directory.Load()
	segments := directory.segments
	if k := slot>>r.shift - directory.base; k < uint64(len(segments)) { // not if the segment was released, either
		return Place[E]{segments[k], uint(slot - slot>>r.shift<<r.shift)}
	}
	return Place[E]{segments[0], uint(len(segments[0].slot))}
}

// slot returns the number of the slot of value n.
func (r *Ring[E]) slot(n uint64) uint64 {
	if r.unbounded {
		return n
	}
	return n % r.capacity
}

// Load returns the entry in the slot, or nil if there is no entry or no slot.
func (p *Place[E]) Load() *E {
	if slots := p.in.slot; p.i < uint(len(slots)) {
		return slots[p.i].Load()
	}
	return nil
}

// Rest returns the slot and those after it in its segment, or nothing.
func (p *Place[E]) Rest() []seam.Pointer[E] {
	slots := p.in.slot
	return slots[min(p.i, uint(len(slots))):]
}

// Step moves p, which is a slot, by k slots, and reports whether it is still in
// its segment. If not, Cross follows.
func (p *Place[E]) Step(k int) bool {
	p.i += uint(k)
	return p.i < uint(len(p.in.slot))
}

// Cross moves p, which Step has moved beyond its segment by at most the
// capacity, to the slot of value n.
func (r *Ring[E]) Cross(p *Place[E], n uint64) {
	if size := uint(len(p.in.slot)); uint64(size) == r.capacity {
		p.i -= size // the only segment, and no division
		return
	}
	*p = r.Place(n)
}

// Put stores e in the slot of value n, and moves p, which is the place of that
// slot, to the next. Only one goroutine at a time may be in Put.
func (r *Ring[E]) Put(p *Place[E], n uint64, e *E) {
	if p.i >= uint(len(p.in.slot)) {
		r.extend(p, n)
	}
	slot := &p.in.slot[p.i]
	if !p.Step(1) {
		r.Cross(p, n+1)
	}
	slot.Store(e)
}

// extend makes the segments up to that of value n, lists them, and moves p to
// the slot of value n.
func (r *Ring[E]) extend(p *Place[E], n uint64) {
	directory := *r.directory.Load()
	for k := r.slot(n)>>r.shift - directory.base; uint64(len(directory.segments)) <= k; {
		directory.segments = append(directory.segments, r.newSegment(len(directory.segments)))
	}
	r.directory.Store(&directory)
	*p = r.Place(n)
}

// Release empties the slots of the values from up to, and not including, to,
// which were all put into r and not released before. r is unbounded. Nobody
// reads the slots any more, or those who do count an empty slot as a released
// one. Only one goroutine at a time may be in Put or Release.
//
// The segments are released once most of those that are listed are empty: then
// copying the list of the others costs less than the work since the last copy.
func (r *Ring[E]) Release(from, to uint64) {
	for n := from; n < to; {
		p := r.Place(n)
		slots := p.Rest()
		slots = slots[:min(uint64(len(slots)), to-n)]
		for i := range slots {
			slots[i].Store(nil)
		}
		n += uint64(len(slots))
	}
	old := r.directory.Load()
	empty := min(to>>r.shift-old.base, uint64(len(old.segments)-1))
	if live := uint64(len(old.segments)) - empty; empty > live {
		r.directory.Store(&directory[E]{old.base + empty, slices.Clone(old.segments[empty:])})
	}
}
