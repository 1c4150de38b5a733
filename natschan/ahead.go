package natschan

import "time"

// An ahead is what an MPMC receiver with a Prefetch of 2 or more knows about
// the values in its buffer. Other receivers cannot have them, and the server
// redelivers them when AckWait is over. So a value that is not handed out in
// time is returned, and then the receiver takes less ahead. It needs its
// owner's mutex.
//
// The receiver asks only in a call, or for Ready, and such a request lasts for
// a quarter of AckWait. So a receiver that has returned its values, because its
// program does not receive, does not get them again.
type ahead struct {
	depth    int         // how many values to take ahead at present
	lessened bool        // since the receiver asked last
	asked    time.Time   // when the receiver asked last
	timer    *time.Timer // calls returnOverdue
	due      time.Time   // when, or zero

	unconfirmed []*delivery // acknowledged, and the server has not confirmed it
}

// takesAhead reports whether other receivers may wait for values buffered here.
func (r *receiver) takesAhead() bool { return r.shared && r.prefetch > 1 }

// patience returns how long the server may wait for the values of a request.
func (r *receiver) patience() time.Duration {
	if r.takesAhead() {
		return min(pullExpires, max(r.ch.AckWait/4, 2*lookPause))
	}
	return pullExpires
}

// stay returns how long d may be in the buffer: half of AckWait, then a
// quarter, then an eighth each time. So four receivers that do not receive, one
// after another, do not keep a value for longer than AckWait. Less than an
// eighth would only add to its Deliveries.
func (r *receiver) stay(d *delivery) time.Duration {
	return r.ch.AckWait >> min(max(d.deliveries, 1), 3)
}

// tooOld reports whether the server redelivers d soon, or has done so. Then it
// must not be handed out, and not be returned: that would be the other's.
func (r *receiver) tooOld(d *delivery) bool {
	return r.shared && time.Since(d.at) > r.ch.AckWait*3/4
}

// expectLocked makes sure that d is returned when its time is over.
func (r *receiver) expectLocked(d *delivery) {
	due := d.at.Add(r.stay(d))
	if !r.ahead.due.IsZero() && !due.Before(r.ahead.due) {
		return
	}
	r.ahead.due = due
	if r.ahead.timer == nil {
		r.ahead.timer = time.AfterFunc(time.Until(due), r.returnOverdue)
		return
	}
	r.ahead.timer.Reset(time.Until(due))
}

// returnOverdue returns the values that were in the buffer for too long, or
// soon will be.
func (r *receiver) returnOverdue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead.due = time.Time{}
	if r.ending.closed {
		return // drains, or has returned everything
	}
	all := r.buffer.clear()
	for _, d := range all {
		if time.Since(d.at) < r.stay(d)-r.ch.AckWait/32 {
			r.buffer.put(d)
			r.expectLocked(d)
		} else {
			r.returnLocked(d)
		}
	}
	if len(r.buffer.values) < len(all) && !r.ahead.lessened {
		r.ahead.depth, r.ahead.lessened = max(1, r.ahead.depth/2), true
	}
}

// deepenLocked has the receiver take more ahead if it receives fast. It is
// called when the receiver asks: half of what it takes ahead is gone since it
// asked last. Twice as much would be received within half of AckWait.
func (r *receiver) deepenLocked() {
	if time.Since(r.ahead.asked) < r.ch.AckWait/8 {
		r.ahead.depth = min(r.prefetch, 2*r.ahead.depth)
	}
	r.ahead.asked, r.ahead.lessened = time.Now(), false
}

// acknowledgeAhead acknowledges d, on an unbounded channel. It has the server
// confirm only some of the acknowledgements: the one of the last buffered
// value, and one of each half of Prefetch. The server takes the
// acknowledgements of one connection in order, so it has then taken the earlier
// ones, too. (On a bounded channel the place of each value must be free when
// Recv returns.)
func (r *receiver) acknowledgeAhead(d *delivery) error {
	earlier, confirm := r.mustConfirm()
	err := r.settle(d, ack, confirm)
	if !confirm || err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ahead.unconfirmed = append(append(r.ahead.unconfirmed, earlier...), d)
	}
	return err
}

// mustConfirm reports whether the next acknowledgement must be confirmed, and
// returns the deliveries that this would confirm as well: their
// acknowledgements have been published.
func (r *receiver) mustConfirm() (earlier []*delivery, confirm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := len(r.ahead.unconfirmed)+1 >= r.prefetch/2
	if !full && !r.buffer.empty() {
		return nil, false
	}
	earlier, r.ahead.unconfirmed = r.ahead.unconfirmed, nil
	return earlier, true
}

// acknowledgeAgainLocked is for a new connection: the acknowledgements that the
// server has not confirmed may have been lost with the old one. If AckWait is
// not over, no other receiver gets these values.
func (r *receiver) acknowledgeAgainLocked() {
	for _, d := range r.ahead.unconfirmed {
		r.nc.Publish(d.msg.Reply, []byte(ack))
	}
}
