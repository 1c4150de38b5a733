package queue

import (
	"runtime"

	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/park"
)

// These make a handle a case of a Select: see package park.
type (
	RecvArms[T any] = park.RecvArms[T, recvRequest[T]]
	SendArms[T any] = park.SendArms[T, sendRequest[T]]
)

// InitRecv makes r the end of arms.
func (r *Rx[T]) InitRecv(arms *RecvArms[T]) { park.InitRecv(arms, (*recvEnd[T])(r)) }

// InitSend makes s the end of arms.
func (s *Tx[T]) InitSend(arms *SendArms[T]) { park.InitSend(arms, (*sendEnd[T])(s)) }

type recvEnd[T any] Rx[T]

// TryRecv looks before it locks, because a Select often asks where there is
// nothing. With one lock, Rx.TryRecv does so, too.
func (e *recvEnd[T]) TryRecv() (v T, err error) {
	if !e.c.oneLock && e.c.seemsEmpty() {
		runtime.KeepAlive(e)
		return v, contract.ErrEmpty
	}
	return (*Rx[T])(e).TryRecv()
}

func (e *recvEnd[T]) EnterRecv(w *park.Waiter, s *park.Selection, i int) (v T, err error, claimed bool) {
	r := (*Rx[T])(e)
	c := r.c
	c.Lock()
	if c.values.Len() > 0 || r.endLocked() {
		if !s.Claim(i) {
			c.Unlock()
			return v, nil, false
		}
		v, err = r.tryRecvAndUnlockUnlessEmpty() // unlocks, because the result is not ErrEmpty
		return v, err, true
	}
	if c.capacity == 0 {
		if w := c.findSenderLocked(s, i); w != nil {
			return c.takeFromSenderAndUnlock(w), nil, true
		}
	}
	r.requireAloneLocked(s)
	c.receiving(w).by, w.Handle, w.Stamp = r, &r.waiters, c.Stamp("receives from")
	c.rxq.Enter(w, s, i)
	c.Unlock()
	return v, nil, false
}

func (e *recvEnd[T]) LeaveRecv(w *park.Waiter) {
	c := e.c
	c.Lock()
	if w.Queued() {
		c.rxq.Remove(w)
	}
	c.Unlock()
	runtime.KeepAlive(e)
}

func (e *recvEnd[T]) FinishRecv(w *park.Waiter) (T, error) {
	got := e.c.receiving(w)
	return got.one, got.err
}

type sendEnd[T any] Tx[T]

func (e *sendEnd[T]) TrySend(v T) error { return (*Tx[T])(e).TrySend(v) }

func (e *sendEnd[T]) EnterSend(w *park.Waiter, v T, s *park.Selection, i int) (err error, claimed bool) {
	c := e.c
	c.Lock()
	if err := (*Tx[T])(e).refusalLocked(); err != nil {
		claimed = s.Claim(i)
		c.Unlock()
		return err, claimed
	}
	if c.capacity == 0 || c.roomLocked() > 0 {
		if r := c.takeReceiverLocked(s, i); r != nil {
			served := c.giveLocked(r, v)
			c.Unlock()
			if served {
				r.Wake()
			}
			return nil, true
		}
	}
	if c.roomLocked() > 0 {
		if claimed = s.Claim(i); claimed {
			c.values.Push(v)
			c.ready.Set(true)
		}
		c.Unlock()
		return nil, claimed
	}
	c.sending(w).one = v
	w.Handle, w.Stamp = &e.waiters, c.Stamp("sends to")
	c.txq.Enter(w, s, i)
	c.settleAndUnlock() // sets the gate of a channel that holds nothing
	return nil, false
}

func (e *sendEnd[T]) LeaveSend(w *park.Waiter) {
	c := e.c
	c.Lock()
	if w.Queued() {
		c.txq.Remove(w)
	}
	c.settleAndUnlock()
	runtime.KeepAlive(e)
}

func (e *sendEnd[T]) FinishSend(w *park.Waiter) error { return e.c.sending(w).err }
