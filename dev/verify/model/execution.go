//go:build modelcheck

package model

import (
	"fmt"
	"math/bits"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/leat-go/leat/internal/seam"
)

// maxThreads is how many goroutines a run may have.
const maxThreads = 8

// Operations that only the model has.
const (
	opBegin seam.Op = 100 + iota
	opEnd
	opDrop
	opStart // a goroutine that has not begun
	opFire
)

// A thread is one goroutine of a run. Those fields that it writes itself are
// written and read out of the race detector's sight.
type thread struct {
	baton
	name     string
	step     seam.Step   // what it is about to do
	pcs      [16]uintptr // from where, if the run is traced
	answer   int
	ended    bool
	panicked any

	action          // step, with the objects numbered
	clock     clock // of the steps that happened before its next one
	awake     bool  // it stands in no Cond's list
	idle      int   // how often it has yielded while nobody changed anything
	waitsFrom int   // how many changes others had made when it came to yield
	made      int   // changes: steps after which others may find something else than before
}

// An execution is one run as the checker sees it. All but Step runs in the
// goroutine that explores.
type execution struct {
	e       *explorer
	run     uint64
	tracing bool
	threads []*thread
	current *thread // whose code runs, or nil if it is the checker's, or the program's before and after the goroutines
	forced  []choice
	chance  *chance
	depth   int  // nodes of path that were used
	pruned  bool // the rest was explored before: go on without adding to path

	objects  []object
	chans    map[<-chan struct{}]int32
	cleanups map[uintptr]func()
	drop     func()
	timers   []func()      // that have not fired
	fire     []func()      // that are to fire now
	timed    chan struct{} // closed when there was a timer
	steps    []record
	changes  int      // by all goroutines
	marks    [2]clock // of all beginnings, and of all returns
	prev     int
	preempts int

	choices  []choice
	trace    []string
	failure  string
	deadlock string // set if Options.Deadlocks makes it an ordinary end
	races    int
}

// A record is a step that was made.
type record struct {
	action
	thread int
	node   int // of path, or -1
	block  int // the last step up to this one before which another thread could go on for free: a first in a row, or a Yield
}

var runNumber atomic.Uint64

func newExecution(e *explorer, choices []choice, tracing bool) *execution {
	x := &execution{e: e, run: runNumber.Add(1), forced: choices, tracing: tracing, prev: -1, races: raceErrors(),
		steps: make([]record, 0, 128), objects: make([]object, 0, 32), timed: make(chan struct{})}
	if e.Random != nil && choices == nil {
		x.chance, x.pruned = newChance(e.Random, e.result.Longest), true
	}
	return x
}

// Step implements seam.Scheduler.
//
//go:norace
func (x *execution) Step(s seam.Step) int {
	t := x.current
	if t == nil {
		return x.alone(s)
	}
	t.step = s
	if x.tracing && !RaceEnabled { // whose report has the places, and which would report this
		runtime.Callers(2, t.pcs[:])
	}
	t.pause()
	return t.answer
}

// dropped returns what Drop is to do.
//
//go:norace
func (x *execution) dropped() func() { return x.drop }

// fired returns what Elapse is to do.
//
//go:norace
func (x *execution) fired() []func() { return x.fire }

// alone is Step for code that runs while no goroutine of the run does.
func (x *execution) alone(s seam.Step) int {
	switch s.Op {
	case seam.OpCleanup:
		x.setCleanup(s)
	case opDrop:
		x.drop = x.takeCleanup(s.Handle)
	case seam.OpTimer:
		x.setTimer(s)
	case opFire:
		x.fire, x.timers = x.timers, nil
	case seam.OpAwait:
		if ready(s.Chans[0]) {
			return 0
		}
		if ready(s.Chans[1]) {
			return 1
		}
		if s.Timed {
			return 2
		}
		panic(reported("the program waits where no goroutine can end the wait"))
	case seam.OpAwake:
		panic(reported("the program waits where no goroutine can end the wait"))
	}
	return 0
}

func (x *execution) setCleanup(s seam.Step) {
	if x.cleanups == nil {
		x.cleanups = make(map[uintptr]func())
	}
	x.cleanups[address(s.Handle)] = s.Func
}

func (x *execution) setTimer(s seam.Step) {
	x.timers = append(x.timers, s.Func)
	if !ready(x.timed) {
		close(x.timed)
	}
}

func (x *execution) takeCleanup(handle any) func() {
	f := x.cleanups[address(handle)]
	delete(x.cleanups, address(handle))
	return f
}

