package leattest

import (
	"context"

	"github.com/leat-go/leat"
)

// A modelSender is a sender handle of the model.
type modelSender struct {
	m      *model
	closed bool
	cause  error // of its own close
}

func (m *model) newSender() *modelSender {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.senders++
	return &modelSender{m: m}
}

// refused reports whether s can send no more.
func (s *modelSender) refused() bool { return s.closed || s.m.spent || s.m.abandoned() }

// refusal is the error of a send when s is refused.
func (s *modelSender) refusal() error {
	switch {
	case s.closed:
		return closedWith(s.cause)
	case s.m.spent:
		return leat.ErrClosed
	}
	return closedWith(s.m.rxCause)
}

func (s *modelSender) Send(ctx context.Context, v int) error {
	_, err := s.SendMany(ctx, []int{v})
	return err
}

func (s *modelSender) SendMany(ctx context.Context, vs []int) (n int, err error) {
	if err := enter(ctx); err != nil {
		return 0, err
	}
	var refused error
	try := func() bool {
		if s.refused() && n < max(1, len(vs)) {
			refused = s.refusal()
			return true
		}
		for n < len(vs) && s.m.room() > 0 {
			s.m.accept(vs[n])
			n++
		}
		return n == len(vs)
	}
	err = s.m.waitAs(ctx, &waiter{try: try, sends: true, done: make(chan struct{})})
	if err == nil {
		err = refused
	}
	return n, err
}

func (s *modelSender) TrySend(v int) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.trySend(v)
}

func (s *modelSender) TrySendMany(vs []int) (n int, err error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for n < len(vs) && err == nil {
		if err = s.trySend(vs[n]); err == nil {
			n++
		}
	}
	return n, err
}

func (s *modelSender) ForceSend(v int) (evicted int, full bool, err error) {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := s.trySend(v); err != leat.ErrFull {
		return 0, false, err
	}
	if len(m.waiting) > 0 || m.f.everyone() || m.backlog() == 0 {
		return 0, true, leat.ErrFull
	}
	evicted = m.values[*m.queue-m.first]
	*m.queue++
	m.accept(v)
	m.settle()
	return evicted, true, nil
}

// trySend is TrySend with mu held. After it, nobody waits for an operation that
// is possible.
func (s *modelSender) trySend(v int) error {
	switch {
	case s.refused():
		return s.refusal()
	case s.m.room() <= 0:
		return leat.ErrFull
	}
	s.m.accept(v)
	s.m.settle()
	return nil
}

func (s *modelSender) reserve(ctx context.Context) (Permit, error) {
	s.needSlot()
	if err := enter(ctx); err != nil {
		return nil, err
	}
	var refused error
	err := s.m.wait(ctx, func() bool {
		switch {
		case s.refused():
			refused = s.refusal()
		case s.m.room() <= 0:
			return false
		default:
			s.m.permits++
		}
		return true
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return &modelPermit{m: s.m}, nil
}

func (s *modelSender) tryReserve() (Permit, error) {
	s.needSlot()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	switch {
	case s.refused():
		return nil, s.refusal()
	case s.m.room() <= 0:
		return nil, leat.ErrFull
	}
	s.m.permits++
	return &modelPermit{m: s.m}, nil
}

func (s *modelSender) needSlot() {
	if s.m.capacity == 0 {
		panic("leattest: Reserve on a channel of capacity 0; it has no slot to reserve")
	}
}

func (s *modelSender) Close() error { return s.CloseWith(nil) }

func (s *modelSender) CloseWith(cause error) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !s.closed {
		if s.m.spent { // it has nothing to close any more
			cause = nil
		}
		s.closed, s.cause = true, cause
		if s.m.txCause == nil {
			s.m.txCause = cause
		}
		s.m.senders--
		s.m.settle()
	}
	return nil
}

func (s *modelSender) Done() <-chan struct{} {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.done == nil {
		s.m.done = make(chan struct{})
		s.m.settle()
	}
	return s.m.done
}

func (s *modelSender) Len() int {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return min(s.m.backlog(), max(s.m.capacity, 0))
}

func (s *modelSender) Next() uint64 {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return uint64(s.m.end())
}

func (s *modelSender) Cap() int { return s.m.capacity }

func (s *modelSender) Receivers() int {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.open()
}

func (s *modelSender) WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error) {
	if err := enter(ctx); err != nil {
		return 0, err
	}
	for {
		n := s.Receivers()
		s.m.mu.Lock()
		closed, cause := s.closed, s.cause
		s.m.mu.Unlock()
		switch {
		case closed:
			return 0, closedWith(cause)
		case fn(n):
			return n, nil
		}
		if err := s.m.wait(ctx, func() bool { return s.closed || s.m.open() != n }); err != nil {
			return 0, err
		}
	}
}

// A modelPermit is a slot of the model.
type modelPermit struct {
	m     *model
	spent bool
}

func (p *modelPermit) Send(v int) error {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if p.spent {
		return leat.ErrClosed
	}
	p.spent = true
	p.m.permits--
	p.m.accept(v)
	p.m.settle()
	return nil
}

func (p *modelPermit) Release() {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if !p.spent {
		p.spent = true
		p.m.permits--
		p.m.settle()
	}
}
