//go:build modelcheck

package kinds

import (
	"fmt"
	"testing"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/script"
	"github.com/leat-go/leat/internal/fifo"
	"github.com/leat-go/leat/internal/seam"
)

// origins are numbers of a first value such that the next ones are no longer
// what a narrower or a signed type could hold; and the last that each kind can
// come to: see the packages.
var origins = map[string][]uint64{
	"mpsc":      {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"mpmc":      {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"mpsc2":     {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"mpmc2":     {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"broadcast": {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"lossless":  {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"patient":   {1<<31 - 2, 1<<32 - 2, 1<<60 - 2, 1<<61 - 32},
	"watch":     {1<<31 - 2, 1<<32 - 2, 1<<63 - 2, 1<<64 - 2},
}

// It fails if a kind does something else when it has carried so many values
// that their numbers have become large.
func TestLargeNumbers(t *testing.T) {
	fifo.SegmentSize = 2
	defer func() { seam.Origin = 0 }()
	programs, schedules := 0, 0
	for _, c := range Cases() {
		if len(c.Words) > 2 { // it is the numbers that matter, not who else is there
			continue
		}
		for _, origin := range origins[c.Kind] {
			t.Run(fmt.Sprintf("%s/%d", c.Name(), origin), func(t *testing.T) {
				seam.Origin = origin
				replay(t, c)
				r := model.Explore(model.Options{Preemptions: model.AtMost(max(*preemptions, 1)), Schedules: *limit / 10}, Model(c))
				programs++
				schedules += r.Schedules
				if r.Failure != nil {
					t.Fatal(r.Failure)
				}
			})
		}
	}
	t.Logf("%d programs, %d schedules", programs, schedules)
}

// It fails if a kind has no origin to begin at, and has values that it numbers.
func TestOrigins(t *testing.T) {
	for kind := range script.Kinds {
		if origins[kind] == nil && kind != "oneshot" {
			t.Errorf("%s is not begun at large numbers", kind)
		}
	}
}
