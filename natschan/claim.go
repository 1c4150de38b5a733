package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

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
