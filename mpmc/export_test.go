package mpmc

import "github.com/leat-go/leat/internal/queue"

// LeakedFunc returns a func that tells how many handles the garbage collector
// has closed, without holding on to s.
func LeakedFunc[T any](s *Sender[T]) func() uint64 { return queue.LeakedFunc(&s.tx) }

// Waiting returns how many senders and receivers wait.
func (s *Sender[T]) Waiting() (senders, receivers int) { return queue.Waiting(&s.tx) }

// Gone reports whether the garbage collector has found the receiver.
func Gone[T any](s *Sender[T]) bool { return queue.Gone(&s.tx) }
