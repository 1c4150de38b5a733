package oneshot

// LeakedFunc returns a func that tells how many handles the garbage collector
// has closed, without holding on to s.
func LeakedFunc[T any](s *Sender[T]) func() uint64 {
	c := s.c
	return c.meter().Leaked.Load
}

// WaitingFunc returns a func that tells how many receivers wait, without
// holding on to s.
func WaitingFunc[T any](s *Sender[T]) func() int {
	c := s.c
	return func() int {
		c.Lock()
		defer c.Unlock()
		return c.rxq.Len()
	}
}
