// Package park is the one place in leat where a goroutine blocks.
//
// A channel keeps its waiting goroutines in a [Queue], first come first served,
// under its own mutex. The goroutine that makes room, brings a value or closes
// does the waiter's work for it under that mutex: it takes the waiter out of
// the queue, moves the waiter's value or stores its result, and wakes it after
// unlocking. So a waiter that wakes is done, and never competes with another
// goroutine. This has two consequences:
//
//   - First come, first served, without barging: between its release and its
//     use by the first waiter, a slot is never free for others.
//   - No wake-up is lost on a waiter that leaves. A waiter that is in the queue
//     when its ctx ends takes itself out, under the mutex, and was never woken.
//     A waiter that is not in the queue was served, and returns its result
//     although its ctx has ended.
//
// # How a goroutine sleeps
//
// It receives a token from a channel of capacity 1 that belongs to its waiter;
// in a select with ctx.Done() if its ctx can end. A waker sends one token. The
// channel is used for one wait after another, so a wait allocates nothing once
// the waiter has a channel. See sleeper for the proof that no token is left for
// the next wait.
//
// A testing/synctest bubble needs more care. A channel made in a bubble must
// not be touched from outside: that kills the process. A goroutine that waits
// on a channel made outside does not count as durably blocked. So a wait in a
// bubble makes a channel and forgets it afterwards. See [InBubble].
//
// A goroutine that another one probably serves soon lets others run once before
// it sleeps, with its waiter in the queue. If it is served meanwhile, there is
// no token, and nobody wakes it. See [Queue.Join].
//
// # Bubbles
//
// The runtime lets only goroutines of a bubble wake a goroutine of the bubble;
// any other kills the process. That is the user's affair but for one case: the
// garbage collector finds a dropped handle, and its cleanup, which runs outside
// of every bubble, ends the channel. The cleanup asks [Waiter.Bubbled] (and
// [Gate.Bubbled]) first, and leaves such a waiter asleep: the bubble's own
// deadlock report then names the goroutine that waits on a dropped handle.
package park

import (
	"context"
	"errors"
	"time"

	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/seam"
)

// A Waiter is one waiting goroutine. After Wait has returned, nobody else holds
// on to it, and it may wait again.
//
// Nothing here has a type parameter, so that the compiler makes one copy of it,
// and not one for each type of values in each package that uses a channel of
// them. What a goroutine waits to be done does have one. The waiter points to
// it: see [NewWaiter].
type Waiter struct {
	// Request is a pointer of a type that the kind knows: to what the goroutine
	// waits to be done, where the waker also writes the result.
	Request any
	Stamp   *meter.Stamp // when and where the wait began; nil on a channel without a name

	// Handle, if not nil, is the handle that waits. The waiter is on its list
	// while it stands in a queue.
	Handle       *Handle
	hNext, hPrev *Waiter // on Handle's list
	next, prev   *Waiter
	queue        *Queue // the queue it stands in; nil once taken out. Guarded by the channel's mutex.
	sleeper
	spare returns // what a Spare does with it

	sel   *Selection // the Selection that it is a case of, or nil
	index int        // which case
	far   *Waiter    // the other end of its run, if it is the first or the last of it: see SkipRun
}

// NewWaiter returns a waiter whose Request is a *R, which is part of the same
// allocation.
func NewWaiter[R any]() *Waiter {
	w := new(struct {
		w Waiter
		r R
	})
	w.w.Request = &w.r
	return &w.w
}

// Bubbled reports whether the waiter sleeps in a testing/synctest bubble. The
// caller holds the channel's mutex.
func (w *Waiter) Bubbled() bool { return w.bubbled }

// Queued reports whether the waiter stands in a queue, unserved. The caller
// holds the channel's mutex.
func (w *Waiter) Queued() bool { return w.queue != nil }

// A Handle lists the waiters of one handle of a channel, so that closing the
// handle costs nothing for the waiters of others. Its zero value is an empty
// list. The channel's mutex guards it.
type Handle struct{ first *Waiter }

// First returns a waiter of the handle that stands in a queue, or nil. To visit
// all of them, take each out of its queue and call First again.
func (h *Handle) First() *Waiter { return h.first }

// NextOfHandle returns the waiter after w on its handle's list, or nil.
func (w *Waiter) NextOfHandle() *Waiter { return w.hNext }

