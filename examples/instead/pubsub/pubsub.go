// Package pubsub publishes events to subscribers, and waits for a slow one no
// longer than it must.
package pubsub

import (
	"context"
	"time"

	"github.com/leat-go/leat/broadcast"
)

// A Publisher may be used by any goroutine.
type Publisher[T any] struct {
	events *broadcast.Sender[T]
	slow   []broadcast.SubscribeOption
}

// New returns a Publisher that keeps up to buffer events for its subscribers. A
// subscriber that is further behind is waited for, for as long as timeout; with
// 0 it is not waited for at all.
func New[T any](timeout time.Duration, buffer int) *Publisher[T] {
	p := &Publisher[T]{events: broadcast.New[T](buffer)}
	if timeout > 0 {
		p.slow = []broadcast.SubscribeOption{broadcast.LosslessFor(timeout)}
	}
	return p
}

// Len returns the number of subscribers.
func (p *Publisher[T]) Len() int { return p.events.Receivers() }

// Subscribe returns a subscriber of the events from now on for which topic is
// true, or of all if topic is nil. Close it.
func (p *Publisher[T]) Subscribe(topic func(T) bool) *Subscriber[T] {
	return &Subscriber[T]{p.events.Subscribe(p.slow...), topic}
}

// Publish gives v to all subscribers. It blocks for slow ones for the timeout,
// together, and not again for one that was given up until that has caught up.
func (p *Publisher[T]) Publish(v T) { _ = p.events.Send(context.Background(), v) }

// Close ends all subscriptions, after the published values.
func (p *Publisher[T]) Close() { _ = p.events.Close() }

// A Subscriber is a leat.Receiver, so leat.All and leat.ToChan take it. One
// goroutine at a time receives.
type Subscriber[T any] struct {
	rx    *broadcast.Receiver[T]
	topic func(T) bool
}

// Recv returns the next event of the topic. After a gap it returns a
// *leat.LaggedError with the number of events that were missed, of any topic.
func (s *Subscriber[T]) Recv(ctx context.Context) (v T, err error) {
	return s.filter(func() (T, error) { return s.rx.Recv(ctx) })
}

// TryRecv is Recv without blocking.
func (s *Subscriber[T]) TryRecv() (v T, err error) { return s.filter(s.rx.TryRecv) }

func (s *Subscriber[T]) filter(next func() (T, error)) (v T, err error) {
	for v, err = next(); err == nil && s.topic != nil && !s.topic(v); {
		v, err = next()
	}
	return v, err
}

// Ready is for select: see leat.Select.
func (s *Subscriber[T]) Ready() <-chan struct{} { return s.rx.Ready() }

// Close evicts the subscriber. Any goroutine may call it, at any time, and it
// frees a Publish that waits for this one.
func (s *Subscriber[T]) Close() error { return s.rx.Close() }
