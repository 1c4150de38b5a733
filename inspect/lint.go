package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A Lint is something about a channel that looks wrong.
type Lint struct {
	Code     Code      `json:"code"`
	Text     string    `json:"text"`               // for people: what, how much, and what to do where that is known
	Receiver uint64    `json:"receiver,omitempty"` // ID of the Receiver that it is about, or 0
	Since    time.Time `json:"since"`              // when it was first seen
}

// A Code names a kind of thing that looks wrong with a channel.
type Code string

const (
	// HoldsBack: a lossless receiver is a full capacity behind, so every
	// sender, and through them every other receiver, waits for it.
	HoldsBack Code = "holds-back"

	// Stuck: the channel has been full for ten seconds, and nothing was
	// received meanwhile.
	Stuck Code = "stuck"

	// NoSender: a receiver waits, but no sender handle is open. It waits for a
	// permit that is neither used nor released.
	NoSender Code = "no-sender"

	// Leaked: a handle was dropped without Close.
	Leaked Code = "leaked"

	// Missing: a receiver has just missed values.
	Missing Code = "missing"

	// LagGrows: a receiver falls further behind.
	LagGrows Code = "lag-grows"
)

// severity orders codes, the worst first.
var severity = []Code{HoldsBack, Stuck, NoSender, Leaked, Missing, LagGrows}

const (
	stuckFor  = 10 * time.Second
	recently  = 10 * time.Second
	lagOver   = 5 * time.Second
	lingerFor = 3 * time.Second // so that people can read a lint that comes and goes
)

type lintKey struct {
	code     Code
	receiver uint64
}

// An episode is one lint's time.
type episode struct {
	lint Lint
	seen time.Time
}

// lint sets c's lints. The last sample is c's.
func (h *history) lint(now time.Time, c *Channel) {
	next := make(map[lintKey]episode)
	say := func(code Code, receiver uint64, format string, args ...any) {
		key := lintKey{code, receiver}
		since := now
		if e, again := h.lints[key]; again {
			since = e.lint.Since
		}
		next[key] = episode{Lint{code, fmt.Sprintf(format, args...), receiver, since}, now}
	}
	if c.State != Gone {
		h.stuck(now, c, say)
		h.receivers(now, c, say)
		if c.ParkedReceivers > 0 && c.Senders == 0 {
			say(NoSender, 0, "%s and no sender is left: %s neither used nor released",
				count(c.ParkedReceivers, "receiver waits", "receivers wait"), count(c.Permits, "permit is", "permits are"))
		}
	}
	if c.Leaked > 0 {
		say(Leaked, 0, "%s dropped without Close, of the channel made at %v",
			count(int(c.Leaked), "handle was", "handles were"), c.MadeAt)
	}
	for key, e := range h.lints {
		if _, still := next[key]; !still && c.State != Gone && now.Sub(e.seen) < lingerFor {
			next[key] = e
		}
	}
	h.lints = next
	for _, e := range next {
		c.Lints = append(c.Lints, e.lint)
	}
	slices.SortFunc(c.Lints, func(a, b Lint) int {
		return cmp.Or(cmp.Compare(slices.Index(severity, a.Code), slices.Index(severity, b.Code)), cmp.Compare(a.Receiver, b.Receiver))
	})
}

// stuck says so if c has been full for long and nobody received.
func (h *history) stuck(now time.Time, c *Channel, say func(Code, uint64, string, ...any)) {
	if !c.full() && !(c.Capacity == 0 && c.ParkedSenders > 0) || c.Kind == "watch" || c.Kind == "oneshot" {
		return
	}
	since := now
	for i := len(h.samples) - 1; i >= 0; i-- {
		if s := h.samples[i]; !s.full && c.Capacity > 0 || s.received != c.Received {
			break
		}
		since = h.samples[i].at
	}
	// A sender at the front of its queue has seen nobody receive since it came:
	// a receive would have let it go.
	for _, p := range c.Parked {
		if p.Sending && p.Since.Before(since) {
			since = p.Since
		}
	}
	if full := now.Sub(since); full >= stuckFor {
		what := "full"
		if c.Capacity == 0 {
			what = "a sender waits"
		}
		say(Stuck, 0, "%s for %v, and nobody receives; %s", what, full.Truncate(time.Second), count(c.ParkedSenders, "sender waits", "senders wait"))
	}
}

// receivers says what is wrong with receivers that each see every value.
func (h *history) receivers(now time.Time, c *Channel, say func(Code, uint64, string, ...any)) {
	if c.Kind != "broadcast" { // a watch skips values by design
		return
	}
	others := c.Receivers - 1
	then, ago := h.before(now, lagOver), h.before(now, recently)
	for _, r := range c.Cursors {
		holds := c.holdsBack(r)
		if holds && c.State == Open {
			say(HoldsBack, r.ID, "receiver %d holds back %s and %s: it is %s behind, all that the channel keeps%s",
				r.ID, count(c.Senders, "sender", "senders"), count(others, "other receiver", "other receivers"),
				count(int(r.Lag), "value", "values"), patience(now, &r))
		}
		if lost, known := ago.lost[r.ID]; known && r.Missed > lost {
			say(Missing, r.ID, "receiver %d missed %s in the last %v, %d in total", r.ID,
				count(int(r.Missed-lost), "value", "values"), now.Sub(ago.at).Round(time.Second), r.Missed)
		}
		lag, known := then.lag[r.ID]
		if known && !holds && now.Sub(then.at) >= lagOver &&
			r.Lag > lag && int(r.Lag) >= max(2, c.Capacity/4) && h.grows(r.ID, then.at) {
			say(LagGrows, r.ID, "receiver %d falls behind: %d values now, %d %v ago", r.ID, r.Lag, lag, now.Sub(then.at).Round(time.Second))
		}
	}
}

// patience says how much of its patience a receiver that holds senders back has
// used up.
func patience(now time.Time, r *Receiver) string {
	switch {
	case r.Patience == 0:
		return ""
	case r.WaitedSince.IsZero():
		return fmt.Sprintf("; a sender waits at most %v for it", r.Patience)
	}
	waited := now.Sub(r.WaitedSince).Round(time.Millisecond)
	return fmt.Sprintf("; senders have waited %v of at most %v for it", waited, r.Patience)
}

// grows reports whether a receiver's lag has not shrunk since a time.
func (h *history) grows(receiver uint64, since time.Time) bool {
	var lag uint64
	for _, s := range h.samples {
		if s.at.Before(since) {
			continue
		}
		if s.lag[receiver] < lag {
			return false
		}
		lag = s.lag[receiver]
	}
	return true
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
