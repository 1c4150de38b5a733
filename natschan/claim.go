package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A receiver's consumer has a name that was never used before, so that what an earlier one still acknowledges goes nowhere. It carries the
// receiver's lease in its metadata, by which others see whether somebody is behind it.
const (
	metaLease      = "leat.lease"
	metaGiven      = "leat.given" // the sequence up to which values were sent to receivers before this consumer
	sharedConsumer = "rx"         // of all receivers of an MPMC channel
)

// claim makes the receiver's consumer, from the oldest value that is not settled, in place of an earlier one.
func (r *receiver) claim(ctx context.Context) error {
	hold, err := r.hold(ctx)
	if err != nil {
		return err
	}
	earlier, err := r.earlier(ctx)
	if err != nil {
		return err
	}
	cfg := r.consumerConfig()
	var c jetstream.Consumer
	switch {
	case r.shared:
		c, err = r.stream.CreateOrUpdateConsumer(ctx, cfg)
	case r.exclusive:
		for _, name := range earlier { // the new one is refused while there is another
			if err := r.remove(ctx, name); err != nil {
				return err
			}
		}
		earlier = nil
		if c, err = r.stream.CreateConsumer(ctx, cfg); isTaken(err) {
			return r.lost(ErrReceiverTaken)
		}
	default:
		c, err = r.stream.CreateConsumer(ctx, cfg)
	}
	if err != nil {
		return fmt.Errorf("natschan: a consumer for %s: %w", r.ch.Name, err)
	}
	r.mu.Lock()
	r.consumer, r.cseq, r.asked, r.resetting, r.held = c.CachedInfo().Name, 0, 0, false, hold
	r.mu.Unlock()
	for _, name := range earlier { // after the new one, which holds on to what both need
		r.remove(ctx, name)
	}
	return nil
}

// A hold is by what a receiver knows, without asking the server, that nobody has
// taken its consumer over. An MPSC receiver is taken over only after its lease
// has run out. A Durable one is taken over at any time: it believes in its
// consumer for as long as durableHold. Other receivers have nothing to lose.
type hold struct {
	term  int       // of the lease, when the consumer was made
	until time.Time // of a Durable receiver
}

const durableHold = time.Second

// hold makes sure of the lease, and returns what is known from then on of a
// consumer that is made, or seen, later.
//
// Taking over is safe, because whoever takes over lists the consumers before
// the leases, and this receiver renews its lease before it makes a consumer of a
// new name: either the other sees the lease, and gives up, or it does not know
// the new name. It can then delete the old consumer only, and the server, which
// allows one, decides whose new one stays.
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
// nobody can have taken it over since the server confirmed its consumer.
func (r *receiver) holdsLocked() bool {
	switch {
	case r.closed:
		return true // a closed MPSC receiver has given up its lease: see closeQueue
	case r.exclusive:
		term, ok := r.lease.holds()
		return ok && term == r.held.term
	case r.durable:
		return !passed(r.held.until)
	}
	return true
}

// confirm asks the server whether the receiver still has its consumer, before it
// hands out more. Some or all of its buffer may be another's by now.
func (r *receiver) confirm(ctx context.Context) error {
	h := hold{until: time.Now().Add(durableHold)}
	r.mu.Lock()
	consumer := r.consumer
	if r.exclusive {
		r.dropLocked() // if the server lets it, attend makes a new consumer
		r.mu.Unlock()
		return nil
	}
	r.mu.Unlock()
	_, err := r.stream.Consumer(ctx, consumer)
	r.mu.Lock()
	switch {
	case r.consumer != consumer: // attend has made another one
	case err == nil:
		r.held = h
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound),
		errors.Is(err, nats.ErrConnectionClosed):
		r.dropLocked() // attend finds out
	default:
		r.mu.Unlock()
		return pause(ctx, lookPause, nil)
	}
	r.mu.Unlock()
	return ctx.Err()
}

