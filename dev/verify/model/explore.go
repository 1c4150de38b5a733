//go:build modelcheck

package model

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/leat-go/leat/internal/seam"
)

// Options say how much is explored. The zero value explores everything,
// reduced.
type Options struct {
	// Preemptions is how many times a goroutine that could go on is interrupted
	// in one run, at most. Unbounded, the zero value, means without a bound,
	// and None means never.
	Preemptions Bound

	// Random, if not nil, makes runs at random instead, without end: Schedules
	// is how many. It is for programs that are too big, or too many.
	Random *rand.Rand

	// Full explores every interleaving, without reduction: to check the
	// reduction.
	Full bool

	// Schedules ends the exploration, unfinished, after so many runs; 0 means
	// without a limit.
	Schedules int

	// Steps is how long a run may be; 0 is 5,000. A longer one counts as
	// endless.
	Steps int

	// Spins is how often a goroutine may Yield while neither it nor another
	// changes anything; 0 is 1. It should be as many times as a loop that gives
	// up in the end yields; a loop that does not give up is thereby made to
	// wait for others.
	Spins int

	// Deadlocks makes a deadlock one end of a run among others, and no failure.
	Deadlocks bool

	// Progress, if not nil, is called every few seconds.
	Progress func(Result)
}

func (o Options) withDefaults() Options {
	if o.Steps == 0 {
		o.Steps = 5000
	}
	if o.Spins == 0 {
		o.Spins = 1
	}
	return o
}

// A Bound is a number of preemptions, plus one.
type Bound int

// What a Bound may be, besides AtMost.
const (
	Unbounded Bound = 0
	None      Bound = 1
)

// AtMost is the bound of n preemptions.
func AtMost(n int) Bound { return Bound(n + 1) }

func (b Bound) String() string {
	if b == Unbounded {
		return "unbounded"
	}
	return fmt.Sprintf("preemptions <= %d", int(b)-1)
}

// A Result says what was explored.
type Result struct {
	Schedules int  // runs
	Steps     int  // of all runs together
	Longest   int  // steps of the longest run
	Complete  bool // everything within the bound was explored, and nothing failed
	Failure   *Failure
	Took      time.Duration
}

func (r Result) String() string {
	s := fmt.Sprintf("%d schedules, %d steps, longest %d, %v", r.Schedules, r.Steps, r.Longest, r.Took.Round(time.Millisecond))
	if !r.Complete && r.Failure == nil {
		s += ", NOT COMPLETE"
	}
	return s
}

// A Failure is a run in which something is wrong.
type Failure struct {
	What     string
	Schedule string   // what Replay takes
	Trace    []string // the steps, each with its goroutine and its place
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s\nto run it again: LEAT_SCHEDULE='%s'\n%s", f.What, f.Schedule, strings.Join(f.Trace, "\n"))
}

// A node is a choice on the path that is being explored: of the goroutine that
// goes on, or of one of n outcomes of a step.
type node struct {
	n      int // outcomes, or 0
	chosen int

	enabled   uint32 // sets of goroutines
	backtrack uint32 // to be explored
	explored  uint32 // done, chosen among them
	sleep     uint32 // need not be explored: what they lead to was
	prev      int    // the goroutine that made the step before, or -1
	free      bool   // it costs nothing not to let prev go on
	preempted int    // preemptions so far
}

// cost returns the preemptions up to and with the choice of t.
func (n *node) cost(t int) int {
	if n.prev >= 0 && t != n.prev && !n.free && n.enabled>>n.prev&1 == 1 {
		return n.preempted + 1
	}
	return n.preempted
}

// An explorer searches depth first: path leads to the run that is being made.
type explorer struct {
	Options
	program func(*Run)
	path    []node
	result  Result
	runs    uint64
}

// Explore runs program once for each schedule within the options. The program
// makes what the goroutines share, and calls Go for each of them. It is run
// again and again, so it must do the same each time. One exploration at a time
// can run in a process.
func Explore(o Options, program func(*Run)) Result {
	o = o.withDefaults()
	e := &explorer{Options: o, program: program}
	begun := time.Now()
	reported := begun
	for {
		x := e.run(nil, false)
		e.result.Schedules++
		e.result.Steps += len(x.steps)
		e.result.Longest = max(e.result.Longest, len(x.steps))
		if x.failure != "" {
			e.result.Failure = e.explain(x)
			break
		}
		if e.Random == nil && !e.advance() {
			e.result.Complete = true
			break
		}
		if e.Options.Schedules > 0 && e.result.Schedules >= e.Options.Schedules {
			break
		}
		if e.Progress != nil && e.result.Schedules%1024 == 0 && time.Since(reported) > 5*time.Second {
			reported = time.Now()
			e.result.Took = reported.Sub(begun)
			e.Progress(e.result)
		}
	}
	e.result.Took = time.Since(begun)
	return e.result
}

// Replay runs program once, by a schedule that a Failure has printed, and
// returns the failure, or nil if nothing fails any more.
func Replay(o Options, program func(*Run), schedule string) (*Failure, error) {
	o = o.withDefaults()
	choices, err := parseSchedule(schedule)
	if err != nil {
		return nil, err
	}
	e := &explorer{Options: o, program: program}
	x := e.run(choices, true)
	if x.failure == "" {
		return nil, nil
	}
	return &Failure{What: x.failure, Schedule: schedule, Trace: x.trace}, nil
}

// explain runs a failed schedule again, to record what happens in it.
func (e *explorer) explain(x *execution) *Failure {
	again := (&explorer{Options: e.Options, program: e.program}).run(x.choices, true)
	what := x.failure
	if again.failure != what && !RaceEnabled {
		what += "\nand, run again, it fails differently, so the program does not do the same each time: " + again.failure
	}
	return &Failure{What: what, Schedule: formatSchedule(x.choices), Trace: again.trace}
}

// advance makes path the next one, and reports whether there is one.
func (e *explorer) advance() bool {
	for len(e.path) > 0 {
		n := &e.path[len(e.path)-1]
		if n.n > 0 {
			if n.chosen++; n.chosen < n.n {
				return true
			}
		} else {
			for todo := n.backtrack &^ n.explored &^ n.sleep; todo != 0; todo &= todo - 1 {
				t := bits.TrailingZeros32(todo)
				n.explored |= 1 << t
				if e.within(n.cost(t)) {
					n.chosen = t
					return true
				}
			}
		}
		e.path = e.path[:len(e.path)-1]
	}
	return false
}

// within reports whether the bound allows so many preemptions.
func (e *explorer) within(preemptions int) bool {
	return e.Preemptions == Unbounded || preemptions <= int(e.Preemptions)-1
}

// bounded reports whether there is a bound.
func (e *explorer) bounded() bool { return e.Preemptions != Unbounded }

// run makes one run. It follows path, or choices if these are given, and then
// goes on in the simplest way, adding to path.
func (e *explorer) run(choices []choice, tracing bool) *execution {
	e.runs++
	x := newExecution(e, choices, tracing)
	seam.Schedule(x)
	defer seam.Schedule(nil)
	r := &Run{x: x}
	if x.try(func() { e.program(r) }) {
		x.start(r.programs)
		x.loop()
	}
	for _, f := range r.checks {
		if x.failure != "" || x.deadlock != "" {
			break
		}
		x.try(f)
	}
	for _, f := range r.afters {
		f(x.failure + x.deadlock)
	}
	return x
}
