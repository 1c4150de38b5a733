package natstest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// stuckJS makes one consumer only when its ctx has ended, which then fails.
type stuckJS struct {
	jetstream.JetStream
	stuck atomic.Bool // the next one
	asked chan struct{}
}

func (s *stuckJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := s.JetStream.Stream(ctx, name)
	return &stuckStream{stream, s}, err
}

func (s *stuckJS) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := s.JetStream.CreateStream(ctx, cfg)
	return &stuckStream{stream, s}, err
}

type stuckStream struct {
	jetstream.Stream
	js *stuckJS
}

func (s *stuckStream) CreateConsumer(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if s.js.stuck.CompareAndSwap(true, false) {
		close(s.js.asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Stream.CreateConsumer(ctx, cfg)
}

// A receiver's consumer is lost, and while the receiver makes another one, it
// is closed. It fails if what the channel holds is lost with the consumer.
func TestCloseWhileTheConsumerIsMadeAgain(t *testing.T) {
	js := &stuckJS{JetStream: server(t, nil), asked: make(chan struct{})}
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC}
	ctx, tx, rx := ends(t, js, ch)
	const n = 20
	sendAll(ctx, t, tx, n)
	if v, err := rx.Recv(ctx); v != 0 || err != nil { // the others are in its buffer now, or on their way
		t.Fatalf("Recv = %d, %v", v, err)
	}
	js.stuck.Store(true)
	stream, err := js.JetStream.Stream(ctx, "LEAT_"+ch.Name)
	if err != nil {
		t.Fatal(err)
	}
	for c := range stream.ListConsumers(ctx).Info() {
		if err := stream.DeleteConsumer(ctx, c.Name); err != nil {
			t.Fatal(err)
		}
	}
	go rx.Recv(ctx) // asks, and finds out
	<-js.asked
	if err := rx.Close(); err != nil {
		t.Fatal(err)
	}
	got := 0
	for {
		_, err := rx.Recv(ctx)
		if errors.Is(err, leat.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got < n-2 { // the call above may have one
		t.Errorf("received %d of %d after Close", got, n-1)
	}
}
