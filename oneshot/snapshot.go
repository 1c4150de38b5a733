package oneshot

import "github.com/leat-go/leat/internal/probe"

// Fill tells how the channel stands, for internal/probe.
func (c *channel[T]) Fill(s *probe.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FillLocked(s)
}

// FillLocked is Fill with mu held.
func (c *channel[T]) FillLocked(s *probe.Snapshot) {
	s.Capacity = 1
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	s.Depth = one(c.holds)
	s.Accepted, s.Received = uint64(one(c.sent)), uint64(one(c.taken))
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers = one(!c.txFinished), one(!c.rxFinished)
	for w := c.rxq.Front(); w != nil; w = w.Next() {
		switch {
		case w.Stale():
		case w.Selection() != nil:
			s.Park(w.Note, "Select", false, 0)
		default:
			s.Park(w.Note, "Recv", false, 0)
		}
	}
}
