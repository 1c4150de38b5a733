package watch

import (
	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A cursor is what a receiver has seen, and its gate. It is apart from the
// Receiver so that the channel can know it without keeping a dropped Receiver
// alive.
type cursor struct {
	seen   seam.Uint64 // version of the newest value that the receiver has seen; only the receiver moves it
	closed seam.Bool   // written under the channel's mu
	joined seam.Bool   // Ready was called

	// These are guarded by the channel's mu.
	id    uint64 // 1 for the first that subscribed
	place fanout.Place
	gate  park.Gate

	// channel is notified if the receiver is dropped.
	channel interface{ receiverDropped(*cursor) }
}

// Dropped implements leak.Target: it closes a receiver that the garbage
// collector found unreachable.
func (cur *cursor) Dropped() { cur.channel.receiverDropped(cur) }

// At implements fanout.Cursor.
func (cur *cursor) At() *fanout.Place { return &cur.place }

// OpenGate implements fanout.Cursor.
func (cur *cursor) OpenGate(final, gc bool) bool {
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
