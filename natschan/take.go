package natschan

import (
	"context"

	"github.com/leat-go/leat"
)

// takeLocked takes the first value out of the buffer. It returns an error for a
// gap before it, and, if the buffer is empty, the reason why no value will
// come. It returns neither if one may come.
func (r *receiver) takeLocked() (*delivery, error) {
	defer r.buffer.signal()
	for !r.buffer.empty() {
		if r.lags {
			if lag := r.skipLocked(r.position.gap(r.buffer.first())); lag != nil {
				r.buffer.first().old = true
				return nil, lag
			}
		}
		d := r.buffer.pop()
		if r.buffer.empty() && r.ending.sealed {
			r.kick()
		}
		if !r.freshLocked(d) {
			continue
		}
		r.position.handOut(d, r.acks)
		if r.buffer.gate.asked || r.takesAhead() {
			r.askLocked(r.patience())
		}
		return d, nil
	}
	return nil, r.ending.over
}

// skipLocked counts n values as missed, and returns the error that says so, or
// nil if n is 0.
func (r *receiver) skipLocked(n uint64) error {
	if n == 0 {
		return nil
	}
	r.position.seq += n
	r.missed.Add(n)
	return &leat.LaggedError{Missed: n}
}

// freshLocked reports whether d may be handed out: it was not received before,
// and no other receiver gets it.
func (r *receiver) freshLocked(d *delivery) bool {
	if r.position.known(d, &r.policy) {
		r.nc.Publish(d.msg.Reply, []byte(ack))
		return false
	}
	return !r.tooOld(d)
}

// refresh makes sure that the first value in the buffer, which no call that
// goes on has asked for, is not outdated. If it is, refresh drops it, and
// returns how many values a Broadcast's receiver has missed.
func (r *receiver) refresh(ctx context.Context) error {
	info, err := r.info(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buffer.empty() {
		return nil // another call has it
	}
	if err != nil || info.State.FirstSeq <= r.buffer.first().seq {
		r.buffer.first().old = false
		return nil
	}
	r.buffer.clear() // such receivers take one ahead
	gap := max(r.position.seq, info.State.FirstSeq-1) - r.position.seq
	if r.lags {
		return r.skipLocked(gap)
	}
	r.position.seq += gap
	return nil
}
