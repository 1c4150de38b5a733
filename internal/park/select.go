package park

import (
	"fmt"
	"runtime/trace"
	"strings"

	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/seam"
)

// A Selection is one goroutine that waits in several queues at once, of which
// one serves it. Each of its waiters stands in a channel's queue like any
// other. But a goroutine that wants to serve one of them must claim the
// Selection first, because another channel may be about to serve another of its
// waiters. A claim is final: the claimer serves the waiter and wakes it. A
// waiter whose Selection is claimed by another is stale: it is removed from its
// queue and passed over.
//
// # Use again
//
// A Selection may be used for one wait after another, by Begin, once all of its
// waiters have left their queues. Nobody refers to it then. A goroutine finds
// it through a waiter in a queue, and with the queue's mutex held; only the
// claimer of a waiter goes on after it has removed the waiter and released the
// mutex, to wake it. For that one the selecting goroutine waits: Wake sets
// served under mu and does nothing after it but close ch or signal cond, and
// both happen before the sleeper's return from the sleep that they end.
type Selection struct {
	id      uint64 // gives two Selections an order in which to be locked
	bubbled bool

	mu     seam.Mutex // taken under a channel's mutex, and never the other way round
	chosen int        // index of the waiter that was claimed, or unclaimed
	served bool       // the claimed waiter was woken
	ch     chan struct{}
	cond   seam.Cond // for Sleep

	// What the selecting goroutine waits for on named channels, while the
	// program is traced. That goroutine alone uses them.
	labels []string

	// Patience is the selecting goroutine's, and stays with s from one wait to
	// the next. It may be used at any time.
	Patience Patience
}

// Nothing is what a Selection is claimed for when no case shall be chosen any
// more.
const Nothing = -2

const unclaimed = -1

var lastID seam.Uint64

// NewSelection returns a Selection that has begun.
func NewSelection() *Selection {
	s := new(Selection)
	s.Begin()
	return s
}

// Begin makes s unclaimed, for a wait of the calling goroutine. None of its
// waiters is in a queue.
func (s *Selection) Begin() {
	if s.id == 0 {
		s.id = lastID.Add(1)
		s.cond.L = &s.mu
	}
	s.chosen, s.served, s.ch, s.labels, s.bubbled = unclaimed, false, nil, nil, InBubble()
}

// Claim claims s for case i, and reports whether it was unclaimed until now.
// The selecting goroutine claims its own Selection, too, before it does
// anything that ends the wait: for a case, or for Nothing.
func (s *Selection) Claim(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chosen != unclaimed {
		return false
	}
	s.chosen = i
	return true
}

// Chosen returns the case for which s was claimed, or a negative number.
func (s *Selection) Chosen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen
}

// maxLabels bounds the name of a Selection's region.
const maxLabels = 8

// BeginRegion begins a region of the execution trace that names the channels
// that s waits on. The selecting goroutine calls it when it has entered all
// queues, and calls End on the result before it begins s again. The result is
// nil if the program is not traced, or if no channel has a name.
func (s *Selection) BeginRegion() *trace.Region {
	if s.labels == nil {
		return nil
	}
	label, more := s.labels, ""
	if len(label) > maxLabels {
		label, more = label[:maxLabels], fmt.Sprintf(", and %d more", len(label)-maxLabels)
	}
	return meter.BeginRegion("selects: " + strings.Join(label, ", ") + more)
}

// Sleep blocks until a waiter of s was served.
func (s *Selection) Sleep() {
	s.mu.Lock()
	for !s.served {
		s.cond.Wait()
	}
	s.mu.Unlock()
}

// Served returns a channel that is closed when a waiter of s is served; or nil,
// and true, if one was. The channel is made when first asked for.
func (s *Selection) Served() (ch <-chan struct{}, served bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served {
		return nil, true
	}
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch, false
}

