package oneshot

import (
	"runtime"

	"github.com/leat-go/leat/internal/park"
)

// What makes a handle a case of a Select: see package park.
type (
	recvArms[T any] = park.RecvArms[T, receiving]
	sendArms[T any] = park.SendArms[T, struct{}]
)

// A sendEnd never waits, so it needs no waiter.
type sendEnd[T any] Sender[T]

func (e *sendEnd[T]) TrySend(v T) error { return (*Sender[T])(e).TrySend(v) }

// EnterSend claims s before it sends, so that the value does not go to another case of s.
func (e *sendEnd[T]) EnterSend(_ *park.Waiter[struct{}], v T, s *park.Selection, i int) (err error, claimed bool) {
	if !s.Claim(i) {
		return nil, false
	}
	return e.TrySend(v), true
}

func (e *sendEnd[T]) LeaveSend(*park.Waiter[struct{}]) {}

func (e *sendEnd[T]) FinishSend(*park.Waiter[struct{}]) error { return nil }

type recvEnd[T any] Receiver[T]

func (e *recvEnd[T]) TryRecv() (T, error) { return (*Receiver[T])(e).TryRecv() }

func (e *recvEnd[T]) EnterRecv(w *park.Waiter[receiving], s *park.Selection, i int) (v T, err error, claimed bool) {
	r, c := (*Receiver[T])(e), e.c
	c.mu.Lock()
	if c.holds || c.ended() {
		if !s.Claim(i) {
			c.mu.Unlock()
			return v, nil, false
		}
		v, err = r.tryRecv() // which frees mu, because there is something
		return v, err, true
	}
	r.alone(s)
	w.Stamp = c.Stamp("receives from")
	c.rxq.Enter(w, s, i)
	c.mu.Unlock()
	return v, nil, false
}

func (e *recvEnd[T]) LeaveRecv(w *park.Waiter[receiving]) {
	c := e.c
	c.mu.Lock()
	if w.Queued() {
		c.rxq.Remove(w)
	}
	c.mu.Unlock()
	runtime.KeepAlive(e)
}

func (e *recvEnd[T]) FinishRecv(w *park.Waiter[receiving]) (T, error) {
	return (*Receiver[T])(e).waited(w.Payload.err)
}
