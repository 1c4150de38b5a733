package broadcast

import (
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A cursor is where a receiver stands. Only its receiver moves it; senders and Len look at it.
type cursor struct {
	pos      seam.Word[struct{}] // number of the next value to receive
	special  seam.Word[struct{}] // not 0 if closed or joined: a receive then has more to do than to take a value
	missed   seam.Uint64         // how many values it was told that it missed
	closed   seam.Bool           // written under the channel's mu
	id       uint64              // 1 for the first that subscribed
	start    uint64              // pos at first
	lossless bool
	joined   seam.Bool // Ready was called
	armed    bool      // on the channel's list of gates to open; guarded by its mu

	// The gate has a lock of its own, so that a receiver that opens its gate after a value takes no lock that another receiver
	// takes. It may be taken under the channel's mu.
	gateMu seam.Mutex
	gate   park.Gate
}

// behind returns how many of tail accepted values are before the cursor. A receiver may have read a value whose sender has not
// yet stored tail.
func (cur *cursor) behind(tail uint64) uint64 {
	if pos := cur.pos.Load(); pos < tail {
		return tail - pos
	}
	return 0
}

// open opens the gate: for one receive, or for good if final. It reports whether it did: for the garbage collector's cleanup
// it leaves a gate in a testing/synctest bubble as it is.
func (cur *cursor) open(final, outside bool) bool {
	cur.gateMu.Lock()
	defer cur.gateMu.Unlock()
	switch {
	case outside && cur.gate.Bubbled():
		return false
	case final:
		cur.gate.End()
	default:
		cur.gate.Set(true)
	}
	return true
}

// close marks the cursor as closed. The channel's mu is held.
func (cur *cursor) close() {
	cur.closed.Store(true)
	cur.special.Store(1)
}

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
	cur.joined.Store(true)
	cur.special.Store(1)
	return cur.gate.Chan()
}
