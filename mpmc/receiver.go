package mpmc

import (
	"context"
	"iter"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/queue"
)

// Receiver is a handle of the receiving end. All methods may be called concurrently, Close among them. A handle should be closed: the
// senders are stopped when all are.
type Receiver[T any] struct {
	rx queue.Rx[T] // the first field, as a Sender's
	recvArms[T]
}

type recvArms[T any] = queue.RecvArms[T]

func newReceiver[T any]() *Receiver[T] {
	r := new(Receiver[T])
	park.InitRecv(&r.recvArms, r.rx.SelectEnd())
	return r
}

// noReceiver is the panic of a nil or zero Receiver. The methods that move values
// compare with nil themselves, and return by name, because each must stay small
// enough to be inlined. Package queue finds a zero handle.
const noReceiver = "mpmc: nil or zero Receiver; use one that New returned"

// made returns the handle's part in package queue.
func (r *Receiver[T]) made() *queue.Rx[T] {
	if r == nil {
		panic(noReceiver)
	}
	return &r.rx
}

// Recv returns the next value, in the order in which the channel accepted them, and waits while there is none. Receivers that
// wait are served in the order in which they came. It returns ErrClosed when nothing more can come: all values were received, all
// permits used or released, and all senders or all receivers closed; or when this handle is closed and others are not. It
// returns ctx.Err() at once if ctx is done already, or when it ends during the wait, unless a value was handed over by then.
func (r *Receiver[T]) Recv(ctx context.Context) (v T, err error) {
	if r == nil {
		panic(noReceiver)
	}
	v, err = r.rx.Recv(ctx)
	return
}

// TryRecv returns the next value if there is one, and never blocks. It returns
// ErrEmpty if there is no value now and one may come, and ErrClosed as Recv
// does. On a channel of capacity 0 it takes the value of a sender that waits.
func (r *Receiver[T]) TryRecv() (v T, err error) {
	if r == nil {
		panic(noReceiver)
	}
	v, err = r.rx.TryRecv()
	return
}

// RecvMany waits for a value as Recv does, moves as many as there are and as fit to the front of buf, and returns how many.
// It does not wait to fill buf. With an error, n is 0; with an empty buf, RecvMany returns 0 and nil at once.
func (r *Receiver[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	n, err = r.rx.RecvMany(ctx, buf)
	return
}

// TryRecvMany moves values to the front of buf, as many as there are and fit,
// and returns how many. It never blocks. Values of senders that wait for room
// count as there, because each gets its room from a value that is taken. If n is
// 0, the error is ErrEmpty if a value may come, or ErrClosed if the channel has
// ended or this handle is closed: see Recv. With values, the error is nil. An empty buf returns 0 and nil.
func (r *Receiver[T]) TryRecvMany(buf []T) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	n, err = r.rx.TryRecvMany(buf)
	return
}

// RecvBatch collects values by number and by age. It blocks for the first value
// as Recv does. Then it moves values to the front of buf until buf is full, or
// until maxAge has passed since it received the first one, and returns how many.
// If maxAge is 0 or less, it takes what is there and returns. It takes each value
// from the channel as it comes, so senders do not wait for the batch.
//
// If the channel ends, ctx ends or this handle is closed while it collects, RecvBatch
// returns at once, with the values that it has and a nil error; the next call
// returns the error. Before the first value, the errors are those of Recv, and n
// is 0. With an empty buf, RecvBatch returns 0 and nil at once.
//
// Other receivers get their turn meanwhile: after each value, a RecvBatch that
// waits for more stands last in line.
//
// RecvBatch starts no goroutine. Its age is that of a time.Timer, so in a
// testing/synctest bubble it passes when all goroutines wait.
func (r *Receiver[T]) RecvBatch(ctx context.Context, buf []T, maxAge time.Duration) (n int, err error) {
	if r == nil {
		panic(noReceiver)
	}
	return r.rx.RecvBatch(ctx, buf, maxAge)
}

// All returns an iterator over the values as Recv returns them. It ends when the channel does, or ctx; [Receiver.Err]
// tells why. Leaving the loop early leaves the rest in the channel, and All may be called again.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq[T] { return r.made().All(ctx) }

// Err returns why the last loop over [Receiver.All] ended: nil after a plain close
// or a break, the error of ctx, or a *leat.ClosedError that carries the cause of the
// close. Call it from the goroutine that ran the loop. If several goroutines
// loop over one handle, it is about the loop that ended last; give each goroutine a
// handle of its own.
func (r *Receiver[T]) Err() error { return r.made().Err() }

// Ready returns a channel for native select, which can be received from when there is a value to take, or the end to be
// told. Then use TryRecv, once for each receive from Ready, which lets one receiver through for each value; another one may
// still be faster, and TryRecv then returns ErrEmpty:
//
//	select {
//	case <-rx.Ready():
//		v, err := rx.TryRecv()
//		…
//	case <-other:
//		…
//	}
//
// It is the same channel each time and for all handles, and made when first asked for. No goroutine stands behind it, and no value
// is taken out before TryRecv takes it.
func (r *Receiver[T]) Ready() <-chan struct{} { return r.made().Ready() }

// Len returns how many values the channel has accepted that were not yet received.
func (r *Receiver[T]) Len() int { return r.made().Len() }

// Cap returns the capacity; math.MaxInt if the channel is unbounded.
func (r *Receiver[T]) Cap() int { return r.made().Cap() }

// Clone makes another handle of the receiving end, to be closed on its own. The clone of a closed handle is closed.
func (r *Receiver[T]) Clone() *Receiver[T] {
	to := newReceiver[T]()
	r.made().Clone(&to.rx)
	return to
}

// Close gives up this handle: its receives return ErrClosed from now on, waiting ones at once. When the last handle is closed,
// the senders are stopped: they get ErrClosed, waiting ones at once, and Done is closed. What was accepted can then still be
// received, with any of the closed handles, and permits granted before are still good; the end comes behind them. Close never waits and
// never panics, may be called more than once and concurrently with anything; it returns nil.
//
// A handle that is dropped without Close closes itself when the garbage collector finds it. When all are dropped, closed or not, it
// releases what was not received.
func (r *Receiver[T]) Close() error { return r.made().Close() }

// CloseWith is Close with a cause. Once all receiver handles are closed, the
// senders get a *leat.ClosedError that carries the cause, where they would get
// ErrClosed; errors.Is finds both ErrClosed and the cause. If several receiver
// handles are closed with causes, the first cause counts, also if the last handle
// is closed without one.
//
// Where later calls on this handle, and receives that wait on it, would get
// ErrClosed, they get this handle's own cause. Its clones get ErrClosed. On a
// handle that is already closed, CloseWith does nothing. CloseWith(nil) is Close.
// It never waits and never panics, may be called concurrently with anything, and
// returns nil.
func (r *Receiver[T]) CloseWith(cause error) error { return r.made().CloseWith(cause) }
