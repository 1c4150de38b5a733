package natschan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Receiver is a receiving end of a channel. It keeps the promises of leat.Receiver with the differences that the package comment lists.
// Its methods may be called concurrently.
type Receiver[T any] struct {
	*receiver
	err atomic.Pointer[error]
}

// A ReceiverOption says how a receiver is to receive.
type ReceiverOption func(*receiverOptions)

type receiverOptions struct {
	prefetch int
	replay   int
	durable  string
}

// Prefetch says how many values the receiver has sent to it ahead of those that it was asked for. Zero, and the default, is up to 256
// for an MPSC channel and up to 64 for a Broadcast, and never more than the capacity. An MPMC or Watch receiver takes nothing ahead.
//
// What a lossy Broadcast receiver has taken ahead it does not miss: it lags by less than the capacity alone would say. With Prefetch(1)
// its lag is exact, and each value is an exchange with the server, or two if it came before it was asked for.
func Prefetch(n int) ReceiverOption { return func(o *receiverOptions) { o.prefetch = n } }

// Replay lets a Broadcast receiver begin with up to n values that are kept from before it came.
func Replay(n int) ReceiverOption { return func(o *receiverOptions) { o.replay = n } }

// Durable gives a Broadcast receiver a name under which the channel remembers what it has received: who comes with the same name
// later goes on from there, and takes over if the earlier one is still there (which gets [ErrFenced]). Its Close keeps the position; a
// Lossless channel waits for it then, until [Forget]. The name is letters, digits, - and _.
func Durable(name string) ReceiverOption { return func(o *receiverOptions) { o.durable = name } }

// NewReceiver makes a receiver. It makes the channel if nobody has yet. A channel that was closed can still be received from until it
// is drained. The second receiver of an MPSC channel is refused with [ErrReceiverTaken], until the Lease of the first has ended. The
// connection of js is the caller's, and must live as long as the receiver. The receiver must be closed.
func NewReceiver[T any](ctx context.Context, js jetstream.JetStream, ch Channel, opts ...ReceiverOption) (*Receiver[T], error) {
	var o receiverOptions
	for _, opt := range opts {
		opt(&o)
	}
	r, err := newReceiver(ctx, js, ch, o)
	if err != nil {
		return nil, explain(js.Conn(), err)
	}
	return &Receiver[T]{receiver: r}, nil
}

// Recv returns the next value and acknowledges it: it will not be received again, unless the server crashes or the receiver loses its
// connection at that moment. It waits while there is none. It returns leat.ErrClosed at the end, *leat.LaggedError for a gap, ctx.Err(), a
// [*DecodeError] for what is no T, or [ErrFenced]. While there is no server it waits for one.
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	return r.next(ctx, false)
}

// TryRecv is Recv that does not wait for a value: it returns leat.ErrEmpty. If nothing has arrived yet it asks the server, and fails,
// after some seconds, when there is none.
func (r *Receiver[T]) TryRecv() (T, error) {
	ctx, cancel := bounded()
	defer cancel()
	v, err := r.next(ctx, true)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("natschan: no answer for %s in %v: %w", r.ch.Name, serverTimeout, err)
	}
	return v, err
}

func (r *Receiver[T]) next(ctx context.Context, try bool) (v T, err error) {
	for {
		d, err := r.receive(ctx, try)
		if err != nil {
			return v, err
		}
		if r.acknowledge(d) {
			err = r.decode(d, &v)
			return v, err
		}
	}
}

func (r *receiver) decode(d *delivery, v any) error {
	if err := r.ch.Codec.Unmarshal(d.msg.Data, v); err != nil {
		return &DecodeError{Data: d.msg.Data, Err: err}
	}
	return nil
}

// RecvMsg is Recv without the acknowledgement, for who must not lose a value in a crash: it is given again, to this receiver or another,
// unless Msg.Ack is called within AckWait. Until then it takes a place of the capacity. What is no T is acknowledged and returned as a
// [*DecodeError]. A Broadcast receiver that is neither Lossless nor Durable has nothing to acknowledge, and a Watch neither: there
// the methods of Msg do nothing.
func (r *Receiver[T]) RecvMsg(ctx context.Context) (*Msg[T], error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := r.receive(ctx, false)
	if err != nil {
		return nil, err
	}
	m := &Msg[T]{delivered: delivered{r: r.receiver, d: d}, Deliveries: d.deliveries}
	if err := r.decode(d, &m.Value); err != nil {
		m.Term()
		return nil, err
	}
	r.extend(d)
	return m, nil
}

