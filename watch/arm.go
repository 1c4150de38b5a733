package watch

import (
	"runtime"

	"github.com/leat-go/leat/internal/park"
)

// These make a handle a case of a Select: see package park.
type (
	recvArms[T any] = park.RecvArms[T, struct{}]
	sendArms[T any] = park.SendNow[T]
)

type sendEnd[T any] Sender[T]

func (e *sendEnd[T]) TrySend(v T) error { return (*Sender[T])(e).TrySend(v) }

func (e *sendEnd[T]) SendArm(v T) park.SendArm { return &park.NowArm[T]{Try: e, V: v} }

type recvEnd[T any] Receiver[T]

func (e *recvEnd[T]) TryRecv() (T, error) { return (*Receiver[T])(e).TryRecv() }

func (e *recvEnd[T]) EnterRecv(w *park.Waiter, s *park.Selection, i int) (v T, err error, claimed bool) {
	r, c := (*Receiver[T])(e), e.c
	c.mu.Lock()
	r.aloneLocked(s)
	if c.current.Load().n != r.cur.seen.Load() || c.ended.Load() || r.cur.closed.Load() {
		claimed = s.Claim(i)
		c.mu.Unlock()
		if claimed {
			v, err = r.TryRecv()
		}
		return v, err, claimed
	}
	w.Request, w.Handle, w.Stamp = r.cur, &r.cur.place.Waiters, c.Stamp("receives from")
	c.waiting.Queue.Enter(w, s, i)
	c.mu.Unlock()
	return v, nil, false
}

func (e *recvEnd[T]) LeaveRecv(w *park.Waiter) {
	c := e.c
	c.mu.Lock()
	if w.Queued() {
		c.waiting.Queue.Remove(w)
	}
	c.mu.Unlock()
	runtime.KeepAlive(e)
}

// FinishRecv receives. Only this goroutine does, so the value that was there
// when the Selection was claimed is still there, or a newer one.
func (e *recvEnd[T]) FinishRecv(*park.Waiter) (T, error) { return e.TryRecv() }
