// Package sendloop sends alerts in batches to a receiver that may be slow or
// gone. The newest alerts matter most.
package sendloop

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
)

// Options configure a SendLoop.
type Options struct {
	QueueCapacity   int  // alerts that may wait; then the oldest are dropped
	MaxBatchSize    int  // alerts in one send
	DrainOnShutdown bool // Stop sends waiting alerts, and does not drop them
}

// A SendLoop may be used by any goroutine.
type SendLoop[A any] struct {
	o       Options
	tx      *mpmc.Sender[A]
	rx      *mpmc.Receiver[A]
	sent    atomic.Uint64
	dropped atomic.Uint64
	done    chan struct{}
}

// New starts a SendLoop that calls send for each batch. If send returns an
// error, the batch is dropped. Stop ends the loop.
func New[A any](o Options, send func([]A) error) *SendLoop[A] {
	tx, rx := mpmc.New[A](o.QueueCapacity, leat.Name("alerts"))
	l := &SendLoop[A]{o: o, tx: tx, rx: rx, done: make(chan struct{})}
	go l.run(send)
	return l
}

// Add queues alerts, and never blocks. Where the queue is full, it drops the
// oldest alerts. After Stop it drops these.
func (l *SendLoop[A]) Add(alerts ...A) {
	for _, a := range alerts {
		err := l.tx.TrySend(a)
		for ; errors.Is(err, leat.ErrFull); err = l.tx.TrySend(a) {
			if _, err := l.rx.TryRecv(); err == nil {
				l.dropped.Add(1)
			}
		}
		if err != nil {
			l.dropped.Add(1)
		}
	}
}

func (l *SendLoop[A]) run(send func([]A) error) {
	defer close(l.done)
	batch := make([]A, l.o.MaxBatchSize)
	for {
		n, err := l.rx.RecvMany(context.Background(), batch)
		if err != nil {
			return
		}
		if send(batch[:n]) == nil {
			l.sent.Add(uint64(n))
		} else {
			l.dropped.Add(uint64(n))
		}
		clear(batch)
	}
}

// Stop accepts no more alerts, sends or drops those that wait, and blocks until
// the loop has ended.
func (l *SendLoop[A]) Stop() {
	_ = l.rx.Close()
	if !l.o.DrainOnShutdown {
		for _, err := l.rx.TryRecv(); err == nil; _, err = l.rx.TryRecv() {
			l.dropped.Add(1)
		}
	}
	<-l.done
	_ = l.tx.Close()
}

// Counts returns how many alerts were sent and how many were dropped. Once Stop
// has returned and no Add runs, these are all that were added.
func (l *SendLoop[A]) Counts() (sent, dropped uint64) { return l.sent.Load(), l.dropped.Load() }

// Len returns the number of alerts that wait.
func (l *SendLoop[A]) Len() int { return l.tx.Len() }