// wake wakes the selecting goroutine. The caller has claimed s and served the
// waiter that it claimed it for.
func (s *Selection) wake() {
	s.mu.Lock()
	s.served = true
	ch := s.ch
	if ch == nil {
		s.cond.Signal()
	}
	s.mu.Unlock()
	if ch != nil {
		seam.Close(ch)
	}
}

// Enter puts w last in q, to wait for case i of s, and does not sleep: the
// Selection's goroutine sleeps later, when it has entered all queues. The mutex
// that guards q is held.
func (q *Queue) Enter(w *Waiter, s *Selection, i int) {
	w.sel, w.index, w.bubbled = s, i, s.bubbled
	if w.Stamp != nil && meter.Tracing() {
		s.labels = append(s.labels, w.Stamp.Label())
	}
	w.far = w
	if before := q.tail; before != nil && before.sel == s {
		first := before.far
		first.far, w.far = w, first
	}
	q.push(w)
}

// SkipRun returns the first waiter after w's run, or nil. A run is all waiters
// of one Selection that stand one after the other. A waiter that is in no
// Selection is a run by itself.
//
// One waiter of a run can be served with a partner if and only if each can, so
// a search passes a whole run in one step. From the first waiter of a run, that
// step costs the same however many waiters the run has: its two ends know each
// other.
func (w *Waiter) SkipRun() *Waiter {
	if w.sel == nil {
		return w.next
	}
	if w.prev == nil || w.prev.sel != w.sel {
		return w.far.next
	}
	next := w.next
	for next != nil && next.sel == w.sel {
		next = next.next
	}
	return next
}

// leaveRun keeps the ends of runs right when w, which still stands in its
// queue, is about to be taken out.
func (w *Waiter) leaveRun() {
	before, after := w.prev, w.next
	first := before == nil || before.sel != w.sel
	last := after == nil || after.sel != w.sel
	switch {
	case w.sel == nil || first && last:
		// The runs on both sides of w become neighbours, and so perhaps one.
		if before != nil && after != nil && before.sel != nil && before.sel == after.sel {
			first, last := before.far, after.far
			first.far, last.far = last, first
		}
	case first:
		after.far, w.far.far = w.far, after
	case last:
		before.far, w.far.far = w.far, before
	}
}

// Claim claims the right to serve w, which must then be served. It is always
// granted for a waiter outside of a Selection. If it is not granted, w is
// stale. The mutex that guards w's queue is held.
func (w *Waiter) Claim() bool { return w.sel == nil || w.sel.Claim(w.index) }

// Stale reports whether w's Selection is claimed for something else, so that
// nobody will serve w. The mutex that guards w's queue is held, and w is in it.
func (w *Waiter) Stale() bool { return w.sel != nil && w.sel.Chosen() != unclaimed }

// Selection returns the Selection that w is a case of, or nil.
func (w *Waiter) Selection() *Selection { return w.sel }

// Of reports whether w is a case of s, which may be nil.
func (w *Waiter) Of(s *Selection) bool { return s != nil && w.sel == s }

// PairWith claims w and s together, s for its case i, to serve them with each
// other, or neither. It reports which of them are not stale; it has claimed
// them if both are not. The calling goroutine is the one of s; s is nil if that
// goroutine is in no Select. w must not be a case of s.
func PairWith(s *Selection, i int, w *Waiter) (sLives, wLives bool) {
	return pair(s, i, w.sel, w.index)
}

// pair claims a for case i and b for case k, or neither. Either may be nil.
func pair(a *Selection, i int, b *Selection, k int) (aLives, bLives bool) {
	switch {
	case a == nil && b == nil:
		return true, true
	case a == nil:
		return true, b.Claim(k)
	case b == nil:
		return a.Claim(i), true
	}
	// Two goroutines that pair the same two Selections on different channels
	// lock them in the same order.
	first, second := a, b
	if first.id > second.id {
		first, second = second, first
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	aLives, bLives = a.chosen == unclaimed, b.chosen == unclaimed
	if aLives && bLives {
		a.chosen, b.chosen = i, k
	}
	return aLives, bLives
}
