package natschan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A receiver is a Receiver without its type. It asks its consumer for values (a
// pull request says how many). The server sends them to the receiver's inbox,
// arrive puts them into the buffer, and receive takes them from there. One
// goroutine, attend, looks after what no call waits for: the end, a lost
// connection, a silent server.
//
// The story in the order in which a value meets it: pull.go makes the receiver,
// claim.go its consumer, ask.go asks, arrive.go fills the buffer (buffer.go,
// with the gate of gate.go; ahead.go bounds a stay there), receive.go waits and
// take.go takes, acknowledge.go acknowledges, end.go finds the end and closes.
// Besides: hold.go tells whether the consumer is still the receiver's,
// takeover.go takes over a Durable receiver's, attend.go repairs, position.go
// is how far the receiver has come, remote.go asks the server, and policy.go
// says what each kind needs.
//
// Invariants, under mu:
//   - No value in the buffer was handed out. A consumer that is made again (see
//     remake) sends it again, so the buffer can be dropped.
//   - Nothing in the buffer is handed out unless the receiver holds its
//     consumer (see hold).
//   - position.seq is the newest sequence that was handed out, or reported as
//     missed. So was each one before it (not on MPMC).
//   - position.unsettled are the sequences that were handed out, and that the
//     server has yet to hear of. If a value up to seq comes again and is not
//     unsettled, its acknowledgement was lost: it is acknowledged again, and
//     not handed out.
type receiver struct {
	remote
	policy
	attendant
	requester requester // for acknowledgements
	lease     *lease    // nil if it needs none
	inbox     *nats.Subscription
	ends      *nats.Subscription // hints that the channel was closed
	missed    atomic.Uint64
	events    wake
	id        string  // of a Durable receiver, in its consumers and its mark
	swept     int     // of a Durable receiver, of attend alone: see sweep
	inherits  bool    // a Durable receiver goes on where another one has stopped
	attempt   attempt // of claim alone, which is not called concurrently

	replicated atomic.Bool // of a Durable receiver: the stream of leases is, see currentMark

	mu       sync.Mutex
	made     time.Time // when the stream was, as the server said last
	place    place
	demand   demand
	buffer   buffer
	ahead    ahead // MPMC
	position position
	freed    int     // places of the capacity, since the last hint to senders
	deferred []error // which RecvBatch has left to the next receive
	ending   ending
}

// A place is the receiver's consumer, as far as the receiver knows.
type place struct {
	consumer string // its name
	arrived  uint64 // the consumer's own sequence of the value that arrived last
	held     hold
	acked    string // where a Durable receiver's last acknowledgement went that is not confirmed
	lost     bool   // arriving values are of no use: attend makes the consumer again
}

// A demand is what the receiver has asked its consumer for, and for whom.
type demand struct {
	callers   int       // calls of receive that have not returned
	calls     uint64    // calls of receive in all
	asked     int       // values that were asked for and have not arrived
	askedIn   uint64    // calls, when the receiver asked last
	answering bool      // the server does not wait for a value: it answers that there is none
	heard     time.Time // when the server sent something, or was asked, last
	failed    bool      // the server refused: attend finds out why
	probing   bool      // see probe
}

// An ending is how near the end is.
type ending struct {
	sealed  bool  // the channel was closed, or somebody said so
	doubted bool  // the end was seen once
	closed  bool  // the receiver was
	hangsUp bool  // and what it had asked for may still arrive
	over    error // what each receive returns once the buffer is empty
}

func newReceiver(
	ctx context.Context, js jetstream.JetStream, ch Channel, o receiverOptions,
) (*receiver, error) {
	js = patient(js)
	stream, err := ch.open(ctx, js)
	if err != nil {
		return nil, err
	}
	if err := o.check(&ch); err != nil {
		return nil, err
	}
	r := &receiver{
		remote:    remote{ch: ch, js: js, nc: js.Conn(), stream: stream},
		policy:    policyOf(&ch, o),
		attendant: newAttendant(),
		requester: newRequester(js.Conn()),
		id:        nuid.Next(),
	}
	r.position.unsettled, r.ahead.depth = make(map[uint64]bool), r.prefetch
	if err := r.begin(ctx); err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			r.dropMarks()
		}
		r.abandon()
		return nil, err
	}
	r.start(r.attend)
	return r, nil
}

// begin subscribes, finds where to begin, and makes the consumer.
func (r *receiver) begin(ctx context.Context) (err error) {
	if err := r.subscribe(ctx); err != nil {
		return err
	}
	info, err := r.info(ctx) // after subscribe: an earlier end is seen here, a later one is hinted at
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	if info.Config.Sealed {
		r.seal()
	}
	r.mu.Lock()
	r.position.seq, r.made = r.beforeFirst(info.State), info.Created
	r.mu.Unlock()
	if r.queue {
		if r.lease, err = r.ch.join(ctx, r.js, receiving, info.Created); err != nil {
			return err
		}
	}
	if err := r.claim(ctx); err != nil {
		return err
	}
	if r.ch.prunes() && !r.inherits {
		return r.beginAfterAll(ctx)
	}
	return nil
}

// subscribe subscribes to values and to hints of the end, and returns when the
// server knows.
func (r *receiver) subscribe(ctx context.Context) (err error) {
	listen := func(subject string, f nats.MsgHandler) (sub *nats.Subscription) {
		if err != nil {
			return nil
		}
		if sub, err = r.nc.Subscribe(subject, f); err == nil {
			sub.SetPendingLimits(-1, -1) // no more comes than was asked for
		}
		return sub
	}
	r.inbox = listen(r.nc.NewInbox()+".*", r.arrive)
	r.ends = listen(r.ch.endSubject(), func(*nats.Msg) { r.seal() })
	if err == nil {
		err = subscribed(ctx, r.nc)
	}
	if err == nil {
		if subject, why := denied(r.nc); why != nil && (subject == r.inbox.Subject || r.ch.concerns(subject)) {
			err = why
		}
	}
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	return nil
}

// beforeFirst returns the sequence before that of the first value to receive.
// It is also the number of that value: sequences begin with 1, numbers with 0.
func (r *receiver) beforeFirst(state jetstream.StreamState) uint64 {
	kept := max(state.FirstSeq, 1) - 1
	switch n := uint64(r.replay); {
	case r.queue:
		return kept
	case r.numbered:
		return min(r.from, state.LastSeq)
	case n > 0:
		return max(kept, state.LastSeq-min(n, state.LastSeq))
	}
	return state.LastSeq
}

// abandon undoes what a begin that failed has done.
func (r *receiver) abandon() {
	for _, sub := range []*nats.Subscription{r.inbox, r.ends} {
		if sub != nil {
			sub.Unsubscribe()
		}
	}
	r.requester.close()
	for _, name := range []string{r.attempt.cfg.Name, r.place.consumer} {
		if name != "" { // the server may have made it, and a lossless channel waits for it
			r.discard([]string{name})
		}
	}
	if r.lease != nil {
		ctx, cancel := bounded()
		defer cancel()
		r.lease.leave(ctx)
	}
}
