package leat

import (
	"context"
	"errors"
	"iter"
)

// All returns an iterator over what rx receives, for any Receiver. It yields
// each value with a nil error, and each gap as a zero value with a
// *[LaggedError], and goes on. If rx ends, the loop ends. Any other error is
// yielded last with a zero value: that of ctx, or a *[ClosedError] if rx ended
// with a cause.
//
// The loop blocks as Recv does. A loop that is left by break has received
// nothing that it did not yield, and does not close rx: a later loop continues.
// If rx is closed meanwhile, the loop drains what rx still returns, and ends.
// As many goroutines may loop as may receive from rx. All panics if ctx is nil.
func All[T any](ctx context.Context, rx Receiver[T]) iter.Seq2[T, error] {
	needContext(ctx)
	return func(yield func(T, error) bool) {
		for {
			v, err := rx.Recv(ctx)
			if err == nil {
				if !yield(v, nil) {
					return
				}
				continue
			}
			if err == ErrClosed {
				return
			}
			var zero T
			lag := lagOf(err)
			if lag == nil {
				yield(zero, err)
				return
			}
			if !yield(zero, lag) {
				return
			}
		}
	}
}

// lagOf returns the *LaggedError that err is, or nil. If a *LaggedError is the
// cause of a close, err is the end.
func lagOf(err error) *LaggedError {
	var lag *LaggedError
	if errors.Is(err, ErrClosed) || !errors.As(err, &lag) {
		return nil
	}
	return lag
}
