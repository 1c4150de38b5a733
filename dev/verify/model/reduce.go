//go:build modelcheck

package model

import "github.com/leat-go/leat/internal/seam"

// An action is a step with its objects numbered.
type action struct {
	op   seam.Op
	a, b int32 // -1: none
	aw   bool  // the step changes a, or takes something from it
	bw   bool

	timed bool // an Await that a timer may end
}

// lenient reports whether the goroutine that is about to make the step lets
// others go first for free.
func (s *action) lenient() bool { return s.op == seam.OpYield || s.timed }

// changes reports whether others may find something else after the step than
// before. A goroutine that goes round a loop until something changes makes only
// steps that do not.
func (s *action) changes() bool {
	return s.op != seam.OpYield && s.op != seam.OpLoad && s.op < opBegin
}

// An object is a Mutex, a Cond, an atomic or a channel.
type object struct {
	owner int   // of a Mutex: its holder, plus one
	list  []int // of a Cond: the waiting goroutines
	write clock // of all steps that changed it
	read  clock // of all steps that looked at it
}

// A clock counts, for each goroutine, the steps that happened before something:
// the number of the last of them.
type clock [maxThreads]int32

func (c *clock) join(d *clock) {
	for i := range c {
		c[i] = max(c[i], d[i])
	}
}

// resolve numbers the objects of what t is about to do.
func (x *execution) resolve(t *thread) {
	op := t.step.Op
	t.action = action{op: op, a: -1, b: -1, aw: op != seam.OpLoad, bw: true, timed: t.step.Timed}
	switch {
	case t.step.Object != nil:
		t.a = x.number(t.step.Object)
	case op == seam.OpYield:
		t.waitsFrom = x.changes - t.made
	default:
		t.a, t.b = x.channel(t.step.Chans[0]), x.channel(t.step.Chans[1])
		if op == seam.OpAwait { // which takes something from a channel that holds something, and looks at others
			t.aw, t.bw = cap(t.step.Chans[0]) > 0, cap(t.step.Chans[1]) > 0
		}
	}
}

//go:norace
func (x *execution) number(o *seam.Object) int32 {
	if o.Run != x.run {
		o.Run, o.ID = x.run, int32(len(x.objects))
		x.objects = append(x.objects, object{})
	}
	return o.ID
}

func (x *execution) channel(ch <-chan struct{}) int32 {
	if ch == nil {
		return -1
	}
	id, ok := x.chans[ch]
	if !ok {
		if x.chans == nil {
			x.chans = make(map[<-chan struct{}]int32)
		}
		id = int32(len(x.objects))
		x.objects = append(x.objects, object{})
		x.chans[ch] = id
	}
	return id
}

// touches reports whether s uses o, and whether it changes it.
func (s *action) touches(o int32) (uses, changes bool) {
	switch {
	case o < 0:
		return false, false
	case s.a == o:
		return true, s.aw
	case s.b == o:
		return true, s.bw
	}
	return false, false
}

// dependent reports whether the order of s and p matters, if they are next to
// each other.
func dependent(s, p *action) bool {
	if s.op >= opBegin || p.op >= opBegin {
		return s.op == opBegin && p.op == opEnd || s.op == opEnd && p.op == opBegin
	}
	for _, side := range [2]struct {
		o int32
		w bool
	}{{s.a, s.aw}, {s.b, s.bw}} {
		if uses, changes := p.touches(side.o); uses && (changes || side.w) {
			return true
		}
	}
	return false
}

// reversible reports whether p might have been done before s, which was done:
// they are dependent, and there can be a state in which both are possible. An
// Unlock and a Lock of the same Mutex, or a Signal and what it wakes, never
// are.
func reversible(s, p *action) bool {
	switch p.op {
	case seam.OpUnlock, seam.OpAwake:
		return false
	case seam.OpLock:
		return s.op == seam.OpLock && s.a == p.a
	case seam.OpAwait:
		if s.op == seam.OpClose && (p.a < 0 || p.b < 0) && !p.aw && !p.bw && !p.timed {
			return false // nothing but this Close lets it go on
		}
	}
	return s.op != seam.OpAwake && s.op != seam.OpUnlock && dependent(s, p)
}

// happen moves the clocks of t, goroutine i, and of what it touches over its
// step.
func (x *execution) happen(t *thread, i int) {
	visit := func(id int32, write bool) {
		if id < 0 {
			return
		}
		o := &x.objects[id]
		t.clock.join(&o.write)
		if write {
			t.clock.join(&o.read)
		}
	}
	visit(t.a, t.aw)
	visit(t.b, t.bw)
	switch t.op {
	case opBegin:
		t.clock.join(&x.marks[1])
	case opEnd:
		t.clock.join(&x.marks[0])
	}
	t.clock[i] = int32(len(x.steps))
	leave := func(id int32, write bool) {
		if id < 0 {
			return
		}
		if write {
			x.objects[id].write.join(&t.clock)
		} else {
			x.objects[id].read.join(&t.clock)
		}
	}
	leave(t.a, t.aw)
	leave(t.b, t.bw)
	switch t.op {
	case opBegin:
		x.marks[0].join(&t.clock)
	case opEnd:
		x.marks[1].join(&t.clock)
	}
}

// notePending adds the reversals of the step that goroutine i has just made
// with what others are about to do.
func (x *execution) notePending(i int) {
	if x.e.Full || x.forced != nil || x.pruned {
		return
	}
	last := len(x.steps) - 1
	for j, t := range x.threads {
		if j != i && !t.ended && reversible(&x.steps[last].action, &t.action) {
			x.backtrack(last, j)
		}
	}
}

// race adds the reversals of what goroutine i is about to do with the last such
// step of each other goroutine that did not happen before.
func (x *execution) race(i int) {
	if x.e.Full || x.forced != nil || x.pruned {
		return
	}
	t := x.threads[i]
	found := uint32(1) << i
	for k := len(x.steps) - 1; k >= 0; k-- {
		s := &x.steps[k]
		switch {
		case found>>s.thread&1 == 1:
		case int32(k) < t.clock[s.thread]:
			found |= 1 << s.thread // it happened before, and so did all before it
		case reversible(&s.action, &t.action):
			found |= 1 << s.thread
			x.backtrack(k, i)
		}
		if found == 1<<len(x.threads)-1 {
			return
		}
	}
}

// backtrack has goroutine j tried in the place of step k.
func (x *execution) backtrack(k, j int) {
	x.tryInstead(k, j)
	if x.e.bounded() {
		x.tryInstead(x.steps[k].block, j) // where it costs no preemption
	}
}

func (x *execution) tryInstead(k, j int) {
	if x.steps[k].node < 0 {
		return
	}
	n := &x.e.path[x.steps[k].node]
	if n.enabled>>j&1 == 1 {
		n.backtrack |= 1 << j
	} else {
		n.backtrack |= n.enabled
	}
}

// sleep returns the goroutines that need not be chosen now: their next steps
// were tried before, and nothing that depends on them was done since.
func (x *execution) sleep() uint32 {
	if x.e.Full || x.e.bounded() || len(x.steps) == 0 {
		return 0
	}
	last := &x.steps[len(x.steps)-1]
	n := &x.e.path[last.node]
	var set uint32
	for j, t := range x.threads {
		asleep := n.sleep | n.explored&^(1<<last.thread)
		if asleep>>j&1 == 1 && t.op != seam.OpYield && !dependent(&last.action, &t.action) {
			set |= 1 << j
		}
	}
	return set
}
