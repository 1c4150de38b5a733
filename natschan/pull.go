package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

func (r *receiver) wait(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting += n
	if n > 0 {
		r.calls++
	}
}

// take returns the first value in buf, or why none will come, or neither. The mutex is held.
func (r *receiver) take() (*delivery, error) {
	defer func() { r.gate.set(len(r.buf) > 0) }()
	for len(r.buf) > 0 {
		d := r.buf[0]
		if gap := d.seq - r.seq - 1; r.lags && d.seq > r.seq && gap > 0 {
			r.seq += gap
			r.missed.Add(gap)
			d.old = true
			return nil, &leat.LaggedError{Missed: gap}
		}
		r.buf[0] = nil
		if r.buf = r.buf[1:]; len(r.buf) == 0 {
			r.buf = nil
			if r.sealed {
				r.kick()
			}
		}
		switch {
		case r.known(d):
			r.nc.Publish(d.msg.Reply, []byte("+ACK"))
			continue
		case r.shared && time.Since(d.at) > r.ch.AckWait*3/4:
			continue // the server gives it to somebody else now
		}
		if d.deliveries == 1 && (d.seq <= r.given || r.unsettled[d.seq]) {
			d.deliveries++ // a new consumer has not counted what an earlier one did
		}
		r.seq = max(r.seq, d.seq)
		if r.acks {
			r.unsettled[d.seq] = true
		}
		if r.gate.asked {
			r.ask(pullExpires)
		}
		return d, nil
	}
	return nil, r.over
}

// known reports whether d was received already. The mutex is held.
func (r *receiver) known(d *delivery) bool {
	switch {
	case !r.acks:
		return d.seq <= r.seq
	case r.shared:
		return r.settled.has(d.seq)
	}
	return d.seq <= r.seq && !r.unsettled[d.seq]
}

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

// arrive is called, one at a time, for each message that the server sends to the
// inbox: a value, or a status. The subject for the acknowledgement tells them
// apart, and nothing else does: the header and the body of a value belong to
// its sender, who may make them look like a status.
func (r *receiver) arrive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = time.Now()
	meta, err := m.Metadata()
	if err != nil { // only a value has a subject for its acknowledgement
		r.status(m.Header)
		return
	}
	if meta.Consumer != r.consumer || r.resetting {
		return // of a consumer that is no more
	}
	if r.closed && r.over != nil {
		if r.acks {
			r.nc.Publish(m.Reply, []byte("-NAK"))
		}
		return
	}
	r.asked = max(0, r.asked-1)
	r.answering = false
	if !r.shared {
		if meta.Sequence.Consumer != r.cseq+1 { // what is between was lost on its way
			r.resetting = true
			r.kick()
			return
		}
		r.cseq++
	}
	d := &delivery{msg: m, seq: meta.Sequence.Stream, deliveries: int(meta.NumDelivered), at: r.heard, old: r.waiting == 0 || r.newestOnly && r.askedIn != r.calls}
	if r.shared && d.old && !r.gate.asked && !r.closed { // who asked has given up: let others have it
		r.nc.Publish(m.Reply, []byte("-NAK"))
		return
	}
	if meta.NumDelivered > 1 {
		for i, earlier := range r.buf {
			if earlier.seq == d.seq {
				r.buf[i] = d
				return
			}
		}
	}
	r.buf = append(r.buf, d)
	r.gate.set(true)
	r.events.all()
}

// status is what the server says of a request instead of a value. The mutex is held.
func (r *receiver) status(h nats.Header) {
	status := h.Get("Status")
	if status == "100" { // it is alive
		return
	}
	unmet := r.asked
	if n, err := strconv.Atoi(h.Get("Nats-Pending-Messages")); err == nil {
		unmet = n
	}
	r.asked = max(0, r.asked-unmet)
	r.answering = false
	if status != "404" && status != "408" { // not just an end of the request
		r.asked = 0
		r.heard = time.Time{} // so that attend looks what is wrong
		r.kick()
		return
	}
	r.events.all()
	if r.gate.asked {
		r.kick()
	}
}

