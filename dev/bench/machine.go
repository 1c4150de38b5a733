package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A part is what the operations of all channels are made of. Parts are measured
// in each round, because the host may change what they cost from one minute to
// the next: the same cache line then takes 25 ns or 150 ns from core to core.
type part struct {
	title string
	run   func(n int)
	ns    []float64 // for one, round by round
}

func machineParts() []*part {
	parts := []*part{
		{title: "a locked instruction, on a line that the core has", run: lockedAdd},
		{title: "Lock and Unlock of a sync.Mutex", run: lockUnlock},
		{title: "an allocation of 16 bytes", run: allocate[[16]byte]},
		{title: "an allocation of 64 bytes", run: allocate[[64]byte]},
		{title: "an allocation of 128 bytes", run: allocate[[128]byte]},
	}
	if runtime.GOMAXPROCS(0) > 1 {
		parts = append(parts, &part{title: "a cache line, from one core to another", run: hop})
	}
	return parts
}

// measure adds a round: the median of many short runs, so that a core that is
// taken away in the middle of a hop does not count.
func (p *part) measure() {
	const runs, n = 20, 5000
	var ns []float64
	for range runs {
		began := time.Now()
		p.run(n)
		ns = append(ns, float64(time.Since(began).Nanoseconds())/n)
	}
	p.ns = append(p.ns, median(ns))
}

// hop has two goroutines, each on a core of its own, take turns to write one
// word.
func hop(n int) {
	var turn atomic.Int64
	play := func(first int64) {
		for i := first; i < int64(n); i += 2 {
			for turn.Load() != i {
			}
			turn.Store(i + 1)
		}
	}
	var other sync.WaitGroup
	other.Go(func() { play(1) })
	play(0)
	other.Wait()
}

func lockedAdd(n int) {
	var word atomic.Int64
	for range n {
		word.Add(1)
	}
}

func lockUnlock(n int) {
	var mu sync.Mutex
	held := 0
	for range n {
		mu.Lock()
		held++
		mu.Unlock()
	}
}

func allocate[T any](n int) {
	var keep atomic.Pointer[T] // so that each is on the heap
	for range n {
		keep.Store(new(T))
	}
}

// printMachine writes what the parts cost.
func (m *measurement) printMachine(w io.Writer) {
	fmt.Fprint(w,
		"\nThis machine, in the same rounds:\n\n| part | median | lowest..highest round |\n| --- | --- | --- |\n")
	for _, p := range m.machine {
		fmt.Fprintf(w, "| %s | %s | %s..%s |\n", p.title, nanoseconds(median(p.ns)), nanoseconds(slices.Min(p.ns)),
			nanoseconds(slices.Max(p.ns)))
	}
}
