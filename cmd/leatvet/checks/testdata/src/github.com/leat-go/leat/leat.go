// Package leat has the declarations of the real package that the checks look
// at.
package leat

import (
	"context"
	"errors"
	"iter"
)

var ErrClosed, ErrFull, ErrEmpty = errors.New("closed"), errors.New("full"), errors.New("empty")

type Sender[T any] interface {
	Send(ctx context.Context, v T) error
	TrySend(v T) error
	Close() error
}

type Receiver[T any] interface {
	Recv(ctx context.Context) (T, error)
	TryRecv() (T, error)
	Close() error
}

type Case struct{}

func Select(ctx context.Context, cases ...Case) (chosen int, err error)        { return 0, nil }
func SelectInOrder(ctx context.Context, cases ...Case) (chosen int, err error) { return 0, nil }
func OnRecv[T any](rx Receiver[T], fn func(T, error)) Case                     { return Case{} }
func OnSend[T any](tx Sender[T], v T, fn func(error)) Case                     { return Case{} }
func All[T any](ctx context.Context, rx Receiver[T]) iter.Seq2[T, error]       { return nil }
func Copy[T any](ctx context.Context, dst Sender[T], src Receiver[T]) (int64, error) {
	return 0, nil
}
