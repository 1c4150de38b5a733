package natschan

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ask asks for values if it is time for that; how long the server may wait for them is pullExpires unless others share the
// consumer. The mutex is held.
func (r *receiver) ask(patience time.Duration) {
	if r.resetting || r.over != nil || r.closed {
		return
	}
	n := r.opts.prefetch - r.asked - len(r.buf)
	if r.shared {
		n = max(r.waiting, 1) - r.asked - len(r.buf)
	}
	if n <= r.opts.prefetch/2 && r.asked+len(r.buf) > 0 {
		return
	}
	r.asked += n
	r.askedIn = r.calls
	r.answering = patience < pullExpires
	r.heard = time.Now()
	r.nc.PublishRequest(r.nextSubject(), r.inbox, pullRequest(n, patience))
}

const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 2 * time.Second
)

// pullRequest asks for n values, for which the server waits up to patience. Zero is no_wait, and not to be relied on: the server answers it from
// a count of what the consumer has yet to send, and counts a value twice that it could not deliver at first (its inbox had just gone) and sent
// again. From then on it says that there is nothing while there is one value. A request that may wait is answered from the stream itself.
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

func (r *receiver) nextSubject() string {
	return r.apiSubject("CONSUMER.MSG.NEXT." + r.ch.stream() + "." + r.consumer)
}

// apiSubject returns the subject of a request to JetStream.
func (r *receiver) apiSubject(request string) string {
	o := r.js.Options()
	prefix := o.APIPrefix
	if prefix == "" {
		prefix = jetstream.DefaultAPIPrefix
		if o.Domain != "" {
			prefix = "$JS." + o.Domain + ".API."
		}
	}
	if prefix[len(prefix)-1] != '.' {
		prefix += "."
	}
	return prefix + request
}

// drain asks for one value of a queue that this receiver has closed: there is nobody any more who asks ahead. It returns nil when it is worth
// trying again. If there is nothing now, the server may wait for one up to patience.
func (r *receiver) drain(ctx context.Context, try bool, patience time.Duration) error {
	if got, err := r.pullOne(ctx, 0); got || err != nil {
		return err
	}
	empty, err := r.look(ctx)
	switch {
	case try && err != nil:
		return err
	case try && empty:
		return leat.ErrEmpty
	}
	_, err = r.pullOne(ctx, patience)
	return err
}

// pullOne asks for one value, for which the server waits up to patience, puts it into buf, and reports whether there was one. A server
// that does not answer may be back soon. What comes after ctx has ended is in buf, too.
//
// It has an inbox of its own. A value comes under the subject that it was sent to, not under the inbox that it was asked for with, so
// the client's Request cannot tell which of several requests it answers, and drops it: it would be lost until AckWait ends.
func (r *receiver) pullOne(ctx context.Context, patience time.Duration) (got bool, err error) {
	answer := make(chan string, 1)
	inbox := r.nc.NewInbox()
	sub, err := r.nc.Subscribe(inbox, func(m *nats.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			answer <- m.Header.Get("Status")
			return
		}
		r.mu.Lock()
		r.buf = append(r.buf, &delivery{msg: m, seq: meta.Sequence.Stream, deliveries: int(meta.NumDelivered), at: time.Now()})
		r.events.all()
		r.mu.Unlock()
		answer <- ""
	})
	if err == nil {
		err = sub.AutoUnsubscribe(1)
	}
	if err == nil {
		err = r.nc.PublishRequest(r.nextSubject(), inbox, pullRequest(1, patience))
	}
	if err != nil {
		return false, fmt.Errorf("natschan: %w", err)
	}
	own, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	select {
	case status := <-answer:
		if status == "503" { // the consumer is no more
			return false, leat.ErrClosed
		}
		return status == "", nil
	case <-own.Done():
		sub.Drain()
		return false, ctx.Err()
	}
}

// How long to wait before the server is asked again for something that it does
// not report by itself, such as the last acknowledgement of another receiver:
// at first, and at most.
const (
	lookPause    = 20 * time.Millisecond
	maxLookPause = time.Second
)

// A backoff is how long to wait next. Zero is ready to use.
type backoff time.Duration

// next returns lookPause, then twice as long each time, up to maxLookPause.
func (b *backoff) next() time.Duration {
	*b = min(max(*b*2, backoff(lookPause)), backoff(maxLookPause))
	return time.Duration(*b)
}

// pause waits until changed is closed, until d is over unless d is 0, or until
// ctx ends.
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
