package queue

import "github.com/leat-go/leat/internal/meter"

// FillSnapshot copies the channel's state into s, for internal/meter.
func (c *Channel[T]) FillSnapshot(s *meter.Snapshot) {
	c.Lock()
	defer c.Unlock()
	c.FillSnapshotLocked(s)
}

// FillSnapshotLocked is FillSnapshot with both ends locked.
func (c *Channel[T]) FillSnapshotLocked(s *meter.Snapshot) {
	s.Capacity = c.capacity
	if c.capacity == Unbounded {
		s.Capacity = -1
	}
	s.Depth = c.values.Len()
	s.Accepted = c.values.Pushed() + c.direct
	s.Received = s.Accepted - uint64(s.Depth) - c.dropped - c.evicted
	s.Evicted = c.evicted
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers, s.Permits = c.openSenders, c.openReceivers, c.permits
	for w := c.txq.Front(); w != nil; w = w.Next() {
		switch p := c.sending(w); {
		case w.Stale():
		case w.Selection() != nil:
			s.AddParked(w.Stamp, "Select", true, 0)
		case p.permit:
			s.AddParked(w.Stamp, "Reserve", true, 0)
		case p.many != nil:
			s.AddParked(w.Stamp, "SendMany", true, 0)
		default:
			s.AddParked(w.Stamp, "Send", true, 0)
		}
	}
	for w := c.rxq.Front(); w != nil; w = w.Next() {
		switch r := c.receiving(w); {
		case w.Stale():
		case w.Selection() != nil:
			s.AddParked(w.Stamp, "Select", false, 0)
		case r.batch:
			s.AddParked(w.Stamp, "RecvBatch", false, 0)
		case r.many != nil:
			s.AddParked(w.Stamp, "RecvMany", false, 0)
		default:
			s.AddParked(w.Stamp, "Recv", false, 0)
		}
	}
}

// OpenHandlesLocked returns how many handles are not closed. The caller has
// both ends locked.
func (c *Channel[T]) OpenHandlesLocked() int { return c.openSenders + c.openReceivers }
