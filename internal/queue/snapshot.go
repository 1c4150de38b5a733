package queue

import "github.com/leat-go/leat/internal/probe"

// Fill tells how the channel stands, for internal/probe.
func (c *Channel[T]) Fill(s *probe.Snapshot) {
	c.Lock()
	defer c.Unlock()
	c.FillLocked(s)
}

// FillLocked is Fill with both ends locked.
func (c *Channel[T]) FillLocked(s *probe.Snapshot) {
	s.Capacity = c.capacity
	if c.capacity == Unbounded {
		s.Capacity = -1
	}
	s.Depth = c.values.Len()
	s.Accepted = c.values.Pushed() + c.direct
	s.Received = s.Accepted - uint64(s.Depth) - c.dropped
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers, s.Permits = c.senders, c.receivers, c.permits
	for w := c.txq.Front(); w != nil; w = w.Next() {
		switch p := &w.Payload; {
		case w.Stale():
		case w.Selection() != nil:
			s.Park(w.Note, "Select", true, 0)
		case p.permit:
			s.Park(w.Note, "Reserve", true, 0)
		case p.many != nil:
			s.Park(w.Note, "SendMany", true, 0)
		default:
			s.Park(w.Note, "Send", true, 0)
		}
	}
	for w := c.rxq.Front(); w != nil; w = w.Next() {
		switch {
		case w.Stale():
		case w.Selection() != nil:
			s.Park(w.Note, "Select", false, 0)
		case w.Payload.many != nil:
			s.Park(w.Note, "RecvMany", false, 0)
		default:
			s.Park(w.Note, "Recv", false, 0)
		}
	}
}
