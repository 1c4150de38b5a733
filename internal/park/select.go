package park

import "github.com/leat-go/leat/internal/seam"

// A Selection is one goroutine that waits in several queues at once, of which one serves it. Each of its waiters stands in
// a channel's queue like any other; but who wants to serve one must claim the Selection first, because another channel
// may be about to serve another of its waiters. A claim is final: who claims, serves, and wakes the waiter. A waiter whose Selection
// is claimed by somebody else is stale: it is taken out of the queue and passed over.
//
// A Selection is made by the goroutine that is about to wait, and used once.
type Selection struct {
	id      uint64 // gives two Selections an order in which to be locked
	bubbled bool
	ch      chan struct{} // closed when served

	mu     seam.Mutex // taken under a channel's mutex, and never the other way round
	chosen int        // index of the waiter that was claimed, or unclaimed
}

// Nothing is what a Selection is claimed for when no case shall be chosen any more.
const Nothing = -2

const unclaimed = -1

var lastID seam.Uint64

// NewSelection returns a Selection that nobody has claimed.
func NewSelection() *Selection {
	return &Selection{id: lastID.Add(1), bubbled: InBubble(), ch: make(chan struct{}), chosen: unclaimed}
}

// Claim claims s for case i, and reports whether it was unclaimed until now. The selecting goroutine claims its own Selection, too,
// before it does anything that ends the wait: for a case, or for Nothing.
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

// Served returns a channel that is closed when a waiter of s was served. If the selecting goroutine did not claim s itself, and
// somebody did, that will be soon.
func (s *Selection) Served() <-chan struct{} { return s.ch }

// Enter puts w last in q, to wait for case i of s, and does not sleep: the Selection's goroutine sleeps later, when it has entered
// all queues. The mutex that guards q is held.
func (q *Queue[P]) Enter(w *Waiter[P], s *Selection, i int) {
	w.sel, w.index, w.bubbled = s, i, s.bubbled
	q.push(w)
}

// Claim claims the right to serve w, which must then be served. It is always granted for a waiter outside of a Selection. If it
// is not granted, w is stale. The mutex that guards w's queue is held.
func (w *Waiter[P]) Claim() bool { return w.sel == nil || w.sel.Claim(w.index) }

// Stale reports whether w's Selection is claimed for something else, so that nobody will serve w. The mutex that guards w's queue is held,
// and w is in it.
func (w *Waiter[P]) Stale() bool { return w.sel != nil && w.sel.Chosen() != unclaimed }

// Repeats reports whether another case of w's Selection stands before w in the queue.
func (w *Waiter[P]) Repeats() bool {
	for b := w.prev; w.sel != nil && b != nil; b = b.prev {
		if b.sel == w.sel {
			return true
		}
	}
	return false
}

// Selection returns the Selection that w is a case of, or nil.
func (w *Waiter[P]) Selection() *Selection { return w.sel }

// Of reports whether w is a case of s, which may be nil.
func (w *Waiter[P]) Of(s *Selection) bool { return s != nil && w.sel == s }

// Pair claims a and b together, to serve them with each other, or neither. It reports which of them are not stale; it has
// claimed them if both are not. They must not be of the same Selection.
func Pair[P, Q any](a *Waiter[P], b *Waiter[Q]) (aLives, bLives bool) {
	switch {
	case a.sel == nil && b.sel == nil:
		return true, true
	case a.sel == nil:
		return true, b.Claim()
	case b.sel == nil:
		return a.Claim(), true
	}
	// Two goroutines that pair the same two Selections on different channels lock them in the same order.
	first, second := a.sel, b.sel
	if first.id > second.id {
		first, second = second, first
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	aLives, bLives = a.sel.chosen == unclaimed, b.sel.chosen == unclaimed
	if aLives && bLives {
		a.sel.chosen, b.sel.chosen = a.index, b.index
	}
	return aLives, bLives
}

// PairWith is Pair of w and the goroutine of s itself, which is awake and looks for a partner for its case i. If s is nil, the
// goroutine is in no Select.
func PairWith[P any](s *Selection, i int, w *Waiter[P]) (sLives, wLives bool) {
	if s == nil {
		return true, w.Claim()
	}
	return Pair(&Waiter[struct{}]{sel: s, index: i}, w)
}

// An Arm is one case of a Select, as its channel implements it. One goroutine uses it.
type Arm interface {
	// Try does the operation if that is possible without waiting, and reports whether it did. A closed channel counts as possible.
	Try() bool

	// Enter claims s for case i and does the operation, if both are possible at once, and reports whether it has claimed. If the
	// operation is not possible it puts a waiter into the channel's queue. If s is claimed already, it does neither or only the latter.
	Enter(s *Selection, i int) bool

	// Leave takes the waiter out of the queue if it is still there.
	Leave()

	// Finish ends the operation after s was claimed for it, by whoever served its waiter. If it turns out to be impossible after all,
	// which only some channels know, the result is ErrEmpty, and Select starts again.
	Finish()
}

// A RecvArm is an Arm that receives.
type RecvArm[T any] interface {
	Arm
	Result() (T, error) // of the operation that was done
}

// A SendArm is an Arm that sends.
type SendArm interface {
	Arm
	Result() error // of the operation that was done
}

// A Receiver can be received from in a Select.
type Receiver[T any] interface{ RecvArm() RecvArm[T] }

// A Sender can be sent to in a Select.
type Sender[T any] interface{ SendArm(v T) SendArm }
