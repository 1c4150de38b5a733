package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A row of the table takes workloads together, and says how they are to
// compare with their anchor: not below the floor, and at the target if that
// can be reached. Both are ratios, or nanoseconds if the row is absolute.
type row struct {
	title         string
	prefixes      []string
	anchor        string // a contestant; native if empty
	lowest        bool   // the slowest cell counts, not the geometric mean
	absolute      bool
	floor, target float64
}

var rows = []row{
	{title: "Select, one of two ready", prefixes: []string{"select/ready/ctx=background"}, floor: 1, target: 2},
	{title: "… with a cancellable ctx", prefixes: []string{"select/ready/ctx=cancellable"}, floor: 1, target: 2},
	{title: "Select that parks", prefixes: []string{"select/parked/ctx=background"}, floor: 0.8, target: 1},
	{title: "… with a cancellable ctx", prefixes: []string{"select/parked/ctx=cancellable"}, floor: 0.8, target: 1},
	{title: "oneshot: New, Send, Recv", prefixes: []string{"oneshot"}, floor: 0.9, target: 1.2},
	{title: "request answered through a oneshot", prefixes: []string{"oneshot/request"}, floor: 0.9, target: 1},
	{title: "mpsc: New, Close of both ends", prefixes: []string{"made/mpsc"}, target: 0.8},
	{title: "mpmc: New, Close of both ends", prefixes: []string{"made/mpmc"}, target: 0.8},
	{title: "Clone and Close", prefixes: []string{"made/clone"}, target: 0.5},
	{title: "broadcast: Subscribe and Close, no other receiver", prefixes: []string{"made/subscribe/others=0"}, target: 1},
	{title: "… beside 1,000 others", prefixes: []string{"made/subscribe/others=1000"}, target: 1},
	{title: "… 100,000 subscribe, then close; each", prefixes: []string{"made/many-receivers"}, absolute: true, floor: 1000, target: 300},
	{title: "rendezvous: mpmc, capacity 0", prefixes: []string{"rendezvous/ctx=background"}, floor: 0.9, target: 1},
	{title: "… with a cancellable ctx", prefixes: []string{"rendezvous/ctx=cancellable"}, floor: 1, target: 1.2},
	{title: "ping-pong", prefixes: []string{"pingpong/ctx=background"}, floor: 1, target: 1.2},
	{title: "… with a cancellable ctx", prefixes: []string{"pingpong/ctx=cancellable"}, floor: 1.9, target: 2.5},
	{title: "mpsc one by one, int", prefixes: []string{"mpsc/ctx=background/"}, floor: 1.6, target: 2.5},
	{title: "… slowest cell", prefixes: []string{"mpsc/ctx=background/"}, lowest: true, floor: 1.1},
	{title: "… pointers", prefixes: []string{"mpsc-pointer/"}, floor: 1.6, target: 2.5},
	{title: "… 64-byte structs", prefixes: []string{"mpsc-64B/"}, floor: 1, target: 1.5},
	{title: "… 64-byte structs, slowest cell", prefixes: []string{"mpsc-64B/"}, lowest: true, floor: 0.9},
	{title: "… 1 KiB structs", prefixes: []string{"mpsc-1KiB/"}, target: 0.8},
	{title: "… int, with a cancellable ctx", prefixes: []string{"mpsc/ctx=cancellable/"}, floor: 4, target: 6},
	{title: "SendMany and RecvMany of 64", prefixes: []string{"batch"}, floor: 12, target: 30},
	{title: "TrySend and TryRecv, uncontended", prefixes: []string{"try"}, floor: 1.85, target: 2.5},
	{title: "mpmc one by one", prefixes: []string{"mpmc/"}, floor: 1.5, target: 2.5},
	{title: "… slowest cell", prefixes: []string{"mpmc/"}, lowest: true},
	{title: "broadcast, lossless, to 10", prefixes: []string{"broadcast/receivers=10"}, floor: 4.5, target: 6},
	{title: "… to 10, with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=10"}, floor: 8, target: 15},
	{title: "broadcast, lossless, to 10, against the least ring",
		prefixes: []string{"broadcast/receivers=10"}, anchor: leastRing},
	{title: "… with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=10"}, anchor: leastRing},
	{title: "broadcast, lossless, to 100", prefixes: []string{"broadcast/receivers=100"}, floor: 4.5, target: 6},
	{title: "… to 100, with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=100"}, floor: 12, target: 30},
	{title: "broadcast, lossless, to 100, against the least ring",
		prefixes: []string{"broadcast/receivers=100"}, anchor: leastRing},
	{title: "… with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=100"}, anchor: leastRing},
	{title: "broadcast, lossy, a receive in All", prefixes: []string{"broadcast/lossy-all"}, absolute: true, floor: 8, target: 4},
	{title: "ToChan, against a pump written by hand", prefixes: []string{"tochan/pump"}, floor: 0.9, target: 1.5},
	{title: "ToChan of 10 receivers, against a hub of native channels", prefixes: []string{"tochan/hub"}, target: 0.8},
	{title: "watch Get, 64 bytes, while it is written", prefixes: []string{"watch/busy"}, floor: 0.8, target: 1},
	{title: "… against a pointer in a struct with a method", prefixes: []string{"watch/method"}},
	{title: "watch Get", prefixes: []string{"watch/get"}},
	{title: "unbounded mpsc, against mutex, slice and channel", prefixes: []string{"unbounded"}, floor: 1.5, target: 3},
	{title: "unbounded mpsc, against xsync's UMPSC", prefixes: []string{"unbounded"}, anchor: "xsync", target: 1},
}

