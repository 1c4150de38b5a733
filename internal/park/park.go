// Package park is the one place in leat where a goroutine blocks, and so the one place to read to know how.
//
// A channel keeps its waiting goroutines in a [Queue], first come first served, under its own mutex. Whoever makes
// room, brings a value or closes does the waiter's work for it under that mutex: it takes the waiter
// out of the queue, moves the waiter's value or stores its result, and wakes it after unlocking. A waiter that wakes
// is therefore done; it never races anybody for what it was woken for. From this follow:
//
//   - First come, first served, without barging: a slot is never free for others between its release and its use by the
//     first waiter.
//   - No wake-up can be lost on a waiter that leaves. Who is in the queue when its ctx ends takes itself out, under the
//     mutex, and was never woken; who is not in the queue any more has been served, and returns
//     that, although its ctx has ended. Nothing is left to be passed on.
//
// # How a goroutine sleeps
//
// If its ctx can end, on a channel of its own, made for this one wait, in a select with ctx.Done(). If it is the background, on
// a sync.Cond in its waiter. Both count as durably blocking in a testing/synctest bubble, whoever made the leat channel.
// A wait's channel is never used for another wait: one made in a bubble and used outside of it kills the process, and
// one made outside does not count as blocked inside. A Cond belongs to no bubble, so a waiter may be kept.
//
// # Bubbles
//
// The runtime lets only goroutines of a bubble wake a goroutine of the bubble; any other kills the process. That is the
// user's affair but for one case: the garbage collector finds a dropped handle, and its cleanup, which runs outside
// of every bubble, ends the channel. The cleanup asks [Waiter.Bubbled] (and [Gate.Bubbled]) first, and leaves such
// a waiter asleep: the bubble's own deadlock report then names the goroutine that waits on a dropped handle.
package park

import (
	"context"
	"time"

	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/seam"
)

// A Waiter is one waiting goroutine. P is what it waits to be done: the waker reads its request there, and writes the
// result. After Wait has returned, nobody else holds on to it, and it may wait again.
type Waiter[P any] struct {
	Payload P
	Stamp   *meter.Stamp // when and where the wait began; nil on a channel without a name

	// Handle, if not nil, is the handle that waits. The waiter is on its list
	// while it stands in a queue.
	Handle       *Handle[P]
	hNext, hPrev *Waiter[P] // on Handle's list
	next, prev   *Waiter[P]
	queue        *Queue[P] // the queue it stands in; nil once taken out. Guarded by the channel's mutex.
	bubbled      bool      // set by Wait, before it unlocks
	ch           chan struct{}
	cond         seam.Cond
	mu           seam.Locker // for cond: what Wait unlocks
	woken        seam.Bool   // for cond: see Wait

	sel   *Selection // the Selection that it is a case of, or nil
	index int        // which case
	far   *Waiter[P] // the other end of its run, if it is the first or the last of it: see SkipRun
}

// Bubbled reports whether the waiter sleeps in a testing/synctest bubble. The caller holds the channel's mutex.
func (w *Waiter[P]) Bubbled() bool { return w.bubbled }

// Queued reports whether the waiter stands in a queue, unserved. The caller holds the channel's mutex.
func (w *Waiter[P]) Queued() bool { return w.queue != nil }

// A Handle lists the waiters of one handle of a channel, so that closing the
// handle costs nothing for the waiters of others. Its zero value is an empty
// list. The channel's mutex guards it.
type Handle[P any] struct{ first *Waiter[P] }

// First returns a waiter of the handle that stands in a queue, or nil. To visit
// all of them, take each out of its queue and call First again.
func (h *Handle[P]) First() *Waiter[P] { return h.first }

// NextOfHandle returns the waiter after w on its handle's list, or nil.
func (w *Waiter[P]) NextOfHandle() *Waiter[P] { return w.hNext }

// A Spare keeps the waiter of a handle between two of its waits, so that a handle that one goroutine uses, as most are, allocates
// one waiter in its life. The channel that it slept on is not kept. Its methods may be called concurrently.
type Spare[P any] struct{ w seam.Pointer[Waiter[P]] }

// Take returns a waiter for payload.
func (s *Spare[P]) Take(payload P) *Waiter[P] {
	w := s.w.Swap(nil)
	if w == nil {
		w = new(Waiter[P])
	}
	w.Payload = payload
	return w
}

// Return gives back a waiter whose Wait has returned, and returns its payload.
func (s *Spare[P]) Return(w *Waiter[P]) P {
	payload := w.Payload
	var zero P
	w.Payload, w.ch, w.Stamp = zero, nil, nil
	s.w.Store(w)
	return payload
}

