package queue

import "github.com/leat-go/leat/internal/park"

// A channel of capacity 0 holds nothing: a value goes from a sender to a receiver that are there at the same time. A permit
// promises a receiver that waits; its value goes to whoever waits when it comes, or stays until somebody does.

// match brings senders that wait, first come first served, together with receivers that wait, of whom there will be more: those whose
// goroutines are about to wait. Both ends are locked.
func (c *Channel[T]) match(wk *wakes[T], more int) {
	for w := c.txq.Front(); w != nil && c.unspoken(more); {
		next := w.Next()
		switch s := &w.Payload; {
		case wk.outside && w.Bubbled():
			return
		case s.permit:
			if w.Claim() {
				c.permits++
				c.sent(w, wk)
			} else {
				c.txq.Remove(w)
			}
		case c.pair(w, wk):
			if s.many != nil && len(s.many) > 0 {
				continue // the same sender has more
			}
		case w.Queued():
			next = w.SkipRun() // no receiver is a partner for the other cases, either
		}
		w = next
	}
}

// unspoken reports whether more goroutines wait to receive than permits speak for, if more came. Stale waiters do not count, and of a
// Selection's cases one. Both ends are locked.
func (c *Channel[T]) unspoken(more int) bool {
	n := more - c.permits
	for r := c.rxq.Front(); r != nil && n <= 0; r = r.SkipRun() {
		if !r.Stale() && !r.Repeats() {
			n++
		}
	}
	return n > 0
}

// pair gives one value of the waiting sender w to the first waiting receiver that is not of the same Selection, and reports
// whether there was one. Both ends are locked.
func (c *Channel[T]) pair(w *park.Waiter[sending[T]], wk *wakes[T]) bool {
	for r := c.rxq.Front(); r != nil; {
		next := r.Next()
		if r.Of(w.Selection()) {
			next = r.SkipRun()
		} else if !(wk.outside && r.Bubbled()) {
			sLives, rLives := park.Pair(w, r)
			if !sLives {
				c.txq.Remove(w)
				return false
			}
			if rLives {
				v, last := w.Payload.give()
				r.Payload.take(v)
				c.direct++
				c.received(r, wk)
				if last {
					c.sent(w, wk)
				}
				return true
			}
			c.rxq.Remove(r)
		}
		r = next
	}
	return false
}

// sender finds a waiting sender with a value, which its finder must then take. There is none for it while others wait to receive: they
// are spoken for by permits, and the sender is the first one's. One that only its own Selection could receive from is free: the two never
// meet. own is the Selection that looks for it as its case i, and is claimed with it; or nil. Both ends are locked.
func (c *Channel[T]) sender(own *park.Selection, i int) *park.Waiter[sending[T]] {
	for w := c.txq.Front(); w != nil; {
		next := w.Next()
		if w.Payload.permit || w.Of(own) || c.receives(own, w.Selection()) {
			next = w.SkipRun()
		} else {
			ownLives, wLives := park.PairWith(own, i, w)
			if !ownLives {
				return nil
			}
			if wLives {
				return w
			}
			c.txq.Remove(w)
		}
		w = next
	}
	return nil
}

// receives reports whether somebody waits to receive, besides the cases of two Selections, which may be nil. Both ends are locked.
func (c *Channel[T]) receives(s, t *park.Selection) bool {
	for r := c.rxq.Front(); r != nil; r = r.SkipRun() {
		if !r.Stale() && !r.Of(s) && !r.Of(t) {
			return true
		}
	}
	return false
}
