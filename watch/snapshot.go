package watch

import "github.com/leat-go/leat/internal/meter"

// FillSnapshot copies the channel's state into s, for internal/meter.
func (c *channel[T]) FillSnapshot(s *meter.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FillSnapshotLocked(s)
}

// FillSnapshotLocked is FillSnapshot with mu held. What receivers received is
// not counted: they see versions, and skip some.
func (c *channel[T]) FillSnapshotLocked(s *meter.Snapshot) {
	current := c.current.Load().n
	s.Capacity = 1
	s.Accepted = current // the initial value was not sent
	s.Uncounted = true
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers = c.senders, c.receivers.Len()
	for w := c.waiting.Queue.Front(); w != nil; w = w.Next() {
		switch {
		case w.Stale():
			continue
		case w.Selection() != nil:
			s.AddParked(w.Stamp, "Select", false, w.Request.(*cursor).id)
		default:
			s.AddParked(w.Stamp, "Recv", false, w.Request.(*cursor).id)
		}
	}
	c.counting.Snapshot(s)
	for _, cur := range c.receivers.All() {
		lag := current - min(cur.seen.Load(), current)
		if lag > 0 {
			s.Depth = 1
		}
		if len(s.Cursors) < meter.MaxCursors {
			s.Cursors = append(s.Cursors, meter.Cursor{ID: cur.id, Lag: lag, Parked: !cur.place.Alone(nil)})
		}
	}
}

// OpenHandlesLocked returns how many handles are not closed. The caller has
// mu locked.
func (c *channel[T]) OpenHandlesLocked() int { return c.senders + c.receivers.Len() }