// A Spare keeps the waiters of a handle between their waits, so that a wait
// allocates nothing once the handle has as many waiters as goroutines wait in
// it at the same time. Its zero value is empty.
//
// Take is called with the channel's mutex held, and Return without it. Mostly
// one goroutine at a time waits in a handle, and uses its first waiter. Take
// and Return count that waiter's waits, each for itself. Return adds 1 when it
// is done with the waiter. So if Take finds the two counts equal, nobody uses
// the waiter, and nobody but Take, which has the mutex, can begin to.
//
// The others are on a list. Return pushes onto it. Take takes the whole list at
// once, so no compare-and-swap of a Return finds a list that Take has changed
// below its first waiter.
type Spare struct {
	first    *Waiter
	taken    uint32               // how often first was taken
	returned seam.Uint32          // how often it was returned
	others   seam.Pointer[Waiter] // that were returned; linked by next
	rest     *Waiter              // of the list that Take took; linked by next
	kept     int                  // how many waiters Return does not drop
}

// maxSpare bounds what a handle keeps after many waits at the same time.
const maxSpare = 64

// returns is what Return does with a waiter.
type returns uint8

const (
	isDropped returns = iota
	isListed
	isFirst
)

// Take returns a waiter. It makes one by make if it has none; all calls name
// the same make.
func (s *Spare) Take(make func() *Waiter) *Waiter {
	if s.first == nil {
		s.first, s.kept = make(), 1
		s.first.spare = isFirst
	}
	if s.returned.Load() != s.taken {
		return s.takeOther(make)
	}
	s.taken++
	return s.first
}

func (s *Spare) takeOther(make func() *Waiter) *Waiter {
	w := s.rest
	if w == nil {
		w = s.others.Swap(nil)
	}
	switch {
	case w != nil:
		s.rest, w.next = w.next, nil
	case s.kept < maxSpare:
		s.kept++
		w = make()
		w.spare = isListed
	default:
		w = make()
	}
	return w
}

// Return gives back a waiter whose Wait has returned. The caller has read the
// result in its request, and has cleared the request, so that it keeps no value
// alive.
func (s *Spare) Return(w *Waiter) {
	w.Stamp = nil
	switch w.spare {
	case isFirst:
		s.returned.Add(1)
	case isListed:
		for {
			w.next = s.others.Load()
			if s.others.CompareAndSwap(w.next, w) {
				return
			}
		}
	}
}

// A Pool keeps waiters of handles that wait once, so that such a wait allocates
// nothing either. Its zero value is empty. It may be used by many channels. Its
// methods may be called concurrently.
type Pool struct{ waiters seam.Pool[Waiter] }

// Take returns a waiter. It makes one by make if it has none.
func (p *Pool) Take(make func() *Waiter) *Waiter {
	if w := p.waiters.Get(); w != nil {
		return w
	}
	return make()
}

// Return gives back a waiter whose Wait has returned. The caller has read the
// result in its request, and has cleared the request, so that it keeps no value
// alive.
func (p *Pool) Return(w *Waiter) {
	w.clear()
	p.waiters.Put(w)
}

// A Queue holds waiters, first come first served. Its zero value is an empty
// queue. All of its methods but Wait's sleep need the mutex of the channel that
// it belongs to.
type Queue struct {
	head, tail *Waiter
	n          int
}

// Len returns how many wait.
func (q *Queue) Len() int { return q.n }

// Front returns the first waiter, or nil.
func (q *Queue) Front() *Waiter { return q.head }

// Next returns the waiter after w, which is in a queue, or nil.
func (w *Waiter) Next() *Waiter { return w.next }

// Remove takes w, which is in q, out of it. The caller either is the waiter, or
// adds it to a [Wakes].
func (q *Queue) Remove(w *Waiter) {
	if q.n > 1 {
		w.leaveRun()
	}
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.far, w.queue = nil, nil, nil, nil
	if h := w.Handle; h != nil {
		if w.hPrev == nil {
			h.first = w.hNext
		} else {
			w.hPrev.hNext = w.hNext
		}
		if w.hNext != nil {
			w.hNext.hPrev = w.hPrev
		}
		w.hNext, w.hPrev = nil, nil
	}
	q.n--
	queued(-1)
}

// push puts w last.
func (q *Queue) push(w *Waiter) {
	w.prev, w.queue = q.tail, q
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	if h := w.Handle; h != nil {
		if w.hNext = h.first; w.hNext != nil {
			w.hNext.hPrev = w
		}
		h.first = w
	}
	q.n++
	queued(1)
}

// PutBack puts w, which the caller has taken out of q with the same mutex held,
// back into q, last. w was served in part, and its goroutine still waits.
func (q *Queue) PutBack(w *Waiter) { q.push(w) }

// Wait puts w last in q, unlocks mu, and sleeps until w was taken out of q and
// woken, or ctx ends. In the first case it returns nil: what w asked for is
// done, also if ctx has ended meanwhile. In the second it has taken w out of q,
// nothing was done for w, and it returns Err(ctx). The caller holds mu, which
// guards q; Wait returns without it.
func (q *Queue) Wait(ctx context.Context, mu seam.Locker, w *Waiter) error {
	q.Join(w, false)
	mu.Unlock()
	return q.Sleep(ctx, mu, w)
}

