package mpsc

import (
	"context"
	"iter"
	"time"

	"github.com/leat-go/leat/internal/queue"
)

// Receiver is the receiving end of an mpsc channel. One goroutine at a time
// receives; a second one that would wait beside it panics. Ready, Len, Cap and
// Close may be called by any goroutine.
type Receiver[T any] struct {
	rx queue.Rx[T] // the first field, as a Sender's
	recvArms[T]
}

type recvArms[T any] = queue.RecvArms[T]

func newReceiver[T any]() *Receiver[T] {
	r := new(Receiver[T])
	r.rx.InitRecv(&r.recvArms)
	return r
}

// noReceiver is the panic of a nil or zero Receiver. The methods that move
// values compare with nil themselves, and return by name, because each must
// stay small enough to be inlined. Package queue finds a zero handle.
const noReceiver = "mpsc: nil or zero Receiver; use one that New returned"

// made returns the handle's part in package queue.
func (r *Receiver[T]) made() *queue.Rx[T] {
	if r == nil {
		panic(noReceiver)
	}
	return &r.rx
}

// Recv returns the next value, in the order in which the channel accepted them,
// and blocks while there is none.
//
// Recv returns ErrClosed when no more values can come: all values were
// received, all permits are used or released, and all senders or this receiver
// are closed. It returns ctx.Err() at once if ctx is already done, or when ctx
// ends during the wait, unless it has got a value by then.
func (r *Receiver[T]) Recv(ctx context.Context) (v T, err error) {
	if r == nil {
		panic(noReceiver)
	}
	v, err = r.rx.Recv(ctx)
	return
}

// TryRecv returns the next value if there is one, and never blocks. It returns
// ErrEmpty if there is no value now and one may come, and ErrClosed as Recv
// does.
func (r *Receiver[T]) TryRecv() (v T, err error) {
	if r == nil {
		panic(noReceiver)
	}
	v, err = r.rx.TryRecv()
	return
}

// RecvMany blocks for a value as Recv does, moves as many values as there are,
// and fit, to the front of buf, and returns how many. It does not wait to fill
// buf. With an error, n is 0. With an empty buf, RecvMany returns 0 and nil at
// once.
func (r *Receiver[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	n, err = r.rx.RecvMany(ctx, buf)
	return
}

// TryRecvMany moves values to the front of buf, as many as there are and fit,
// and returns how many. It never blocks. Values of senders that wait for room
// count as there, because each gets its room from a value that is taken. If n
// is 0, the error is ErrEmpty if a value may come, or ErrClosed if the channel
// has ended: see Recv. With values, the error is nil. An empty buf returns 0
// and nil.
func (r *Receiver[T]) TryRecvMany(buf []T) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	n, err = r.rx.TryRecvMany(buf)
	return
}

// RecvBatch collects values by number and by age. It blocks for the first value
// as Recv does. Then it moves values to the front of buf until buf is full, or
// until maxAge has passed since it received the first one, and returns how
// many. If maxAge is 0 or less, it takes the values in the channel and returns.
// It takes each value from the channel as it comes, so senders do not wait for
// the batch.
//
// If the channel ends, ctx ends or this receiver is closed while it collects,
// RecvBatch returns at once, with the values that it has and a nil error; the
// next call returns the error. Before the first value, the errors are those of
// Recv, and n is 0. With an empty buf, RecvBatch returns 0 and nil at once.
//
// RecvBatch starts no goroutine. Its age is that of a time.Timer, so in a
// testing/synctest bubble it passes when all goroutines wait.
func (r *Receiver[T]) RecvBatch(ctx context.Context, buf []T, maxAge time.Duration) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	return r.rx.RecvBatch(ctx, buf, maxAge)
}

// All returns an iterator over the values that Recv returns. It ends with the
// channel or with ctx; [Receiver.Err] says why. If the loop ends early, the
// other values stay in the channel, and All may be called again.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq[T] { return r.made().All(ctx) }

// Err returns why the last loop over [Receiver.All] ended: nil after a plain
// close or a break, the error of ctx, or a *leat.ClosedError that carries the
// cause of the close. Call it from the goroutine that ran the loop.
func (r *Receiver[T]) Err() error { return r.made().Err() }

// Ready returns a channel for native select. It can be received from when
// TryRecv has a value or the end to return. Then call TryRecv once for each
// receive from Ready, or until it returns ErrEmpty:
//
//	select {
//	case <-rx.Ready():
//		v, err := rx.TryRecv()
//		…
//	case <-other:
//		…
//	}
//
// It is the same channel each time, made when first asked for. It needs no
// goroutine, and no value leaves the channel before TryRecv takes it.
func (r *Receiver[T]) Ready() <-chan struct{} { return r.made().Ready() }

// Len returns how many values the channel has accepted that were not yet
// received.
func (r *Receiver[T]) Len() int { return r.made().Len() }

// Cap returns the capacity; math.MaxInt if the channel is unbounded.
func (r *Receiver[T]) Cap() int { return r.made().Cap() }

// Close closes the receiver: waiting and later sends return ErrClosed, and Done
// is closed. Accepted values can still be received. Permits granted before stay
// valid; ErrClosed comes after their values. Close never blocks or panics, and
// returns nil. It may be called more than once, and concurrently with anything.
//
// When the receiver is dropped, closed or not, the garbage collector releases
// the values that were not received.
func (r *Receiver[T]) Close() error { return r.made().Close() }

// CloseWith is Close with a cause. Where the senders would get ErrClosed, they
// get a *leat.ClosedError that carries the cause; errors.Is finds both
// ErrClosed and the cause.
//
// The receiver itself drains the accepted values, then gets its own cause,
// whatever the senders close with. If it is already closed, CloseWith does
// nothing. CloseWith(nil) is Close. It never waits and never panics, may be
// called concurrently with anything, and returns nil.
func (r *Receiver[T]) CloseWith(cause error) error { return r.made().CloseWith(cause) }
