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

// makingJS lets a test make the next consumer in its place.
type makingJS struct {
	jetstream.JetStream
	next atomic.Pointer[makeConsumer]
}

type makeConsumer func(
	ctx context.Context, s jetstream.Stream, cfg jetstream.ConsumerConfig,
) (jetstream.Consumer, error)

func (m *makingJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := m.JetStream.Stream(ctx, name)
	return &makingStream{stream, m}, err
}

func (m *makingJS) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := m.JetStream.CreateStream(ctx, cfg)
	return &makingStream{stream, m}, err
}

type makingStream struct {
	jetstream.Stream
	js *makingJS
}

func (s *makingStream) CreateConsumer(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if do := s.js.next.Swap(nil); do != nil {
		return (*do)(ctx, s.Stream, cfg)
	}
	return s.Stream.CreateConsumer(ctx, cfg)
}

// doNext has do make the next consumer.
func (m *makingJS) doNext(do makeConsumer) { m.next.Store(&do) }

// A receiver's consumer is lost, and while the receiver makes another one, it
// is closed. It fails if what the channel holds is lost with the consumer.
func TestCloseWhileTheConsumerIsMadeAgain(t *testing.T) {
	js := &makingJS{JetStream: server(t, nil)}
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC}
	ctx, tx, rx := ends(t, js, ch)
	const n = 20
	sendAll(ctx, t, tx, n)
	if v, err := rx.Recv(ctx); v != 0 || err != nil { // the others are in its buffer now, or on their way
		t.Fatalf("Recv = %d, %v", v, err)
	}
	asked := make(chan struct{})
	js.doNext(func(ctx context.Context, _ jetstream.Stream, _ jetstream.ConsumerConfig) (jetstream.Consumer, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	})
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
	<-asked
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

// A receiver makes its consumer again, and the answer to its request is lost,
// or the request arrives late, as while a cluster elects leaders. It fails
// if the receiver takes its own new consumer for another receiver's and returns
// ErrFenced, or leaves one beside its own: a lossless broadcast waits for that.
func TestConsumerIsMadeAgainWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	lost := errors.New("the answer is lost")
	lostAnswer := func(js *makingJS) {
		js.doNext(func(
			ctx context.Context, s jetstream.Stream, cfg jetstream.ConsumerConfig,
		) (jetstream.Consumer, error) {
			_, err := s.CreateConsumer(ctx, cfg)
			return nil, errors.Join(err, lost)
		})
	}
	lateRequest := func(js *makingJS) {
		js.doNext(func(
			_ context.Context, _ jetstream.Stream, late jetstream.ConsumerConfig,
		) (jetstream.Consumer, error) {
			js.doNext(func(
				ctx context.Context, s jetstream.Stream, cfg jetstream.ConsumerConfig,
			) (jetstream.Consumer, error) {
				s.CreateConsumer(ctx, late)
				return s.CreateConsumer(ctx, cfg)
			})
			return nil, lost
		})
	}
	for name, fail := range map[string]func(*makingJS){"lost answer": lostAnswer, "late request": lateRequest} {
		for _, ch := range []natschan.Channel{
			{Kind: natschan.MPSC, Capacity: 32},
			{Kind: natschan.Broadcast, Capacity: 32, Lossless: true},
		} {
			t.Run(name+", "+ch.Kind.String(), func(t *testing.T) {
				js := &makingJS{JetStream: server(t, nil)}
				ch.Name = unique()
				ctx, tx, rx := ends(t, js, ch)
				const n = 20
				sendAll(ctx, t, tx, n)
				fail(js)
				if err := js.Conn().ForceReconnect(); err != nil {
					t.Fatal(err)
				}
				stream, err := js.JetStream.Stream(ctx, "LEAT_"+ch.Name)
				if err != nil {
					t.Fatal(err)
				}
				alone := func() { // returns when the receiver has one consumer
					for consumers := 0; js.next.Load() != nil || consumers != 1; {
						consumers = 0
						for range stream.ListConsumers(ctx).Info() {
							consumers++
						}
						if ctx.Err() != nil {
							t.Fatalf("%d consumers: %v", consumers, ctx.Err())
						}
					}
				}
				alone()
				for want := range n + 1 {
					if want == n { // not from the buffer
						sendAll(ctx, t, tx, 1)
					}
					if v, err := rx.Recv(ctx); v != want%n || err != nil {
						t.Fatalf("Recv = %d, %v; want %d", v, err, want%n)
					}
				}
				alone()
			})
		}
	}
}