// A Queue holds waiters, first come first served. Its zero value is an empty queue. All of its methods but Wait's
// sleep need the mutex of the channel that it belongs to.
type Queue[P any] struct {
	head, tail *Waiter[P]
	n          int
}

// Len returns how many wait.
func (q *Queue[P]) Len() int { return q.n }

// Front returns the first waiter, or nil.
func (q *Queue[P]) Front() *Waiter[P] { return q.head }

// Next returns the waiter behind w, which is in a queue, or nil.
func (w *Waiter[P]) Next() *Waiter[P] { return w.next }

// Remove takes w, which is in q, out of it. The caller either is the waiter, or adds it to a [Wakes].
func (q *Queue[P]) Remove(w *Waiter[P]) {
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
func (q *Queue[P]) push(w *Waiter[P]) {
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

// Wait puts w last in q, unlocks mu, and sleeps until w was taken out of q and woken, or ctx ends. In the first case it
// returns nil: what w asked for is done, also if ctx has ended meanwhile. In the second it has taken w
// out of q, nothing was done for w, and it returns Err(ctx). The caller holds mu, which guards q; Wait returns without it.
func (q *Queue[P]) Wait(ctx context.Context, mu seam.Locker, w *Waiter[P]) error {
	w.bubbled = InBubble()
	if ctx == context.Background() {
		// Wait adds the goroutine to the Cond's list before it calls L.Unlock, which unlocks mu. A waker takes w out of
		// q under mu, and signals after that: so the signal finds the goroutine in the list.
		w.ch = nil
		w.mu = mu
		w.cond.L = (*condLocker[P])(w)
		q.push(w)
		w.cond.Wait()
		// A Signal synchronizes with the Wait that it ends, says the Cond's documentation, but the race detector knows it
		// only from L, which is not locked here. This pair it knows.
		if !w.woken.CompareAndSwap(true, false) {
			panic("park: a waiter awoke that nobody woke")
		}
		return nil
	}

	w.ch = make(chan struct{})
	q.push(w)
	mu.Unlock()
	done := q.done(ctx, mu, w)
	ch, done := seam.Await(w.ch, done)
	select {
	case <-ch:
		return nil
	case <-done:
	}
	mu.Lock()
	if w.queue == nil { // served, and the waker is about to close ch
		mu.Unlock()
		ch, _ := seam.Await(w.ch, nil)
		<-ch
		return nil
	}
	q.Remove(w)
	mu.Unlock()
	return Err(ctx)
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

// done is ctx.Done(), which may be anybody's code: it must not run under mu, and if it panics, w must not stay in q.
func (q *Queue[P]) done(ctx context.Context, mu seam.Locker, w *Waiter[P]) <-chan struct{} {
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

// condLocker is a waiter as its Cond's Locker: the channel's lock, unlocked when the goroutine sleeps, and left alone when it wakes, because a
// woken waiter has been served and needs no lock.
type condLocker[P any] Waiter[P]

func (l *condLocker[P]) Lock()   {}
func (l *condLocker[P]) Unlock() { l.mu.Unlock() }

// Wakes collects waiters that were taken out of their queue and served, to be woken after the mutex is unlocked. Its zero
// value is empty. It belongs to one goroutine.
type Wakes[P any] struct{ head, tail *Waiter[P] }

// Add notes w, which is in no queue any more.
func (l *Wakes[P]) Add(w *Waiter[P]) {
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
}

// Run wakes all that were added, in order. Callers unlock the channel first, so
// that a woken goroutine does not find it locked. A caller that is about to sleep
// itself, and sleeping is what unlocks the channel, runs it before that.
func (l *Wakes[P]) Run() {
	for w := l.head; w != nil; {
		next := w.next // read first: once woken, w is its goroutine's again
		w.next = nil
		w.Wake()
		w = next
	}
	l.head, l.tail = nil, nil
}

// Wake wakes w, which was taken out of its queue and served. It takes no lock of
// a channel, so that it is right with the channel locked, and better without.
func (w *Waiter[P]) Wake() {
	switch {
	case w.sel != nil:
		w.sel.wake()
	case w.ch != nil:
		seam.Close(w.ch)
	default:
		w.woken.Store(true)
		w.cond.Signal()
	}
}

// InBubble reports whether the calling goroutine runs in a testing/synctest bubble. A bubble's clock starts at the beginning of
// the year 2000, before any process did; outside, time.Since reads the monotonic clock, which never runs backwards. (A test
// that lets a bubble's clock pass the real date is not recognized: it may see its process killed by a dropped handle.)
func InBubble() bool { return time.Since(start) < 0 }

var start = time.Now()
