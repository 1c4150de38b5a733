package leat

import (
	"context"
	"strconv"

	"github.com/leat-go/leat/internal/contract"
)

// The errors of every kind and every transport. Compare them with errors.Is. A
// call returns one of these, a *ClosedError, a *LaggedError, or ctx.Err().
var (
	// ErrClosed means that the other side is gone, or that the caller's own
	// handle is closed. A sender gets it once nobody will receive any more; a
	// receiver gets it once everything accepted has been received and nothing
	// more can come. It is final. If CloseWith gave a cause, the error is a
	// *ClosedError instead, which errors.Is finds to be ErrClosed, too.
	ErrClosed = contract.ErrClosed

	// ErrFull means that the channel had no room at some instant during the
	// call. Only Try methods return it; the value stays with the caller, who
	// may try again, use Send, or drop it.
	ErrFull = contract.ErrFull

	// ErrEmpty means that the channel held no value for this receiver at some
	// instant during the call. Only Try methods return it.
	ErrEmpty = contract.ErrEmpty
)

// ClosedError says why a channel or a handle is closed. A call returns it, as
// *ClosedError, in place of ErrClosed, if CloseWith gave a cause:
//
//	type ClosedError struct {
//		Cause error // as given to CloseWith
//	}
//
// errors.Is finds both ErrClosed and the cause, and errors.As finds what the
// cause is. Where a cause may be one of this package's own errors, or a
// context's, ask for ErrClosed first: it says that the error is final.
type ClosedError = contract.ClosedError

// LaggedError tells a receiver that it fell behind: Missed values were
// overwritten before it came for them, and are gone. The receiver lost nothing
// else: its next receive continues at the oldest value still kept.
//
// A receive returns it as *LaggedError, once for each gap, so that received
// and missed values add up to the sent ones:
//
//	var lag *leat.LaggedError
//	if errors.As(err, &lag) {
//		log.Printf("fell behind, %d values missed", lag.Missed)
//	}
type LaggedError struct {
	Missed uint64 // how many values are gone; at least 1
}

// Error says how many values were missed.
func (e *LaggedError) Error() string {
	if e.Missed == 1 {
		return "leat: receiver lagged, 1 value missed"
	}
	return "leat: receiver lagged, " + strconv.FormatUint(e.Missed, 10) + " values missed"
}

// Sender is the sending side of a channel, whatever its kind. Its methods may
// be called concurrently.
type Sender[T any] interface {
	// Send hands v to the channel, and waits while there is no room. It returns
	// nil when v was accepted, which does not say that it was received;
	// ErrClosed when nobody will receive it; or ctx.Err(), at once if ctx is
	// done already. When it returns an error, v was not sent, and nobody will
	// ever receive it.
	Send(ctx context.Context, v T) error

	// TrySend is Send without the wait: it returns ErrFull where Send would
	// wait. It never overtakes a Send that is waiting.
	TrySend(v T) error

	// Close gives up this handle. The channel ends when its last sender handle
	// is closed: receivers get the accepted values, then ErrClosed. Close never
	// waits and never panics, may be called more than once and at any time; it
	// returns nil. A Send that waits on this handle returns ErrClosed.
	Close() error
}

// Receiver is the receiving side of a channel, whatever its kind. One goroutine
// at a time may receive from it, where its kind does not say otherwise; Close
// may be called by any.
type Receiver[T any] interface {
	// Recv returns the next value, and waits while there is none. It returns
	// ErrClosed when everything accepted has been received and nothing more can
	// come; a *LaggedError when values were missed, on the kinds that can miss
	// any; or ctx.Err(), at once if ctx is done already. When ctx ends during
	// the wait, a value that was already handed over is returned rather than
	// lost.
	Recv(ctx context.Context) (T, error)

	// TryRecv is Recv without the wait: it returns ErrEmpty where Recv would
	// wait.
	TryRecv() (T, error)

	// Close gives up receiving. If this was the only receiver, waiting and
	// later sends return ErrClosed, and values accepted before can still be
	// received. Close never blocks or panics, and returns nil. It may be called
	// more than once, and concurrently with anything.
	Close() error
}

func needContext(ctx context.Context) {
	if ctx == nil {
		panic("leat: nil context; use context.Background() to wait without end")
	}
}
