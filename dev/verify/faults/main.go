// Command faults breaks leat's parts in many ways and prints a table: each
// fault, how leat reacted, and how another client fared, which must never fail.
//
//	go run ./dev/verify/faults rpc               # about a minute and a half
//	go run ./dev/verify/faults nats              # the same
//	go run ./dev/verify/faults nats -only kills -kills 200
//	go run ./dev/verify/faults nats -only cluster -rounds 3
//
// It exits with 1 if a line is not as promised. Everything runs on loopback, in
// processes that it starts and ends itself.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// A suite runs its faults, one after another, and hands each line to the table.
type suite struct {
	about string
	run   func(t *table, args []string) error
}

var suites = map[string]suite{
	"nats": {"natschan, with real servers and processes that are killed", natsFaults},
	"rpc":  {"the JSON-over-TCP server and client", rpcSuite},
}

// children are what the program starts itself as: the processes that the faults
// are done to.
var children = map[string]func(args []string) error{
	"nats-receiver":        natsReceiver,
	"nats-sender":          natsSender,
	"nats-server":          natsServer,
	"nats-stopped":         natsStopped,
	"nats-victim-receiver": natsVictimReceiver,
	"nats-victim-sender":   natsVictimSender,
	"rpc-server":           rpcServer,
}

func main() {
	if len(os.Args) > 1 {
		if child, ok := children[os.Args[1]]; ok {
			exit(child(os.Args[2:]))
		}
	}
	if len(os.Args) < 2 || suites[os.Args[1]].run == nil {
		fmt.Fprintln(os.Stderr, "usage: go run ./dev/verify/faults SUITE [FLAGS]; the suites are")
		for _, name := range slices.Sorted(maps.Keys(suites)) {
			fmt.Fprintf(os.Stderr, "  %-6s %s\n", name, suites[name].about)
		}
		os.Exit(2)
	}
	t := &table{w: os.Stdout}
	err := suites[os.Args[1]].run(t, os.Args[2:])
	if err == nil && t.failed > 0 {
		err = fmt.Errorf("%d of %d lines are not as promised", t.failed, t.lines)
	}
	if err == nil {
		fmt.Printf("\nall %d lines are as promised\n", t.lines)
	}
	exit(err)
}

// parseFlags parses the flags of a suite. It ends the program if it cannot.
func parseFlags(flags *flag.FlagSet, args []string) {
	flags.Parse(args) // it exits on an error
	if flags.NArg() > 0 {
		fmt.Fprintf(flags.Output(), "unexpected argument %q\n", flags.Arg(0))
		flags.Usage()
		os.Exit(2)
	}
}

func rpcSuite(t *table, args []string) error {
	parseFlags(flag.NewFlagSet("rpc", flag.ExitOnError), args)
	return rpcFaults(t)
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
	w io.Writer

	mu            sync.Mutex // guards the fields below, and w while there are lines
	lines, failed int
}

// head begins a part of the table.
func (t *table) head(title string, columns ...string) {
	fmt.Fprintf(t.w, "\n%s\n\n| %s |\n|%s\n", title, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
}

// line prints a line. It marks the line if ok is false.
func (t *table) line(ok bool, cells ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines++
	if !ok {
		t.failed++
		cells[len(cells)-1] += " **NOT AS PROMISED**"
	}
	fmt.Fprintf(t.w, "| %s |\n", strings.Join(cells, " | "))
}

// add adds the counts of a part of the table, which has been printed.
func (t *table) add(part *table) {
	t.lines += part.lines
	t.failed += part.failed
}
