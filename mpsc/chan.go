package mpsc

import (
	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/queue"
)

// New makes a channel that holds exactly capacity values, and returns its two
// ends. New panics if capacity is below 1. There is no upper limit: memory
// grows with use, up to the capacity, and is kept.
//
// The capacity [leat.Unbounded] makes a channel as [NewUnbounded] does.
func New[T any](capacity int, opts ...leat.Option) (*Sender[T], *Receiver[T]) {
	queue.NeedCapacity("mpsc", capacity, 1)
	return newChannel[T](capacity, opts)
}

// NewUnbounded makes a channel that always has room, and returns its two ends.
// Its senders never wait, so only memory limits how far they run ahead of the
// receiver. The channel frees the memory of a burst as it is received.
func NewUnbounded[T any](opts ...leat.Option) (*Sender[T], *Receiver[T]) {
	return newChannel[T](queue.Unbounded, opts)
}

func newChannel[T any](capacity int, opts []leat.Option) (*Sender[T], *Receiver[T]) {
	s, r := newSender[T](), newReceiver[T]()
	queue.New("mpsc", capacity, true, opts, &s.tx, &r.rx)
	return s, r
}
