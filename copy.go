package leat

import (
	"context"
	"errors"
)

// UnsentError carries a value that was received and could not be sent on, so
// that it is not lost. It unwraps to the reason.
type UnsentError[T any] struct {
	Value T
	Err   error
}

// Error says why the value was not sent.
func (e *UnsentError[T]) Error() string { return "leat: value not sent: " + e.Err.Error() }

// Unwrap returns the reason: ErrClosed, a *ClosedError or a ctx's error.
func (e *UnsentError[T]) Unwrap() error { return e.Err }

// Copy receives from src and sends to dst until src ends, and returns how many
// values dst accepted. A plain end of src is not an error. After an end with a
// cause, Copy returns src's *ClosedError. Copy also stops at any other error:
// ctx.Err(); a *LaggedError from src, after which another Copy continues past
// the gap; or, when a value had left src and dst refused it, an *UnsentError[T]
// that holds the value.
//
// Copy closes neither side. It receives and sends one value at a time, waits on
// src and dst, and starts no goroutine; it is src's one receiver while it runs.
func Copy[T any](ctx context.Context, dst Sender[T], src Receiver[T]) (int64, error) {
	var n int64
	for {
		v, err := src.Recv(ctx)
		if err != nil {
			var closed *ClosedError
			if errors.Is(err, ErrClosed) && !errors.As(err, &closed) {
				return n, nil
			}
			return n, err
		}
		if err := dst.Send(ctx, v); err != nil {
			return n, &UnsentError[T]{Value: v, Err: err}
		}
		n++
	}
}
