package leak_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat/internal/leak"
)

// counter counts how often a handle was found.
type counter struct{ found atomic.Int32 }

func (c *counter) Dropped() { c.found.Add(1) }

type handle struct {
	guard leak.Guard
	next  *handle
}

//go:noinline
func watched(c *counter) *handle {
	h := new(handle)
	h.guard.Watch(h, c)
	return h
}

// Guards go through the pool many times. It fails if a handle that was dropped
// is not found, or is found twice; if one that was released is found, be it
// because another handle got its guard or because the pool was emptied; or if
// one that is held is found.
func TestGuardsAreUsedAgain(t *testing.T) {
	const n = 1000
	released, dropped, held := make([]counter, n), make([]counter, n), make([]counter, n)
	var keep *handle
	for i := range n {
		a := watched(&released[i])
		h := watched(&held[i])
		h.next, keep = keep, h
		a.guard.Release(a)
		a.guard.Release(a) // does nothing
		watched(&dropped[i])
	}
	for i := range dropped {
		for dropped[i].found.Load() == 0 {
			runtime.GC()
		}
	}
	for range 5 { // which empties the pool
		runtime.GC()
	}
	for i := range n {
		if r, d, h := released[i].found.Load(), dropped[i].found.Load(), held[i].found.Load(); r != 0 || d != 1 || h != 0 {
			t.Fatalf("round %d: a released handle was found %d times, a dropped one %d times, a held one %d times", i, r, d, h)
		}
	}
	runtime.KeepAlive(keep)
}

// It fails if a handle that told another target is found as what it was before.
func TestTell(t *testing.T) {
	var first, second counter
	h := watched(&first)
	h.guard.Tell(&second)
	h = nil
	for second.found.Load() == 0 {
		runtime.GC()
	}
	if first.found.Load() != 0 {
		t.Error("the earlier target was notified")
	}
}

// It fails if a watch that uses a guard again allocates.
func TestNoAllocation(t *testing.T) {
	var c counter
	h := new(handle)
	n := testing.AllocsPerRun(10000, func() {
		h.guard.Watch(h, &c)
		h.guard.Release(h)
	})
	if n > 2 { // with -race, a sync.Pool forgets a quarter of what it gets
		t.Errorf("Watch and Release: %v allocations", n)
	}
}
