package broadcast

import (
	"math"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// LosslessFor is [Lossless] with a limit: a Send waits at most d for this
// receiver. Then the channel gives up on it: senders overwrite what it has not
// received, as if it were lossy, until it has received everything that was
// accepted. From there on it is lossless again. It learns what it missed by a
// *leat.LaggedError with the exact number, as every receiver that lags.
//
// The time counts from the moment at which the first sender waits for the
// receiver, and starts again with each value that it receives and when all of
// the waiting senders have given up. A receiver that keeps receiving thus slows
// the senders down, to one value in d at the worst, and misses nothing. A
// receiver that is dead costs the senders d, once.
//
// TrySend returns ErrFull while the channel has not given up on the receiver.
// While a sender waits, the channel has one timer of the runtime. A d of 0 or
// less panics, and so does a Subscribe with Lossless and LosslessFor.
func LosslessFor(d time.Duration) SubscribeOption {
	if d <= 0 {
		panic("broadcast: LosslessFor(" + d.String() + "); it must be more than 0")
	}
	return losslessForOption(d)
}

type losslessForOption time.Duration

func (d losslessForOption) add(s subscription) subscription {
	s.patience = time.Duration(d)
	return s
}

// Patience is what a channel knows of its receivers that subscribed with
// LosslessFor. mu guards it.
//
// Such a receiver is held, which is to say lossless, or lapsed, which is to say
// lossy. It is on the list lossless or lossy accordingly.
//
// # One clock for all receivers
//
// A held receiver holds the senders back if needs() + capacity is tail. It
// began to when tail became what it is: before that, the sum was greater than
// tail. So how long senders have waited for it is how long a sender has waited
// since tail changed last, and that is the same for all receivers that hold
// them back. Only a receiver that subscribed in the meantime counts from then.
//
// # Invariant, whenever mu is free
//
// If a sender waits and patient > 0: stalled is the time at which the first of
// the waiting senders began to wait at the present tail; and if a held receiver
// with patience holds it back, an alarm is pending, due when the patience of
// the first of these is over or before.
type patience struct {
	patient int           // held receivers with patience
	least   time.Duration // not more than the patience of any of them
	stalled time.Time     // see above
	alarm   alarm
}

// An alarm calls lapse. A pending one may be due too early: then lapse sets the
// next.
type alarm struct {
	timer   seam.Timer
	at      time.Time
	pending bool
	bubbled bool // it was made in a testing/synctest bubble
}

// stopLocked stops the alarm, which nobody needs any more. Without it the alarm
// would keep the channel in memory until it is due. An alarm that was made in a
// bubble cannot be stopped from outside that bubble, and nobody can distinguish
// two bubbles.
func (p *patience) stopLocked() {
	if p.alarm.pending && !p.alarm.bubbled && !park.InBubble() {
		p.alarm.timer.Stop()
		p.alarm = alarm{}
	}
}

// waitsLocked notes that a sender is about to wait in txq.
func (c *channel[T]) waitsLocked() {
	if c.patient > 0 && c.txq.Len() == 0 {
		c.stallLocked()
	}
}

// stallLocked notes that a sender has begun to wait at the present tail.
func (c *channel[T]) stallLocked() {
	now := seam.Now()
	c.stalled = now
	c.setAlarmLocked(now, now.Add(c.least))
}

// setAlarmLocked sees to it that lapse is called at due, or before. In a bubble
// it sets one each time, because the pending one may be of a bubble that is
// over.
func (c *channel[T]) setAlarmLocked(now, due time.Time) {
	inside := park.InBubble()
	if a := &c.alarm; a.pending && !a.bubbled && !inside {
		if !due.Before(a.at) {
			return
		}
		a.timer.Stop()
	}
	c.alarm = alarm{seam.AfterFunc(due.Sub(now), c.lapse), due, true, inside}
}

// lapse gives up on the receivers whose patience is over. The alarm calls it,
// in a goroutine of the runtime that ends with it.
func (c *channel[T]) lapse() {
	var wk wakes
	c.mu.Lock()
	c.alarm.pending = false
	if c.txq.Len() > 0 {
		c.lapseLocked(&wk, !park.InBubble())
	}
	c.mu.Unlock()
	wk.run()
}

// lapseLocked is lapse while a sender waits. If outside every bubble, it leaves
// the senders and receivers in bubbles as they are, as a cleanup does.
func (c *channel[T]) lapseLocked(wk *wakes, outside bool) {
	now := seam.Now()
	for i := 0; i < c.lossless.Len(); {
		cur := c.lossless.All()[i]
		if since := c.waitedLocked(cur); since.IsZero() || now.Sub(since) < cur.patience {
			i++
			continue
		}
		c.giveUpLocked(cur) // which puts another one in its place
	}
	c.serveSendersLocked(wk, outside)

	if c.patient == 0 || c.txq.Len() == 0 {
		return
	}
	var due time.Time // of the first whose patience is used up
	c.least = math.MaxInt64
	for _, cur := range c.lossless.All() {
		if cur.patience == 0 {
			continue
		}
		c.least = min(c.least, cur.patience)
		if since := c.waitedLocked(cur); !since.IsZero() {
			if over := since.Add(cur.patience); due.IsZero() || over.Before(due) {
				due = over
			}
		}
	}
	if !due.IsZero() {
		c.setAlarmLocked(now, due)
	}
}

// waitedLocked returns since when senders wait for cur and its patience is used
// up. It returns the zero time if cur has none, is lapsed, or is not waited
// for.
func (c *channel[T]) waitedLocked(cur *cursor) (since time.Time) {
	if cur.patience == 0 || cur.lapsed || c.txq.Len() == 0 || c.tail-cur.needs() < c.ring.Capacity() {
		return since
	}
	if cur.came.After(c.stalled) {
		return cur.came
	}
	return c.stalled
}

// giveUpLocked makes a lossy receiver of a held one.
func (c *channel[T]) giveUpLocked(cur *cursor) {
	c.lossless.Remove(cur)
	cur.lapsed = true
	cur.state.Or(isLapsed)
	c.lossy.Add(cur)
	c.unholdLocked()
}

// unholdLocked notes that there is one held receiver with patience fewer.
func (c *channel[T]) unholdLocked() {
	if c.patient--; c.patient == 0 {
		c.stopLocked()
	}
}

// holdLocked makes a held receiver of one that has patience and is on no list.
func (c *channel[T]) holdLocked(cur *cursor) {
	if c.patient++; c.patient == 1 {
		c.least = cur.patience
	}
	c.least = min(c.least, cur.patience)
	c.lossless.Add(cur)
	if c.txq.Len() == 0 {
		return
	}
	now := seam.Now()
	cur.came = now
	if c.patient == 1 {
		c.stalled = now
	}
	c.setAlarmLocked(now, now.Add(cur.patience))
}

// recvLapsed is tryRecvMany for a receiver that is lapsed. It reports whether
// it did anything; if not, the caller goes on as for any receiver. It holds mu,
// so that no sender overwrites a value between the receive after which the
// receiver is held again, and the moment at which senders know.
func (r *Receiver[T]) recvLapsed(buf []T) (n int, done bool, err error) {
	c, cur := r.c, r.cur
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cur.lapsed || cur.is(isClosed) {
		return 0, false, nil
	}
	pos, tail := cur.pos(), c.tail
	to := max(pos, c.oldest(tail))
	if missed := to - pos; missed > 0 {
		cur.missed.Add(missed)
		err = &leat.LaggedError{Missed: missed}
	} else {
		for n < len(buf) && to < tail {
			buf[n] = c.ring.Load(to).value
			n, to = n+1, to+1
		}
	}
	if !cur.move(pos, to) {
		r.twoReceivers()
	}
	r.at = c.ring.Place(to)
	if to == tail {
		c.recoverLocked(cur)
	}
	return n, n > 0 || err != nil, err
}

// recoverLocked makes a held receiver of a lapsed one that has received
// everything.
func (c *channel[T]) recoverLocked(cur *cursor) {
	c.lossy.Remove(cur)
	cur.lapsed = false
	cur.state.And(^uint64(isLapsed))
	c.holdLocked(cur)
	c.limit = min(c.limit, cur.needs()+c.ring.Capacity())
}

// catchUp makes the receiver held again if it is lapsed and has received
// everything.
func (r *Receiver[T]) catchUp() {
	c := r.c
	c.mu.Lock()
	if r.cur.lapsed && !r.cur.is(isClosed) && r.cur.pos() == c.tail {
		c.recoverLocked(r.cur)
	}
	c.mu.Unlock()
}
