package watch

// LeakedFunc returns a func that tells how many handles the garbage collector
// has closed, without holding on to s.
func LeakedFunc[T any](s *Sender[T]) func() uint64 {
	c := s.c
	return c.Leaked.Load
}

// Waiting returns how many receivers wait.
func (s *Sender[T]) Waiting() int {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.waiting.Queue.Len()
}

// Advance does what a receive does that loaded version from and found version
// to.
func Advance[T any](r *Receiver[T], from, to uint64) { r.advance(from, to) }

// Current returns where the current value is.
func (s *Sender[T]) Current() *T { return &s.c.current.Load().value }
