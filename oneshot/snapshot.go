package oneshot

import "github.com/leat-go/leat/internal/meter"

// FillSnapshot copies the channel's state into s, for internal/meter.
func (c *channel[T]) FillSnapshot(s *meter.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FillSnapshotLocked(s)
}

// FillSnapshotLocked is FillSnapshot with mu held.
func (c *channel[T]) FillSnapshotLocked(s *meter.Snapshot) {
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
			s.AddParked(w.Stamp, "Select", false, 0)
		default:
			s.AddParked(w.Stamp, "Recv", false, 0)
		}
	}
}

// OpenHandlesLocked returns how many handles are not closed. The caller has
// mu locked.
func (c *channel[T]) OpenHandlesLocked() int {
	open := 0
	if !c.txFinished {
		open++
	}
	if !c.rxFinished {
		open++
	}
	return open
}
