package natschan

import (
	"context"
	"fmt"
	"time"
)

// A hold is by what a receiver knows, without asking the server, that nobody
// has taken its place. An MPSC receiver is taken over only after its lease has
// run out. A Durable one may be taken over at any time, but its successor waits
// until durableHold has passed since it confirmed its name: see takeover.go.
// Other receivers have nothing to lose.
type hold struct {
	term  int       // of the lease, when the consumer was made
	until time.Time // of a Durable receiver
}

// hold makes sure of the lease, and returns the facts that hold from then on
// for a consumer that is made, or seen, later.
//
// Taking over is safe, because a receiver that takes over lists the consumers
// before the leases, and this receiver renews its lease before it makes a
// consumer of a new name: either the other sees the lease, and gives up, or it
// does not know the new name. It can then delete the old consumer only, and the
// server, which allows one, decides whose new one stays.
func (r *receiver) hold(ctx context.Context) (h hold, err error) {
	h.until = time.Now().Add(durableHold)
	if r.lease == nil {
		return h, nil
	}
	term, ok := r.lease.holds()
	if !ok {
		if err := r.lease.renew(ctx); err != nil {
			return h, fmt.Errorf("natschan: channel %s: renew the lease: %w", r.ch.Name, err)
		}
		term, _ = r.lease.holds()
	}
	h.term = term
	return h, nil
}

// holdsLocked reports whether the receiver may hand out what it has buffered:
// nobody can have taken it over since the server confirmed its place, which is
// the lease of an MPSC receiver, and the mark of a Durable receiver's name.
func (r *receiver) holdsLocked() bool {
	switch {
	case r.ending.closed:
		return true // a closed MPSC receiver has given up its lease: see closeQueue
	case r.exclusive:
		term, ok := r.lease.holds()
		return ok && term == r.place.held.term
	case r.resumes:
		return !passed(r.place.held.until)
	}
	return true
}

// confirm makes sure that the receiver still has its place, before it hands out
// more: it gives up its consumer if it has a lease, and otherwise confirms the
// mark of its name. Some or all of its buffer may be another's by now.
func (r *receiver) confirm(ctx context.Context) error {
	if r.exclusive {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dropLocked() // if the server lets it, attend makes a new consumer
		return nil
	}
	return r.confirmName(ctx)
}

// dropLocked has attend make the consumer again. The server redelivers the
// buffered values, to this receiver, or to the one that has taken over.
func (r *receiver) dropLocked() {
	r.buffer.clear()
	r.place.lost = true
	r.kick()
}
