package natstest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// ends makes both ends of a channel in memory storage, and closes and deletes
// them at the end of the test.
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

// receiveAs receives in the way that is named. What RecvMsg hands out counts,
// whether or not it can be acknowledged.
func receiveAs(ctx context.Context, rx *natschan.Receiver[int], how string) (int, error) {
	switch how {
	case "TryRecv":
		return rx.TryRecv()
	case "RecvMsg":
		m, err := rx.RecvMsg(ctx)
		if err != nil {
			return 0, err
		}
		m.Ack()
		return m.Value, nil
	}
	return rx.Recv(ctx)
}

// lateJS answers one request for a stream's state late: with what it was when
// it was asked.
type lateJS struct {
	jetstream.JetStream
	late    atomic.Bool // the next answer
	asked   chan struct{}
	release chan struct{}
}

func (l *lateJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s, err := l.JetStream.Stream(ctx, name)
	if l.late.CompareAndSwap(true, false) {
		close(l.asked)
		<-l.release
	}
	return s, err
}

// A receiver asks the server whether the channel has ended, and closes the
// channel before the answer comes. It fails if it takes the answer, which says
// that nothing was stored, for the state after the close: then the values that
// were sent in between are lost.
func TestMPMCCloseWhileLooking(t *testing.T) {
	js := server(t, nil)
	late := &lateJS{JetStream: js, asked: make(chan struct{}), release: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPMC, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	rx, err := natschan.NewReceiver[int](ctx, late, ch)
	if err != nil {
		t.Fatal(err)
	}
	late.late.Store(true)
	received := make(chan int)
	go func() {
		defer close(received)
		for {
			v, err := rx.TryRecv()
			switch {
			case err == nil:
				received <- v
			case errors.Is(err, leat.ErrClosed):
				return
			case !errors.Is(err, leat.ErrEmpty):
				t.Error(err)
				return
			}
		}
	}()
	<-late.asked
	const n = 3
	for i := range n {
		if err := tx.Send(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := rx.Close(); err != nil {
		t.Fatal(err)
	}
	close(late.release)
	got := 0
	for range received {
		got++
	}
	if got != n {
		t.Errorf("%d values were sent, %d received", n, got)
	}
}

// The receiver closes while values are sent, and takes the rest. It fails
// if a value is nobody's: one that was on its way when the receiver's
// subscription ended, or one that the server miscounts since (see pullRequest),
// which was one round in thirty.
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
