package natschan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// How long one attempt waits for an answer, and how long after the end of a
// ctx. Usually the answer is there within a millisecond. While it is not,
// nobody knows what became of the value.
const (
	attemptTimeout = 2 * time.Second
	graceTimeout   = 250 * time.Millisecond
)

// stallTimeout is how long persist tries again while a server is there but does
// not store: it leaves sends unanswered while it answers everything else, or
// has a reason that should pass. A leader that has lost its majority steps down
// before that, and the server forgets an unfinished batch.
const stallTimeout = 30 * time.Second

// A persistence is the attempts to store one message, or one batch.
type persistence struct {
	*sender
	msgs  []*nats.Msg
	doubt bool      // an attempt may have stored it
	why   error     // the reason, or the likely one, that the last attempt stored nothing
	since time.Time // when the server began to have a reason, or zero
}

// persist publishes until the answer is definite, ctx ends or s is closed.
func (s *sender) persist(ctx context.Context, msgs []*nats.Msg) error {
	p := persistence{sender: s, msgs: msgs}
	var wait retryPause
	for {
		what, answer := p.attempt(ctx)
		switch {
		case what == stored:
			return nil
		case what == full && s.family.ch.prunes() && s.prune(ctx, len(msgs)):
			continue
		case what == refused, what == closed:
			return p.result(answer)
		case p.stalledForLong():
			return p.result(p.why)
		}
		if err := s.await(ctx, what, wait.next()); err != nil {
			if p.why != nil && ctx.Err() != nil {
				err = fmt.Errorf("%w: %w", err, p.why)
			}
			return p.result(err)
		}
	}
}

// result is err, as the caller gets it.
func (p *persistence) result(err error) error {
	if p.doubt {
		return unknown(err)
	}
	return err
}

// stalledForLong reports whether the server has had a reason not to store for
// stallTimeout, in each attempt.
func (p *persistence) stalledForLong() bool {
	switch {
	case p.why == nil:
		p.since = time.Time{}
		return false
	case p.since.IsZero():
		p.since = time.Now()
	}
	return time.Since(p.since) > stallTimeout
}

// attempt publishes once. It returns what became of it, and for a refusal the
// error.
func (p *persistence) attempt(ctx context.Context) (verdict, error) {
	p.why = nil
	err := p.publish(ctx, p.msgs, attemptTimeout)
	what, answer := p.family.judge(ctx, err)
	switch {
	case what == again:
		p.why = answer
	case what != unclear:
	case ctx.Err() != nil:
		return p.lastAttempt(ctx)
	default:
		if isTimeout(err) {
			p.why = p.family.stalled()
		}
		return p.clarify(ctx, err)
	}
	return what, answer
}

// lastAttempt publishes when ctx has ended before the server has answered: a
// stored value beats a ctx that has ended. With the same id it is stored once.
func (p *persistence) lastAttempt(ctx context.Context) (verdict, error) {
	f, likely := p.family, make(chan error, 1)
	go func() { likely <- f.stalled() }()
	err := p.publish(context.WithoutCancel(ctx), p.msgs, f.grace())
	p.why, p.doubt = <-likely, true
	switch what, answer := f.judge(context.WithoutCancel(ctx), err); what {
	case full: // the server would have known an id that is stored
		p.doubt = false
		return refused, ctx.Err()
	case unclear:
		return p.clarify(ctx, err)
	case again:
		p.why = answer
		return what, answer
	default:
		return what, answer
	}
}

// clarify returns what became of an attempt that ended in err, which does not
// say so.
func (p *persistence) clarify(ctx context.Context, err error) (verdict, error) {
	nobody := errors.Is(err, jetstream.ErrNoStreamResponse)
	if nobody && p.family.gone(ctx) {
		return closed, leat.ErrClosed
	}
	if subject, cause := denied(p.family.nc); subject == p.family.ch.dataSubject() {
		return refused, fmt.Errorf("natschan: %w", cause)
	}
	p.doubt = p.doubt || !nobody // nobody was there to store it
	return unclear, nil
}

// publish is one attempt. The messages of a batch go out one after the other,
// and the answer to the last one is the answer to all. It does not try again,
// as the client would: that would send a message again after later ones.
func (s *sender) publish(ctx context.Context, msgs []*nats.Msg, patience time.Duration) error {
	err := s.publishOnce(ctx, msgs, patience)
	if err != nil && inProcess(err) {
		err = s.awaitAgreement(ctx, msgs, patience, err)
	}
	return err
}

