package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/inspect"
)

// top is the screen of leat top. Keys change it.
type top struct {
	where  string
	every  time.Duration
	look   func(context.Context) (inspect.View, error)
	colour bool

	view          inspect.View
	err           error // of the last request; the last View stays
	width, height int   // height 0 is without end
	paused        bool
	sort          int
	filter        string
	typing        bool // the filter
	chosen        uint64
	open          bool
}

func newTop(where string, every time.Duration, look func(context.Context) (inspect.View, error)) *top {
	return &top{where: where, every: every, look: look, colour: true, width: 80}
}

// seen is the outcome of a request.
type seen struct {
	view inspect.View
	err  error
}

// peek takes a snapshot of the program.
func (t *top) peek(ctx context.Context) seen {
	v, err := t.look(ctx)
	return seen{v, err}
}

// update shows a new snapshot, unless the screen is paused.
func (t *top) update(s seen) {
	if t.err = s.err; s.err == nil && !t.paused {
		t.view = s.view
	}
}

// key does what a key asks for, and returns whether that is to end.
func (t *top) key(name, text string) (end bool) {
	if name == "ctrl+c" {
		return true
	}
	if t.typing {
		switch name {
		case "enter":
			t.typing = false
		case "esc":
			t.typing, t.filter = false, ""
		case "backspace":
			if r := []rune(t.filter); len(r) > 0 {
				t.filter = string(r[:len(r)-1])
			}
		default:
			t.filter += text
		}
		return false
	}
	switch name {
	case "q":
		return true
	case "p", "space":
		t.paused = !t.paused
	case "s":
		t.sort = (t.sort + 1) % len(sorts)
	case "/":
		t.typing = true
	case "up", "k":
		t.move(-1)
	case "down", "j":
		t.move(1)
	case "enter":
		t.open = true
	case "esc":
		if !t.open {
			t.filter = ""
		}
		t.open = false
	}
	return false
}

// move chooses another channel.
func (t *top) move(by int) {
	shown := t.shown()
	if len(shown) > 0 {
		t.chosen = shown[min(max(t.index(shown)+by, 0), len(shown)-1)].ID
	}
}

// index returns which of the shown channels is chosen: the first, if the chosen
// one is not among them.
func (t *top) index(shown []inspect.Channel) int {
	return max(0, slices.IndexFunc(shown, func(c inspect.Channel) bool { return c.ID == t.chosen }))
}

// sorts are the orders, the greatest value first.
var sorts = []struct {
	name  string
	value func(*inspect.Channel) float64
}{
	{"problems", func(c *inspect.Channel) float64 { return float64(len(c.Lints)) }},
	{"depth", func(c *inspect.Channel) float64 { return float64(c.Depth) }},
	{"in", func(c *inspect.Channel) float64 { return c.InRate }},
	{"waiting", func(c *inspect.Channel) float64 { return float64(c.ParkedSenders)*1e6 + float64(c.ParkedReceivers) }},
	{"lag", func(c *inspect.Channel) float64 { return float64(lag(c)) }},
}

func lag(c *inspect.Channel) (most uint64) {
	for _, r := range c.Cursors {
		most = max(most, r.Lag)
	}
	return most
}

