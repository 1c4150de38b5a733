// Package watchbroadcaster gives every event to every watcher.
package watchbroadcaster

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// incoming is how many events the slowest watcher may be behind besides those
// that wait in its channel.
const incoming = 25

// A FullChannelBehavior says what happens when a watcher's channel is full.
type FullChannelBehavior int

const (
	WaitIfChannelFull FullChannelBehavior = iota // Action waits for the watcher
	DropIfChannelFull                            // the watcher misses the event, and counts it
)

// A Broadcaster may be used by any goroutine.
type Broadcaster[E any] struct {
	events   *broadcast.Sender[E]
	queue    int
	full     FullChannelBehavior
	mu       sync.Mutex // orders Watch and Shutdown
	stopped  bool
	watchers sync.WaitGroup
}

// New returns a Broadcaster whose watchers have channels of queueLength.
func New[E any](queueLength int, full FullChannelBehavior) *Broadcaster[E] {
	return &Broadcaster[E]{events: broadcast.New[E](incoming), queue: queueLength, full: full}
}

// Action gives e to every watcher. If watchers are waited for, it blocks until
// there is room or ctx ends. It returns leat.ErrClosed after Shutdown.
func (b *Broadcaster[E]) Action(ctx context.Context, e E) error { return b.events.Send(ctx, e) }

// ActionOrDrop is Action that returns leat.ErrFull where it would block.
func (b *Broadcaster[E]) ActionOrDrop(e E) error { return b.events.TrySend(e) }

// Watch returns a watcher of prefix, and of the events from now on. It does not
// block. It returns leat.ErrClosed after Shutdown.
func (b *Broadcaster[E]) Watch(prefix ...E) (*Watcher[E], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return nil, leat.ErrClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher[E]{result: make(chan E, max(b.queue, len(prefix)+1)), cancel: cancel, done: make(chan struct{})}
	for _, e := range prefix {
		w.result <- e
	}
	rx := b.events.Subscribe(broadcast.Lossless())
	b.watchers.Go(func() {
		defer close(w.done)
		defer close(w.result)
		defer rx.Close()
		w.follow(ctx, rx, b.full)
	})
	return w, nil
}

// Subscribe returns a receiver in place of a watcher. No goroutine and no
// native channel stand between. A receiver that is not waited for misses its
// oldest events, and knows how many.
func (b *Broadcaster[E]) Subscribe() *broadcast.Receiver[E] {
	if b.full == DropIfChannelFull {
		return b.events.Subscribe()
	}
	return b.events.Subscribe(broadcast.Lossless())
}

// Shutdown ends the Broadcaster, and blocks until all events are in the
// channels of their watchers.
func (b *Broadcaster[E]) Shutdown() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	_ = b.events.Close()
	b.watchers.Wait()
}

// A Watcher receives events.
type Watcher[E any] struct {
	result  chan E
	cancel  context.CancelFunc
	done    chan struct{}
	dropped atomic.Uint64
}

func (w *Watcher[E]) follow(ctx context.Context, rx *broadcast.Receiver[E], full FullChannelBehavior) {
	out := leat.IntoChan(w.result)
	for e := range rx.All(ctx) {
		if full == DropIfChannelFull && out.TrySend(e) != nil {
			w.dropped.Add(1)
		}
		if full == WaitIfChannelFull && out.Send(ctx, e) != nil {
			return
		}
	}
}

// Dropped returns how many events the watcher missed.
func (w *Watcher[E]) Dropped() uint64 { return w.dropped.Load() }

// ResultChan returns the channel of events. It is closed after Stop or
// Shutdown.
func (w *Watcher[E]) ResultChan() <-chan E { return w.result }

// Stop ends the watcher, and blocks for no other watcher.
func (w *Watcher[E]) Stop() { w.cancel(); <-w.done }
