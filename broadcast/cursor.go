package broadcast

import (
	"time"

	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A cursor is where a receiver stands. Only its receiver moves it; senders and
// Len look at it.
//
// A receive reads the first 64 bytes, and writes to them. The size is a
// multiple of 64 bytes on 64-bit machines, so that the allocator puts no two
// cursors into one cache line: see docs/design/broadcast.md.
type cursor struct {
	state    seam.Word[struct{}] // the number of the next value to receive, above the flags
	missed   seam.Uint64         // how many values its errors have reported as missed
	lossless bool                // with patience or without
	id       uint64              // 1 for the first that subscribed
	start    uint64              // pos at first
	floor    uint64              // number of the oldest value kept at first, which may be after start
	place    fanout.Place

	// channel is notified if the receiver is dropped.
	channel interface{ receiverDropped(*cursor) }

	// The gate has a lock of its own, so that a receiver that opens its gate
	// after a value takes no lock that another receiver takes. It may be taken
	// under the channel's mu.
	gateMu seam.Mutex
	gate   park.Gate

	// The next fields belong to patience. The channel's mu guards them.
	patience time.Duration // of LosslessFor, or 0; never changes
	came     time.Time     // when it subscribed, if a sender waited then
	lapsed   bool          // its patience is used up

	_ [40]byte // see above
}

// The flags in a cursor's state. If one is set, a receive has more to do than
// to take the value. A receive that has nothing else to do replaces a state
// without flags, and fails if one was set meanwhile. Only isLapsed is ever
// unset. isClosed and isLapsed change under the channel's mu.
const (
	isClosed = 1 << iota
	isJoined // Ready was called
	isLapsed

	flags    = 1<<flagBits - 1
	flagBits = 3 // so values have numbers below 1<<61
)

// pos returns the number of the next value to receive.
func (cur *cursor) pos() uint64 { return cur.state.Load() >> flagBits }

// is reports whether one of some flags is set.
func (cur *cursor) is(some uint64) bool { return cur.state.Load()&some != 0 }

// take moves the cursor from value n to the next, and reports whether it did:
// not if it is not at n, or has a flag. A receiver that finds an entry where it
// expects the next value calls take with the entry's number. If that succeeds,
// the value is the next one, and there is nothing else to do.
//
// The receiver does not load the state before that. Such a load would wait for
// the end of the last receive's locked instruction on the same word.
func (cur *cursor) take(n uint64) bool {
	return cur.state.CompareAndSwap(n<<flagBits, (n+1)<<flagBits)
}

// move moves the cursor, which may have flags, and reports whether it was at
// from.
func (cur *cursor) move(from, to uint64) bool {
	for {
		state := cur.state.Load()
		if state>>flagBits != from {
			return false
		}
		if cur.state.CompareAndSwap(state, to<<flagBits|state&flags) {
			return true
		}
	}
}

// behind returns how many of tail accepted values are before the cursor. A
// receiver may have read a value that its sender has not yet counted in tail.
func (cur *cursor) behind(tail uint64) uint64 {
	if pos := cur.pos(); pos < tail {
		return tail - pos
	}
	return 0
}

// needs returns the number of the oldest value that senders must not overwrite
// if the receiver is lossless. It never falls. Values from start to floor were
// gone when the receiver subscribed.
func (cur *cursor) needs() uint64 { return max(cur.pos(), cur.floor) }

// Dropped implements leak.Target: it closes a receiver that the garbage
// collector found unreachable.
func (cur *cursor) Dropped() { cur.channel.receiverDropped(cur) }

// At implements fanout.Cursor.
func (cur *cursor) At() *fanout.Place { return &cur.place }

// OpenGate implements fanout.Cursor.
func (cur *cursor) OpenGate(final, gc bool) bool {
	cur.gateMu.Lock()
	defer cur.gateMu.Unlock()
	switch {
	case gc && cur.gate.Bubbled():
		return false
	case final:
		cur.gate.End()
	default:
		cur.gate.Set(true)
	}
	return true
}

// closeLocked marks the cursor as closed.
func (cur *cursor) closeLocked() { cur.state.Or(isClosed) }

// shut shuts the gate.
func (cur *cursor) shut() {
	cur.gateMu.Lock()
	cur.gate.Set(false)
	cur.gateMu.Unlock()
}

// ready returns the gate's channel.
func (cur *cursor) ready() <-chan struct{} {
	cur.gateMu.Lock()
	defer cur.gateMu.Unlock()
	cur.state.Or(isJoined)
	return cur.gate.Chan()
}
