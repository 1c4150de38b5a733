package fanout

import (
	"context"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A Count is how many receivers a channel has, as one sender handle sees it.
type Count struct {
	N      int
	Closed *contract.ClosedError // how the handle was closed, or nil
}

// Counting holds the goroutines that wait for the number of receivers to
// change. Its zero value holds none.
type Counting struct{ queue park.Queue }

// Wait blocks until fn returns true for the number of receivers, and returns
// that number. h lists the waiters of the calling handle, and look returns what
// the handle sees now; it runs with mu locked. If the handle is or gets closed,
// Wait returns ErrClosed or the cause; if ctx ends, its error.
//
// The caller has not locked mu, and fn runs without it. So the number may
// change while fn runs. Wait compares under mu before it blocks, and calls fn
// again if the number has changed. From there on the goroutine stands in the
// queue, so that the next change wakes it. A change that is over before Wait
// compares is not seen.
func (q *Counting) Wait(
	ctx context.Context, m *meter.Meter, mu seam.Locker, h *park.Handle, look func() Count, fn func(int) bool,
) (int, error) {
	mu.Lock()
	now := look()
	mu.Unlock()
	for {
		if now.Closed != nil {
			return 0, contract.Closed(now.Closed)
		}
		if fn(now.N) {
			return now.N, nil
		}
		if err := ctx.Err(); err != nil { // the number may change so often that there is never a wait
			return 0, err
		}
		mu.Lock()
		if next := look(); next != now {
			mu.Unlock()
			now = next
			continue
		}
		w := &park.Waiter{Request: &now, Handle: h, Stamp: m.Stamp("waits for receivers of")}
		if err := q.queue.Wait(ctx, mu, w); err != nil {
			return 0, err
		}
	}
}

// Changed takes all waiting goroutines out of the queue, for wk to wake: there
// are n receivers now. On behalf of the garbage collector it leaves those in a
// testing/synctest bubble as they are.
func (q *Counting) Changed(n int, wk *park.Wakes, gc bool) {
	for w := q.queue.Front(); w != nil; {
		next := w.Next()
		if !(gc && w.Bubbled()) {
			q.serve(w, Count{N: n}, wk)
		}
		w = next
	}
}

// Close takes the waiting goroutines of one handle, which was closed as closed
// says, out of the queue, for wk to wake.
func (q *Counting) Close(h *park.Handle, closed *contract.ClosedError, wk *park.Wakes) {
	for w := h.First(); w != nil; w = h.First() {
		q.serve(w, Count{Closed: closed}, wk)
	}
}

// serve hands now to w. No waiter here is a case of a Select, so none is stale.
func (q *Counting) serve(w *park.Waiter, now Count, wk *park.Wakes) {
	q.queue.Remove(w)
	*w.Request.(*Count) = now
	wk.Add(w)
}

// Snapshot adds the waiting goroutines to s.
func (q *Counting) Snapshot(s *meter.Snapshot) {
	for w := q.queue.Front(); w != nil; w = w.Next() {
		s.AddWaiting(w.Stamp, "WaitReceivers")
	}
}