// shown returns the channels that the filter lets through, in order.
func (t *top) shown() []inspect.Channel {
	words := strings.Fields(strings.ToLower(t.filter))
	shown := slices.DeleteFunc(slices.Clone(t.view.Channels), func(c inspect.Channel) bool {
		text := strings.ToLower(c.Label + " " + c.Kind + " " + c.Type + " " + string(c.State) + " " + c.MadeAt.String())
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
	value := sorts[t.sort].value
	slices.SortStableFunc(shown, func(a, b inspect.Channel) int { return cmp.Compare(value(&b), value(&a)) })
	return shown
}

// The renditions of a terminal's own palette, so that they suit its background.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	yellow = "33"
	blue   = "34"
	invert = "7"
)

// paint colours text, if that is asked for.
func (t *top) paint(text string, codes ...string) string {
	codes = slices.DeleteFunc(codes, func(c string) bool { return c == "" })
	if !t.colour || len(codes) == 0 {
		return text
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[0m"
}

// fit cuts or pads text to n columns.
func fit(text string, n int) string {
	text = cut(text, n)
	return text + strings.Repeat(" ", max(0, n-columns.String(text)))
}

// columns counts the columns of text, of which colours have none.
var columns = displaywidth.Options{ControlSequences: true}

// cut cuts text to n columns.
func cut(text string, n int) string { return columns.TruncateString(text, max(n, 0), "…") }

// text draws the whole screen.
func (t *top) text() string {
	var b strings.Builder
	state := t.paint("live", "32")
	switch {
	case t.err != nil:
		state = t.paint("no connection, trying again", red)
	case t.paused:
		state = t.paint("paused", yellow)
	}
	v := t.view
	fmt.Fprintf(&b, "%s  %s · pid %d · %s · %s\n", t.paint("leat", bold), v.Program, v.PID, program.Plural(int64(len(v.Channels)), "channel"), state)
	if t.typing || t.filter != "" {
		fmt.Fprintf(&b, "filter: %s%s\n", program.Clean(t.filter), map[bool]string{true: "▏"}[t.typing])
	}
	shown := t.shown()
	switch {
	case len(v.Channels) == 0:
		fmt.Fprintf(&b, "\nNo channel of this program has a name yet. Give one a name when you make it:\n\n    tx, rx := mpsc.New[Job](32, leat.Name(\"jobs\"))\n")
	case len(shown) == 0:
		fmt.Fprintf(&b, "\nNo channel matches; Esc clears the filter.\n")
	case t.open:
		t.detail(&b, &shown[t.index(shown)])
	default:
		t.table(&b, shown)
	}
	text := b.String()
	if t.height == 0 {
		return text
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	lines = lines[:min(len(lines), t.height-1)]
	for i := range lines {
		lines[i] = cut(lines[i], t.width)
	}
	help := t.paint(fit("↑↓ choose  Enter show  Esc back  s sort: "+sorts[t.sort].name+"  / filter  p pause  q end", t.width), dim)
	return strings.Join(lines, "\n") + strings.Repeat("\n", t.height-len(lines)) + help
}

// table draws one line for each channel, and one more for its first problem.
func (t *top) table(b *strings.Builder, shown []inspect.Channel) {
	name := max(12, min(40, t.width-72))
	line := func(cells ...string) string {
		return fit(cells[0], name) + " " + fit(cells[1], 9) + " " + fit(cells[2], 10) + " " + fmt.Sprintf("%11s %7s %7s", cells[3], cells[4], cells[5]) + "  " + cells[6]
	}
	fmt.Fprintln(b, t.paint(line("CHANNEL", "KIND", "DEPTH", "", "IN/S", "OUT/S", "WAITING"), dim))
	chosen := t.index(shown)
	first := 0
	if t.height > 0 { // scroll so that the chosen one is in sight, with its problem
		rows := max(1, t.height-5)
		for first < chosen && lines(shown[first:chosen+1]) > rows {
			first++
		}
	}
	for i := first; i < len(shown); i++ {
		c := &shown[i]
		codes := []string{""}
		if t.height > 0 && i == chosen {
			codes = append(codes, invert)
		}
		if severe(c) {
			codes = append(codes, red)
		}
		if c.State != inspect.Open {
			codes = append(codes, dim)
		}
		out := short(c.OutRate)
		if !c.Counted {
			out = "–"
		}
		fmt.Fprintln(b, t.paint(fit(line(c.Label, c.Kind, gauge(c), depth(c), short(c.InRate), out, waiting(c)), t.width), codes...))
		if len(c.Lints) > 0 {
			fmt.Fprintln(b, t.paint("  "+cut(c.Lints[0].Text, t.width-2), lintColour(c.Lints[0])))
		}
	}
}

func lines(shown []inspect.Channel) int {
	n := len(shown)
	for i := range shown {
		n += min(1, len(shown[i].Lints))
	}
	return n
}

func severe(c *inspect.Channel) bool { return len(c.Lints) > 0 && lintColour(c.Lints[0]) == red }

func lintColour(l inspect.Lint) string {
	switch l.Code {
	case inspect.HoldsBack, inspect.Stuck, inspect.NoSender:
		return red
	}
	return yellow
}

func depth(c *inspect.Channel) string {
	if c.Capacity < 0 {
		return fmt.Sprintf("%d/∞", c.Depth)
	}
	return fmt.Sprintf("%d/%d", c.Depth, c.Capacity)
}

func gauge(c *inspect.Channel) string {
	return stripe(float64(c.Depth), float64(cmp.Or(max(c.Capacity, 0), c.HighWater)), 10)
}

// stripe draws n columns.
func stripe(value, most float64, n int) string {
	full := 0
	if most > 0 {
		full = int(math.Ceil(float64(n) * max(0, min(1, value/most)))) // a peer may say -7
	}
	return strings.Repeat("█", full) + strings.Repeat("░", n-full)
}

func waiting(c *inspect.Channel) string {
	var parts []string
	if c.ParkedSenders > 0 {
		parts = append(parts, fmt.Sprintf("%d send", c.ParkedSenders))
	}
	if c.ParkedReceivers > 0 {
		parts = append(parts, fmt.Sprintf("%d recv", c.ParkedReceivers))
	}
	return strings.Join(parts, ", ")
}

// short writes a rate.
func short(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	case x < 1e4:
		return fmt.Sprintf("%.0f", x)
	case x < 1e6:
		return fmt.Sprintf("%.0fk", x/1e3)
	}
	return fmt.Sprintf("%.1fM", x/1e6)
}

// detail draws one channel.
func (t *top) detail(b *strings.Builder, c *inspect.Channel) {
	fmt.Fprintf(b, "\n%s  %s of %s, %s\n", t.paint(c.Label, bold), c.Kind, c.Type, c.State)
	for _, l := range c.Lints {
		fmt.Fprintln(b, t.paint(l.Text+", for "+t.since(l.Since), lintColour(l)))
	}
	out := fmt.Sprint(c.Received)
	if !c.Counted {
		out = "not counted"
	}
	fmt.Fprintf(b, "\ndepth %s %s, highest %d   in %d (%s/s)   out %s (%s/s)   missed %d   evicted %d   leaked %d\n",
		gauge(c), depth(c), c.HighWater, c.Accepted, short(c.InRate), out, short(c.OutRate), c.Missed, c.Evicted, c.Leaked)
	fmt.Fprintf(b, "senders %d   receivers %d   permits %d   made %s ago at %v\n", c.Senders, c.Receivers, c.Permits, t.since(c.Made), c.MadeAt)
	if c.ClosedBy != "" {
		fmt.Fprintf(b, "ended %s ago: %s %v\n", t.since(c.Closed), c.ClosedBy, c.ClosedAt)
	}
	if len(c.Cursors) > 0 {
		fmt.Fprintf(b, "\n%s\n", t.paint("RECEIVERS, by lag", dim))
		cursors := slices.Clone(c.Cursors)
		slices.SortStableFunc(cursors, func(a, b inspect.Receiver) int { return cmp.Compare(b.Lag, a.Lag) })
		for _, r := range cursors {
			line := fmt.Sprintf("%6d %s %d behind", r.ID, stripe(float64(r.Lag), float64(c.Capacity), 20), r.Lag)
			if r.Missed > 0 {
				line += fmt.Sprintf(", missed %d", r.Missed)
			}
			if policy := t.policy(&r); policy != "" {
				line += ", " + policy
			}
			colour := ""
			if c.Kind == "broadcast" && c.Capacity > 0 && int(r.Lag) >= c.Capacity {
				colour = red
			}
			fmt.Fprintln(b, t.paint(line, colour))
		}
	}
	if len(c.Parked) > 0 {
		fmt.Fprintf(b, "\n%s\n", t.paint("WAITING, the longest first", dim))
		for _, p := range c.Parked {
			fmt.Fprintf(b, "  %-9s %8s  %v\n", p.Op, t.since(p.Since), p.From)
		}
	}
}

// policy writes what happens when r does not keep up, and how much of its
// patience is used up. A peer may send any policy.
func (t *top) policy(r *inspect.Receiver) string {
	switch {
	case r.Policy != inspect.LosslessFor:
		return string(r.Policy)
	case r.Lapsed:
		return fmt.Sprintf("lossless for %v, lossy until it has caught up", r.Patience)
	case r.WaitedSince.IsZero():
		return fmt.Sprintf("lossless for %v", r.Patience)
	}
	return fmt.Sprintf("lossless for %v, used %s", r.Patience, t.since(r.WaitedSince))
}

// since writes how long ago a time was, at the time of the View.
func (t *top) since(then time.Time) string {
	d := t.view.Time.Sub(then)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
