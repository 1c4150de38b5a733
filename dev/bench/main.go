// Command bench measures leat's channels against what one would use in their
// place, in one run:
//
//	go run ./dev/bench                   # from the root of the repository: the table, first of all
//	go run ./dev/bench -quick            # within two minutes
//	go run ./dev/bench -run '^mpsc' -v   # matching workloads, with each cell of the means
//	go run ./dev/bench -rust             # beside tokio and crossbeam-channel, where Rust and Debian's crates of them are installed
//	go run ./dev/bench -count            # instructions for an operation, which no other program disturbs
//
// The contestants of a workload take turns, round by round, each for about the
// same time, after a garbage collection. The table shows the median of the
// rounds. A ratio is the native channel's time divided by leat's: above 1, leat
// is faster. Each run checks that every value arrived, once and in order, and
// ends with an error if not. docs/benchmarks.md says what this does not show.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	var c config
	flag.StringVar(&c.pattern, "run", "", "measure only workloads whose name matches this regular `expression`")
	flag.IntVar(&c.rounds, "rounds", 7, "how often each contestant is measured")
	flag.DurationVar(&c.duration, "duration", 40*time.Millisecond, "how long each contestant is measured in each round, about")
	flag.BoolVar(&c.quick, "quick", false, "fewer and shorter rounds: within two minutes, for a first impression")
	flag.StringVar(&c.figures, "figures", "docs/figures", "the `directory` to draw into, or empty for none")
	flag.BoolVar(&c.verbose, "v", false, "print every cell")
	flag.BoolVar(&c.rust, "rust", false, "also measure tokio and crossbeam-channel, if Rust and they are installed")
	flag.BoolVar(&c.count, "count", false, "count instructions instead, with valgrind, by number of senders and receivers")
	flag.BoolVar(&c.once, "once", false, "do one WORKLOAD CONTESTANT N, for a profiler, and print nothing")
	flag.Parse()
	if err := c.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	pattern        string
	figures        string
	rounds         int
	duration       time.Duration
	quick, verbose bool
	count, once    bool
	rust           bool
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
	if c.once {
		return once(flag.Args())
	}
	fmt.Fprintf(w, "%s\n", c.conditions())
	if c.count {
		return countAll(w, match)
	}
	design := &measurement{rounds: c.rounds, duration: c.duration, machine: machineParts()}
	tabled, rust, err := c.tabled(w)
	if err != nil {
		return err
	}
	matched, err := design.runMatching(match, tabled)
	if err != nil {
		return err
	}
	if matched {
		fmt.Fprintln(w)
		design.printTable(w)
		design.printMachine(w)
		design.printNoise(w)
		if c.verbose {
			fmt.Fprintln(w, "\nEach cell:")
			design.printCells(w)
		}
		design.printRust(w, rust)
	}
	rest := &measurement{rounds: min(c.rounds, 5), duration: c.duration / 2}
	more, err := rest.runMatching(match, otherWorkloads())
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(w, "\nThe standard suite and peers (medians of %d rounds of about %v):\n", rest.rounds, rest.duration)
		rest.printCells(w)
		rest.printNoise(w)
	}
	wakers, err := c.probes(w, match)
	if err != nil {
		return err
	}
	if !matched && !more && wakers == nil && !match.MatchString("cost") {
		return fmt.Errorf("-run %q matches nothing; leave it out, or look at the names that -v prints", c.pattern)
	}
	return c.draw(w, design, rest, wakers)
}

// tabled are the workloads of the table, and with -rust also tokio and
// crossbeam, whose versions it returns.
func (c config) tabled(w io.Writer) (all []workload, rust string, err error) {
	all = designWorkloads()
	if !c.rust {
		return all, "", nil
	}
	if rust, err = rustVersions(); err != nil {
		fmt.Fprintf(w, "\nNot measured beside Rust: %v.\n", err)
		return all, "", nil
	}
	p, err := startRust(rustDir)
	if err != nil {
		return nil, "", err
	}
	atExit = append(atExit, func() { p.stop() })
	return withRust(all, p.do), rust, nil
}

// probes measures everything that is not nanoseconds for an operation.
func (c config) probes(w io.Writer, match *regexp.Regexp) ([]*waker, error) {
	var woken []*waker
	if match.MatchString("latency") {
		samples := 4000
		if c.quick {
			samples = 1000
		}
		woken = wakers()
		if err := measureWakers(woken, c.rounds, samples); err != nil {
			return nil, err
		}
		printWakers(w, woken)
	}
	if match.MatchString("cost") {
		d := time.Second
		if c.quick {
			d = 300 * time.Millisecond
		}
		if err := printSlow(w, d); err != nil {
			return nil, err
		}
		printIdle(w)
		if err := printBurst(w); err != nil {
			return nil, err
		}
		printCPU(w, d)
	}
	return woken, nil
}

// draw writes the figures, unless -figures is empty.
func (c config) draw(w io.Writer, design, rest *measurement, wakers []*waker) error {
	if c.figures == "" {
		return nil
	}
	if info, err := os.Stat(c.figures); err != nil || !info.IsDir() {
		return fmt.Errorf("-figures %s is not a directory: run it from the root of the repository, name another, or say -figures ''", c.figures)
	}
	machine := fmt.Sprintf("%s, %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	files, err := writeFigures(c.figures, machine, design, rest, wakers)
	if len(files) > 0 {
		fmt.Fprintf(w, "\nDrawn: %s\n", strings.Join(files, ", "))
	}
	return err
}

// conditions says what a number depends on.
func (c config) conditions() string {
	return fmt.Sprintf("%s, %s/%s, %d cores (GOMAXPROCS %d), commit %s, `go run ./dev/bench %s`; medians of %d rounds of about %v",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.GOMAXPROCS(0), commit(),
		strings.Join(os.Args[1:], " "), c.rounds, c.duration)
}

// commit returns the commit that is measured. It asks git, because go run does
// not record it.
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
