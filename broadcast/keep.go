package broadcast

import (
	"math"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
)

// An unbounded channel keeps each value until all receivers have had it.
//
// All of its receivers are on the list lossless, and no sender looks at them:
// there is always room. kept is the number of the oldest value that is kept. It
// is the least of the receivers' needs() when these were last looked at; so a
// value that a receiver has still to receive is never released. Without a
// receiver, kept is tail.
//
// A goroutine that moves the slowest receiver releases the values that this
// receiver was the last to need. This is Dekker's exclusion, as for waiting
// senders (see channel), with slowest always set:
//
//	releaseLocked:  slowest = kept + 1; look at the cursors again; go on if all have moved
//	receiver:       cursor = n + 1; if slowest == n + 1, take mu and release
//
// So whenever mu is free, either some receiver needs value kept, or it is on
// its way to mu.

// releaseLocked releases the values that all receivers have had.
func (c *channel[T]) releaseLocked() {
	for least := c.leastLocked(); least > c.kept; least = c.leastLocked() {
		if c.published.Load() < least {
			c.published.Store(c.tail) // before the slots are empty: see accepted
		}
		c.ring.Release(c.kept, least)
		c.kept = least
		c.slowest.Store(least + 1)
	}
}

// leastLocked returns the number of the oldest value that a receiver needs, or
// tail if there is no receiver. It begins at the receiver that needed value
// kept when it last looked, as measureLocked does.
func (c *channel[T]) leastLocked() uint64 {
	least := uint64(math.MaxUint64)
	all := c.lossless.All()
	for range all {
		if c.slow >= len(all) {
			c.slow = 0
		}
		needs := all[c.slow].needs()
		if needs == c.kept {
			return needs
		}
		least = min(least, needs)
		c.slow++
	}
	return min(least, c.tail)
}

// explainNothing says why the receiver found nothing in the slot of value pos.
// Perhaps it is closed now, and the value was released therefore. Or the value
// was released before the receiver subscribed; then explainNothing has moved
// the cursor. If neither holds, nothing that the receiver needs was released,
// and the answer is nothing.
func (r *Receiver[T]) explainNothing(pos uint64, nothing error) error {
	switch floor := r.cur.floor; {
	case r.cur.is(isClosed):
		return contract.Closed(r.cause)
	case pos < floor:
		r.cur.missed.Add(floor - pos)
		r.at = r.c.ring.Place(floor)
		r.moveTo(pos, floor)
		return &leat.LaggedError{Missed: floor - pos}
	}
	return nothing
}

// searchUnbounded is search on an unbounded channel. A value that was released
// counts as one for which fn is false, and so do all before it: at the instant
// at which it was released, the kept values began after it.
func (c *channel[T]) searchUnbounded(fn func(T) bool) uint64 {
	c.mu.Lock()
	lo, hi := c.kept, c.tail
	c.mu.Unlock()
	for lo < hi {
		mid := lo + (hi-lo)/2
		if e := c.ring.Load(mid); e != nil && fn(e.value) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return hi
}
