package natstest

import (
	"context"
	"sync"
	"testing"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// A deafJS does not answer the first request of each sort.
type deafJS struct {
	jetstream.JetStream
	lost *sync.Map // sorts of which a request was lost
}

// answer is what the server answers, unless the request is lost.
func answer[T any](ctx context.Context, js *deafJS, sort string, ask func() (T, error)) (T, error) {
	if _, answers := js.lost.LoadOrStore(sort, true); answers {
		return ask()
	}
	<-ctx.Done()
	var none T
	return none, ctx.Err()
}

func (js *deafJS) stream(s jetstream.Stream, err error) (jetstream.Stream, error) {
	return &deafStream{s, js}, err
}

func (js *deafJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return js.stream(answer(ctx, js, "Stream",
		func() (jetstream.Stream, error) { return js.JetStream.Stream(ctx, name) }))
}

func (js *deafJS) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return js.stream(answer(ctx, js, "CreateStream", func() (jetstream.Stream, error) {
		return js.JetStream.CreateStream(ctx, cfg)
	}))
}

func (js *deafJS) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return js.stream(answer(ctx, js, "UpdateStream", func() (jetstream.Stream, error) {
		return js.JetStream.UpdateStream(ctx, cfg)
	}))
}

func (js *deafJS) Publish(
	ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt,
) (*jetstream.PubAck, error) {
	return answer(ctx, js, "Publish", func() (*jetstream.PubAck, error) {
		return js.JetStream.Publish(ctx, subject, data, opts...)
	})
}

type deafStream struct {
	jetstream.Stream
	js *deafJS
}

func (s *deafStream) Info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return answer(ctx, s.js, "Info", func() (*jetstream.StreamInfo, error) { return s.Stream.Info(ctx, opts...) })
}

func (s *deafStream) CreateConsumer(
	ctx context.Context, cfg jetstream.ConsumerConfig,
) (jetstream.Consumer, error) {
	return answer(ctx, s.js, "CreateConsumer", func() (jetstream.Consumer, error) {
		return s.Stream.CreateConsumer(ctx, cfg)
	})
}

func (s *deafStream) ListConsumers(ctx context.Context) jetstream.ConsumerInfoLister {
	if _, answers := s.js.lost.LoadOrStore("ListConsumers", true); !answers {
		<-ctx.Done()
	}
	return s.Stream.ListConsumers(ctx)
}

// The first request of each sort gets no answer, as when a cluster has just
// lost the server that would answer it. The test fails if a request is not
// repeated: then NewSender and NewReceiver take as long as their ctx, and Close
// gives up.
func TestLostRequestsAreRepeated(t *testing.T) {
	t.Parallel()
	js := &deafJS{server(t, nil), new(sync.Map)}
	ctx, tx, rx := ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.MPSC})
	sendAll(ctx, t, tx, 1)
	if v, err := rx.Recv(ctx); v != 0 || err != nil {
		t.Fatalf("Recv = %d, %v; want 0", v, err)
	}
	if err := tx.Close(); err != nil {
		t.Error(err)
	}
	if err := rx.Close(); err != nil {
		t.Error(err)
	}
	for _, sort := range []string{"Stream", "CreateStream", "UpdateStream", "Publish", "Info", "CreateConsumer",
		"ListConsumers"} {
		if _, lost := js.lost.Load(sort); !lost {
			t.Errorf("no request of %s was made; the test needs one", sort)
		}
	}
}
