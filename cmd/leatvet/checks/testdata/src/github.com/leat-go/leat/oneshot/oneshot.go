package oneshot

import "context"

type (
	Sender[T any]   struct{}
	Receiver[T any] struct{}
)

func New[T any]() (*Sender[T], *Receiver[T]) { return nil, nil }

func (*Sender[T]) Send(ctx context.Context, v T) error         { return nil }
func (*Sender[T]) Close() error                                { return nil }
func (*Receiver[T]) Recv(ctx context.Context) (v T, err error) { return v, nil }
func (*Receiver[T]) Close() error                              { return nil }
