// Package fanout holds what the channels share whose receivers each see every
// value: the receivers, the goroutines that wait in them, and their gates.
//
// The channel's mutex guards everything here; the caller of every function and
// method holds it.
package fanout

import "github.com/leat-go/leat/internal/park"

// A Cursor is what a channel knows of one receiver. It is apart from the
// receiver's handle, so that the channel does not keep a dropped handle alive.
// A kind's cursor embeds a Place.
type Cursor[C any] interface {
	comparable

	// At returns the cursor's Place.
	At() *Place

	// OpenGate opens the gate: for one receive, or for good if final. It
	// reports whether it did. On behalf of the garbage collector it leaves a
	// gate in a testing/synctest bubble as it is.
	OpenGate(final, gc bool) bool
}

// A Place is where one cursor is on the lists of its channel. Its zero value is
// on none.
type Place struct {
	listed  int // index in the channel's List, plus 1
	armed   int // index in the list of armed gates, plus 1
	Waiters park.Handle
}

// Alone reports whether no goroutine waits in the receiver, other than in a
// case of s. s may be nil.
func (p *Place) Alone(s *park.Selection) bool {
	for w := p.Waiters.First(); w != nil; w = w.NextOfHandle() {
		switch {
		case w.Of(s):
			return true // those before it were looked at when it came
		case !w.Stale():
			return false
		}
	}
	return true
}

// A List holds cursors in no particular order. Its zero value is empty.
type List[C Cursor[C]] struct{ all []C }

// Len returns how many cursors there are.
func (l *List[C]) Len() int { return len(l.all) }

// All returns the cursors. The caller does not change the slice, and does not
// use it after the mutex is unlocked.
func (l *List[C]) All() []C { return l.all }

// Add puts c, which is on no List, on l.
func (l *List[C]) Add(c C) {
	l.all = append(l.all, c)
	c.At().listed = len(l.all)
}

// Remove takes c, which is on l, off l.
func (l *List[C]) Remove(c C) {
	l.all = remove(l.all, c.At().listed, func(last C) *int { return &last.At().listed })
	c.At().listed = 0
}

// remove puts the last element of all in the place of number at, counted from
// 1, and notes its new place.
func remove[C any](all []C, at int, place func(C) *int) []C {
	last := len(all) - 1
	all[at-1] = all[last]
	*place(all[at-1]) = at
	clear(all[last:])
	return all[:last]
}

// Waiting holds the receivers to notify when a value or the end comes: those in
// which a goroutine waits, and those whose gate is armed. Its zero value holds
// none.
type Waiting[C Cursor[C]] struct {
	Queue park.Queue
	armed []C
}

// None reports whether nobody is to be notified.
func (n *Waiting[C]) None() bool { return n.Queue.Len() == 0 && len(n.armed) == 0 }

// Arm has Notify open c's gate.
func (n *Waiting[C]) Arm(c C) {
	if c.At().armed == 0 {
		n.armed = append(n.armed, c)
		c.At().armed = len(n.armed)
	}
}

// Notify takes all waiting goroutines out of the queue, for wk to wake, and
// opens all armed gates: for good if final. On behalf of the garbage collector
// it leaves those in a testing/synctest bubble as they are.
func (n *Waiting[C]) Notify(wk *park.Wakes, final, gc bool) {
	for w := n.Queue.Front(); w != nil; {
		next := w.Next()
		if !(gc && w.Bubbled()) {
			n.serve(w, wk)
		}
		w = next
	}
	still := n.armed[:0]
	for _, c := range n.armed {
		if c.OpenGate(final, gc) {
			c.At().armed = 0
		} else {
			still = append(still, c)
			c.At().armed = len(still)
		}
	}
	clear(n.armed[len(still):])
	n.armed = still
}

// Leave takes c's waiting goroutines out of the queue, for wk to wake, and
// disarms its gate.
func (n *Waiting[C]) Leave(c C, wk *park.Wakes) {
	p := c.At()
	for w := p.Waiters.First(); w != nil; w = p.Waiters.First() {
		n.serve(w, wk)
	}
	if p.armed > 0 {
		n.armed = remove(n.armed, p.armed, func(last C) *int { return &last.At().armed })
		p.armed = 0
	}
}

// serve takes w out of the queue, and adds it to wk unless it is stale.
func (n *Waiting[C]) serve(w *park.Waiter, wk *park.Wakes) {
	n.Queue.Remove(w)
	if w.Claim() {
		wk.Add(w)
	}
}
