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

// A receiver's consumer has a name that was never used before, so that what an
// earlier one still acknowledges goes nowhere. Its metadata names the
// receiver's lease, by which others see whether the receiver lives.
const (
	metaLease      = "leat.lease"
	metaGiven      = "leat.given" // the sequence up to which values were sent to receivers before this consumer
	sharedConsumer = "rx"         // of all receivers of an MPMC channel
)

// An attempt is a consumer that the receiver has asked for without an answer.
// The server may have made it, or may make it later. So the next request is for
// the same consumer, and not for another one beside it. The receiver has not
// used the name yet.
//
// An MPSC receiver may do so only in the same term of its lease. Another
// receiver that sees the lease run out may know the consumer's name, and delete
// it at any time later: see hold.
type attempt struct {
	cfg  jetstream.ConsumerConfig // without a name: none
	term int                      // of the lease
}

// claim makes the receiver's consumer, from the oldest value that is not
// settled, in place of an earlier one.
func (r *receiver) claim(ctx context.Context) error {
	hold, err := r.hold(ctx)
	if err != nil {
		return err
	}
	if r.attempt.term != hold.term {
		r.attempt = attempt{}
	}
	earlier, err := r.predecessors(ctx)
	if err != nil {
		return err
	}
	r.attempt.term = hold.term
	consumer, err := r.supersede(ctx, earlier)
	if err != nil {
		return err
	}
	r.attempt = attempt{}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.place = place{consumer: consumer, held: hold}
	r.demand.asked = 0
	return nil
}

// predecessors returns the consumers that the new one replaces: the receiver's
// own, or those that it takes over.
func (r *receiver) predecessors(ctx context.Context) (names []string, err error) {
	switch {
	case r.exclusive:
		return r.claimAlone(ctx)
	case r.resumes:
		return r.claimName(ctx)
	case r.shared || r.place.consumer == "":
		return nil, nil
	}
	return []string{r.place.consumer}, nil
}

// claimAlone returns all consumers of the stream but the attempt: the
// receiver's own, and those whose owners are gone. It returns an error if there
// is another receiver.
func (r *receiver) claimAlone(ctx context.Context) (names []string, err error) {
	infos, err := r.consumers(ctx)
	if err != nil {
		return nil, err
	}
	live, err := r.ch.leaseSubjects(ctx, r.js) // after the consumers: see hold
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		lease := info.Config.Metadata[metaLease]
		if info.Name == r.attempt.cfg.Name {
			continue
		}
		if info.Name != r.place.consumer && lease != r.lease.subject {
			if r.place.consumer != "" || live[lease] > 0 {
				return nil, r.taken()
			}
			r.inherit(info)
		}
		names = append(names, info.Name)
	}
	return names, nil
}

// inherit goes on where the receiver of another consumer has stopped.
func (r *receiver) inherit(info *jetstream.ConsumerInfo) {
	before, _ := strconv.ParseUint(info.Config.Metadata[metaGiven], 10, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position.given = max(r.position.given, before, info.Delivered.Stream)
}

// supersede makes a new consumer in place of earlier ones, and returns its
// name.
func (r *receiver) supersede(ctx context.Context, earlier []string) (string, error) {
	if r.resumes {
		return r.succeed(ctx, earlier)
	}
	if !r.exclusive {
		name, err := r.create(ctx)
		if err == nil { // the old ones last: they hold on to what both need
			r.removeAll(ctx, earlier)
		}
		return name, err
	}
	if err := r.removeAll(ctx, earlier); err != nil { // first: the new one is refused beside them
		return "", err
	}
	return r.create(ctx)
}

func (r *receiver) removeAll(ctx context.Context, consumers []string) (err error) {
	for _, name := range consumers {
		err = errors.Join(err, r.remove(ctx, name))
	}
	return err
}

// create makes the consumer, and returns its name. If the server refuses it
// beside another one, claim finds out the next time whose that is: it may be
// the receiver's own, of a request that was late.
func (r *receiver) create(ctx context.Context) (string, error) {
	create := r.stream.CreateConsumer
	if r.shared {
		create = r.stream.CreateOrUpdateConsumer
	}
	cfg := r.attempt.cfg
	if cfg.Name == "" {
		cfg = r.consumerConfig()
	}
	if !r.resumes { // see sweep
		r.attempt.cfg = cfg
	}
	c, err := create(ctx, cfg)
	switch {
	case r.exclusive && r.place.consumer == "" && isTaken(err):
		r.attempt = attempt{}
		return "", r.taken()
	case err != nil:
		return "", fmt.Errorf("natschan: create a consumer for %s: %w", r.ch.Name, err)
	}
	return c.CachedInfo().Name, nil
}

// taken is the error of a receiver whose place is another's: of a new one, or
// of one that had the place.
func (r *receiver) taken() error {
	if r.place.consumer != "" {
		return ErrFenced
	}
	return fmt.Errorf("%w: %s", ErrReceiverTaken, r.ch.Name)
}

// isTaken reports whether a consumer was refused because there is another one
// on a work queue.
func isTaken(err error) bool { return hasCode(err, codeMaxConsumers, 10099, 10100, 10148) }

func (r *receiver) consumerConfig() jetstream.ConsumerConfig {
	r.mu.Lock()
	defer r.mu.Unlock()
	cfg := jetstream.ConsumerConfig{
		Name:              "rx_" + nuid.Next(),
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           r.ch.AckWait,
		MaxAckPending:     -1,
		InactiveThreshold: 3 * r.ch.Lease,
		Metadata:          map[string]string{},
	}
	if r.lease != nil {
		cfg.Metadata[metaLease] = r.lease.subject
	}
	if r.acks {
		cfg.Metadata[metaGiven] = strconv.FormatUint(max(r.position.given, r.position.seq), 10)
	}
	if !r.queue {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.position.floor()+1
	}
	if r.ch.prunes() { // with limits retention, by default one server alone knows which values are acknowledged
		cfg.Replicas = r.ch.Replicas
	}
	switch {
	case r.shared:
		cfg.Name, cfg.Durable, cfg.InactiveThreshold, cfg.Metadata = "", sharedConsumer, 0, nil
	case r.queue:
		cfg.InactiveThreshold = max(2*r.ch.Lease, 5*time.Minute)
	case r.resumes:
		cfg.InactiveThreshold, cfg.Durable = 0, cfg.Name
		cfg.Metadata[metaDurable], cfg.Metadata[metaMaker] = r.durable, r.id
	case !r.acks:
		cfg.AckPolicy, cfg.AckWait, cfg.MaxAckPending = jetstream.AckNonePolicy, 0, 0
		cfg.MemoryStorage, cfg.Replicas = true, 1
	}
	return cfg
}
