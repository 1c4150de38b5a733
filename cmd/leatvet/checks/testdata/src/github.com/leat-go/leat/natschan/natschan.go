package natschan

import (
	"context"
	"errors"
)

type (
	Sender[T any]          struct{}
	Receiver[T any]        struct{}
	OneshotReceiver[T any] struct{}
	Channel                struct{ Name string }
)

var ErrFenced = errors.New("fenced")

func NewSender[T any](ctx context.Context, js any, ch Channel) (*Sender[T], error) {
	return nil, nil
}
func NewReceiver[T any](ctx context.Context, js any, ch Channel) (*Receiver[T], error) {
	return nil, nil
}
func NewOneshot[T any](nc any) (*OneshotReceiver[T], error) { return nil, nil }

func (*Sender[T]) Send(ctx context.Context, v T) error                { return nil }
func (*Sender[T]) Close() error                                       { return nil }
func (*Receiver[T]) Recv(ctx context.Context) (v T, err error)        { return v, nil }
func (*Receiver[T]) Close() error                                     { return nil }
func (*OneshotReceiver[T]) Recv(ctx context.Context) (v T, err error) { return v, nil }
func (*OneshotReceiver[T]) Close() error                              { return nil }
