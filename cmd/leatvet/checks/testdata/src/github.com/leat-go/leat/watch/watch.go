package watch

import "context"

type (
	Sender[T any]   struct{}
	Receiver[T any] struct{}
)

func New[T any](initial T) *Sender[T] { return nil }

func (*Sender[T]) TrySend(v T) error                           { return nil }
func (*Sender[T]) Get() (v T)                                  { return v }
func (*Sender[T]) Subscribe() *Receiver[T]                     { return nil }
func (*Sender[T]) Close() error                                { return nil }
func (*Receiver[T]) Get() (v T)                                { return v }
func (*Receiver[T]) Recv(ctx context.Context) (v T, err error) { return v, nil }
func (*Receiver[T]) Close() error                              { return nil }