// dropLocked has attend make the consumer again. What is buffered comes again,
// to this receiver, or to the one that has taken over.
func (r *receiver) dropLocked() {
	r.buf, r.resetting = nil, true
	r.gate.set(false)
	r.kick()
}

// lost is the error of a receiver whose place is another's: that of a new one, or of one that had it.
func (r *receiver) lost(taken error) error {
	if r.consumer != "" {
		return ErrFenced
	}
	return fmt.Errorf("%w: %s", taken, r.ch.Name)
}

func (r *receiver) remove(ctx context.Context, consumer string) error {
	err := r.stream.DeleteConsumer(ctx, consumer)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	return nil
}

// isTaken reports whether a consumer was refused because there is another one on a work queue.
func isTaken(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10026, 10099, 10100, 10148:
		return true
	}
	return false
}

// earlier returns the consumers that the new one replaces: the receiver's own, or those that it takes over. It sets where to begin.
func (r *receiver) earlier(ctx context.Context) (names []string, err error) {
	if !r.exclusive && !r.durable {
		if r.consumer != "" && !r.shared {
			names = append(names, r.consumer)
		}
		return names, nil
	}
	list := r.stream.ListConsumers(ctx)
	var infos []*jetstream.ConsumerInfo
	for info := range list.Info() {
		infos = append(infos, info)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	live := map[string]bool{}
	if r.exclusive { // the leases after the consumers: see hold
		if live, err = r.ch.leaseSubjects(ctx, r.js); err != nil {
			return nil, err
		}
	}
	for _, info := range infos {
		theirs := info.Config.Metadata[metaLease]
		switch {
		case info.Name == r.consumer:
			names = append(names, info.Name)
		case r.exclusive && (r.consumer != "" || live[theirs]):
			return nil, r.lost(ErrReceiverTaken)
		case r.exclusive:
			names = append(names, info.Name) // its owner is gone
			r.given = max(r.given, given(info))
		case info.Config.Metadata[metaDurable] != r.opts.durable:
		case r.consumer != "":
			return nil, ErrFenced
		default:
			names = append(names, info.Name)
			r.seq, r.given = info.AckFloor.Stream, given(info)
		}
	}
	return names, nil
}

// given returns the sequence up to which values may have been seen.
func given(info *jetstream.ConsumerInfo) uint64 {
	before, _ := strconv.ParseUint(info.Config.Metadata[metaGiven], 10, 64)
	return max(before, info.Delivered.Stream)
}

func (r *receiver) consumerConfig() jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Name:              "rx_" + nuid.Next(),
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           r.ch.AckWait,
		MaxAckPending:     -1,
		InactiveThreshold: max(2*r.ch.Lease, 5*time.Minute),
		Metadata:          map[string]string{},
	}
	if r.lease != nil {
		cfg.Metadata[metaLease] = r.lease.subject
	}
	if r.acks {
		r.mu.Lock()
		cfg.Metadata[metaGiven] = strconv.FormatUint(max(r.given, r.seq), 10)
		r.mu.Unlock()
	}
	switch {
	case r.shared:
		cfg.Name, cfg.Durable, cfg.InactiveThreshold, cfg.Metadata = "", sharedConsumer, 0, nil
	case r.queue:
	case r.acks:
		cfg.InactiveThreshold = 3 * r.ch.Lease
		if r.durable {
			cfg.InactiveThreshold, cfg.Durable = 0, cfg.Name
			cfg.Metadata[metaDurable] = r.opts.durable
		}
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.floor()+1
	default:
		cfg.AckPolicy, cfg.AckWait, cfg.MaxAckPending = jetstream.AckNonePolicy, 0, 0
		cfg.InactiveThreshold = 3 * r.ch.Lease
		cfg.MemoryStorage, cfg.Replicas = true, 1
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.floor()+1
	}
	return cfg
}

// floor returns the stream sequence up to which all is settled.
func (r *receiver) floor() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	floor := r.seq
	for seq := range r.unsettled {
		floor = min(floor, seq-1)
	}
	return floor
}

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
