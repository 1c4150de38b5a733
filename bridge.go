package leat

import (
	"context"
	"errors"
)

// UnsentError carries a value that was received and could not be sent on, so that it is not lost. It unwraps to the
// reason.
type UnsentError[T any] struct {
	Value T
	Err   error
}

// Error says why the value was not sent.
func (e *UnsentError[T]) Error() string { return "leat: value not sent: " + e.Err.Error() }

// Unwrap returns the reason: ErrClosed or a ctx's error.
func (e *UnsentError[T]) Unwrap() error { return e.Err }

// Copy receives from src and sends to dst until src ends, and returns how many values dst accepted. The end of src is no
// error. Copy stops at the first error else: ctx.Err(), a *LaggedError from src (call Copy again to
// go on behind the gap), or, when a value had left src and dst refused it, an *UnsentError[T] that holds the value.
//
// Copy closes neither side. It receives and sends one value at a time, waits on src and dst, and starts no goroutine; it
// is src's one receiver while it runs.
func Copy[T any](ctx context.Context, dst Sender[T], src Receiver[T]) (int64, error) {
	var n int64
	for {
		v, err := src.Recv(ctx)
		if errors.Is(err, ErrClosed) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := dst.Send(ctx, v); err != nil {
			return n, &UnsentError[T]{Value: v, Err: err}
		}
		n++
	}
}

// ToChan receives from rx and sends to the native channel that it returns, for code that only knows those. The native
// channel is unbuffered, and is closed when rx ends or ctx does.
//
// ToChan starts a goroutine, which nothing else in this package does, and which is rx's one receiver from then on. It ends
// with ctx or with rx, so a caller that stops receiving has to end ctx; one value that had left rx by then
// is dropped. A *LaggedError has no place in a native channel and is passed over; the receiver's own count still has it.
// To join a native select without a goroutine and without these losses, use the receiver's Ready method.
func ToChan[T any](ctx context.Context, rx Receiver[T]) <-chan T {
	needContext(ctx)
	ch := make(chan T)
	go func() {
		defer close(ch)
		for {
			v, err := rx.Recv(ctx)
			if err != nil {
				var lag *LaggedError // declared here because it escapes: only an error allocates it
				if errors.As(err, &lag) {
					continue
				}
				return
			}
			select {
			case ch <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch
}

func needContext(ctx context.Context) {
	if ctx == nil {
		panic("leat: nil context; use context.Background() to wait without end")
	}
}
