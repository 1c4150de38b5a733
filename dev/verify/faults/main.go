// Command faults breaks leat's parts in many ways and prints a table: each
// fault, how leat reacted, and how another client fared, which must never fail.
//
//	go run ./dev/verify/faults rpc        # about a minute and a half
//	go run ./faults nats       # the same
//
// It exits with 1 if a line is not as promised. Everything runs on loopback, in
// processes that it starts and ends itself.
package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// A suite runs its faults, one after another, and hands each line to the table.
type suite struct {
	about string
	run   func(t *table) error
}

var suites = map[string]suite{
	"nats": {"natschan, with real servers and processes that are killed", natsFaults},
	"rpc":  {"the JSON-over-TCP server and client", rpcFaults},
}

// children are what the program starts itself as: the processes that the faults
// are done to.
var children = map[string]func(args []string) error{
	"nats-receiver": natsReceiver,
	"nats-stopped":  natsStopped,
	"nats-sender":   natsSender,
	"nats-server":   natsServer,
	"rpc-server":    rpcServer,
}

func main() {
	if len(os.Args) > 1 {
		if child, ok := children[os.Args[1]]; ok {
			exit(child(os.Args[2:]))
		}
	}
	if len(os.Args) != 2 || suites[os.Args[1]].run == nil {
		fmt.Fprintln(os.Stderr, "usage: go run ./dev/verify/faults SUITE; the suites are")
		for _, name := range slices.Sorted(maps.Keys(suites)) {
			fmt.Fprintf(os.Stderr, "  %-6s %s\n", name, suites[name].about)
		}
		os.Exit(2)
	}
	t := &table{w: os.Stdout}
	err := suites[os.Args[1]].run(t)
	if err == nil && t.failed > 0 {
		err = fmt.Errorf("%d of %d lines are not as promised", t.failed, t.lines)
	}
	if err == nil {
		fmt.Printf("\nall %d lines are as promised\n", t.lines)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A table prints lines as they come, as Markdown.
type table struct {
	w             io.Writer
	lines, failed int
}

// head begins a part of the table.
func (t *table) head(title string, columns ...string) {
	fmt.Fprintf(t.w, "\n%s\n\n| %s |\n|%s\n", title, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
}

// line prints a line. It marks the line if ok is false.
func (t *table) line(ok bool, cells ...string) {
	t.lines++
	if !ok {
		t.failed++
		cells[len(cells)-1] += " **NOT AS PROMISED**"
	}
	fmt.Fprintf(t.w, "| %s |\n", strings.Join(cells, " | "))
}