// All returns the values, each with how many were missed just before it, until the channel ends, ctx does, or something fails. Err says
// which. It receives as Recv does, and can be ranged over more than once.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq2[T, uint64] {
	return func(yield func(T, uint64) bool) {
		var missed uint64
		r.err.Store(nil)
		for {
			v, err := r.Recv(ctx)
			if err == nil {
				if !yield(v, missed) {
					return
				}
				missed = 0
				continue
			}
			var lag *leat.LaggedError // here, because it moves to the heap
			switch {
			case errors.As(err, &lag):
				missed += lag.Missed
			case errors.Is(err, leat.ErrClosed), err == ctx.Err():
				return
			default:
				failed := err // or every err would move to the heap
				r.err.Store(&failed)
				return
			}
		}
	}
}

// Err returns what ended the last range over All, and nil if that was the channel's end, the ctx's, or the loop's own.
func (r *Receiver[T]) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Get returns the newest value of a Watch, or of a Broadcast, whether or not it was received; leat.ErrEmpty if nothing was sent yet. It
// does not count as received.
func (r *Receiver[T]) Get(ctx context.Context) (v T, err error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	m, err := r.newest(ctx)
	if err != nil {
		return v, explain(r.nc, err)
	}
	if err := r.ch.Codec.Unmarshal(m.Data, &v); err != nil {
		return v, &DecodeError{Data: m.Data, Err: err}
	}
	return v, nil
}

// newest asks the server for the newest value that it holds. It has an inbox of
// its own, because the client's Request takes a value that looks like a status
// for one. The server adds the sequence to a value, and to nothing else.
func (r *receiver) newest(ctx context.Context) (*nats.Msg, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, serverTimeout)
		defer cancel()
	}
	answer, inbox := make(chan *nats.Msg, 1), r.nc.NewInbox()
	sub, err := r.nc.ChanSubscribe(inbox, answer)
	if err != nil {
		return nil, fmt.Errorf("natschan: get the newest value of %s: %w", r.ch.Name, err)
	}
	defer sub.Unsubscribe()
	subject := r.apiSubject("DIRECT.GET." + r.ch.stream() + "." + r.ch.dataSubject())
	if err := r.nc.PublishRequest(subject, inbox, nil); err != nil {
		return nil, fmt.Errorf("natschan: get the newest value of %s: %w", r.ch.Name, err)
	}
	select {
	case m := <-answer:
		switch status := m.Header.Get("Status"); {
		case m.Header.Get(jetstream.SequenceHeader) != "":
			return m, nil
		case status == "404":
			return nil, leat.ErrEmpty
		case status == "503" && gone(ctx, r.js, r.ch.stream()):
			return nil, leat.ErrClosed
		default:
			return nil, fmt.Errorf("natschan: get the newest value of %s: the server answers %s %s",
				r.ch.Name, status, m.Header.Get("Description"))
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Missed returns how many values the receiver has missed in total.
func (r *Receiver[T]) Missed() uint64 { return r.missed.Load() }

// Ready returns a channel for native select: it can be received from when a value or the end is there to be taken with TryRecv. Values are
// taken ahead for it, at least one.
func (r *Receiver[T]) Ready() <-chan struct{} { return r.ready() }

// Close gives up receiving. It closes an MPSC channel, and, of the last receiver, an MPMC channel: what was sent can still be received,
// by this receiver, too. Of a Broadcast or Watch it ends this receiver alone. It is an exchange with the server, and returns
// an error if there is none for some seconds. Further calls return nil.
func (r *Receiver[T]) Close() error { return r.close() }

// A Msg is a value and the means to acknowledge it. Each of its methods waits
// until the server has confirmed, for some seconds at most, and returns
// [ErrFenced] if the receiver has lost its place: then the server redelivers the
// value, to another receiver or to this one.
type Msg[T any] struct {
	Value      T
	Deliveries int // how often it was sent to a receiver, this time included; 1: nobody can have seen it before

	delivered
}

type delivered struct {
	r *receiver
	d *delivery
}

// Ack says that the value is done with. When it returns nil, the server knows, and the value's place is free.
func (m *delivered) Ack() error { return m.r.answer(m.d, "+ACK", true) }

// Nak gives the value back: it is given to a receiver again, at once.
func (m *delivered) Nak() error { return m.r.answer(m.d, "-NAK", false) }

// Term says that the value can never be done with, and must not be given to anybody again.
func (m *delivered) Term() error { return m.r.answer(m.d, "+TERM", true) }

// InProgress says that the value is being worked on: AckWait begins again. Call
// it more often than every AckWait while the work goes on.
func (m *delivered) InProgress() error { return m.r.answer(m.d, "+WPI", false) }