func (s *sender) publishOnce(ctx context.Context, msgs []*nats.Msg, patience time.Duration) error {
	last := len(msgs) - 1
	if last > 0 {
		id := []string{nuid.Next()}
		for _, m := range msgs {
			m.Header["Nats-Batch-Id"] = id
		}
		for _, m := range msgs[:last] {
			if err := s.family.nc.PublishMsg(m); err != nil {
				return err
			}
		}
	}
	answer, err := s.requester.request(ctx, msgs[last], patience)
	if errors.Is(err, nats.ErrNoResponders) {
		return jetstream.ErrNoStreamResponse
	}
	if err != nil {
		return err
	}
	return s.family.judgeAnswer(answer.Data)
}

// judgeAnswer returns nil if the server has stored a message, or a batch.
func (f *family) judgeAnswer(data []byte) error {
	if seq, found := bytes.CutPrefix(data, f.stored); found && isNumberAndBrace(seq) {
		return nil // what JSON would say takes a microsecond
	}
	var answer struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("an answer that is not JetStream's: %w", err)
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == codeBatchDuplicate:
		return nil // the ids are this batch's alone: it is stored
	case answer.Error != nil:
		return answer.Error
	case answer.Stream == "":
		return jetstream.ErrInvalidJSAck
	}
	return nil
}

// isNumberAndBrace reports whether data is the end of a JSON object after the
// name of a field that is a number.
func isNumberAndBrace(data []byte) bool {
	digits := bytes.TrimLeft(data, "0123456789")
	return len(digits) < len(data) && string(digits) == "}"
}

// stalled is the function of that name for the channel's stream.
func (f *family) stalled() error {
	ctx, cancel := context.WithTimeout(context.Background(), graceTimeout)
	defer cancel()
	return stalled(ctx, f.js, f.ch.stream())
}

func (f *family) gone(ctx context.Context) bool {
	own, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return gone(own, f.js, f.ch.stream())
}

// await waits until it is worth trying again: for a server, or for room. It
// waits for a hint, and not for long, since hints get lost.
func (s *sender) await(ctx context.Context, what verdict, pause time.Duration) error {
	var hint <-chan struct{}
	if what == full {
		s.family.waiting.Add(1)
		defer s.family.waiting.Add(-1)
		fresh, err := s.family.listen(ctx)
		if err != nil {
			return err
		}
		if fresh {
			return nil // try again, now that every hint is heard
		}
		hint = s.family.space.changed()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-hint:
	case <-timer.C:
	case <-s.closed:
		return leat.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// prune is the family's, until s is closed. It leaves it to another handle that
// is pruning.
func (s *sender) prune(ctx context.Context, n int) bool {
	f := s.family
	if !f.pruning.TryLock() {
		return false
	}
	defer f.pruning.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-s.closed:
		case <-ctx.Done():
		}
	}()
	if !f.prune(ctx, n) {
		return false
	}
	f.space.all()
	return true
}

// A retryPause is the limit of the wait before the last attempt. Zero is ready
// to use.
type retryPause time.Duration

// next returns how long to wait: up to 10 ms, then up to twice as long each
// time, up to 200 ms. The waits are random so that senders do not come all at
// once.
func (p *retryPause) next() time.Duration {
	*p = min(max(2*(*p), retryPause(10*time.Millisecond)), retryPause(200*time.Millisecond))
	half := time.Duration(*p / 2)
	return half + rand.N(half)
}

// listen subscribes to the hints that there is room, and reports whether that
// is new.
func (f *family) listen(ctx context.Context) (fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hints != nil {
		return false, nil
	}
	for _, subject := range []string{f.ch.spaceSubject(), f.ch.endSubject()} {
		sub, err := f.nc.Subscribe(subject, func(*nats.Msg) { f.space.all() })
		if err != nil {
			return false, fmt.Errorf("natschan: channel %s: %w", f.ch.Name, err)
		}
		f.hints = append(f.hints, sub)
	}
	if err := subscribed(ctx, f.nc); ctx.Err() != nil {
		return false, ctx.Err()
	} else if err != nil {
		return false, nil // the timer will do
	}
	return true, nil
}
