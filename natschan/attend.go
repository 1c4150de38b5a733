package natschan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An attendant is the receiver's goroutine, from outside.
type attendant struct {
	kicked chan struct{}      // it has something to do
	cancel context.CancelFunc // stops it
	done   chan struct{}      // it has stopped
	once   sync.Once          // Close
}

func newAttendant() attendant {
	return attendant{kicked: make(chan struct{}, 1), done: make(chan struct{})}
}

// start runs attend until stop.
func (a *attendant) start(attend func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go func() {
		defer close(a.done)
		attend(ctx)
	}()
}

// stop returns when the goroutine has stopped.
func (a *attendant) stop() {
	a.cancel()
	<-a.done
}

// kick gives the goroutine something to do.
func (a *attendant) kick() {
	select {
	case a.kicked <- struct{}{}:
	default:
	}
}

// attend repairs consumer and connection, and looks for the end, until ctx
// ends.
func (r *receiver) attend(ctx context.Context) {
	connected := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(connected)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	poll := time.NewTimer(0)
	defer poll.Stop()
	var wait backoff
	rounds := rounds{every: roundTime(r.ch.Lease, r.resumes), last: time.Now()}
	for {
		var soon <-chan time.Time
		if r.endIsNear() {
			poll.Reset(wait.next())
			soon = poll.C
		} else {
			wait = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-connected:
			r.reconnected()
			rounds.last = time.Time{}
		case <-soon:
		case <-r.kicked:
		case <-tick.C:
		}
		attempt, cancel := context.WithTimeout(ctx, serverTimeout)
		r.checkPermissions()
		r.repair(attempt)
		if r.endIsNear() {
			r.look(attempt)
		}
		rounds.make(attempt, r)
		cancel()
	}
}

// endIsNear reports whether the end may be near, and no call would notice.
func (r *receiver) endIsNear() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending.sealed && r.ending.over == nil && r.buffer.empty() && r.buffer.gate.asked
}

// reconnected forgets requests and values that were on their way: they are
// lost.
func (r *receiver) reconnected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked()
	r.place.lost = !r.shared
	r.acknowledgeAgainLocked()
	r.events.all()
}

// checkPermissions ends the receiver if the server has refused what it needs.
func (r *receiver) checkPermissions() {
	if subject, err := denied(r.nc); err != nil && r.ch.concerns(subject) {
		r.finish(fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err))
	}
}

// repair makes the consumer again if that is necessary, and asks again if the
// server has forgotten.
func (r *receiver) repair(ctx context.Context) {
	if r.unanswered() && r.shared {
		r.claim(ctx) // at no cost if it is there
		r.events.all()
	}
	if r.mustRemake() {
		r.remake(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buffer.gate.asked {
		r.askLocked(r.patience())
	}
}

// unanswered reports whether the server has refused, or is silent for too long.
// Then it forgets the requested values, and gives up a consumer that only this
// receiver has.
func (r *receiver) unanswered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	silent := r.demand.asked > 0 && time.Since(r.demand.heard) > 2*pullHeartbeat+pullHeartbeat/2
	if !silent && !r.demand.failed || r.ending.over != nil {
		return false
	}
	r.forgetLocked()
	r.demand.failed, r.demand.heard = false, time.Now()
	r.place.lost = r.place.lost || !r.shared
	r.events.all()
	return true
}

func (r *receiver) mustRemake() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.place.lost && r.ending.over == nil
}

// remake makes the consumer again, after the value that was handed out last.
// Values that had arrived come again.
func (r *receiver) remake(ctx context.Context) {
	r.mu.Lock()
	r.buffer.clear()
	r.mu.Unlock()
	err := r.claim(ctx)
	switch {
	case err == nil:
		r.events.all()
	case errors.Is(err, ErrFenced):
		r.finish(ErrFenced)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		r.finishDeleted()
	case errors.Is(err, nats.ErrConnectionClosed):
		r.finish(fmt.Errorf("natschan: %w", err))
	}
}

// finishDeleted ends a receiver whose channel was deleted.
func (r *receiver) finishDeleted() {
	r.mu.Lock()
	known := r.ending.over != nil
	r.mu.Unlock()
	if known {
		return
	}
	r.dropMarks()
	r.finish(fmt.Errorf("%w: the stream of %s was deleted", leat.ErrClosed, r.ch.Name))
}

// rounds are what attend does from time to time.
type rounds struct {
	every    time.Duration
	last     time.Time
	orphaned time.Time // since when no sender has a lease
}

// roundTime returns the time between rounds. Each is some requests, so it grows
// with the lease: thousands of receivers on a server need long leases. It does
// not for a Durable one, which may have to sweep for a waiting sender.
func roundTime(lease time.Duration, durable bool) time.Duration {
	short := min(lease/3, 5*time.Second)
	if durable {
		return short
	}
	return max(short, lease/6)
}

func (o *rounds) make(ctx context.Context, r *receiver) {
	if time.Since(o.last) > o.every {
		o.last = time.Now()
		r.look(ctx)
		o.checkSenders(ctx, r)
		if r.resumes {
			if s, err := r.js.Stream(ctx, leaseStream); err == nil {
				r.noteReplicas(s)
			}
			r.sweep(ctx)
		}
	}
}

// checkSenders closes the channel if all of its senders are gone without Close:
// their leases have ended, and still have after the time that they would need
// to renew them, during which the server was there.
func (o *rounds) checkSenders(ctx context.Context, r *receiver) {
	p, err := r.ch.present(ctx, r.js)
	r.mu.Lock()
	opened := slices.Contains(p.opened, r.ch.openedSubject(r.made))
	r.mu.Unlock()
	switch {
	case err != nil || !opened || p.senders > 0:
		o.orphaned = time.Time{}
	case o.orphaned.IsZero():
		o.orphaned = time.Now()
	case time.Since(o.orphaned) >= r.ch.Lease:
		r.ch.seal(ctx, r.js)
	}
}
