package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
)

// A table has a row for each number of connections, and a column for each system that was measured.
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
	const bar, left, right, width, head = 18, 210, 90, 860, 56
	columns := t.columns()
	most := 0.0
	for _, c := range t.cells {
		most = max(most, median(c.rate))
	}
	group := (len(columns)+1)*bar + 26
	height := head + len(t.conns)*group
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s: pings a second</title>\n", html.EscapeString(t.title))
	fmt.Fprint(&b, `<style>text{fill:#222}.t{font-size:16px;font-weight:600}.g{font-weight:600}.o{fill:#9aa5b1}.l{fill:#0b7285}
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.o{fill:#6b7785}.l{fill:#3bc9db}}</style>`+"\n")
	fmt.Fprintf(&b, `<text class="t" x="16" y="28">%s: pings a second (client and server share the cores)</text>`+"\n", html.EscapeString(t.title))
	y := head
	for _, n := range t.conns {
		fmt.Fprintf(&b, `<text class="g" x="16" y="%d">%d connection%s</text>`+"\n", y+13, n, map[bool]string{true: "s"}[n > 1])
		y += bar + 4
		for _, i := range columns {
			rate := median(t.cell(i, n).rate)
			class := "o"
			if systems[i].server == "leat" {
				class = "l"
			}
			length := rate / most * float64(width-left-right)
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-8, y+13, html.EscapeString(systems[i].name))
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, left, y+2, max(length, 1), bar-4)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", float64(left)+length+6, y+13, thousands(rate))
			y += bar
		}
		y += 22 - 4 + bar - 14
	}
	fmt.Fprint(&b, "</svg>\n")
	return b.Bytes()
}