// Join and Sleep are the two parts of a Wait, for callers to which a wait is
// frequent:
//
//	yields := q.Join(w, soon)
//	mu.Unlock()
//	if yields {
//		seam.Yield()
//	}
//	err := q.Sleep(ctx, mu, w)
//
// soon says that another goroutine probably serves w soon. Then the calling
// goroutine lets others run once before it sleeps, as long as that helps, and
// Join reports that.
//
// The caller yields by itself for the sake of speed. When the processor comes
// back from another goroutine, it has forgotten where the functions of this one
// return to. So each function between the yield and the user's code costs
// about 5 ns.
func (q *Queue) Join(w *Waiter, soon bool) (yields bool) {
	yields = w.begin(soon)
	q.push(w)
	return yields
}

// Sleep is described with Join. It returns what Wait does.
func (q *Queue) Sleep(ctx context.Context, mu seam.Locker, w *Waiter) error {
	if w.yields && w.servedAfterYield() {
		return nil
	}
	if w.Stamp != nil && meter.Tracing() {
		defer meter.BeginRegion(w.Stamp.Label()).End()
	}
	token, done := seam.Await(w.token, q.done(ctx, mu, w))
	if done == nil {
		<-token
		w.end()
		return nil
	}
	select {
	case <-token:
		w.end()
		return nil
	case <-done:
	}
	if q.served(mu, w) {
		return nil
	}
	return Err(ctx)
}

// ErrDue is what [Queue.WaitTimer] returns when the timer ends the wait.
var ErrDue = errors.New("park: the timer is due")

// WaitTimer is Wait, and also ends when due, unless nil, can be received from.
// It then takes w out of q, and returns ErrDue. due is the channel of a
// time.Timer that the calling goroutine made, so that the wait is durably
// blocking in a testing/synctest bubble. If w was served, WaitTimer returns nil
// although the timer is due.
func (q *Queue) WaitTimer(ctx context.Context, mu seam.Locker, w *Waiter, due <-chan time.Time) error {
	if due == nil {
		return q.Wait(ctx, mu, w)
	}
	if w.Stamp != nil && meter.Tracing() {
		defer meter.BeginRegion(w.Stamp.Label()).End()
	}
	q.Join(w, false)
	mu.Unlock()
	done := q.done(ctx, mu, w)
	token, done, due := seam.AwaitTimer(w.token, done, due)
	ended := false
	select {
	case <-token:
		w.end()
		return nil
	case <-done:
		ended = true
	case <-due:
	}
	switch {
	case q.served(mu, w):
		return nil
	case ended:
		return Err(ctx)
	}
	return ErrDue
}

// served reports whether w was served, and then receives the token. If not, it
// has taken w out of q.
func (q *Queue) served(mu seam.Locker, w *Waiter) bool {
	mu.Lock()
	if w.queue == nil { // served, and the waker has sent the token or is about to
		mu.Unlock()
		w.receive()
		return true
	}
	q.Remove(w)
	mu.Unlock()
	w.leave()
	return false
}

// Err returns the error of ctx, whose Done is closed. Some contexts that users
// write have none; these count as canceled, because a nil error would say that
// what the caller waited for is done.
func Err(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}

// done is ctx.Done(), which may be anybody's code: it must not run under mu,
// and if it panics, w must not stay in q.
func (q *Queue) done(ctx context.Context, mu seam.Locker, w *Waiter) <-chan struct{} {
	if ctx == context.Background() {
		return nil
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		mu.Lock()
		if w.queue != nil {
			q.Remove(w)
		}
		mu.Unlock()
	}()
	done := ctx.Done()
	returned = true
	return done
}

// Wakes collects waiters that were taken out of their queue and served, to be
// woken after the mutex is unlocked. Its zero value is empty. It belongs to one
// goroutine.
type Wakes struct{ head, tail *Waiter }

// Add notes w, which is in no queue any more.
func (l *Wakes) Add(w *Waiter) {
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
}

// Run wakes all that were added, in order. Callers unlock the channel first, so
// that a woken goroutine does not find it locked. If a caller is about to
// sleep itself, and its sleep unlocks the channel, it runs Run before that.
func (l *Wakes) Run() {
	if l.head != nil { // said here, it costs no call if there is nobody
		l.run()
	}
}

func (l *Wakes) run() {
	for w := l.head; w != nil; {
		next := w.next // read first: once woken, w is its goroutine's again
		w.next = nil
		w.Wake()
		w = next
	}
	l.head, l.tail = nil, nil
}

// Wake wakes w, which was taken out of its queue and served. It takes no lock
// of a channel, so that it is right with the channel locked, and better
// without.
func (w *Waiter) Wake() {
	if w.sel != nil {
		w.sel.wake()
	} else {
		w.wake()
	}
}
