package park

import (
	"time"

	"github.com/leat-go/leat/internal/seam"
)

var IsTest = isTest

// PatienceLimit returns how long a yield among others may take.
func PatienceLimit(others int) time.Duration {
	var p Patience
	p.Among(others)
	return p.limit()
}

// HabitYields returns in how many of n waits a goroutine yields before it
// sleeps, if it is always served meanwhile or never.
func HabitYields(n int, served bool) (yields int) {
	var h habit
	for range n {
		if h.begin() {
			yields++
			seam.Yield()
			h.end(served)
		}
	}
	return yields
}
