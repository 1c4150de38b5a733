package natschan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attend looks after the receiver until it is closed.
func (r *receiver) attend(ctx context.Context) {
	defer close(r.done)
	connected := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(connected)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	poll := time.NewTimer(0)
	defer poll.Stop()
	var wait backoff
	lastLook := time.Now()
	for {
		var soon <-chan time.Time
		if r.mustLook() {
			poll.Reset(wait.next())
			soon = poll.C
		} else {
			wait = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-connected: // what was asked for, and what was on its way, is lost
			r.mu.Lock()
			r.asked, r.answering, r.resetting = 0, false, !r.shared
			r.mu.Unlock()
			r.events.all()
			lastLook = time.Time{}
		case <-soon:
		case <-r.kicked:
		case <-tick.C:
		}
		if subject, err := denied(r.nc); err != nil && r.ch.concerns(subject) {
			r.finish(fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err))
		}
		attempt, cancel := context.WithTimeout(ctx, serverTimeout)
		r.mend(attempt)
		if r.mustLook() {
			r.look(attempt)
		}
		if time.Since(lastLook) > min(r.ch.Lease/3, 5*time.Second) {
			lastLook = time.Now()
			r.look(attempt)
			r.checkSenders(attempt)
		}
		cancel()
	}
}

// mustLook reports whether the end may be near, and nobody but attend would notice.
func (r *receiver) mustLook() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sealed && r.over == nil && len(r.buf) == 0 && r.gate.asked
}

// mend makes the consumer anew if it has to be, asks again if the server has forgotten, and asks on behalf of Ready.
func (r *receiver) mend(ctx context.Context) {
	r.mu.Lock()
	silent := r.asked > 0 && time.Since(r.heard) > 2*pullHeartbeat+pullHeartbeat/2
	reset, over := r.resetting, r.over != nil
	if (silent || r.heard.IsZero()) && r.consumer != "" && !over {
		reset = reset || !r.shared
		r.asked, r.answering = 0, false
		r.heard = time.Now()
		if r.shared {
			r.mu.Unlock()
			r.claim(ctx) // at no cost if it is there
			r.mu.Lock()
		}
		r.events.all()
	}
	if reset && !over {
		r.resetting = true
		r.mu.Unlock()
		r.reset(ctx)
		r.mu.Lock()
	}
	if r.gate.asked {
		r.ask(pullExpires)
	}
	r.mu.Unlock()
}

// kick gives attend something to do.
func (r *receiver) kick() {
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// reset makes the consumer anew, from what was handed out last. What had arrived comes again.
func (r *receiver) reset(ctx context.Context) {
	r.mu.Lock()
	r.buf = nil
	r.gate.set(false)
	r.mu.Unlock()
	err := r.claim(ctx)
	switch {
	case err == nil:
		r.events.all()
	case errors.Is(err, ErrFenced):
		r.finish(ErrFenced)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		r.finish(fmt.Errorf("%w: the stream of %s was deleted", leat.ErrClosed, r.ch.Name))
	case errors.Is(err, nats.ErrConnectionClosed):
		r.finish(fmt.Errorf("natschan: %w", err))
	}
}

// checkSenders closes the channel if all of its senders are gone without a word: their leases have ended, and still have after
// the time that they would need to renew them, during which the server was there.
func (r *receiver) checkSenders(ctx context.Context) {
	p, err := r.ch.present(ctx, r.js)
	switch {
	case err != nil || !p.opened || p.senders > 0:
		r.orphanedAt = time.Time{}
	case r.orphanedAt.IsZero():
		r.orphanedAt = time.Now()
	case time.Since(r.orphanedAt) >= r.ch.Lease:
		r.ch.seal(ctx, r.js)
	}
}