// refresh makes sure that the first value in buf, which no call that goes on has asked for, is not outdated. If it is, it is dropped, and
// a Broadcast's receiver is told what it missed.
func (r *receiver) refresh(ctx context.Context) error {
	info, err := r.info(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buf) == 0 {
		return nil // another call has it
	}
	if err != nil || info.State.FirstSeq <= r.buf[0].seq {
		r.buf[0].old = false
		return nil
	}
	r.buf = nil // such receivers take one ahead
	r.gate.set(false)
	gap := max(r.seq, info.State.FirstSeq-1) - r.seq
	r.seq += gap
	if !r.lags || gap == 0 {
		return nil
	}
	r.missed.Add(gap)
	return &leat.LaggedError{Missed: gap}
}

// info asks for the stream's state. (Info of a jetstream.Stream may not be called concurrently.)
func (r *receiver) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	s, err := r.js.Stream(ctx, r.ch.stream())
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

// look asks the server whether there is a value for this receiver, and whether there will be.
func (r *receiver) look(ctx context.Context) (empty bool, err error) {
	info, err := r.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		r.finish(fmt.Errorf("%w: the stream of %s was deleted", leat.ErrClosed, r.ch.Name))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var ackPending uint64
	if r.shared && info.State.Msgs > 0 {
		c, err := r.stream.Consumer(ctx, sharedConsumer)
		if err != nil {
			return false, err
		}
		if n := c.CachedInfo(); n.NumPending == 0 {
			ackPending = uint64(n.NumAckPending)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buf) > 0 || r.over != nil {
		return false, nil
	}
	r.sealed = info.Config.Sealed || r.closed && r.sealed // a word of the end may be late, of a channel that had the name before
	state, ended := info.State, false
	switch {
	case r.shared:
		empty, ended = state.Msgs <= ackPending, state.Msgs == 0
	case r.queue:
		empty = state.LastSeq <= r.seq || state.Msgs <= uint64(len(r.unsettled))
		ended = state.Msgs == 0 || empty && len(r.unsettled) == 0
	default:
		empty = state.LastSeq <= r.seq
		ended = empty && len(r.unsettled) == 0
	}
	if !r.sealed || !ended {
		return empty, nil
	}
	if r.ch.Replicas > 1 && !r.doubted { // a send that was under way when the channel closed may still arrive
		r.doubted = true
		return false, nil
	}
	r.finishLocked(leat.ErrClosed)
	return false, nil
}

// finish lets all receives return err once buf is empty.
func (r *receiver) finish(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finishLocked(err)
}

func (r *receiver) finishLocked(err error) {
	if r.over == nil {
		r.over = err
	}
	r.gate.end()
	r.events.all()
}

// seal is called when somebody says that the channel was closed: look sees whether it was.
func (r *receiver) seal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealed = true
	r.events.all()
	r.kick()
}

// kick gives attend something to do.
func (r *receiver) kick() {
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// acknowledge tells the server that d was received, and reports whether it may be handed out. It may not if the consumer is
// gone: then the value is given to somebody else, or to this receiver again.
func (r *receiver) acknowledge(d *delivery) bool {
	if !r.acks {
		return true
	}
	err := r.tell(d, "+ACK", r.confirms)
	return !errors.Is(err, ErrFenced)
}

// answer is what the methods of Msg do. It asks the server to confirm, so that
// the caller learns whether d is still the receiver's.
func (r *receiver) answer(d *delivery, what string, settles bool) error {
	if !r.acks {
		return nil
	}
	if settles {
		return r.tell(d, what, true)
	}
	err := r.request(d, what)
	if errors.Is(err, nats.ErrNoResponders) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.fencedLocked()
	}
	return r.failed(err)
}

// request sends what about d, and waits until the server has confirmed it.
func (r *receiver) request(d *delivery, what string) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	_, err := r.nc.RequestWithContext(ctx, d.msg.Reply, []byte(what))
	return err
}

// fencedLocked has attend look at the consumer, which does not answer.
func (r *receiver) fencedLocked() error {
	r.heard = time.Time{}
	r.asked = max(r.asked, 1)
	r.kick()
	return ErrFenced
}

// failed is err of an exchange, as a caller sees it.
func (r *receiver) failed(err error) error {
	if err == nil {
		return nil
	}
	return explain(r.nc, fmt.Errorf("natschan: %w", err))
}

// extend gives the caller of RecvMsg all of AckWait, if d has waited here.
func (r *receiver) extend(d *delivery) {
	if r.acks && time.Since(d.at) > r.ch.AckWait/4 {
		r.nc.Publish(d.msg.Reply, []byte("+WPI"))
	}
}

