// Package unbounded is a queue without a bound, for passing updates from one
// part of a program to another.
package unbounded

import (
	"context"

	"github.com/leat-go/leat/mpsc"
)

// Unbounded holds values until they are received, in the order of Put. Any
// goroutine may call Put and Close; one at a time receives. It starts no
// goroutine.
type Unbounded[T any] struct {
	tx *mpsc.Sender[T]
	rx *mpsc.Receiver[T]
}

// New returns an empty Unbounded.
func New[T any]() *Unbounded[T] {
	tx, rx := mpsc.NewUnbounded[T]()
	return &Unbounded[T]{tx, rx}
}

// Put adds t, and never blocks. It returns leat.ErrClosed after Close.
func (b *Unbounded[T]) Put(t T) error { return b.tx.TrySend(t) }

// Recv removes the oldest value, and blocks while there is none. After Close it
// returns the values put before, then leat.ErrClosed.
func (b *Unbounded[T]) Recv(ctx context.Context) (T, error) { return b.rx.Recv(ctx) }

// Ready is receivable when Recv would not block.
func (b *Unbounded[T]) Ready() <-chan struct{} { return b.rx.Ready() }

// Close lets Put accept no more.
func (b *Unbounded[T]) Close() { _ = b.tx.Close() }
