package main

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A result is what one contestant needed in one workload: nanoseconds and
// allocations for an operation, round by round.
type result struct {
	workload, contestant string
	ns, allocs           []float64
}

func (r *result) median() float64 { return median(r.ns) }

// A measurement runs workloads in rounds: each contestant of each workload once
// a round, so that a change on the machine meanwhile meets all of them.
type measurement struct {
	rounds   int
	duration time.Duration // of one contestant in one round, about
	results  []*result
	spins    []float64 // how long the same work took, before and after each round
	machine  []*part   // measured in each round, before the contestants
}

func (m *measurement) run(all []workload) error {
	type entry struct {
		*result
		run func(int) error
		n   int
	}
	var groups [][]entry
	for _, w := range all {
		var group []entry
		for _, c := range w.contestants {
			progress("calibrating %s, %s", w.name, c.name)
			n, err := calibrate(c.run, m.duration, w.least)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", w.name, c.name, err)
			}
			r := &result{workload: w.name, contestant: c.name}
			m.results = append(m.results, r)
			group = append(group, entry{r, c.run, n})
		}
		groups = append(groups, group)
	}
	for round := range m.rounds {
		before := spin()
		for _, p := range m.machine {
			p.measure()
		}
		for _, group := range groups {
			for i := range group {
				e := group[(i+round)%len(group)] // nobody is always first
				progress("round %d of %d: %s, %s", round+1, m.rounds, e.workload, e.contestant)
				ns, allocs, err := timed(e.run, e.n)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", e.workload, e.contestant, err)
				}
				e.ns, e.allocs = append(e.ns, ns), append(e.allocs, allocs)
			}
		}
		m.spins = append(m.spins, max(before, spin()))
	}
	progress("")
	return nil
}

// timed returns nanoseconds and allocations for an operation. The collector
// runs before, so that no contestant pays for another's garbage.
func timed(run func(int) error, n int) (ns, allocs float64, err error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	err = run(n)
	ns = float64(time.Since(began).Nanoseconds()) / float64(n)
	runtime.ReadMemStats(&after)
	return ns, float64(after.Mallocs-before.Mallocs) / float64(n), err
}

// calibrate finds how many operations take about d, but takes at least so many.
func calibrate(run func(int) error, d time.Duration, least int) (int, error) {
	const most = 1<<seqBits - 1
	for n := 256; ; {
		ns, _, err := timed(run, n)
		if err != nil {
			return 0, err
		}
		// A run that was interrupted would make all rounds too short, so one
		// that seems long enough has to seem so again.
		if time.Duration(ns*float64(n)) >= d/4 {
			again, _, err := timed(run, n)
			if err != nil {
				return 0, err
			}
			ns = min(ns, again)
		}
		took := time.Duration(ns * float64(n))
		if took >= d/4 || n == most {
			return min(most, max(1, least, int(float64(d)/max(ns, 0.1)))), nil
		}
		n = min(most, n*4)
	}
}

var spun atomic.Uint64 // keeps the work from being optimized away

// spin does the same work on each core at once, and returns how many
// milliseconds it took: more than at the best of times if somebody else was
// running.
func spin() float64 {
	began := time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			x := uint64(88172645463325252)
			for range 3_000_000 {
				x ^= x << 13
				x ^= x >> 7
				x ^= x << 17
			}
			spun.Store(x)
		})
	}
	wg.Wait()
	return time.Since(began).Seconds() * 1000
}

// noisy counts the rounds around which the machine was slower than at its best
// by more than a fifth.
func (m *measurement) noisy() int {
	if len(m.spins) == 0 {
		return 0
	}
	best, n := slices.Min(m.spins), 0
	for _, s := range m.spins {
		if s > best*1.2 {
			n++
		}
	}
	return n
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 0 {
		return (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return v[len(v)/2]
}

func geomean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

// runMatching runs the workloads whose name matches, and says whether there are
// any.
func (m *measurement) runMatching(match *regexp.Regexp, all []workload) (bool, error) {
	all = slices.DeleteFunc(all, func(w workload) bool { return !match.MatchString(w.name) })
	return len(all) > 0, m.run(all)
}

// printNoise warns of rounds that were disturbed.
func (m *measurement) printNoise(w io.Writer) {
	if n := m.noisy(); n > 0 {
		fmt.Fprintf(w, "\nThe machine was busy with something else around %d of %d rounds: do not trust small differences.\n", n, m.rounds)
	}
}
