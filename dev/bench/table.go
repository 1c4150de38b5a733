package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A promise is a row of the table: which workloads it takes together, and how much faster than native they must be.
type promise struct {
	title     string
	prefixes  []string
	lowest    bool // the slowest cell counts, not the geometric mean
	absolute  bool // must and aim are nanoseconds, not ratios
	must, aim float64
}

var promises = []promise{
	{title: "mpsc one by one, plain", prefixes: []string{"mpsc/ctx=background/"}, must: 1.5, aim: 3},
	{title: "mpsc one by one, cancellable ctx", prefixes: []string{"mpsc/ctx=cancellable/"}, must: 3, aim: 6},
	{title: "no mpsc cell slower than native (lowest)", prefixes: []string{"mpsc/"}, lowest: true, must: 1, aim: 1.5},
	{title: "mpsc SendMany and RecvMany of 64", prefixes: []string{"batch"}, must: 10, aim: 30},
	{title: "TrySend and TryRecv, uncontended", prefixes: []string{"try"}, must: 1, aim: 2},
	{title: "ping-pong, plain", prefixes: []string{"pingpong/ctx=background"}, must: 0.9, aim: 1.2},
	{title: "ping-pong, cancellable ctx", prefixes: []string{"pingpong/ctx=cancellable"}, must: 1, aim: 1.5},
	{title: "broadcast to 10, one by one", prefixes: []string{"broadcast/receivers=10"}, must: 5, aim: 15},
	{title: "… with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=10"}, must: 5, aim: 15},
	{title: "broadcast to 100, one by one", prefixes: []string{"broadcast/receivers=100"}, must: 10, aim: 40},
	{title: "… with RecvMany of 64", prefixes: []string{"broadcast-batch/receivers=100"}, must: 10, aim: 40},
	{title: "watch Get (native: an atomic pointer)", prefixes: []string{"watch/get"}, absolute: true, must: 5, aim: 2},
	{title: "oneshot, new, send and receive", prefixes: []string{"oneshot"}, must: 1, aim: 1.5},
	{title: "mpmc one by one", prefixes: []string{"mpmc/"}, must: 1, aim: 2},
	{title: "mpmc, lowest cell (no promise)", prefixes: []string{"mpmc/"}, lowest: true},
}

// A cell is one workload's anchor and its contender, side by side.
type cell struct {
	workload     string
	native, leat *result
}

func (c cell) ratio() float64 { return c.native.median() / c.leat.median() }

// spread returns the lowest and the highest ratio of any round.
func (c cell) spread() (low, high float64) {
	low, high = math.Inf(1), 0
	for i := range c.leat.ns {
		r := c.native.ns[i] / c.leat.ns[i]
		low, high = min(low, r), max(high, r)
	}
	return low, high
}

// cells pairs the results.
func (m *measurement) cells() []cell {
	var all []cell
	for _, r := range m.results {
		switch i := slices.IndexFunc(all, func(c cell) bool { return c.workload == r.workload }); {
		case r.contestant == "native":
			all = append(all, cell{workload: r.workload, native: r})
		case r.contestant == "leat" && i >= 0:
			all[i].leat = r
		}
	}
	return slices.DeleteFunc(all, func(c cell) bool { return c.leat == nil })
}

// of returns the cells that p takes together. A prefix that ends in / takes all below it.
func (p promise) of(all []cell) []cell {
	var own []cell
	for _, c := range all {
		if slices.ContainsFunc(p.prefixes, func(prefix string) bool {
			return c.workload == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(c.workload, prefix)
		}) {
			own = append(own, c)
		}
	}
	if p.lowest && len(own) > 0 {
		own = []cell{slices.MinFunc(own, func(a, b cell) int { return compare(a.ratio(), b.ratio()) })}
	}
	return own
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// An outcome is a promise, measured.
type outcome struct {
	promise
	native, leat, ratio, low, high float64
	cell                           string // which was the lowest, or ""
}

func (p promise) measure(all []cell) (o outcome, ok bool) {
	own := p.of(all)
	if len(own) == 0 {
		return o, false
	}
	var native, leat, low, high []float64
	for _, c := range own {
		native, leat = append(native, c.native.median()), append(leat, c.leat.median())
		l, h := c.spread()
		low, high = append(low, l), append(high, h)
	}
	o = outcome{promise: p, native: geomean(native), leat: geomean(leat), low: geomean(low), high: geomean(high)}
	o.ratio = o.native / o.leat
	if p.lowest {
		o.cell = own[0].workload
	}
	return o, true
}

// verdict says it plainly.
func (o outcome) verdict() string {
	reached := func(x float64) bool {
		if o.absolute {
			return o.leat <= x
		}
		return o.ratio >= x
	}
	switch {
	case o.must == 0:
		return ""
	case reached(o.aim):
		return "met, and the aim"
	case reached(o.must):
		return "met"
	}
	return "MISSED"
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

// printPromises writes the table in Markdown.
func (m *measurement) printPromises(w io.Writer) {
	fmt.Fprintln(w, "| workload | native | leat | ratio | lowest..highest round | must | aim | verdict |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	all := m.cells()
	for _, p := range promises {
		o, ok := p.measure(all)
		if !ok {
			continue
		}
		title := o.title
		if o.cell != "" {
			title += ": " + o.cell
		}
		fmt.Fprintf(w, "| %s | %s | %s | %.2f× | %.2f..%.2f | %s | %s | %s |\n", title, nanoseconds(o.native), nanoseconds(o.leat),
			o.ratio, o.low, o.high, o.bound(o.must), o.bound(o.aim), o.verdict())
	}
}

// printCells writes what the means are made of, and everything that has no promise, with all contestants.
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
