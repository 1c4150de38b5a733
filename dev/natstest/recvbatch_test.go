package natstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
)

// wantBatch fails the test unless RecvBatch returns want, in any order: an MPMC
// receiver returns a value that comes after a call has given up, and the server
// redelivers it later.
func wantBatch(t *testing.T, what string, buf []int, n int, err error, want ...int) {
	t.Helper()
	slices.Sort(buf[:n])
	if err != nil || !slices.Equal(buf[:n], want) {
		t.Fatalf("RecvBatch, %s: %v, %v; want %v", what, buf[:n], err, want)
	}
}

// The test fails if a batch is not full although values are there, if it waits
// for more than maxAge, if it does not wait at all, or if the end comes with
// values.
func TestRecvBatch(t *testing.T) {
	js := server(t, nil)
	for _, kind := range allKinds {
		if kind.ch.Kind == natschan.Watch {
			continue // it has one value
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ch := kind.ch
			ch.Name = unique()
			ctx, tx, rx := ends(t, js, ch, kind.opts...)
			buf := make([]int, 4)
			if n, err := rx.RecvBatch(ctx, nil, time.Hour); n != 0 || err != nil {
				t.Errorf("RecvBatch of an empty slice = %d, %v", n, err)
			}
			sendAll(ctx, t, tx, 6)
			n, err := rx.RecvBatch(ctx, buf, time.Hour)
			wantBatch(t, "of 4", buf, n, err, 0, 1, 2, 3)
			n, err = rx.RecvBatch(ctx, buf, 0)
			wantBatch(t, "of values that are there", buf, n, err, 4, 5)
			go tx.Send(ctx, 6)
			n, err = rx.RecvBatch(ctx, buf, time.Millisecond)
			wantBatch(t, "of values that come within a millisecond", buf, n, err, 6)
			short, cancel := context.WithCancel(ctx)
			defer cancel()
			sendAll(ctx, t, tx, 2)
			next, got := rx.Next(), make(chan struct{})
			go func() {
				defer close(got)
				n, err = rx.RecvBatch(short, buf, time.Hour)
			}()
			until(ctx, t, "two values are received", func() bool { return rx.Next() == next+2 })
			cancel()
			<-got
			wantBatch(t, "until ctx ends", buf, n, err, 0, 1)
			if n, err := rx.RecvBatch(short, buf, time.Hour); n != 0 || !errors.Is(err, context.Canceled) {
				t.Errorf("RecvBatch with a ctx that has ended = %d, %v", n, err)
			}
			sendAll(ctx, t, tx, 2)
			if err := tx.Close(); err != nil {
				t.Fatal(err)
			}
			n, err = rx.RecvBatch(ctx, buf, time.Hour)
			wantBatch(t, "until the end", buf, n, err, 0, 1)
			if n, err := rx.RecvBatch(ctx, buf, time.Hour); n != 0 || !errors.Is(err, leat.ErrClosed) {
				t.Errorf("RecvBatch after the end = %d, %v; want ErrClosed", n, err)
			}
		})
	}
}

// A batch of a bounded MPSC channel costs one exchange for all values that have
// arrived. The test fails if the server is asked to confirm each one, or if a
// place is not free when RecvBatch returns.
func TestRecvBatchConfirmsOnce(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 64}
	ctx, tx, rx := ends(t, js, ch)
	acks := make(chan *nats.Msg, 1000)
	sub, err := js.Conn().ChanSubscribe("$JS.ACK.LEAT_"+ch.Name+".>", acks)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	for round := range 5 {
		sendAll(ctx, t, tx, 64)
		buf := make([]int, 64)
		n, err := rx.RecvBatch(ctx, buf, time.Hour)
		if n != 64 || err != nil {
			t.Fatalf("RecvBatch = %d, %v", n, err)
		}
		s, err := js.Stream(ctx, "LEAT_"+ch.Name)
		if err != nil {
			t.Fatal(err)
		}
		if left := s.CachedInfo().State.Msgs; left > 0 {
			t.Fatalf("round %d: %d places are taken after RecvBatch", round, left)
		}
		confirmed := 0
		for range 64 {
			if m := <-acks; m.Reply != "" {
				confirmed++
			}
		}
		if confirmed > 32 {
			t.Errorf("round %d: the server was asked to confirm %d of 64 acknowledgements", round, confirmed)
		}
	}
}

// A batch ends before a gap and at a value that is not an int. The test fails
// if the error comes with the batch, is lost, or takes a value with it.
func TestRecvBatchLeavesErrorsToTheNextReceive(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 4}
	ctx, tx, rx := ends(t, js, ch, natschan.Prefetch(2))
	buf := make([]int, 8)
	sendAll(ctx, t, tx, 4)
	if v, err := rx.Recv(ctx); v != 0 || err != nil {
		t.Fatalf("Recv = %d, %v", v, err)
	}
	sendAll(ctx, t, tx, 9) // the receiver has 1, and misses 2, 3, 0, …, 4
	n, err := rx.RecvBatch(ctx, buf, 0)
	wantBatch(t, "before a gap", buf, n, err, 1)
	var lag *leat.LaggedError
	if n, err := rx.RecvBatch(ctx, buf, 0); n != 0 || !errors.As(err, &lag) || lag.Missed != 7 {
		t.Fatalf("RecvBatch after it = %d, %v; want 7 missed", n, err)
	}
	n, err = rx.RecvBatch(ctx, buf, 0)
	wantBatch(t, "after the gap", buf, n, err, 5, 6, 7, 8)

	if err := tx.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "leat.d."+ch.Name, []byte("no number")); err != nil {
		t.Fatal(err)
	}
	if err := tx.Send(ctx, 2); err != nil {
		t.Fatal(err)
	}
	n, err = rx.RecvBatch(ctx, buf, 0)
	wantBatch(t, "before a value of another type", buf, n, err, 1)
	n, err = rx.RecvBatch(ctx, buf, 0)
	var decode *natschan.DecodeError
	if n != 0 || !errors.As(err, &decode) {
		t.Fatalf("RecvBatch after it = %d, %v; want a DecodeError", n, err)
	}
	n, err = rx.RecvBatch(ctx, buf, 0)
	wantBatch(t, "after a value of another type", buf, n, err, 2)
}

// From on a channel that cannot have it is refused, with the reason.
func TestFromRefused(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		ch     natschan.Channel
		opts   []natschan.ReceiverOption
		reason string
	}{
		{natschan.Channel{Kind: natschan.MPSC}, nil, "not Lossless"},
		{natschan.Channel{Kind: natschan.Watch}, nil, "not Lossless"},
		{natschan.Channel{Kind: natschan.Broadcast, Capacity: 4, Lossless: true}, nil, "not Lossless"},
		{natschan.Channel{Kind: natschan.Broadcast, Capacity: 4}, []natschan.ReceiverOption{natschan.Replay(1)}, "Replay"},
	} {
		c.ch.Name = unique()
		_, err := natschan.NewReceiver[int](ctx, js, c.ch, append(c.opts, natschan.From(0))...)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("NewReceiver of %v with From: %v; want a refusal that says %q", c.ch.Kind, err, c.reason)
		}
	}
}
