package natschan

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
)

// Headers of an answer that is none.
const (
	headerError  = "Leat-Error"
	headerClosed = "Leat-Closed"
)

// A RemoteError is an error that the function of [Reply] returned.
type RemoteError struct{ Message string }

// Error returns the text of the error.
func (e *RemoteError) Error() string { return "natschan: remote: " + e.Message }

// Request sends a question to a subject that somebody serves with [Reply], and
// waits for the answer. It returns leat.ErrClosed if nobody serves it, a
// [*RemoteError], or ctx.Err(). It is not stored, and not sent again: when ctx
// ends, nobody knows whether it was served. A ctx without an end waits for ever
// if the server of the subject crashes.
func Request[Q, A any](ctx context.Context, nc *nats.Conn, subject string, question Q) (answer A, err error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	data, err := JSON.Marshal(question)
	if err != nil {
		return answer, fmt.Errorf("natschan: a question that cannot be sent: %w", err)
	}
	m, err := nc.RequestWithContext(ctx, subject, data)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return answer, leat.ErrClosed
	case err != nil && ctx.Err() != nil:
		return answer, ctx.Err()
	case err != nil:
		return answer, fmt.Errorf("natschan: %w", err)
	case m.Header.Get(headerError) != "":
		return answer, &RemoteError{m.Header.Get(headerError)}
	}
	if err := JSON.Unmarshal(m.Data, &answer); err != nil {
		return answer, &DecodeError{Data: m.Data, Err: err}
	}
	return answer, nil
}

// Reply answers the questions to subject with f, one at a time, until the
// function that it returns is called, which waits for the one being answered.
// All processes that serve a subject share its questions. The ctx of f ends
// then.
func Reply[Q, A any](nc *nats.Conn, subject string, f func(context.Context, Q) (A, error)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	sub, err := nc.QueueSubscribe(subject, "leat", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			nc.PublishMsg(respond(ctx, m, f))
		}
	})
	if err == nil {
		err = nc.FlushTimeout(serverTimeout)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("natschan: serving %s: %w", subject, err)
	}
	return func() {
		sub.Unsubscribe()
		cancel()
		mu.Lock() // the last answer
		defer mu.Unlock()
		nc.FlushTimeout(serverTimeout)
	}, nil
}

func respond[Q, A any](ctx context.Context, m *nats.Msg, f func(context.Context, Q) (A, error)) *nats.Msg {
	out := nats.NewMsg(m.Reply)
	var question Q
	err := JSON.Unmarshal(m.Data, &question)
	if err != nil {
		err = &DecodeError{Data: m.Data, Err: err}
	} else {
		var answer A
		if answer, err = f(ctx, question); err == nil {
			out.Data, err = JSON.Marshal(answer)
		}
	}
	if err != nil {
		out.Header.Set(headerError, err.Error())
	}
	return out
}

// A OneshotReceiver receives one value, once, from a sender that has its
// Address.
type OneshotReceiver[T any] struct {
	nc  *nats.Conn
	sub *nats.Subscription

	mu    sync.Mutex
	gate  gate
	value *nats.Msg // that came, and was not received
	err   error     // the result if there is no value
	event wake
}

// NewOneshot makes the receiving end of a oneshot channel. Nothing is stored:
// it lives as long as the receiver and its connection.
func NewOneshot[T any](nc *nats.Conn) (*OneshotReceiver[T], error) {
	r := &OneshotReceiver[T]{nc: nc}
	sub, err := nc.Subscribe(nc.NewInbox(), r.arrive)
	if err == nil {
		err = nc.FlushTimeout(serverTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("natschan: %w", err)
	}
	r.sub = sub
	return r, nil
}

// Address returns the address that a sender needs; it can be sent like any
// text.
func (r *OneshotReceiver[T]) Address() string { return r.sub.Subject }

// arrive takes the first value, or the message that there will be none, and
// confirms it. It refuses later ones.
func (r *OneshotReceiver[T]) arrive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reply := nats.NewMsg(m.Reply)
	switch {
	case r.value != nil || r.err != nil:
		reply.Header.Set(headerClosed, "1")
	case m.Header.Get(headerClosed) != "":
		r.endLocked()
	default:
		r.value = m
		r.gate.set(true)
	}
	if m.Reply != "" {
		r.nc.PublishMsg(reply)
	}
	r.event.all()
}

