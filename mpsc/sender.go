package mpsc

import (
	"context"

	"github.com/leat-go/leat/internal/queue"
)

// Sender is a handle of the sending end of an mpsc channel. All methods may be
// called concurrently, Close among them. A handle must be closed; the channel
// ends when all are.
type Sender[T any] struct {
	tx queue.Tx[T] // the first field, so that the garbage collector and the model checker name the handle by it
	sendArms[T]
}

type sendArms[T any] = queue.SendArms[T]

func newSender[T any]() *Sender[T] {
	s := new(Sender[T])
	s.tx.InitSend(&s.sendArms)
	return s
}

// noSender is the panic of a nil or zero Sender. The methods that move values
// compare with nil themselves, and return by name, because each must stay small
// enough to be inlined. Package queue finds a zero handle.
const noSender = "mpsc: nil or zero Sender; use one that New returned"

// made returns the handle's part in package queue.
func (s *Sender[T]) made() *queue.Tx[T] {
	if s == nil {
		panic(noSender)
	}
	return &s.tx
}

// Send sends v, and blocks while the channel is full. Waiting senders are
// served in the order in which they came.
//
// Send returns nil when the channel has accepted v, and ErrClosed if the
// receiver or this handle is closed, also during the wait. It returns ctx.Err()
// if ctx ends before v is accepted, at once if ctx is already done. With an
// error, v was not sent.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	if s == nil {
		panic(noSender)
	}
	return s.tx.Send(ctx, v)
}

// TrySend sends v if there is room, and never blocks. It returns ErrFull if
// there is no room, or if waiting senders will get all of it. It returns
// ErrClosed as Send does.
func (s *Sender[T]) TrySend(v T) error {
	if s == nil {
		panic(noSender)
	}
	return s.tx.TrySend(v)
}

// ForceSend sends v and never blocks. If the channel is full, it removes the
// oldest value in the same step, and returns it as evicted, with full == true:
// so the newest values are kept, and the caller knows which one was not
// received. If there is room, full is false, and evicted is the zero value.
//
// It returns ErrFull with full == true, and has no effect, if there is nothing
// that it may evict:
//
//   - senders wait for room, and v must not overtake their values;
//   - permits hold all slots.
//
// It returns ErrClosed if the receiver or this handle is closed. With an error,
// v was not sent. ForceSend may be called concurrently with anything. Package
// inspect counts the evicted values.
func (s *Sender[T]) ForceSend(v T) (evicted T, full bool, err error) {
	if s == nil {
		panic(noSender)
	}
	evicted, full, err = s.tx.ForceSend(v)
	return
}

// SendMany sends the values of vs in order, blocks for room as often as it
// must, and returns how many the channel accepted. If these are not all, the
// error is that of Send for the next value. Values that fit at once stay
// together. While SendMany waits, it keeps its place before later senders. It
// does not keep vs.
func (s *Sender[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	if s == nil {
		panic(noSender)
	}
	n, err = s.tx.SendMany(ctx, vs)
	return
}

// TrySendMany sends the first values of vs, in order, as many as there is room
// for, and returns how many. It never blocks. If n < len(vs), the error is
// ErrFull, as TrySend would return it for the next value; or n is 0 and the
// error is ErrClosed, because the receiver or this handle is closed. No other
// value comes between the accepted ones. An empty vs returns 0 and nil.
// TrySendMany does not keep vs.
func (s *Sender[T]) TrySendMany(vs []T) (n int, err error) {
	if s == nil {
		panic(noSender)
	}
	n, err = s.tx.TrySendMany(vs)
	return
}

// Reserve reserves one slot of the capacity, and blocks for it as Send does, so
// that a value need not be made before there is room for it. The permit must be
// used or released: until then the slot is taken, and the channel does not end.
// The permit stays valid when the receiver or this handle closes. The errors
// are those of Send.
func (s *Sender[T]) Reserve(ctx context.Context) (p *Permit[T], err error) {
	// This is small enough to be inlined, so that a permit that does not leave
	// its caller needs no allocation.
	c, err := s.reserve(ctx)
	if c != nil {
		p = &Permit[T]{c: c}
	}
	return
}

// reserve is not inlined, because Reserve would then be too large to be.
//
//go:noinline
func (s *Sender[T]) reserve(ctx context.Context) (*queue.Channel[T], error) {
	return s.made().Reserve(ctx)
}

// TryReserve takes one slot of the capacity if there is one, as Reserve does.
// It never blocks. It returns ErrFull if all slots are taken, or if waiting
// senders will get them; and ErrClosed if the receiver or this handle is
// closed.
func (s *Sender[T]) TryReserve() (p *Permit[T], err error) {
	// This is small enough to be inlined, for the reason that Reserve is.
	c, err := s.tryReserve()
	if c != nil {
		p = &Permit[T]{c: c}
	}
	return
}

// tryReserve is not inlined, because TryReserve would then be too large to be.
//
//go:noinline
func (s *Sender[T]) tryReserve() (*queue.Channel[T], error) {
	return s.made().TryReserve()
}

// Clone returns another handle of the sending end, which must be closed itself.
// The clone of a closed handle is closed. Clone never blocks.
func (s *Sender[T]) Clone() *Sender[T] {
	to := newSender[T]()
	s.made().Clone(&to.tx)
	return to
}

// Done returns a channel that is closed when the receiver is closed. It is for
// senders that wait for something other than room. The channel is made when
// first asked for.
func (s *Sender[T]) Done() <-chan struct{} { return s.made().Done() }

// Len returns how many values the channel has accepted that were not yet
// received.
func (s *Sender[T]) Len() int { return s.made().Len() }

// Cap returns the capacity; math.MaxInt if the channel is unbounded.
func (s *Sender[T]) Cap() int { return s.made().Cap() }

// Close closes this handle: waiting and later sends on it return ErrClosed.
// When the last handle is closed, the channel ends: the receiver gets all
// accepted values, and those of open permits, and then ErrClosed. Close never
// blocks or panics, and returns nil. It may be called more than once, and
// concurrently with anything.
//
// The garbage collector closes a handle that is dropped without Close. That is
// only a safety net: it may take long, and inside a testing/synctest bubble it
// wakes no goroutine.
func (s *Sender[T]) Close() error { return s.made().Close() }

// CloseWith is Close with a cause. Where the receiver would get ErrClosed at
// the end, it gets a *leat.ClosedError that carries the cause; errors.Is finds
// both ErrClosed and the cause. If several sender handles are closed with
// causes, the first cause counts, also if the last handle is closed without
// one.
//
// Later calls on this handle, and sends that wait on it, get this handle's own
// cause. Its clones get ErrClosed. On a handle that is already closed,
// CloseWith does nothing. CloseWith(nil) is Close. It never waits and never
// panics, may be called concurrently with anything, and returns nil.
func (s *Sender[T]) CloseWith(cause error) error { return s.made().CloseWith(cause) }
