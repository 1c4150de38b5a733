package queue

import (
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
)

// RecvArm makes r a case of a Select.
func (r *Rx[T]) RecvArm() park.RecvArm[T] {
	r.channel()
	return &recvArm[T]{rx: r}
}

// SendArm makes s, with v, a case of a Select.
func (s *Tx[T]) SendArm(v T) park.SendArm {
	s.channel()
	return &sendArm[T]{tx: s, v: v}
}

type recvArm[T any] struct {
	rx  *Rx[T]
	w   park.Waiter[receiving[T]]
	v   T
	err error
}

func (a *recvArm[T]) Try() bool {
	a.v, a.err = a.rx.TryRecv()
	return a.err != leat.ErrEmpty
}

func (a *recvArm[T]) Enter(s *park.Selection, i int) bool {
	c := a.rx.c
	c.Lock()
	if c.values.Len() > 0 || c.ended() || a.rx.closed && !c.closed() {
		if !s.Claim(i) {
			c.Unlock()
			return false
		}
		a.v, a.err = a.rx.tryRecv() // which unlocks them, because there is something
		return true
	}
	if c.capacity == 0 {
		if w := c.sender(s, i); w != nil {
			a.v, a.err = c.takeFrom(w), nil
			return true
		}
	}
	a.rx.alone(s)
	a.w.Payload.rx = a.rx
	a.w.Stamp = c.Stamp()
	c.rxq.Enter(&a.w, s, i)
	c.finish() // somebody may wait to reserve the attention of a receiver
	return false
}

func (a *recvArm[T]) Leave() {
	c := a.rx.c
	c.Lock()
	if a.w.Queued() {
		c.rxq.Remove(&a.w)
	}
	c.Unlock()
	runtime.KeepAlive(a.rx)
}

func (a *recvArm[T]) Finish() { a.v, a.err = a.w.Payload.one, a.w.Payload.err }

func (a *recvArm[T]) Result() (T, error) { return a.v, a.err }

type sendArm[T any] struct {
	tx  *Tx[T]
	v   T
	w   park.Waiter[sending[T]]
	err error
}

func (a *sendArm[T]) Try() bool {
	a.err = a.tx.TrySend(a.v)
	return a.err != leat.ErrFull
}

func (a *sendArm[T]) Enter(s *park.Selection, i int) bool {
	c := a.tx.c
	c.Lock()
	if a.tx.closed || c.closed() {
		claimed := s.Claim(i)
		c.Unlock()
		a.err = leat.ErrClosed
		return claimed
	}
	if c.capacity == 0 || c.room() > 0 {
		if r := c.receiver(s, i); r != nil {
			r.Payload.take(a.v)
			c.Unlock()
			r.Wake()
			a.err = nil
			return true
		}
	}
	if c.room() > 0 {
		claimed := s.Claim(i)
		if claimed {
			c.values.Push(a.v)
			c.ready.Set(true)
			a.err = nil
		}
		c.Unlock()
		return claimed
	}
	a.w.Payload = sending[T]{tx: a.tx, one: a.v}
	a.w.Stamp = c.Stamp()
	c.txq.Enter(&a.w, s, i)
	c.finish() // sets the gate of a channel that holds nothing
	return false
}

func (a *sendArm[T]) Leave() {
	c := a.tx.c
	c.Lock()
	if a.w.Queued() {
		c.txq.Remove(&a.w)
	}
	c.finish()
	runtime.KeepAlive(a.tx)
}

func (a *sendArm[T]) Finish() { a.err = a.w.Payload.err }

func (a *sendArm[T]) Result() error { return a.err }
