package serializer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// It fails if two callbacks run at the same time, one is lost, or those of one
// goroutine run out of order.
func TestOrder(t *testing.T) {
	const goroutines, each = 8, 500
	ctx, cancel := context.WithCancel(t.Context())
	s := New(ctx)
	var next [goroutines]int // guarded by the serializer alone: -race sees two at a time
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				err := s.Schedule(func(context.Context) {
					if next[g] != i {
						t.Errorf("goroutine %d: callback %d ran as number %d", g, i, next[g])
					}
					next[g]++
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	cancel()
	<-s.Done()
	for g, n := range next {
		if n != each {
			t.Errorf("goroutine %d: %d of %d ran", g, n, each)
		}
	}
}

// It fails if a callback is accepted after the end of ctx, one accepted before
// is not run, or Done is closed before the last has run.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := New(ctx)
		release, ran := make(chan bool), 0
		s.Schedule(func(context.Context) { <-release; ran++ })
		for range 10 {
			s.Schedule(func(ctx context.Context) {
				if ctx.Err() == nil {
					t.Error("a callback that runs after the end got a live ctx")
				}
				ran++
			})
		}
		cancel()
		if err := s.Schedule(func(context.Context) { t.Error("ran") }); !errors.Is(err, context.Canceled) {
			t.Errorf("Schedule at the instant after cancel: %v", err)
		}
		synctest.Wait()
		select {
		case <-s.Done():
			t.Error("done while a callback runs")
		default:
		}
		close(release)
		<-s.Done()
		if ran != 11 {
			t.Errorf("%d of 11 ran", ran)
		}
	})
}

// It fails if ScheduleAndWait returns before the callback has run, waits longer
// than its ctx, or runs a callback after the end.
func TestScheduleAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := New(ctx)
		ran := false
		if err := s.ScheduleAndWait(t.Context(), func(context.Context) { ran = true }); err != nil || !ran {
			t.Errorf("ran: %t, %v", ran, err)
		}
		s.Schedule(func(ctx context.Context) { <-ctx.Done() }) // does not end by itself
		impatient, stop := context.WithCancelCause(t.Context())
		stop(nil)
		if err := s.ScheduleAndWait(impatient, func(context.Context) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("after a callback that hangs: %v", err)
		}
		cancel()
		<-s.Done()
		if err := s.ScheduleAndWait(t.Context(), func(context.Context) { t.Error("ran") }); err == nil {
			t.Error("accepted after the end")
		}
	})
}