// tell settles d. If the server does not answer, nobody knows whether it did: then d comes again and is known.
func (r *receiver) tell(d *delivery, what string, confirm bool) (err error) {
	if confirm {
		err = r.request(d, what)
	} else {
		err = r.nc.Publish(d.msg.Reply, []byte(what))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, nats.ErrNoResponders) {
		return r.fencedLocked()
	}
	delete(r.unsettled, d.seq)
	if r.shared {
		r.settled.add(d.seq)
	}
	if r.bounded {
		if r.freed++; len(r.buf) == 0 || r.freed >= r.ch.Capacity/2 {
			r.freed = 0
			r.nc.Publish(r.ch.spaceSubject(), nil)
		}
	}
	if r.sealed && len(r.unsettled) == 0 { // this may be the end
		r.events.all()
		r.kick()
	}
	return r.failed(err)
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

func (r *receiver) ready() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	ch := r.gate.channel()
	if r.over != nil {
		r.gate.end()
	} else {
		r.gate.set(len(r.buf) > 0)
		r.ask(pullExpires)
		r.kick()
	}
	return ch
}

func (r *receiver) close() (err error) {
	r.closing.Do(func() {
		r.cancel()
		<-r.done
		ctx, cancel := bounded()
		defer cancel()
		if r.queue {
			err = r.closeQueue(ctx)
		} else {
			err = r.closeOwn(ctx)
		}
		r.hangUp(ctx)
	})
	return explain(r.nc, err)
}

// hangUp ends the subscriptions, and waits for what the server sent before it knew: that is kept, or given back.
func (r *receiver) hangUp(ctx context.Context) {
	for _, sub := range r.subs {
		ended := sub.StatusChanged(nats.SubscriptionClosed)
		if sub.Drain() != nil {
			continue // the connection is closed
		}
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}

func (r *receiver) closeQueue(ctx context.Context) error {
	r.mu.Lock()
	if len(r.buf) > 0 && !r.holdsLocked() {
		r.returnLocked()
	}
	r.mu.Unlock()
	left, err := r.lease.leave(ctx)
	last := !r.shared || err == nil && left.receivers == 0
	if err == nil && last {
		err = r.ch.seal(ctx, r.js)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed = true; last {
		r.sealed = true
	} else {
		r.returnLocked()
		r.over = leat.ErrClosed
	}
	r.gate.end()
	r.events.all()
	return err
}

// returnLocked has the server redeliver what is buffered.
func (r *receiver) returnLocked() {
	for _, d := range r.buf {
		r.nc.Publish(d.msg.Reply, []byte("-NAK"))
	}
	r.buf = nil
}

func (r *receiver) closeOwn(ctx context.Context) error {
	r.mu.Lock()
	r.closed, r.buf = true, nil
	r.finishLocked(leat.ErrClosed)
	r.mu.Unlock()
	if r.durable {
		return nil
	}
	err := r.stream.DeleteConsumer(ctx, r.consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("natschan: closing a receiver of %s: %w", r.ch.Name, err)
	}
	if r.ch.Lossless {
		return r.nc.Publish(r.ch.spaceSubject(), nil) // it may have been the slowest
	}
	return nil
}

// recent remembers the last sequences that were added.
type recent struct {
	set  map[uint64]bool
	ring []uint64
	next int
}

const recentSize = 1024

func (s *recent) has(seq uint64) bool { return s.set[seq] }

func (s *recent) add(seq uint64) {
	if s.set == nil {
		s.set, s.ring = make(map[uint64]bool), make([]uint64, recentSize)
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next], s.set[seq] = seq, true
	s.next = (s.next + 1) % recentSize
}

// A gate is a channel for native select that can be received from while the gate is open. It needs its owner's mutex.
type gate struct {
	asked bool
	ended bool
	ch    chan struct{}
}

func (g *gate) channel() <-chan struct{} {
	if !g.asked {
		g.asked, g.ch = true, make(chan struct{}, 1)
	}
	return g.ch
}

func (g *gate) set(open bool) {
	if !g.asked || g.ended {
		return
	}
	select {
	case <-g.ch:
	default:
	}
	if open {
		g.ch <- struct{}{}
	}
}

func (g *gate) end() {
	if g.asked && !g.ended {
		g.ended = true
		close(g.ch)
	}
}
