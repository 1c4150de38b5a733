package queue

import "github.com/leat-go/leat/internal/park"

// A channel of capacity 0 holds nothing: a value goes from a sender to a
// receiver that are there at the same time. A caller looks for a waiting
// partner before it waits itself, so the two queues never hold a pair that
// could meet. Two cases of one Select are not a pair: they never meet.

// findSenderLocked returns the first waiting sender, which stays in its queue
// because it may have more values; or nil. The caller must take a value from
// it. own is the Selection that looks for it, as its case i, and which is
// claimed with it; or nil.
func (c *Channel[T]) findSenderLocked(own *park.Selection, i int) *park.Waiter {
	for w := c.txq.Front(); w != nil; {
		next := w.Next()
		if w.Of(own) {
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
