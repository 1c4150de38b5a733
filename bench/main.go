// Command bench measures leat's channels against what one would use in their place, in one run:
//
//	go run ./bench                   # from the root of the repository: the table of promises, first of all
//	go run ./bench -quick            # within a minute
//	go run ./bench -run '^mpsc' -v   # what matches, with each cell of the means
//
// The contestants of a workload take turns, round by round, each for about the same time, after a garbage collection; what is shown is
// the median of the rounds. A ratio is the native channel's time divided by leat's: above 1, leat is faster. Each run checks that every
// value arrived, once, and in order, and ends with an error if not. The docs say what is measured and what it does not show.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	var c config
	flag.StringVar(&c.pattern, "run", "", "measure only workloads whose name matches this regular `expression`")
	flag.IntVar(&c.rounds, "rounds", 7, "how often each contestant is measured")
	flag.DurationVar(&c.duration, "duration", 40*time.Millisecond, "how long each contestant is measured in each round, about")
	flag.BoolVar(&c.quick, "quick", false, "fewer and shorter rounds: within a minute, for a first look")
	flag.BoolVar(&c.verbose, "v", false, "print every cell")
	flag.Parse()
	if err := c.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	pattern        string
	rounds         int
	duration       time.Duration
	quick, verbose bool
}

func (c config) run(w io.Writer) error {
	if c.quick {
		c.rounds, c.duration = min(c.rounds, 3), min(c.duration, 10*time.Millisecond)
	}
	if c.rounds < 1 || c.duration <= 0 {
		return fmt.Errorf("-rounds must be at least 1, and -duration longer than 0")
	}
	match, err := regexp.Compile(c.pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	defer func() {
		for _, f := range atExit {
			f()
		}
	}()
	design := slices.DeleteFunc(designWorkloads(), func(x workload) bool { return !match.MatchString(x.name) })
	if len(design) == 0 {
		return fmt.Errorf("-run %q matches no workload", c.pattern)
	}
	fmt.Fprintf(w, "%s\n\n", c.conditions())
	m := &measurement{rounds: c.rounds, duration: c.duration}
	if err := m.run(design); err != nil {
		return err
	}
	m.printPromises(w)
	if n := m.noisy(); n > 0 {
		fmt.Fprintf(w, "\nThe machine was busy with something else around %d of %d rounds: do not trust small differences.\n", n, c.rounds)
	}
	if c.verbose {
		fmt.Fprintln(w)
		m.printCells(w)
	}
	return nil
}

// conditions says what a number depends on.
func (c config) conditions() string {
	return fmt.Sprintf("%s, %s/%s, %d cores (GOMAXPROCS %d), commit %s, `go run ./bench %s`; medians of %d rounds of about %v",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.GOMAXPROCS(0), commit(),
		strings.Join(os.Args[1:], " "), c.rounds, c.duration)
}

// commit returns what is measured: the go command does not record it for go run, so git is asked.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty= with changes", "--abbrev=12", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// progress shows a line on a terminal, over the one before.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}
