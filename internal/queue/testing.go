package queue

// What the tests of the kinds look at.

// LeakedFunc returns a func that tells how many handles the garbage collector
// has closed, without holding on to s.
func LeakedFunc[T any](s *Tx[T]) func() uint64 { return s.c.Leaked.Load }

// Waiting returns how many senders and receivers wait.
func Waiting[T any](s *Tx[T]) (senders, receivers int) {
	s.c.Lock()
	defer s.c.Unlock()
	return s.c.txq.Len(), s.c.rxq.Len()
}

// Gone reports whether the garbage collector has found all receivers.
func Gone[T any](s *Tx[T]) bool {
	s.c.Lock()
	defer s.c.Unlock()
	return s.c.reachableReceivers == 0
}