// try runs f, and makes a failure of a panic.
func (x *execution) try(f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			x.failure = explainPanic("", p)
		}
	}()
	f()
	return true
}

func explainPanic(who string, p any) string {
	if msg, ok := p.(reported); ok {
		return string(msg)
	}
	if who == "" {
		who = "the program"
	}
	return fmt.Sprintf("%s panics: %v\n%s", who, p, debug.Stack())
}

// start makes the goroutines.
func (x *execution) start(programs []goroutine) {
	for _, g := range programs {
		t := &thread{name: g.name, awake: true}
		t.action = action{op: opStart, a: -1, b: -1}
		x.threads = append(x.threads, t)
		t.baton.start(func() {
			defer t.end()
			g.f()
		})
	}
}

// end notes that the goroutine has returned, and how.
//
//go:norace
func (t *thread) end() {
	if p := recover(); p != nil {
		t.panicked = explainPanic(t.name, p)
	}
	t.ended = true
}

// loop makes step after step, until all goroutines have ended or something is
// wrong.
func (x *execution) loop() {
	for x.failure == "" {
		enabled := x.enabled()
		if enabled == 0 {
			if stuck := x.stuck(); stuck != "" {
				if x.deadlock = "deadlock: " + stuck; !x.e.Deadlocks {
					x.failure, x.deadlock = x.deadlock, ""
				}
				return
			}
			for _, t := range x.threads {
				t.joined()
			}
			break
		}
		if len(x.steps) >= x.e.Steps {
			x.failure = fmt.Sprintf("no end after %d steps", len(x.steps))
			return
		}
		x.make(x.choose(enabled))
	}
	if x.failure == "" && raceErrors() > x.races {
		x.failure = "data race: see the race detector's report above"
	}
}

// enabled returns the set of goroutines whose next step is possible.
func (x *execution) enabled() uint32 {
	var set, yielding uint32
	for i, t := range x.threads {
		switch {
		case t.ended || !x.possible(t):
		case t.op == seam.OpYield && t.idle >= x.e.Spins && x.changes-t.made == t.waitsFrom:
			yielding |= 1 << i
		default:
			set |= 1 << i
		}
	}
	if set == 0 {
		return yielding
	}
	return set
}

func (x *execution) possible(t *thread) bool {
	switch t.op {
	case seam.OpLock:
		return x.objects[t.a].owner == 0
	case seam.OpAwake:
		return t.awake
	case seam.OpAwait:
		return t.timed || ready(t.step.Chans[0]) || ready(t.step.Chans[1])
	}
	return true
}

// ready reports whether ch can be received from. Only the checker's code runs,
// so what it finds stays true.
func ready(ch <-chan struct{}) bool {
	if ch == nil {
		return false
	}
	if len(ch) > 0 {
		return true
	}
	select {
	case <-ch: // closed, for there was nothing in it
		return true
	default:
		return false
	}
}

// stuck tells who waits, or "" if nobody does.
func (x *execution) stuck() string {
	var waiting []string
	for _, t := range x.threads {
		if !t.ended {
			waiting = append(waiting, fmt.Sprintf("%s waits (%s)", t.name, t.op2()))
		}
	}
	return strings.Join(waiting, ", ")
}

// choose picks who goes on.
func (x *execution) choose(enabled uint32) int {
	t := x.simplest(enabled)
	if x.forced != nil {
		if len(x.choices) < len(x.forced) {
			t = x.forced[len(x.choices)].number
		}
		if t >= len(x.threads) || enabled>>t&1 == 0 {
			x.failure = "this schedule does not fit the program: it lets a goroutine go on that cannot"
			t = x.simplest(enabled)
		}
	} else if x.chance != nil {
		t = x.chance.next(enabled, len(x.steps))
	} else if !x.pruned {
		t = x.node(enabled, t)
	}
	x.choices = append(x.choices, choice{number: t})
	return t
}

// simplest lets the goroutine go on that made the last step, unless it yields.
func (x *execution) simplest(enabled uint32) int {
	if p := x.prev; p >= 0 {
		if enabled>>p&1 == 1 && !x.threads[p].lenient() {
			return p
		}
		if later := enabled >> (p + 1); later != 0 {
			return p + 1 + bits.TrailingZeros32(later)
		}
	}
	return bits.TrailingZeros32(enabled)
}

