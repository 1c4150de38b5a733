package broadcast

import "reflect"

// LeakedFunc returns a func that tells how many handles the garbage collector
// has closed, without holding on to s.
func LeakedFunc[T any](s *Sender[T]) func() uint64 {
	c := s.c
	return c.Leaked.Load
}

// Waiting returns how many senders and receivers wait.
func (s *Sender[T]) Waiting() (senders, receivers int) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.txq.Len(), s.c.waiting.Queue.Len()
}

// HoldsNoPointers is holdsNoPointers.
var HoldsNoPointers = holdsNoPointers

// CursorAddress returns where r's cursor is.
func CursorAddress[T any](r *Receiver[T]) uintptr { return reflect.ValueOf(r.cur).Pointer() }
