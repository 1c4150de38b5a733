package natschan

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A receiver is a Receiver without its type. It asks its consumer for values (a pull request says how many), and the server sends them to
// its inbox, where arrive puts them into buf. Whoever receives takes them from there. One goroutine, attend, looks after what
// nobody waits for: the end, a lost connection, a server that is silent.
//
// The story of receiving is told in the files pull.go (begin, and one receive
// from start to end), ask.go, take.go, acknowledge.go and end.go. claim.go makes
// the consumer, hold.go tells whether it is still the receiver's, attend.go
// mends what breaks, gate.go serves Ready, and policy.go says what each kind
// needs.
//
// Invariants, under mu:
//   - What is in buf was not handed out. A consumer that is made anew (see reset) sends it again, so buf can be dropped.
//   - Nothing in buf is handed out unless the receiver holds its consumer (see hold).
//   - seq is the newest stream sequence that was handed out, or told as missed. Each one up to seq was, too (but on MPMC).
//   - unsettled are those that were handed out and that the server has yet to hear of. A value up to seq that is not unsettled and comes again
//     is one whose acknowledgement was lost: it is acknowledged again, and nobody sees it.
type receiver struct {
	ch     Channel
	js     jetstream.JetStream
	nc     *nats.Conn
	stream jetstream.Stream
	opts   receiverOptions
	policy
	lease *lease // nil if it needs none

	inbox  string
	subs   []*nats.Subscription
	cancel context.CancelFunc // ends attend
	done   chan struct{}      // attend has ended
	kicked chan struct{}      // attend has something to do
	missed atomic.Uint64
	events wake

	closing sync.Once

	mu         sync.Mutex
	consumer   string
	held       hold
	cseq       uint64 // the consumer's sequence of what arrived last
	buf        []*delivery
	asked      int       // values that were asked for and have not arrived
	answering  bool      // and the server will not wait for one, but say that there is none
	heard      time.Time // from the server
	seq        uint64
	unsettled  map[uint64]bool
	given      uint64 // up to here, values were sent to a receiver that this one has replaced
	settled    recent // MPMC: what was acknowledged here
	waiting    int    // calls
	calls      uint64 // in all
	askedIn    uint64 // the call that asked last
	freed      int    // places since the last hint
	resetting  bool   // what arrives is of no use
	sealed     bool
	doubted    bool  // the end was seen once
	over       error // what each receive returns from now on
	closed     bool
	gate       gate
	orphanedAt time.Time // since when there is no sender's lease
}

// A delivery is a value that arrived.
type delivery struct {
	msg        *nats.Msg
	seq        uint64
	deliveries int
	at         time.Time
	old        bool // no call that goes on has asked for it: meanwhile there may be newer ones
}

func newReceiver(ctx context.Context, js jetstream.JetStream, ch Channel, o receiverOptions) (*receiver, error) {
	stream, err := ch.open(ctx, js)
	if err != nil {
		return nil, err
	}
	if err := o.check(&ch); err != nil {
		return nil, err
	}
	r := &receiver{
		ch: ch, js: js, nc: js.Conn(), stream: stream, opts: o, policy: policyOf(&ch, &o),
		done: make(chan struct{}), kicked: make(chan struct{}, 1),
		unsettled: make(map[uint64]bool), sealed: stream.CachedInfo().Config.Sealed,
	}
	background, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if err := r.begin(ctx); err != nil {
		cancel()
		r.unsubscribe()
		if r.lease != nil {
			own, cancel := bounded()
			defer cancel()
			r.lease.leave(own)
		}
		return nil, err
	}
	go r.attend(background)
	return r, nil
}

// begin subscribes to what the server has to say, finds where to begin, and makes the consumer.
func (r *receiver) begin(ctx context.Context) error {
	r.inbox = r.nc.NewInbox()
	for subject, f := range map[string]nats.MsgHandler{r.inbox: r.arrive, r.ch.endSubject(): func(*nats.Msg) { r.seal() }} {
		sub, err := r.nc.Subscribe(subject, f)
		if err != nil {
			return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
		}
		sub.SetPendingLimits(-1, -1) // no more comes than was asked for
		r.subs = append(r.subs, sub)
	}
	if err := subscribed(ctx, r.nc); err != nil {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	if subject, err := denied(r.nc); err != nil && (subject == r.inbox || r.ch.concerns(subject)) {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	info, err := r.info(ctx) // after the subscription: an earlier end is seen here, a later one is told
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	r.mu.Lock()
	r.sealed = r.sealed || info.Config.Sealed // which the subscription may have told meanwhile
	switch state := info.State; {
	case r.queue:
		r.seq = max(state.FirstSeq, 1) - 1
	default:
		r.seq = state.LastSeq
		if n := uint64(r.opts.replay); n > 0 {
			r.seq = max(max(state.FirstSeq, 1)-1, state.LastSeq-min(n, state.LastSeq))
		}
	}
	r.mu.Unlock()
	if r.queue {
		if r.lease, err = r.ch.join(ctx, r.js, receiving); err != nil {
			return err
		}
	}
	return r.claim(ctx)
}

func (r *receiver) unsubscribe() {
	for _, sub := range r.subs {
		sub.Unsubscribe()
	}
}

// receive returns the next value, which is not acknowledged yet. With try it does not wait for one, but for the server.
func (r *receiver) receive(ctx context.Context, try bool) (*delivery, error) {
	r.wait(+1)
	defer r.wait(-1)
	var backoff backoff
	tried, patience := false, pullExpires
	if try && r.shared {
		patience = 0
	}
	for {
		r.mu.Lock()
		if len(r.buf) > 0 && !r.holdsLocked() {
			r.mu.Unlock()
			if err := r.confirm(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if r.newestOnly && len(r.buf) > 0 && r.buf[0].old {
			r.mu.Unlock()
			if err := r.refresh(ctx); err != nil {
				return nil, err
			}
			continue
		}
		d, err := r.take()
		if d == nil && err == nil && !tried {
			r.ask(patience)
			patience = max(patience, lookPause) // a consumer that had nothing at once may be wrong: see pullRequest
		}
		tried = try && r.shared && !tried // first the consumer says that it has nothing, then the stream why
		if d != nil || err != nil {
			r.mu.Unlock()
			return d, err
		}
		changed, look, drain := r.events.changed(), (try || r.sealed) && !r.answering, r.closed
		r.mu.Unlock()

		if drain {
			if err := r.drain(ctx, try, backoff.next()); err != nil {
				return nil, err
			}
			continue
		}
		wait := time.Duration(0)
		if look {
			empty, err := r.look(ctx)
			switch {
			case try && err != nil:
				return nil, err
			case try && empty:
				return nil, leat.ErrEmpty
			}
			wait = backoff.next()
		}
		if err := pause(ctx, wait, changed); err != nil {
			return nil, err
		}
	}
}

func (r *receiver) wait(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting += n
	if n > 0 {
		r.calls++
	}
}
