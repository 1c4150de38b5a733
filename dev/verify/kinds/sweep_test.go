//go:build modelcheck

package kinds

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/script"
	"github.com/leat-go/leat/internal/fifo"
)

var (
	sweep = flag.Duration("sweep", 0, "for so long, search programs that are made of all calls, in random order: all small ones, and samples of bigger ones")
	seed  = flag.Uint64("seed", 1, "seed of that order")
)

// Programs that somebody thought of have the mistakes that somebody thought of.
// It fails as TestEveryInterleaving does.
func TestSweep(t *testing.T) {
	if *sweep == 0 {
		t.Skip("it has no end; run it with -sweep and a time")
	}
	fifo.SegmentSize = 2
	r := rand.New(rand.NewPCG(*seed, 0))
	var small []*script.Program
	var kinds []string
	for kind := range script.Kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		for _, capacity := range script.Kinds[kind].Capacities {
			small = append(small, script.Every(kind, capacity)...)
		}
	}
	r.Shuffle(len(small), func(i, j int) { small[i], small[j] = small[j], small[i] })
	o := model.Options{Random: r, Schedules: 300}
	programs, schedules, failed := 0, 0, 0
	begun := time.Now()
	reported := begun
	for time.Since(begun) < *sweep && failed < 20 {
		var p *script.Program
		if i := programs / 2; programs%2 == 0 && i < len(small) {
			p = small[i]
		} else {
			kind := kinds[r.IntN(len(kinds))]
			capacities := script.Kinds[kind].Capacities
			p = script.Sample(r, kind, capacities[r.IntN(len(capacities))])
		}
		programs++
		result := model.Explore(o, Model(p))
		schedules += result.Schedules
		if result.Failure != nil {
			failed++
			t.Errorf("with -program %s: %v", p.Name(), result.Failure)
		}
		if time.Since(reported) > time.Minute {
			reported = time.Now()
			t.Logf("%v: %d programs, of which %d of the %d small ones, %d runs", time.Since(begun).Round(time.Second), programs, min((programs+1)/2, len(small)), len(small), schedules)
		}
	}
	t.Logf("%d programs, of which %d of the %d small ones, %d runs", programs, min((programs+1)/2, len(small)), len(small), schedules)
}
