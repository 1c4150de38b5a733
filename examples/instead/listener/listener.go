// Package listener passes notifications to a handler that may be slower than
// their source.
package listener

import (
	"context"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// A Listener calls a handler for each notification, one after the other, in the
// order of Add. Any goroutine may call its methods.
type Listener[T any] struct {
	tx      *mpsc.Sender[notification[T]]
	rx      *mpsc.Receiver[notification[T]]
	initial atomic.Int64 // of the initial list, not handled yet
}

type notification[T any] struct {
	value     T
	isInitial bool
}

// New returns a Listener that the live page shows under name, with the number
// of notifications that wait. Call Run.
func New[T any](name string) *Listener[T] {
	tx, rx := mpsc.NewUnbounded[notification[T]](leat.Name(name))
	return &Listener[T]{tx: tx, rx: rx}
}

// Add queues a notification, and never blocks. It returns leat.ErrClosed once
// Run has returned. isInitial says that it belongs to the initial list.
func (l *Listener[T]) Add(v T, isInitial bool) error {
	if isInitial {
		l.initial.Add(1)
	}
	return l.tx.TrySend(notification[T]{v, isInitial})
}

// Run calls handle for each notification until ctx ends, and returns those that
// were not handled. If handle panics, Run passes the value of the panic to
// recovered, skips the notification and goes on.
func (l *Listener[T]) Run(ctx context.Context, handle func(T), recovered func(any)) (undone []T) {
	for n := range l.rx.All(ctx) {
		l.call(n, handle, recovered)
	}
	_ = l.rx.Close()
	defer l.tx.Close()
	for n, err := l.rx.TryRecv(); err == nil; n, err = l.rx.TryRecv() {
		undone = append(undone, n.value)
	}
	return undone
}

func (l *Listener[T]) call(n notification[T], handle func(T), recovered func(any)) {
	defer func() {
		if r := recover(); r != nil {
			recovered(r)
		}
	}()
	handle(n.value)
	if n.isInitial {
		l.initial.Add(-1)
	}
}

// HasSynced reports whether the handler has returned for each notification of
// the initial list. Ask once the source has added all of that list.
func (l *Listener[T]) HasSynced() bool { return l.initial.Load() == 0 }

// Pending returns the number of notifications that wait.
func (l *Listener[T]) Pending() int { return l.rx.Len() }
