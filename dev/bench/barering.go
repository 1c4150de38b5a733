package main

import (
	"math"
	"sync"
	"sync/atomic"
)

// leastRing is what the tables call a bareRing.
const leastRing = "bare ring"

// A bareRing is the least that a lossless broadcast can be: one sender, a fixed
// number of receivers, and a slot for each value. It has no close, no ctx, no
// lossy receiver, no second sender and no value but int. So its time is a lower
// bound for a channel that has these: what the host takes to write a slot, to
// publish it, to publish each receiver's position, and to park. (A channel may
// still be faster in one round, when the scheduler is kinder to it.)
//
// A receiver reads the tail only when it has received all values that it knows
// of. No two words that different goroutines write share a cache line.
type bareRing struct {
	slots [fanOutCapacity]int
	_     [64]byte
	tail  atomic.Uint64 // number of the next value
	_     [64]byte
	// watched is 1 more than the position that a waiting sender waits for a
	// receiver to leave.
	watched atomic.Uint64
	parked  atomic.Int32 // length of asleep
	_       [64]byte
	n       uint64 // the sender's: tail, and
	limit   uint64 // the tail at which it must look at the receivers
	room    chan struct{}
	readers []*bareReader

	mu     sync.Mutex
	asleep []*bareReader
}

type bareReader struct {
	pos  atomic.Uint64 // number of the next value to receive
	seen uint64        // tail when it was last read
	ring *bareRing
	wake chan struct{}
	_    [64]byte
}

func newBareRing(readers int) *bareRing {
	r := &bareRing{limit: fanOutCapacity, room: make(chan struct{}, 1)}
	for range readers {
		r.readers = append(r.readers, &bareReader{ring: r, wake: make(chan struct{}, 1)})
	}
	return r
}

func (r *bareRing) send(v int) {
	for r.n == r.limit {
		r.wait()
	}
	r.slots[r.n%fanOutCapacity] = v
	r.n++
	r.tail.Store(r.n)
	if r.parked.Load() > 0 {
		r.mu.Lock()
		for _, x := range r.asleep {
			x.wake <- struct{}{}
		}
		r.asleep = r.asleep[:0]
		r.parked.Store(0)
		r.mu.Unlock()
	}
}

// wait raises limit if the slowest receiver has moved, or else parks until a
// receiver has moved from where it is. The sender stores watched before it
// looks at the positions again, and a receiver stores its position before it
// looks at watched.
func (r *bareRing) wait() {
	if r.limit = r.slowest() + fanOutCapacity; r.n < r.limit {
		return
	}
	r.watched.Store(r.limit - fanOutCapacity + 1)
	if r.limit = r.slowest() + fanOutCapacity; r.n == r.limit {
		<-r.room
	}
}

func (r *bareRing) slowest() uint64 {
	least := uint64(math.MaxUint64)
	for _, x := range r.readers {
		least = min(least, x.pos.Load())
	}
	return least
}

// available returns the receiver's position, and how many values are there. It
// parks until there is one.
func (x *bareReader) available() (pos, n uint64) {
	pos = x.pos.Load()
	for pos == x.seen {
		if x.seen = x.ring.tail.Load(); pos == x.seen {
			x.park(pos)
		}
	}
	return pos, x.seen - pos
}

func (x *bareReader) moved(from, n uint64) {
	x.pos.Store(from + n)
	if x.ring.watched.Load() == from+1 {
		select {
		case x.ring.room <- struct{}{}:
		default: // another receiver has woken the sender
		}
	}
}

func (x *bareReader) park(pos uint64) {
	r := x.ring
	r.mu.Lock()
	r.parked.Store(int32(len(r.asleep) + 1))
	if r.tail.Load() != pos {
		r.parked.Store(int32(len(r.asleep)))
		r.mu.Unlock()
		return
	}
	r.asleep = append(r.asleep, x)
	r.mu.Unlock()
	<-x.wake
}

func (x *bareReader) recv() int {
	pos, _ := x.available()
	v := x.ring.slots[pos%fanOutCapacity]
	x.moved(pos, 1)
	return v
}

func (x *bareReader) recvMany(buf []int) int {
	pos, there := x.available()
	n := copy(buf[:min(uint64(len(buf)), there)], x.ring.slots[pos%fanOutCapacity:])
	x.moved(pos, uint64(n))
	return n
}

// bareFanOut is losslessFanOut through a bareRing.
func bareFanOut(receivers, n int, read func(*bareReader, int) error) error {
	r := newBareRing(receivers)
	var c crew
	for _, x := range r.readers {
		c.run(func() error { return read(x, n) })
	}
	for i := range n {
		r.send(i)
	}
	return c.wait()
}

func readBare(x *bareReader, n int) error {
	return readAll(n, func() (int, error) { return x.recv(), nil })
}

func readManyBare(x *bareReader, n int) error {
	return readRuns(n, func(buf []int) (int, error) { return x.recvMany(buf), nil })
}
