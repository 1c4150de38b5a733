package natschan

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A patientJS asks again when a request got no answer. In a cluster only one
// server answers a request: the leader of a stream, or the leader of all
// servers. While there is none, or while it is changing, a request is lost, and
// nobody says so. Each request of patientJS can be made twice: the second time
// it has no further effect. A publish that must be stored once has an id.
//
// Sends of values do not go through it: persist asks again, in its own way.
type patientJS struct{ jetstream.JetStream }

// patient returns js with the patience of patientJS.
func patient(js jetstream.JetStream) jetstream.JetStream {
	if _, is := js.(patientJS); is {
		return js
	}
	return patientJS{js}
}

// How long to wait for the answer to the first request, which only reads, or
// changes something. It is twice as long each time.
const (
	readPatience  = 250 * time.Millisecond
	writePatience = time.Second
)

// repeat calls request until there is an answer, or ctx ends. Without a
// deadline it gives up after serverTimeout.
func repeat[T any](
	ctx context.Context, patience time.Duration, request func(context.Context) (T, error),
) (answer T, err error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, patience)
		answer, err = request(attempt)
		cancel()
		switch {
		case ctx.Err() != nil:
			return answer, err
		case isTimeout(err), errors.Is(err, jetstream.ErrNoStreamResponse):
			patience *= 2
		case !inProcess(err) && !leaderless(err) || pause(ctx, replicaPause, nil) != nil:
			return answer, err
		}
	}
}

// do is repeat for a request that has no other answer than an error.
func do(ctx context.Context, patience time.Duration, request func(context.Context) error) error {
	_, err := repeat(ctx, patience, func(ctx context.Context) (struct{}, error) { return struct{}{}, request(ctx) })
	return err
}

// leaderless reports whether a server says that the cluster has no leader now.
func leaderless(err error) bool {
	return hasCode(err, codeLeaderless)
}

// patientStreamOf returns s with the same patience.
func patientStreamOf(s jetstream.Stream, err error) (jetstream.Stream, error) {
	if err != nil {
		return nil, err
	}
	return patientStream{s}, nil
}

func (p patientJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return patientStreamOf(repeat(ctx, readPatience, func(ctx context.Context) (jetstream.Stream, error) {
		return p.JetStream.Stream(ctx, name)
	}))
}

func (p patientJS) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return patientStreamOf(repeat(ctx, writePatience, func(ctx context.Context) (jetstream.Stream, error) {
		return p.JetStream.CreateStream(ctx, cfg)
	}))
}

func (p patientJS) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return patientStreamOf(repeat(ctx, writePatience, func(ctx context.Context) (jetstream.Stream, error) {
		return p.JetStream.UpdateStream(ctx, cfg)
	}))
}

func (p patientJS) DeleteStream(ctx context.Context, name string) error {
	return do(ctx, writePatience, func(ctx context.Context) error { return p.JetStream.DeleteStream(ctx, name) })
}

func (p patientJS) Publish(
	ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt,
) (*jetstream.PubAck, error) {
	return repeat(ctx, writePatience, func(ctx context.Context) (*jetstream.PubAck, error) {
		return p.JetStream.Publish(ctx, subject, data, opts...)
	})
}

// A patientStream is a stream of a patientJS.
type patientStream struct{ jetstream.Stream }

func (p patientStream) Info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return repeat(ctx, readPatience, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return p.Stream.Info(ctx, opts...)
	})
}

func (p patientStream) Purge(ctx context.Context, opts ...jetstream.StreamPurgeOpt) error {
	return do(ctx, writePatience, func(ctx context.Context) error { return p.Stream.Purge(ctx, opts...) })
}

func (p patientStream) GetLastMsgForSubject(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return repeat(ctx, readPatience, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return p.Stream.GetLastMsgForSubject(ctx, subject)
	})
}

func (p patientStream) Consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	return repeat(ctx, readPatience, func(ctx context.Context) (jetstream.Consumer, error) {
		return p.Stream.Consumer(ctx, name)
	})
}

func (p patientStream) CreateConsumer(
	ctx context.Context, cfg jetstream.ConsumerConfig,
) (jetstream.Consumer, error) {
	return repeat(ctx, writePatience, func(ctx context.Context) (jetstream.Consumer, error) {
		return p.Stream.CreateConsumer(ctx, cfg)
	})
}

func (p patientStream) CreateOrUpdateConsumer(
	ctx context.Context, cfg jetstream.ConsumerConfig,
) (jetstream.Consumer, error) {
	return repeat(ctx, writePatience, func(ctx context.Context) (jetstream.Consumer, error) {
		return p.Stream.CreateOrUpdateConsumer(ctx, cfg)
	})
}

func (p patientStream) DeleteConsumer(ctx context.Context, name string) error {
	return do(ctx, writePatience, func(ctx context.Context) error { return p.Stream.DeleteConsumer(ctx, name) })
}
