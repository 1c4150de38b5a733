package main

import (
	"fmt"
	"io"

	"github.com/leat-go/leat/dev/bench/internal/figure"
)

// A table has a row for each number of connections, and a column for each
// system that was measured.
type table struct {
	title string
	conns []int
	cells map[[2]int]*cell // by system and number of connections
}

func newTable(title string, conns []int) *table {
	return &table{title: title, conns: conns, cells: make(map[[2]int]*cell)}
}

func (t *table) cell(system, conns int) *cell {
	c := t.cells[[2]int{system, conns}]
	if c == nil {
		c = new(cell)
		t.cells[[2]int{system, conns}] = c
	}
	return c
}

// columns returns which systems were measured.
func (t *table) columns() []int {
	var all []int
	for i := range systems {
		if t.cells[[2]int{i, t.conns[0]}] != nil {
			all = append(all, i)
		}
	}
	return all
}

// print writes the table as Markdown.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s:\n\n| connections |", t.title)
	for _, i := range t.columns() {
		fmt.Fprintf(w, " %s |", systems[i].name)
	}
	fmt.Fprint(w, "\n| --- |")
	for range t.columns() {
		fmt.Fprint(w, " --- |")
	}
	for _, n := range t.conns {
		fmt.Fprintf(w, "\n| %d |", n)
		for _, i := range t.columns() {
			c := t.cell(i, n)
			fmt.Fprintf(w, " %s (%.3g µs; %.1f + %.1f) |", thousands(median(c.rate)), median(c.micros), median(c.clientM), median(c.serverM))
		}
	}
	fmt.Fprintln(w)
}

// thousands writes a rate for people.
func thousands(rate float64) string {
	if rate >= 100_000 {
		return fmt.Sprintf("%.0fk", rate/1000)
	}
	return fmt.Sprintf("%.1fk", rate/1000)
}

// figure draws the table: a group of bars for each number of connections.
func (t *table) figure() []byte {
	var groups []figure.Group
	for _, n := range t.conns {
		g := figure.Group{Title: fmt.Sprintf("%d connection%s", n, map[bool]string{true: "s"}[n > 1])}
		for _, i := range t.columns() {
			rate := median(t.cell(i, n).rate)
			bar := figure.Bar{Label: systems[i].name, Value: rate, Note: thousands(rate), Colour: 1}
			if systems[i].server == "leat" {
				bar.Colour = 0
			}
			g.Bars = append(g.Bars, bar)
		}
		groups = append(groups, g)
	}
	return figure.Groups(t.title, "pings a second; client and server share the cores", groups)
}
