package natschan

// ready returns the buffer's gate, and has values taken ahead from now on.
func (r *receiver) ready() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	ch := r.buffer.gate.channel()
	if r.ending.over != nil {
		r.buffer.gate.end()
		return ch
	}
	r.buffer.signal()
	r.askLocked(r.patience())
	r.kick()
	return ch
}

// A gate is a channel for native select that can be received from while the
// gate is open. It needs its owner's mutex.
type gate struct {
	asked bool // somebody has the channel
	ended bool
	ch    chan struct{}
}

func (g *gate) channel() <-chan struct{} {
	if !g.asked {
		g.asked, g.ch = true, make(chan struct{}, 1)
	}
	return g.ch
}

func (g *gate) set(open bool) {
	if !g.asked || g.ended {
		return
	}
	select {
	case <-g.ch:
	default:
	}
	if open {
		g.ch <- struct{}{}
	}
}

func (g *gate) end() {
	if g.asked && !g.ended {
		g.ended = true
		close(g.ch)
	}
}
