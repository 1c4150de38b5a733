// Package serializer runs callbacks one after the other, in the order in which
// they were scheduled.
package serializer

import (
	"context"

	"github.com/leat-go/leat/mpsc"
)

// A CallbackSerializer may be used by any goroutine.
type CallbackSerializer struct {
	ctx       context.Context
	callbacks *mpsc.Sender[func(context.Context)]
	done      chan struct{}
}

// New starts a serializer. No callback is accepted once ctx has ended.
// Callbacks that were accepted before are run, with the ended ctx.
func New(ctx context.Context) *CallbackSerializer {
	tx, rx := mpsc.NewUnbounded[func(context.Context)]()
	s := &CallbackSerializer{ctx, tx, make(chan struct{})}
	context.AfterFunc(ctx, func() { _ = tx.Close() })
	go func() {
		defer close(s.done)
		for f := range rx.All(context.Background()) {
			f(ctx)
		}
	}()
	return s
}

// Schedule accepts f, and never blocks. It returns an error, and f is not run,
// if ctx has ended.
func (s *CallbackSerializer) Schedule(f func(context.Context)) error {
	return s.callbacks.Send(s.ctx, f)
}

// ScheduleAndWait blocks until f has run, or wait ends. It returns an error,
// and f is not run, if ctx has ended; and wait.Err() if f did not run in time.
func (s *CallbackSerializer) ScheduleAndWait(wait context.Context, f func(context.Context)) error {
	ran := make(chan struct{})
	if err := s.Schedule(func(ctx context.Context) { defer close(ran); f(ctx) }); err != nil {
		return err
	}
	select {
	case <-ran:
		return nil
	case <-wait.Done():
		return wait.Err()
	}
}

// Done is closed when ctx has ended and all accepted callbacks have run.
func (s *CallbackSerializer) Done() <-chan struct{} { return s.done }
