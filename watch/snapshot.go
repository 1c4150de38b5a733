package watch

import "github.com/leat-go/leat/internal/probe"

// Fill tells how the channel stands, for internal/probe.
func (c *channel[T]) Fill(s *probe.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FillLocked(s)
}

// FillLocked is Fill with mu held. What receivers received is not counted: they see versions, and skip some.
func (c *channel[T]) FillLocked(s *probe.Snapshot) {
	current := c.current.Load().n
	s.Capacity = 1
	s.Accepted = current // the initial value was not sent
	s.Uncounted = true
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers = c.senders, c.receivers
	parked := make(map[*cursor]bool)
	for w := c.rxq.Front(); w != nil; w = w.Next() {
		switch {
		case w.Stale():
			continue
		case w.Selection() != nil:
			s.Park(w.Note, "Select", false, w.Payload.id)
		default:
			s.Park(w.Note, "Recv", false, w.Payload.id)
		}
		parked[w.Payload] = true
	}
	for _, cur := range c.cursors {
		lag := current - min(cur.seen.Load(), current)
		if lag > 0 {
			s.Depth = 1
		}
		if len(s.Cursors) < probe.MaxCursors {
			s.Cursors = append(s.Cursors, probe.Cursor{ID: cur.id, Lag: lag, Parked: parked[cur]})
		}
	}
}
