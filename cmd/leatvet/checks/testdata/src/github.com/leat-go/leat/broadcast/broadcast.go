package broadcast

import (
	"context"
	"iter"
)

type (
	Sender[T any]   struct{}
	Receiver[T any] struct{}
)

type SubscribeOption interface{}

func New[T any](capacity int) *Sender[T] { return nil }
func Lossless() SubscribeOption          { return nil }

func (*Sender[T]) Send(ctx context.Context, v T) error            { return nil }
func (*Sender[T]) TrySend(v T) error                              { return nil }
func (*Sender[T]) Subscribe(opts ...SubscribeOption) *Receiver[T] { return nil }
func (*Sender[T]) Clone() *Sender[T]                              { return nil }
func (*Sender[T]) Close() error                                   { return nil }
func (*Receiver[T]) Recv(ctx context.Context) (v T, err error)    { return v, nil }
func (*Receiver[T]) All(ctx context.Context) iter.Seq2[T, uint64] { return nil }
func (*Receiver[T]) Close() error                                 { return nil }
