package inspect

import (
	"slices"
	"time"
)

// A history holds the latest snapshots of one channel, for facts that only a
// comparison shows.
type history struct {
	samples []sample            // the oldest first, at least spacing apart but for the last, and no more than window old but for the first
	lints   map[lintKey]episode // those of the last snapshot
}

type sample struct {
	at                         time.Time
	accepted, received, missed uint64
	full                       bool
	lag, lost                  map[uint64]uint64 // by receiver
}

const (
	spacing = 400 * time.Millisecond
	window  = 15 * time.Second
	rateFor = 2 * time.Second
)

// add notes how c stands now.
func (h *history) add(now time.Time, c *Channel) {
	s := sample{at: now, accepted: c.Accepted, received: c.Received, missed: c.Missed, full: c.full()}
	if len(c.Cursors) > 0 {
		s.lag, s.lost = make(map[uint64]uint64, len(c.Cursors)), make(map[uint64]uint64, len(c.Cursors))
		for _, r := range c.Cursors {
			s.lag[r.ID], s.lost[r.ID] = r.Lag, r.Missed
		}
	}
	if n := len(h.samples); n >= 2 && now.Sub(h.samples[n-2].at) < spacing {
		h.samples[n-1] = s
	} else {
		h.samples = append(h.samples, s)
	}
	old := 0
	for old < len(h.samples)-2 && now.Sub(h.samples[old+1].at) >= window {
		old++
	}
	h.samples = slices.Delete(h.samples, 0, old)
}

// before returns the newest sample that is at least d old, or the oldest of
// all.
func (h *history) before(now time.Time, d time.Duration) sample {
	for i := len(h.samples) - 1; i > 0; i-- {
		if now.Sub(h.samples[i].at) >= d {
			return h.samples[i]
		}
	}
	return h.samples[0]
}

// rates sets c's rates. The last sample is c's.
func (h *history) rates(c *Channel) {
	last := h.samples[len(h.samples)-1]
	then := h.before(last.at, rateFor)
	seconds := last.at.Sub(then.at).Seconds()
	if seconds <= 0 {
		return
	}
	rate := func(now, then uint64) float64 {
		if now < then { // cannot be, but for two numbers that were read one after the other
			return 0
		}
		return float64(now-then) / seconds
	}
	c.InRate, c.OutRate = rate(last.accepted, then.accepted), rate(last.received, then.received)
	c.MissedRate = rate(last.missed, then.missed)
}
