package inspect

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/leat-go/leat/internal/meter"
)

// A waiter is a goroutine that waits in a named channel.
type waiter struct {
	meter.Parked
	in *meter.Snapshot
}

// WriteStacks writes a paragraph for each goroutine that waits in a named
// channel: its operation, the channel, how long and since when it waits, and
// its stack as it was when it began to wait. The goroutine that has waited
// longest comes first. A goroutine dump shows the same goroutines as [chan
// receive], [select] or [sync.Cond.Wait], without the channel's name.
//
// A Select has a paragraph for each of its named channels. A stack has at most
// 16 frames, of which the first are leat's own and are left out. Of each
// channel, at most 64 goroutines have a paragraph; a last line counts the
// others.
//
// WriteStacks returns the first error of w. It never waits for a channel's
// users, it writes to w with no lock held, and it may be called concurrently.
func WriteStacks(w io.Writer) error {
	now := time.Now()
	channels := meter.Snapshots()
	var all []waiter
	for i := range channels {
		c := &channels[i]
		for _, p := range c.Parked {
			all = append(all, waiter{p, c})
		}
	}
	slices.SortStableFunc(all, func(a, b waiter) int { return a.Since.Compare(b.Since) })
	b := bufio.NewWriter(w)
	for _, p := range all {
		p.write(b, now)
	}
	more := 0
	for i := range channels {
		c := &channels[i]
		if c.Unlisted > 0 {
			more += c.Unlisted
			others := count(c.Unlisted, "more goroutine waits", "more goroutines wait")
			fmt.Fprintf(b, "%s in %s\n", others, describeChannel(c))
		}
	}
	if len(all) == 0 && more == 0 {
		fmt.Fprintln(b, "no goroutine waits in a named channel")
	}
	return b.Flush()
}

// write writes p's paragraph and an empty line.
func (p waiter) write(b *bufio.Writer, now time.Time) {
	fmt.Fprintf(b, "%s %s %s", p.Op, p.Does, describeChannel(p.in))
	if p.Receiver != 0 {
		fmt.Fprintf(b, ", receiver %d", p.Receiver)
	}
	waited := now.Sub(p.Since).Round(time.Millisecond)
	fmt.Fprintf(b, ": waits for %v, since %s\n", waited, p.Since.Format(time.RFC3339Nano))
	for _, f := range meter.CallerFrames(p.From) {
		fmt.Fprintf(b, "%s\n\t%s:%d\n", cmp.Or(f.Func, "?"), f.File, f.Line)
	}
	fmt.Fprintln(b)
}

// describeChannel names a channel and says how it stands.
func describeChannel(c *meter.Snapshot) string {
	capacity := fmt.Sprintf("%d of %d values", c.Depth, c.Capacity)
	if c.Capacity < 0 {
		capacity = count(c.Depth, "value", "values")
	}
	state := "open"
	if c.ClosedBy != "" {
		state = c.ClosedBy
	}
	return fmt.Sprintf("%s %q #%d (%s, %s, %s)", c.Kind, c.Name, c.ID, c.Elem, state, capacity)
}
