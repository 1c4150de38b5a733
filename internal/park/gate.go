package park

import "github.com/leat-go/leat/internal/seam"

// A Gate is a channel that native select can wait on: it can be received from
// while it is open. It is made when first asked for, so that a leat channel
// that nobody joins to a native select never has one. The zero value is a shut
// gate. All methods need the mutex of the leat channel that it belongs to.
//
// A channel that was made in a testing/synctest bubble must not be touched from
// outside, and one that was made outside does not block durably inside. So a
// Gate that is asked for on the other side of a bubble's border makes a new
// channel, and a bubble's channel that is to be opened from outside is
// forgotten: the bubble is over, or was never meant to be reached. (A Gate
// cannot distinguish two bubbles.)
type Gate struct {
	ch      chan struct{} // nil until asked for
	bubbled bool          // ch was made in a bubble
	ended   bool          // ch is closed
}

// Chan returns the channel. If it is a new one, it is shut, and the caller sets
// it.
func (g *Gate) Chan() <-chan struct{} {
	if inside := InBubble(); g.ch == nil || g.bubbled != inside {
		*g = Gate{ch: make(chan struct{}, 1), bubbled: inside}
	}
	return g.ch
}

// Asked reports whether anybody has asked for the channel.
func (g *Gate) Asked() bool { return g.ch != nil }

// Bubbled reports whether the channel was made in a bubble.
func (g *Gate) Bubbled() bool { return g.bubbled }

// Set opens the gate for one receive, or shuts it. A receive from an open gate
// shuts it, too. A receiver that then finds more values opens it again.
func (g *Gate) Set(open bool) {
	switch {
	case !g.reachable():
	case open:
		seam.Touch(g.ch)
		select {
		case g.ch <- struct{}{}:
		default:
		}
	default:
		seam.Touch(g.ch)
		select {
		case <-g.ch:
		default:
		}
	}
}

// End opens the gate for good.
func (g *Gate) End() {
	if g.reachable() {
		g.ended = true
		seam.Close(g.ch)
	}
}

// reachable reports whether there is a channel that may be touched and is not
// closed. It forgets one that may not.
func (g *Gate) reachable() bool {
	if g.ch == nil || g.ended {
		return false
	}
	if g.bubbled && !InBubble() {
		*g = Gate{}
		return false
	}
	return true
}