// A cell is one workload's anchor and leat, side by side.
type cell struct {
	workload     string
	anchor, leat *result
}

func (c cell) ratio() float64 { return c.anchor.median() / c.leat.median() }

// spread returns the lowest and the highest ratio of any round.
func (c cell) spread() (low, high float64) {
	low, high = math.Inf(1), 0
	for i := range c.leat.ns {
		r := c.anchor.ns[i] / c.leat.ns[i]
		low, high = min(low, r), max(high, r)
	}
	return low, high
}

// cells returns the workloads that both leat and r's anchor did, of those that
// r takes together. A prefix that ends in / takes everything below it.
func (r row) cells(m *measurement) []cell {
	anchor := cmp.Or(r.anchor, "native")
	var own []cell
	for _, result := range m.results {
		if !slices.ContainsFunc(r.prefixes, func(prefix string) bool {
			whole := strings.HasSuffix(prefix, "/") && strings.HasPrefix(result.workload, prefix)
			return whole || result.workload == prefix
		}) {
			continue
		}
		i := slices.IndexFunc(own, func(c cell) bool { return c.workload == result.workload })
		if i < 0 {
			i = len(own)
			own = append(own, cell{workload: result.workload})
		}
		switch result.contestant {
		case anchor:
			own[i].anchor = result
		case "leat":
			own[i].leat = result
		}
	}
	own = slices.DeleteFunc(own, func(c cell) bool { return c.anchor == nil || c.leat == nil })
	if r.lowest && len(own) > 0 {
		own = []cell{slices.MinFunc(own, func(a, b cell) int { return cmp.Compare(a.ratio(), b.ratio()) })}
	}
	return own
}

// An outcome is a row, measured.
type outcome struct {
	row
	anchored, leat, ratio, low, high float64 // geometric means over the cells
	anchorAllocs, leatAllocs         float64 // for each operation, arithmetic means
	cell                             string  // the slowest one, or ""
}

func (r row) measure(m *measurement) (o outcome, ok bool) {
	own := r.cells(m)
	if len(own) == 0 {
		return o, false
	}
	var anchored, leat, low, high []float64
	o.row = r
	for _, c := range own {
		anchored, leat = append(anchored, c.anchor.median()), append(leat, c.leat.median())
		l, h := c.spread()
		low, high = append(low, l), append(high, h)
		o.anchorAllocs += median(c.anchor.allocs) / float64(len(own))
		o.leatAllocs += median(c.leat.allocs) / float64(len(own))
	}
	o.anchored, o.leat, o.low, o.high = geomean(anchored), geomean(leat), geomean(low), geomean(high)
	o.ratio = o.anchored / o.leat
	if r.lowest {
		o.cell = own[0].workload
	}
	return o, true
}

func (o outcome) bound(x float64) string {
	switch {
	case x == 0:
		return ""
	case o.absolute:
		return fmt.Sprintf("%g ns", x)
	}
	return fmt.Sprintf("%g×", x)
}

// printTable writes the rows in Markdown.
func (m *measurement) printTable(w io.Writer) {
	fmt.Fprintln(w, "| workload | native | leat | allocations, native / leat | measured | lowest..highest round | floor | target |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, r := range rows {
		o, ok := r.measure(m)
		if !ok {
			continue
		}
		title := o.title
		if o.cell != "" {
			title += ": " + o.cell
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s / %s | %.2f× | %.2f..%.2f | %s | %s |\n",
			title, nanoseconds(o.anchored), nanoseconds(o.leat), allocations(o.anchorAllocs), allocations(o.leatAllocs),
			o.ratio, o.low, o.high, o.bound(o.floor), o.bound(o.target))
	}
}

// allocations hides what making a channel and its goroutines adds to each of
// many operations.
func allocations(n float64) string {
	if n < 0.05 {
		return "0"
	}
	return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64)
}

// printCells writes what the means are made of, with all contestants.
func (m *measurement) printCells(w io.Writer) {
	fmt.Fprintln(w)
	fmt.Fprintln(w, "| workload | who | median | lowest..highest round | ratio |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- |")
	var anchor *result
	for _, r := range m.results {
		if anchor == nil || anchor.workload != r.workload {
			anchor = r
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s..%s | %.2f× |\n", r.workload, r.contestant, nanoseconds(r.median()),
			nanoseconds(slices.Min(r.ns)), nanoseconds(slices.Max(r.ns)), anchor.median()/r.median())
	}
}

func nanoseconds(ns float64) string {
	switch {
	case ns < 10:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 999_500:
		return fmt.Sprintf("%.3g µs", ns/1000)
	}
	return fmt.Sprintf("%.3g ms", ns/1e6)
}
