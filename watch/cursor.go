package watch

import (
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A cursor is what a receiver has seen, and its gate. It is apart from the Receiver so that the channel can know it without keeping
// a dropped Receiver alive.
type cursor struct {
	seen   seam.Uint64 // version of the newest value that the receiver has seen; only the receiver moves it
	closed seam.Bool   // written under the channel's mu
	joined seam.Bool   // Ready was called

	// These are guarded by the channel's mu.
	id    uint64 // 1 for the first that subscribed, on a channel with a name
	armed bool   // on the channel's list of gates to open
	gate  park.Gate
}

// open opens the gate: for one receive, or for good if final. It reports whether it did: for the garbage collector's cleanup
// it leaves a gate in a testing/synctest bubble as it is. The channel's mu is held.
func (cur *cursor) open(final, outside bool) bool {
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
