package oneshot

import "github.com/leat-go/leat/internal/meter"

// FillSnapshot copies the channel's state into s, for internal/meter.
func (c *channel[T]) FillSnapshot(s *meter.Snapshot) {
	c.Lock()
	defer c.Unlock()
	c.FillSnapshotLocked(s)
}

// FillSnapshotLocked is FillSnapshot with the lock held.
func (c *channel[T]) FillSnapshotLocked(s *meter.Snapshot) {
	s.Capacity = 1
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	s.Depth = one(c.hasLocked(holds))
	s.Accepted, s.Received = uint64(one(c.hasLocked(sent))), uint64(one(c.hasLocked(taken)))
	s.Leaked = c.meter().Leaked.Load()
	s.Senders, s.Receivers = one(!c.hasLocked(txFinished)), one(!c.hasLocked(rxFinished))
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
// locked the channel.
func (c *channel[T]) OpenHandlesLocked() int {
	open := 0
	if !c.hasLocked(txFinished) {
		open++
	}
	if !c.hasLocked(rxFinished) {
		open++
	}
	return open
}
