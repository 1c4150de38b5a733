package park

// A Gate is a channel that native select can wait on: it can be received from while it is open. It is made when first
// asked for, so that a leat channel that nobody joins to a native select never has one. The zero value is a
// shut gate. All methods need the mutex of the leat channel that it belongs to.
type Gate struct {
	ch      chan struct{} // nil until asked for
	bubbled bool          // ch was made in a testing/synctest bubble
	ended   bool          // ch is closed
}

// Chan returns the channel.
func (g *Gate) Chan() <-chan struct{} {
	if g.ch == nil {
		g.ch = make(chan struct{}, 1)
		g.bubbled = InBubble()
	}
	return g.ch
}

// Asked reports whether anybody has asked for the channel.
func (g *Gate) Asked() bool { return g.ch != nil }

// Bubbled reports whether the channel was made in a testing/synctest bubble, where only the bubble may touch it.
func (g *Gate) Bubbled() bool { return g.bubbled }

// Set opens the gate for one receive, or shuts it. A receive from an open gate shuts it, too: whoever then finds more to
// take opens it again.
func (g *Gate) Set(open bool) {
	switch {
	case g.ch == nil || g.ended:
	case open:
		select {
		case g.ch <- struct{}{}:
		default:
		}
	default:
		select {
		case <-g.ch:
		default:
		}
	}
}

// End opens the gate for good.
func (g *Gate) End() {
	if g.ch != nil && !g.ended {
		g.ended = true
		close(g.ch)
	}
}
