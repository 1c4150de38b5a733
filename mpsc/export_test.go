package mpsc

// Leaked returns how many handles the garbage collector has closed.
func Leaked[T any](s *Sender[T]) uint64 { return s.c.Leaked.Load() }

// LeakedFunc is Leaked without holding on to the handle.
func LeakedFunc[T any](s *Sender[T]) func() uint64 {
	c := s.c
	return c.Leaked.Load
}

// Waiting returns how many senders and receivers wait.
func (s *Sender[T]) Waiting() (senders, receivers int) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.txq.Len(), s.c.rxq.Len()
}

// Gone reports whether the garbage collector has found the receiver.
func Gone[T any](s *Sender[T]) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.gone
}
