package natschan

// A position is how far a receiver has come in its stream. It needs its owner's
// mutex.
type position struct {
	seq       uint64          // the newest sequence that was handed out, or reported as missed
	given     uint64          // up to here, values were sent to a receiver that this one has replaced
	unsettled map[uint64]bool // handed out, and the server has yet to hear of them
	settled   recent          // acknowledged here: of an MPMC channel, and of an MPSC one after Close
	closed    bool            // the receiver of a queue was: from then on values may come out of order
	sure      uint64          // seq, when it was closed
	early     uint64          // up to here, a value that is missing is not missed: see beginAfterAll
}

// close notes that nobody keeps the values of a queue in order any more: one
// that is lost on its way comes again when later ones were received.
func (p *position) close() { p.closed, p.sure = true, p.seq }

// handOut notes that d is handed out, and corrects how often it was delivered:
// a new consumer has not counted what an earlier one did.
func (p *position) handOut(d *delivery, acks bool) {
	if d.deliveries == 1 && (d.seq <= p.given || p.unsettled[d.seq]) {
		d.deliveries++
	}
	p.seq = max(p.seq, d.seq)
	if acks {
		p.unsettled[d.seq] = true
	}
}

// gap returns how many values are missing between the position and d.
func (p *position) gap(d *delivery) uint64 {
	if d.seq <= p.seq {
		return 0
	}
	p.seq = max(p.seq, min(p.early, d.seq-1))
	return d.seq - p.seq - 1
}

// known reports whether d was received already.
func (p *position) known(d *delivery, policy *policy) bool {
	switch {
	case !policy.acks:
		return d.seq <= p.seq
	case policy.shared:
		return p.settled.has(d.seq)
	case p.closed:
		return d.seq <= p.sure && !p.unsettled[d.seq] || p.settled.has(d.seq)
	}
	return d.seq <= p.seq && !p.unsettled[d.seq]
}

// settle notes that the server has got the answer to a value.
func (p *position) settle(seq uint64, policy *policy) {
	delete(p.unsettled, seq)
	if policy.shared || p.closed {
		p.settled.add(seq)
	}
}

// floor returns the sequence up to which all is settled.
func (p *position) floor() uint64 {
	floor := p.seq
	for seq := range p.unsettled {
		floor = min(floor, seq-1)
	}
	return floor
}

// recent remembers the last sequences that were added.
type recent struct {
	set  map[uint64]bool
	ring []uint64
	next int
}

const recentSize = 1024

func (s *recent) has(seq uint64) bool { return s.set[seq] }

func (s *recent) add(seq uint64) {
	if s.set == nil {
		s.set, s.ring = make(map[uint64]bool), make([]uint64, recentSize)
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next], s.set[seq] = seq, true
	s.next = (s.next + 1) % recentSize
}
