package natstest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// ends makes both ends of a channel in memory storage, and closes and deletes them at the end of the test.
func ends(t *testing.T, js jetstream.JetStream, ch natschan.Channel, opts ...natschan.ReceiverOption) (context.Context, *natschan.Sender[int], *natschan.Receiver[int]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	ch.Storage = jetstream.MemoryStorage
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tx.Close()
		rx.Close()
		cancel()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := natschan.Delete(ctx, js, ch.Name); err != nil {
			t.Error(err)
		}
	})
	return ctx, tx, rx
}

// The receiver closes while values are sent, and takes what is left. It fails if a value is nobody's: one that was on its way when the
// receiver's subscription ended, or one that the server miscounts since (see pullRequest), which was one round in thirty.
func TestMPMCCloseWhileSending(t *testing.T) {
	js := server(t, nil)
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for round := range 40 {
				closeWhileSending(t, js, round)
			}
		})
	}
	workers.Wait()
}

func closeWhileSending(t *testing.T, js jetstream.JetStream, round int) {
	ctx, tx, rx := ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.MPMC})
	var sent, received int
	var running sync.WaitGroup
	running.Go(func() {
		for ; sent < 100 && tx.Send(ctx, sent) == nil; sent++ {
		}
	})
	running.Go(func() {
		for range 20 * (round % 7) {
			runtime.Gosched()
		}
		rx.Close()
	})
	began := time.Now()
	for i := 0; ; i++ {
		var err error
		if i%2 == 0 {
			_, err = rx.Recv(ctx)
		} else {
			_, err = rx.TryRecv()
		}
		switch {
		case err == nil:
			received++
		case errors.Is(err, leat.ErrClosed):
			running.Wait()
			if sent != received {
				t.Errorf("round %d: %d values were sent, %d received", round, sent, received)
			}
			return
		case !errors.Is(err, leat.ErrEmpty) || time.Since(began) > 20*time.Second:
			t.Errorf("round %d: %v after %d values", round, err, received)
			return
		}
	}
}