// node returns the choice of the next node of path, which it adds if it is not
// there, with t chosen.
func (x *execution) node(enabled uint32, t int) int {
	if x.depth < len(x.e.path) {
		n := &x.e.path[x.depth]
		x.depth++
		if n.enabled != enabled {
			panic("model: the program does not do the same each time")
		}
		return n.chosen
	}
	n := node{enabled: enabled, prev: x.prev, preempted: x.preempts, sleep: x.sleep()}
	n.free = x.prev >= 0 && x.threads[x.prev].lenient()
	if awake := enabled &^ n.sleep; awake == 0 {
		x.pruned = true
		return t
	} else if awake>>t&1 == 0 {
		t = bits.TrailingZeros32(awake)
	}
	n.chosen, n.explored, n.backtrack = t, 1<<t, 1<<t
	if x.e.Full {
		n.backtrack = enabled
	}
	x.e.path = append(x.e.path, n)
	x.depth++
	return t
}

// outcome picks one of n outcomes of a step.
func (x *execution) outcome(n int) int {
	k := 0
	switch {
	case x.forced != nil:
		if len(x.choices) < len(x.forced) {
			k = min(x.forced[len(x.choices)].number, n-1)
		}
	case x.chance != nil:
		k = x.e.Random.IntN(n)
	case x.pruned:
	case x.depth < len(x.e.path):
		k = x.e.path[x.depth].chosen
		x.depth++
	default:
		x.e.path = append(x.e.path, node{n: n})
		x.depth++
	}
	x.choices = append(x.choices, choice{number: k, outcome: true})
	return k
}

// make lets goroutine i do its step.
func (x *execution) make(i int) {
	t := x.threads[i]
	if p := x.prev; p >= 0 && p != i && !x.threads[p].ended && x.possible(x.threads[p]) && !x.threads[p].lenient() {
		x.preempts++
	}
	rec := record{action: t.action, thread: i, node: x.depth - 1, block: len(x.steps)}
	if x.pruned || x.forced != nil {
		rec.node = -1
	}
	if len(x.steps) > 0 && x.prev == i && !t.lenient() {
		rec.block = x.steps[len(x.steps)-1].block
	}
	x.steps = append(x.steps, rec)
	if t.changes() {
		t.idle = 0
		t.made++
		x.changes++
	}
	x.prev = i
	if x.tracing {
		x.trace = append(x.trace, x.describe(t))
	}
	x.happen(t, i)
	t.answer = x.effect(t, i)
	x.notePending(i)

	for {
		x.resume(t)
		if t.ended || !x.quiet(t) {
			break
		}
	}
	if t.ended {
		x.ended(t)
		return
	}
	x.resolve(t)
	x.race(i)
}

// resume lets t run up to its next step.
//
//go:norace
func (x *execution) resume(t *thread) {
	x.current = t
	t.baton.resume()
	x.current = nil
}

// quiet does an operation that is not a step, and reports whether t's was one.
func (x *execution) quiet(t *thread) bool {
	switch t.step.Op {
	case seam.OpCleanup:
		x.setCleanup(t.step)
	case opDrop:
		x.drop = x.takeCleanup(t.step.Handle)
	case seam.OpTimer:
		x.setTimer(t.step)
	case opFire:
		x.fire, x.timers = x.timers, nil
	case seam.OpRandom:
		t.answer = x.outcome(t.step.N)
	default:
		return false
	}
	return true
}

func (x *execution) ended(t *thread) {
	if t.panicked != nil {
		x.failure = t.panicked.(string)
	}
	if x.tracing {
		x.trace = append(x.trace, fmt.Sprintf("%10s  returns", t.name))
	}
}

// effect does to the checker's own state what t's step does, and returns its
// answer.
func (x *execution) effect(t *thread, i int) int {
	switch t.op {
	case seam.OpLock:
		x.objects[t.a].owner = i + 1
	case seam.OpUnlock:
		x.objects[t.a].owner = 0
	case seam.OpEnlist:
		t.awake = false
		x.objects[t.a].list = append(x.objects[t.a].list, i)
	case seam.OpSignal:
		if list := x.objects[t.a].list; len(list) > 0 {
			x.threads[list[0]].awake = true
			x.objects[t.a].list = list[1:]
		}
	case seam.OpAwait:
		var possible []int
		for k, is := range [3]bool{ready(t.step.Chans[0]), ready(t.step.Chans[1]), t.timed} {
			if is {
				possible = append(possible, k)
			}
		}
		if len(possible) == 1 {
			return possible[0]
		}
		return possible[x.outcome(len(possible))]
	case seam.OpYield:
		if x.changes-t.made > t.waitsFrom {
			t.idle = 0
		}
		t.idle++
	case opBegin, opEnd:
		return len(x.steps)
	}
	return 0
}
