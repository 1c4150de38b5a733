package broadcast

import (
	"math"

	"github.com/leat-go/leat/internal/meter"
)

// A tally is what receivers have received and missed.
type tally struct{ received, missed uint64 }

// add adds what cur's receiver has. The two counters are read at different
// instants, so their sum can be off by one gap until the next snapshot.
func (t *tally) add(cur *cursor) {
	missed := cur.missed.Load()
	t.missed += missed
	t.received += cur.received(missed)
}

// received returns how many values the receiver has received, if it has missed
// so many.
func (cur *cursor) received(missed uint64) uint64 {
	if passed := cur.pos() - cur.start; passed > missed {
		return passed - missed
	}
	return 0
}

// FillSnapshot copies the channel's state into s, for internal/meter.
func (c *channel[T]) FillSnapshot(s *meter.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FillSnapshotLocked(s)
}

// FillSnapshotLocked is FillSnapshot with mu held.
func (c *channel[T]) FillSnapshotLocked(s *meter.Snapshot) {
	tail := c.tail
	s.Capacity = int(c.ring.Capacity())
	if c.unbounded {
		s.Capacity = -1
	}
	s.Accepted = tail
	s.Leaked = c.Leaked.Load()
	s.Senders, s.Receivers = c.senders, c.receiversLocked()
	for w := c.txq.Front(); w != nil; w = w.Next() {
		switch {
		case w.Stale():
		case w.Selection() != nil:
			s.AddParked(w.Stamp, "Select", true, 0)
		case c.sending(w).many != nil:
			s.AddParked(w.Stamp, "SendMany", true, 0)
		default:
			s.AddParked(w.Stamp, "Send", true, 0)
		}
	}
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
	sum := c.gone
	var longest uint64
	holders := 0 // receivers beyond the first MaxCursors for which senders must wait
	for cur := range c.cursorsLocked() {
		sum.add(cur)
		lag, missed := cur.behind(tail), cur.missed.Load()
		longest = max(longest, lag)
		lossless := cur.lossless && !cur.lapsed && !c.unbounded
		holds := lossless && lag >= c.ring.Capacity()
		place := len(s.Cursors)
		switch {
		case place < meter.MaxCursors:
			s.Cursors = append(s.Cursors, meter.Cursor{})
		case holds && holders < meter.MaxCursors:
			holders++
			place -= holders
		default:
			continue
		}
		s.Cursors[place] = meter.Cursor{
			ID: cur.id, Lag: lag, Received: cur.received(missed), Missed: missed,
			Lossless: lossless, Parked: !cur.place.Alone(nil),
			Patience: cur.patience, WaitedSince: c.waitedLocked(cur), Lapsed: cur.lapsed,
		}
	}
	s.Received, s.Missed = sum.received, sum.missed
	s.Depth = int(min(longest, c.ring.Capacity()))
	if c.unbounded {
		s.Depth = int(min(tail-c.kept, math.MaxInt))
	}
}

// OpenHandlesLocked returns how many handles are not closed. The caller has
// mu locked.
func (c *channel[T]) OpenHandlesLocked() int { return c.senders + c.receiversLocked() }