// endLocked makes ErrClosed the result from now on.
func (r *OneshotReceiver[T]) endLocked() {
	r.err = leat.ErrClosed
	r.gate.end()
	r.sub.Drain() // a sender that sends at this moment gets an answer
	r.event.all()
}

// Recv returns the value, and leat.ErrClosed if the sender has closed without
// one, or the value was received. A sender that crashes says nothing: use a ctx
// with a deadline.
func (r *OneshotReceiver[T]) Recv(ctx context.Context) (v T, err error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return v, err
	}
	for {
		changed := r.event.changed()
		if v, err = r.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
			return v, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// TryRecv returns the value if it is there, and never blocks. It returns
// leat.ErrEmpty if there is no value now and one may come, and leat.ErrClosed
// as Recv does.
func (r *OneshotReceiver[T]) TryRecv() (v T, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.value
	switch {
	case m == nil && r.err != nil:
		return v, r.err
	case m == nil:
		return v, leat.ErrEmpty
	}
	r.value = nil
	r.endLocked()
	if err := JSON.Unmarshal(m.Data, &v); err != nil {
		return v, &DecodeError{Data: m.Data, Err: err}
	}
	return v, nil
}

// Ready returns a channel for native select, as Receiver.Ready does.
func (r *OneshotReceiver[T]) Ready() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	ch := r.gate.channel()
	if r.value != nil {
		r.gate.set(true)
	} else if r.err != nil {
		r.gate.end()
	}
	return ch
}

// Close gives up receiving, so that the sender gets leat.ErrClosed. A value
// that is there can still be received. It returns nil.
func (r *OneshotReceiver[T]) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = leat.ErrClosed
		r.sub.Drain() // a sender that sends at this moment gets an answer
		if r.value == nil {
			r.gate.end()
		}
		r.event.all()
	}
	return nil
}

// A OneshotSender sends one value, once, to a OneshotReceiver.
type OneshotSender[T any] struct {
	nc      *nats.Conn
	address string

	mu   sync.Mutex
	done bool
}

// OpenOneshot makes the sending end of the oneshot channel with the address.
func OpenOneshot[T any](nc *nats.Conn, address string) *OneshotSender[T] {
	return &OneshotSender[T]{nc: nc, address: address}
}

// Send hands v to the receiver, and returns nil when it has it. It returns
// leat.ErrClosed if the receiver is gone, or has a value.
func (s *OneshotSender[T]) Send(ctx context.Context, v T) error {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := JSON.Marshal(v)
	if err != nil {
		return fmt.Errorf("natschan: a value that cannot be sent: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return leat.ErrClosed
	}
	m := nats.NewMsg(s.address)
	m.Data = data
	return s.tellLocked(ctx, m)
}

// tellLocked sends m, and waits for the receiver's word.
func (s *OneshotSender[T]) tellLocked(ctx context.Context, m *nats.Msg) error {
	reply, err := s.nc.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders), err == nil && reply.Header.Get(headerClosed) != "":
		s.done = true
		return leat.ErrClosed
	case err != nil && ctx.Err() != nil:
		s.done = true // it may have arrived
		return unknown(ctx.Err())
	case err != nil:
		return fmt.Errorf("natschan: %w", err)
	}
	s.done = true
	return nil
}

// TrySend hands v to the receiver, as Send does, in one exchange of some
// seconds at most.
func (s *OneshotSender[T]) TrySend(v T) error {
	ctx, cancel := bounded()
	defer cancel()
	return s.Send(ctx, v)
}

// Close tells the receiver that no value will come, unless one was sent. It
// returns nil.
func (s *OneshotSender[T]) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil
	}
	s.done = true
	m := nats.NewMsg(s.address)
	m.Header.Set(headerClosed, "1")
	ctx, cancel := bounded()
	defer cancel()
	s.tellLocked(ctx, m) // if nobody is there, nobody waits
	return nil
}
