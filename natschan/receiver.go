package natschan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go/jetstream"
)

// A Receiver is a receiving end of a channel. It keeps the promises of
// leat.Receiver with the differences that the package comment lists. Its
// methods may be called concurrently.
type Receiver[T any] struct {
	*receiver
	err atomic.Pointer[error]
}

// A ReceiverOption sets how a receiver receives.
type ReceiverOption func(*receiverOptions)

type receiverOptions struct {
	prefetch int
	replay   int
	durable  string
	from     uint64
	numbered bool // From was used
}

// Prefetch sets how many values the server sends to the receiver ahead of its
// calls. Zero, and the default, is 256 for an MPSC channel, 64 for a Broadcast,
// and 1 for MPMC. Prefetch is never more than the capacity, and always 1 for a
// Watch. With 1 the receiver takes nothing ahead, unless Ready was called.
//
// A lossy Broadcast receiver does not miss values that it has taken ahead, so
// it lags by less than the capacity alone would say. With Prefetch(1) its lag
// is exact, and each value is an exchange with the server, or two if it came
// before it was asked for.
//
// With Prefetch(n) an MPMC receiver has up to n values sent to it, of which
// each is acknowledged by itself. That is many times faster, and less fair:
// other receivers cannot have these values, and get ErrEmpty from TryRecv while
// they wait in a slow receiver's buffer. The server deals values in turn among
// the receivers that ask at the moment, one at a time. A receiver returns what
// it has not handed out after half of AckWait, or at once on Close, and then
// takes half as much ahead, until it is fast again. If its process dies, the
// server redelivers its values when AckWait is over. So in a channel that has
// nothing else to receive, a receiver that waits gets such a value at most
// AckWait late. (If further receivers take a value ahead after a crash, and do
// not receive either, each may add a quarter of AckWait.) The value has
// Deliveries of 2 or more, and comes out of order. Choose n so that the work on
// n values takes less than half of AckWait. If its process is stopped for
// longer than AckWait and then goes on, it hands out none of the values in its
// buffer. But values that were on their way to it count as new when it reads
// them, although other receivers may have had them meanwhile.
//
// With Prefetch on an unbounded MPMC channel, Recv does not wait for each
// acknowledgement to be confirmed. If the process crashes, or the server does,
// up to n/2 values that Recv has returned may be received again. RecvMsg and
// Ack are not affected.
func Prefetch(n int) ReceiverOption { return func(o *receiverOptions) { o.prefetch = n } }

// Replay lets a Broadcast receiver begin with up to n values that were sent
// before the receiver was made, and that the channel still keeps.
func Replay(n int) ReceiverOption { return func(o *receiverOptions) { o.replay = n } }

// From lets a Broadcast receiver begin with value number n. The first value
// that a channel accepts has number 0; [Receiver.Next] of an earlier receiver
// is a number to go on from. If the channel does not keep that value any more,
// the first receive returns the exact *leat.LaggedError. If there are not so
// many values yet, the receiver begins with the next one. With Durable, From
// counts only the first time. From is not for a Lossless channel, which keeps
// nothing that every receiver has had, and not together with Replay.
//
// A number belongs to a channel: one that was deleted and made again begins
// with 0 again.
func From(n uint64) ReceiverOption {
	return func(o *receiverOptions) { o.from, o.numbered = n, true }
}

// Durable gives a Broadcast receiver a name under which the channel remembers
// how far the receiver has come. A later receiver of the same name goes on
// from there.
//
// It takes over from a receiver that is still open, or whose process has
// crashed. For that, NewReceiver waits for two seconds. When NewReceiver
// returns, the earlier receiver hands out nothing more, also if its process was
// stopped and goes on: it gets [ErrFenced]. It gets ErrFenced, too, if
// NewReceiver fails during the wait. If several receivers of the name are made
// at the same time, one of them goes on, and the others get ErrFenced, some
// from NewReceiver.
//
// The next receiver begins with the oldest value that was not acknowledged.
// Values that may come again:
//   - values that were not acknowledged;
//   - acknowledged values after one that was not: if a receiver has got values
//     0 to 3 from RecvMsg and acknowledged 0, 2 and 3, the next one gets 1, 2
//     and 3;
//   - a value that a call was about to return when its process was stopped;
//   - a value whose acknowledgement was under way, and did not reach the server
//     within a second.
//
// Close keeps the position; a Lossless channel waits for it then, until
// [Forget]. After Close, the next receiver of the name need not wait. The name
// is letters, digits, - and _.
func Durable(name string) ReceiverOption { return func(o *receiverOptions) { o.durable = name } }

