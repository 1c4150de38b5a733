// Package allocbroadcaster tells listeners of the latest version of an
// allocation, or of anything else of which only the latest version counts.
package allocbroadcaster

import (
	"context"
	"errors"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

// A Broadcaster may be used by any goroutine.
type Broadcaster[T any] struct{ latest *watch.Sender[*T] }

// New returns a Broadcaster that has sent nothing.
func New[T any]() *Broadcaster[T] { return &Broadcaster[T]{watch.New[*T](nil)} }

// Send replaces the version that listeners have not received yet. It never
// blocks. It returns leat.ErrClosed after Close.
func (b *Broadcaster[T]) Send(v *T) error { return b.latest.TrySend(v) }

// Close ends the broadcast. Listeners still receive the last version.
func (b *Broadcaster[T]) Close() { _ = b.latest.Close() }

// Listen returns a new Listener, which receives the last version that was sent
// first, also after Close. Its goroutine ends with the listener's Close, or
// once the last version was received.
func (b *Broadcaster[T]) Listen() *Listener[T] {
	ctx, stop := context.WithCancel(context.Background())
	ch := make(chan *T)
	go offer(ctx, b.latest.Subscribe(), ch)
	return &Listener[T]{ch, stop}
}

// A Listener receives the latest version.
type Listener[T any] struct {
	ch   <-chan *T
	stop func()
}

// Ch is closed after Close of the listener, and after the last version.
func (l *Listener[T]) Ch() <-chan *T { return l.ch }

// Close ends the listener. It may be called at any time, and more than once.
func (l *Listener[T]) Close() { l.stop() }

// offer offers the newest version of rx, and replaces the offer by a newer one.
func offer[T any](ctx context.Context, rx *watch.Receiver[*T], ch chan<- *T) {
	defer close(ch)
	defer rx.Close()
	v, err := rx.WaitFor(ctx, func(v *T) bool { return v != nil })
	for newer := rx.Ready(); err == nil; {
		select {
		case ch <- v:
			v, err = rx.Recv(ctx)
		case <-newer:
			if next, end := rx.TryRecv(); end == nil {
				v = next
			} else if errors.Is(end, leat.ErrClosed) {
				newer = nil // v is the last
			}
		case <-ctx.Done():
			return
		}
	}
}
