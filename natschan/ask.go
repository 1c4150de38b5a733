package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// askLocked asks for values if it is time for that. The server may wait for
// them for as long as patience.
func (r *receiver) askLocked(patience time.Duration) {
	if r.place.lost || r.ending.over != nil || r.ending.closed {
		return
	}
	n := r.wantedLocked()
	if n == 0 {
		return
	}
	if r.takesAhead() {
		r.deepenLocked()
	}
	r.demand.asked += n
	r.demand.askedIn = r.demand.calls
	r.demand.answering = patience <= lookPause
	r.demand.heard = time.Now()
	r.nc.PublishRequest(r.nextSubject(r.place.consumer), r.inboxFor(asked), pullRequest(n, patience))
}

// The last token of the inbox tells what a status answers.
const (
	asked  = "r" // a request for values
	probed = "p" // a probe
)

// inboxFor returns the subject for the answers to a request.
func (r *receiver) inboxFor(what string) string {
	return strings.TrimSuffix(r.inbox.Subject, "*") + what
}

// probe asks for a value that is there, if values are on their way for which
// the receiver has asked before, and reports whether it does. The consumer
// sends to one inbox in order: when it answers that it has nothing, what it
// sent before has arrived.
func (r *receiver) probe() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.takesAhead() || r.demand.asked == 0 || r.ending.closed {
		return false
	}
	r.demand.probing = true
	r.nc.PublishRequest(r.nextSubject(r.place.consumer), r.inboxFor(probed), pullRequest(1, 0))
	return true
}

// wantedLocked returns how many values to ask for: as many as complete the
// prefetch, when half of that or less is on its way or buffered. A receiver
// with a shared consumer asks for at least one value for each of its callers.
func (r *receiver) wantedLocked() int {
	underWay := r.demand.asked + len(r.buffer.values)
	ahead := r.prefetch
	if r.shared {
		ahead = max(r.ahead.depth, r.demand.callers)
	}
	n := ahead - underWay
	if n > ahead/2 || underWay == 0 || r.shared && underWay < r.demand.callers {
		return n
	}
	return 0
}

// forgetLocked forgets the requested values: they will not come.
func (r *receiver) forgetLocked() {
	r.demand.asked, r.demand.answering = 0, false
}

const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 2 * time.Second
)

// pullRequest asks for n values, for which the server waits up to patience.
// Zero is no_wait, and not to be relied on: the server answers it from a count
// of what the consumer has yet to send, and counts a value twice that it could
// not deliver at first (its inbox had just gone) and sent again. From then on
// it says that there is nothing while there is one value. A request that may
// wait is answered from the stream itself.
func pullRequest(n int, patience time.Duration) []byte {
	body := append(make([]byte, 0, 96), `{"batch":`...)
	body = strconv.AppendInt(body, int64(n), 10)
	if patience == 0 {
		return append(body, `,"no_wait":true}`...)
	}
	body = append(body, `,"expires":`...)
	body = strconv.AppendInt(body, int64(patience), 10)
	if patience > 2*pullHeartbeat {
		body = append(body, `,"idle_heartbeat":`...)
		body = strconv.AppendInt(body, int64(pullHeartbeat), 10)
	}
	return append(body, '}')
}

// pullOne asks for one value, for which the server waits up to patience, puts
// it into the buffer, and reports whether there was one. A server that does not
// answer may be back soon. A value that comes after ctx has ended is buffered,
// too.
//
// It has an inbox of its own. A value comes under the subject that it was sent
// to, not under the inbox that it was asked for with, so the client's Request
// cannot tell which of several requests it answers, and drops it: it would be
// lost until AckWait ends.
func (r *receiver) pullOne(ctx context.Context, patience time.Duration) (got bool, err error) {
	answer := make(chan string, 1)
	inbox := r.nc.NewInbox()
	sub, err := r.nc.Subscribe(inbox, func(m *nats.Msg) {
		if meta, err := m.Metadata(); err != nil {
			answer <- m.Header.Get("Status")
		} else {
			r.putPulled(m, meta)
			answer <- ""
		}
	})
	if err == nil {
		err = sub.AutoUnsubscribe(1)
	}
	if err == nil {
		err = r.nc.PublishRequest(r.nextSubject(r.place.consumer), inbox, pullRequest(1, patience))
	}
	if err != nil {
		return false, fmt.Errorf("natschan: %w", err)
	}
	own, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	select {
	case status := <-answer:
		if status == "503" { // nobody answers for the consumer
			return false, r.consumerGone(ctx)
		}
		return status == "", nil
	case <-own.Done():
		sub.Drain()
		return false, ctx.Err()
	}
}

// consumerGone returns leat.ErrClosed if the receiver's consumer does not exist
// any more. Otherwise it waits a while: nobody answers while the servers of a
// cluster elect a leader for the consumer, or while the server restarts.
func (r *receiver) consumerGone(ctx context.Context) error {
	own, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_, err := r.stream.Consumer(own, r.place.consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return leat.ErrClosed
	}
	return pause(ctx, lookPause, nil)
}

// putPulled buffers a value that pullOne has asked for.
func (r *receiver) putPulled(m *nats.Msg, meta *nats.MsgMetadata) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer.put(newDelivery(m, meta, time.Now()))
	r.events.all()
}