// NewReceiver opens the receiving end of the channel that ch describes. It
// makes the channel if there is none, except for a Channel that [Find] or
// [List] has returned, for which it returns [ErrNotFound]. A closed channel can
// be received from until it is drained. NewReceiver returns [ErrReceiverTaken]
// for the second receiver of an MPSC channel, until the Lease of the first has
// ended, and [ErrMismatch] if the channel exists with another description. With
// [Durable] it may wait for two seconds, or return [ErrFenced]. The connection
// of js is the caller's, and must live as long as the receiver. The receiver
// must be closed.
func NewReceiver[T any](
	ctx context.Context, js jetstream.JetStream, ch Channel, opts ...ReceiverOption,
) (*Receiver[T], error) {
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

// Recv returns the next value and acknowledges it: the value will not be
// received again, unless the server crashes or the receiver loses its
// connection at that moment (see also [Prefetch]). Recv blocks while there is
// no value, and while there is no server. It returns leat.ErrClosed at the end,
// *leat.LaggedError for a gap, ctx.Err(), a [*DecodeError] for a value that is
// not a T, or [ErrFenced].
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	return r.next(ctx, call{})
}

// TryRecv returns the next value if there is one, and does not wait for one:
// then it returns leat.ErrEmpty. If nothing has arrived yet it asks the server.
// It returns an error if there is no server for some seconds.
func (r *Receiver[T]) TryRecv() (T, error) {
	ctx, cancel := bounded()
	defer cancel()
	v, err := r.next(ctx, call{try: true})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("natschan: no answer for %s in %v: %w", r.ch.Name, serverTimeout, err)
	}
	return v, err
}

func (r *Receiver[T]) next(ctx context.Context, c call) (v T, err error) {
	for {
		d, err := r.receive(ctx, c)
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

// RecvMsg returns the next value without acknowledging it. If Msg.Ack is not
// called within AckWait, the server redelivers the value, to this receiver or
// another. Use it when a crash must not lose work. Until it is acknowledged,
// the value takes a place of the capacity. A value that is not a T is
// acknowledged, and returned as a [*DecodeError]. A Watch and a Broadcast that
// is neither Lossless nor Durable have nothing to acknowledge: there the
// methods of Msg do nothing.
func (r *Receiver[T]) RecvMsg(ctx context.Context) (*Msg[T], error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := r.receive(ctx, call{})
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

// All yields the values, each with how many were missed just before it, until
// the channel ends, ctx ends, or something fails; Err tells which. It receives
// as Recv does, and can be ranged over more than once.
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
			case errors.Is(err, leat.ErrClosed):
				return
			default:
				failed := err // or every err would move to the heap
				r.err.Store(&failed)
				return
			}
		}
	}
}

// Err returns why the last range over All ended: nil if the channel ended or
// the loop broke off; the error of ctx; or the error of Recv that ended it.
func (r *Receiver[T]) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Get returns the newest value of a Watch, or of a Broadcast, whether or not it
// was received, or leat.ErrEmpty if nothing was sent yet. The value does not
// count as received.
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

// Next returns the number of the value that the next receive looks for, for
// [From]. It stays the old number until a lag is reported. Numbers have a use
// for a Broadcast; on other channels there is no From.
func (r *Receiver[T]) Next() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.position.seq
}

// Missed returns how many values the receiver has missed in total.
func (r *Receiver[T]) Missed() uint64 { return r.missed.Load() }

// Ready returns a channel for native select, which can be received from when
// TryRecv would return a value or the end. From then on the receiver takes at
// least one value ahead.
func (r *Receiver[T]) Ready() <-chan struct{} { return r.ready() }

// Close gives up receiving by this handle. It closes an MPSC channel; the last
// receiver's Close closes an MPMC channel. Values that were sent can still be
// received, also by this receiver. Of a Broadcast or Watch it ends this
// receiver alone. Close is an exchange with the server, and returns an error if
// there is none for some seconds. Further calls return nil.
func (r *Receiver[T]) Close() error { return r.close() }

// A Msg is a value and the means to acknowledge it. Each of its methods waits
// until the server has confirmed, for some seconds at most, and returns
// [ErrFenced] if the receiver has lost its place: then the server redelivers
// the value, to another receiver or to this one.
type Msg[T any] struct {
	Value T

	// Deliveries is how often the value was sent to a receiver, this time
	// included. If it is 1, nobody can have seen the value before.
	Deliveries int

	delivered
}

type delivered struct {
	r *receiver
	d *delivery
}

// Ack tells the server that the work on the value is done. When it returns nil,
// the server knows, and the value's place is free.
func (m *delivered) Ack() error { return m.r.answer(m.d, ack) }

// Nak has the server redeliver the value at once, to any receiver.
func (m *delivered) Nak() error { return m.r.answer(m.d, nak) }

// Term tells the server never to deliver the value again, although the work on
// it is not done.
func (m *delivered) Term() error { return m.r.answer(m.d, term) }

// InProgress tells the server that the work goes on: AckWait begins again. Call
// it more often than every AckWait.
func (m *delivered) InProgress() error { return m.r.answer(m.d, inProgress) }
