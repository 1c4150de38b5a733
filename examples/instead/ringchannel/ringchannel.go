// Package ringchannel is a channel whose writer never blocks: a value that
// nobody has received yet is replaced by the next one.
package ringchannel

import (
	"context"

	"github.com/leat-go/leat/watch"
)

// A RingChannel keeps the newest value alone. Any goroutine may send; one at a
// time receives.
type RingChannel[T any] struct {
	tx *watch.Sender[T]
	rx *watch.Receiver[T]
}

// New returns an empty RingChannel.
func New[T any]() *RingChannel[T] {
	var none T // counts as seen
	tx := watch.New(none)
	return &RingChannel[T]{tx, tx.Subscribe()}
}

// Send replaces the value. It never blocks. It returns leat.ErrClosed after
// Close.
func (c *RingChannel[T]) Send(v T) error { return c.tx.TrySend(v) }

// Recv returns the newest value that it has not returned yet, and blocks while
// there is none. After Close it returns the last value if that is new, then
// leat.ErrClosed.
func (c *RingChannel[T]) Recv(ctx context.Context) (T, error) { return c.rx.Recv(ctx) }

// Ready is for native select, followed by Recv.
func (c *RingChannel[T]) Ready() <-chan struct{} { return c.rx.Ready() }

// Close ends the channel.
func (c *RingChannel[T]) Close() { _ = c.tx.Close() }
