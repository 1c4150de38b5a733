package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
)

// Counting instructions says what an operation costs whatever the machine does
// meanwhile: each workload runs in a process of its own under valgrind, on one
// processor, with a number of operations and with another; the difference,
// divided, is the cost of one. Starting up and setting up are in neither.

// A scale is a workload at growing numbers of senders or receivers.
type scale struct {
	title, prefix string
	steps         []int
	contestants   []string
	perReceiver   bool // a step is that many receivers, and each receives every value
	few, many     int  // operations
}

var scales = []scale{
	{"mpsc, capacity 1024, a value sent and received, by senders", "senders/ctx=background/", senderSteps, []string{"native", "leat"}, false, 20_000, 60_000},
	{"the same, ctx cancellable", "senders/ctx=cancellable/", senderSteps, []string{"native", "leat"}, false, 20_000, 60_000},
	{"broadcast, a value received by one of so many receivers", "fanout/receivers=", receiverSteps, []string{"native", "leat"}, true, 1200, 2400},
}

func countAll(w io.Writer, match *regexp.Regexp) error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return fmt.Errorf("-count needs valgrind: %w", err)
	}
	for _, s := range scales {
		if !match.MatchString(s.prefix) {
			continue
		}
		fmt.Fprintf(w, "\nInstructions: %s:\n\n| |", s.title)
		for _, step := range s.steps {
			fmt.Fprintf(w, " %d |", step)
		}
		fmt.Fprint(w, "\n| --- |")
		for range s.steps {
			fmt.Fprint(w, " --- |")
		}
		for _, who := range s.contestants {
			fmt.Fprintf(w, "\n| %s |", who)
			for _, step := range s.steps {
				progress("counting %s%d, %s", s.prefix, step, who)
				few, err := instructions(s.prefix+fmt.Sprint(step), who, s.few)
				if err != nil {
					return err
				}
				many, err := instructions(s.prefix+fmt.Sprint(step), who, s.many)
				if err != nil {
					return err
				}
				each := float64(many-few) / float64(s.many-s.few)
				if s.perReceiver {
					each /= float64(step)
				}
				progress("")
				fmt.Fprintf(w, " %.0f |", each)
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions runs n operations under valgrind, and returns how many
// instructions the process executed.
func instructions(workload, contestant string, n int) (int64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", self, "-once", workload, contestant, strconv.Itoa(n))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("valgrind, %s, %s: %w\n%s", workload, contestant, err, stderr.Bytes())
	}
	m := collected.FindSubmatch(stderr.Bytes())
	if m == nil {
		return 0, fmt.Errorf("valgrind did not say how many instructions it counted:\n%s", stderr.Bytes())
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

// once does n operations of one contestant and nothing else.
func once(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("-once takes a workload, a contestant, and how many operations")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil || n < 1 {
		return fmt.Errorf("-once: %q is not a number of operations", args[2])
	}
	for _, w := range slices.Concat(designWorkloads(), otherWorkloads()) {
		for _, c := range w.contestants {
			if w.name == args[0] && c.name == args[1] {
				return c.run(n)
			}
		}
	}
	return fmt.Errorf("-once: there is no workload %q with a contestant %q", args[0], args[1])
}
