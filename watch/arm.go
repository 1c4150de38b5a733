package watch

import (
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
)

// SendArm is for leat.Select.
func (s *Sender[T]) SendArm(v T) park.SendArm {
	s.made()
	return &sendArm[T]{tx: s, v: v}
}

// RecvArm is for leat.Select.
func (r *Receiver[T]) RecvArm() park.RecvArm[T] {
	r.made()
	return &recvArm[T]{rx: r}
}

// A sendArm never waits, so it has no waiter.
type sendArm[T any] struct {
	tx  *Sender[T]
	v   T
	err error
}

func (a *sendArm[T]) Try() bool {
	a.err = a.tx.TrySend(a.v)
	return true
}

func (a *sendArm[T]) Enter(s *park.Selection, i int) bool { return s.Claim(i) && a.Try() }

func (a *sendArm[T]) Leave() {}

func (a *sendArm[T]) Finish() {}

func (a *sendArm[T]) Result() error { return a.err }

type recvArm[T any] struct {
	rx  *Receiver[T]
	w   park.Waiter[*cursor]
	v   T
	err error
}

func (a *recvArm[T]) Try() bool {
	a.v, a.err = a.rx.TryRecv()
	return a.err != leat.ErrEmpty
}

func (a *recvArm[T]) Enter(s *park.Selection, i int) bool {
	r, c := a.rx, a.rx.c
	c.mu.Lock()
	r.alone(s)
	if c.current.Load().n != r.cur.seen.Load() || c.ended.Load() || r.cur.closed.Load() {
		claimed := s.Claim(i)
		c.mu.Unlock()
		if claimed {
			a.Finish()
		}
		return claimed
	}
	r.waiter = &a.w
	a.w.Payload, a.w.Stamp = r.cur, c.Stamp()
	c.rxq.Enter(&a.w, s, i)
	c.mu.Unlock()
	return false
}

func (a *recvArm[T]) Leave() {
	r, c := a.rx, a.rx.c
	c.mu.Lock()
	if a.w.Queued() {
		c.rxq.Remove(&a.w)
	}
	if r.waiter == &a.w {
		r.waiter = nil // or r would keep a, and the value that it received
	}
	c.mu.Unlock()
	runtime.KeepAlive(r)
}

// Finish receives. Only this goroutine does, so the value that was there when the Selection was claimed is still there, or a newer one.
func (a *recvArm[T]) Finish() { a.v, a.err = a.rx.TryRecv() }

func (a *recvArm[T]) Result() (T, error) { return a.v, a.err }
