//go:build modelcheck

package kinds

import (
	"flag"
	"os"
	"testing"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/script"
	"github.com/leat-go/leat/internal/fifo"
)

var (
	program     = flag.String("program", "", "explore this program alone, as mpmc_1/ss_rr, whether it is among the cases or not")
	preemptions = flag.Int("preemptions", -1, "explore runs with at most so many preemptions; without a bound, all")
	limit       = flag.Int("schedules", 10_000, "explore at most so many schedules of a program without a bound; of a bigger program, all with one preemption and so many with two; 0 is without a limit")
)

// replay runs c by the schedule that LEAT_SCHEDULE holds, if any, and ends the
// test.
func replay(t *testing.T, c *script.Program) {
	schedule := os.Getenv("LEAT_SCHEDULE")
	if schedule == "" {
		return
	}
	f, err := model.Replay(model.Options{}, Model(c), schedule)
	if err != nil || f != nil {
		t.Fatal(err, f)
	}
	t.Skip("this schedule does not fail any more")
}

// programs are those to be explored.
func programs(t *testing.T) []*script.Program {
	if *program == "" {
		return Cases()
	}
	p, err := script.Parse(*program)
	if err != nil {
		t.Fatal(err)
	}
	return []*script.Program{p}
}

// It fails if a program has a run that deadlocks, panics, does not end, or has
// a history that is none of its kind's.
func TestEveryInterleaving(t *testing.T) {
	fifo.SegmentSize = 2
	var schedules, unproved int
	all := programs(t)
	for _, c := range all {
		t.Run(c.Name(), func(t *testing.T) {
			replay(t, c)
			o := model.Options{Schedules: *limit, Progress: func(r model.Result) { t.Log(r) }}
			if *preemptions >= 0 {
				o.Preemptions = model.AtMost(*preemptions)
			}
			r := model.Explore(o, Model(c))
			if *preemptions < 0 && r.Failure == nil && !r.Complete {
				// Most mistakes need one preemption in the right place, and one
				// is possible in so few that all are tried.
				for _, next := range []model.Options{
					{Preemptions: model.AtMost(1), Progress: o.Progress},
					{Preemptions: model.AtMost(2), Progress: o.Progress, Schedules: *limit},
				} {
					if r.Failure == nil {
						t.Logf("%v: %v", o.Preemptions, r)
						schedules += r.Schedules
						o = next
						r = model.Explore(o, Model(c))
					}
				}
			}
			schedules += r.Schedules
			t.Logf("%v: %v", o.Preemptions, r)
			if r.Failure != nil {
				t.Fatal(r.Failure)
			}
			if !r.Complete || o.Preemptions != model.Unbounded {
				unproved++
			}
		})
	}
	t.Logf("%d programs, %d schedules; %d programs not in every interleaving", len(all), schedules, unproved)
}
