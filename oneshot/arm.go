package oneshot

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

// Enter claims s before it sends, so that the value does not go to another case of s.
func (a *sendArm[T]) Enter(s *park.Selection, i int) bool { return s.Claim(i) && a.Try() }

func (a *sendArm[T]) Leave() {}

func (a *sendArm[T]) Finish() {}

func (a *sendArm[T]) Result() error { return a.err }

type recvArm[T any] struct {
	rx  *Receiver[T]
	w   park.Waiter[receiving[T]]
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
	if c.holds || c.ended() {
		if !s.Claim(i) {
			c.mu.Unlock()
			return false
		}
		a.v, a.err = r.tryRecv() // which frees mu, because there is something
		return true
	}
	r.alone(s)
	a.w.Stamp = c.Stamp()
	c.rxq.Enter(&a.w, s, i)
	c.mu.Unlock()
	return false
}

func (a *recvArm[T]) Leave() {
	c := a.rx.c
	c.mu.Lock()
	if a.w.Queued() {
		c.rxq.Remove(&a.w)
	}
	c.mu.Unlock()
	runtime.KeepAlive(a.rx)
}

func (a *recvArm[T]) Finish() {
	a.v, a.err = a.w.Payload.value, a.w.Payload.err
	a.rx.used(a.err)
}

func (a *recvArm[T]) Result() (T, error) { return a.v, a.err }
