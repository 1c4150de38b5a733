package park_test

import (
	"testing"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// It fails if a goroutine goes on yielding though that never helps, or never
// tries again.
func TestPatienceLearns(t *testing.T) {
	var p park.Patience
	const waits = 100_000
	yields := 0
	for range waits {
		if p.Yields() {
			seam.Yield()
			yields++
			p.Learn(false)
		}
	}
	if yields < waits/5000 || yields > waits/50 {
		t.Errorf("yielded %d times in %d waits, in none of which it helped; want it rare, but not given up", yields, waits)
	}
	for range waits {
		if p.Yields() {
			seam.Yield()
			p.Learn(true)
		}
	}
	var early park.Patience
	if !early.Yields() {
		t.Error("a new one does not yield")
	}
}

// It fails if a yield among many receivers, which takes as long as their turns,
// counts as too long, or if any number of them lets it take for ever.
func TestPatienceAmongOthers(t *testing.T) {
	alone, among, most := park.PatienceLimit(0), park.PatienceLimit(99), park.PatienceLimit(1_000_000)
	if among < alone+100*time.Microsecond || most > time.Millisecond {
		t.Errorf("a yield may take %v, among 99 others %v, and among a million %v", alone, among, most)
	}
}

// It fails if a goroutine goes on yielding before its sleep though it is never
// served meanwhile, never tries again, or gives up though it is served.
func TestHabitLearns(t *testing.T) {
	const waits = 100_000
	if yields := park.HabitYields(waits, false); yields < waits/5000 || yields > waits/50 {
		t.Errorf("yielded %d times in %d waits, in none of which it was served; want it rare, but not given up",
			yields, waits)
	}
	if yields := park.HabitYields(1000, true); yields < 64 { // on a busy machine the yields take long
		t.Errorf("yielded %d times in 1000 waits, in all of which it was served", yields)
	}
}
