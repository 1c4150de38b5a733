package oneshot

import (
	"runtime"

	"github.com/leat-go/leat/internal/park"
)

// These make a handle a case of a Select: see package park.
type (
	recvArms[T any] = park.RecvArms[T, receiving]
	sendArms[T any] = park.SendNow[T]
)

type sendEnd[T any] Sender[T]

func (e *sendEnd[T]) TrySend(v T) error { return (*Sender[T])(e).TrySend(v) }

func (e *sendEnd[T]) SendArm(v T) park.SendArm { return &park.NowArm[T]{Try: e, V: v} }

type recvEnd[T any] Receiver[T]

func (e *recvEnd[T]) TryRecv() (T, error) { return (*Receiver[T])(e).TryRecv() }

func (e *recvEnd[T]) EnterRecv(w *park.Waiter, s *park.Selection, i int) (v T, err error, claimed bool) {
	r, c := (*Receiver[T])(e), e.c
	c.Lock()
	if c.hasLocked(holds) || c.endedLocked() {
		if !s.Claim(i) {
			c.Unlock()
			return v, nil, false
		}
		v, err = r.tryRecvAndUnlockUnlessEmpty() // unlocks, because there is something
		return v, err, true
	}
	r.requireAloneLocked(s)
	w.Stamp = c.meter().Stamp("receives from")
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
	return (*Receiver[T])(e).waited(w.Request.(*receiving).err)
}
