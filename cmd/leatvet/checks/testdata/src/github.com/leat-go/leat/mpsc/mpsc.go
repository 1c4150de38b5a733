package mpsc

import (
	"context"
	"iter"
)

type (
	Sender[T any]   struct{}
	Receiver[T any] struct{}
	Permit[T any]   struct{}
)

func New[T any](capacity int) (*Sender[T], *Receiver[T]) { return nil, nil }
func NewUnbounded[T any]() (*Sender[T], *Receiver[T])    { return nil, nil }

func (*Sender[T]) Send(ctx context.Context, v T) error                        { return nil }
func (*Sender[T]) TrySend(v T) error                                          { return nil }
func (*Sender[T]) SendMany(ctx context.Context, vs []T) (n int, err error)    { return 0, nil }
func (*Sender[T]) Reserve(ctx context.Context) (*Permit[T], error)            { return nil, nil }
func (*Sender[T]) Clone() *Sender[T]                                          { return nil }
func (*Sender[T]) Len() int                                                   { return 0 }
func (*Sender[T]) Close() error                                               { return nil }
func (*Permit[T]) Send(v T) error                                             { return nil }
func (*Permit[T]) Release()                                                   {}
func (*Receiver[T]) Recv(ctx context.Context) (v T, err error)                { return v, nil }
func (*Receiver[T]) TryRecv() (v T, err error)                                { return v, nil }
func (*Receiver[T]) RecvMany(ctx context.Context, buf []T) (n int, err error) { return 0, nil }
func (*Receiver[T]) All(ctx context.Context) iter.Seq[T]                      { return nil }
func (*Receiver[T]) Ready() <-chan struct{}                                   { return nil }
func (*Receiver[T]) Close() error                                             { return nil }
