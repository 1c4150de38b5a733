package broadcast

import (
	"runtime"

	"github.com/leat-go/leat/internal/park"
)

// These make a handle a case of a Select: see package park.
type (
	recvArms[T any] = park.RecvArms[T, struct{}]
	sendArms[T any] = park.SendArms[T, sending[T]]
)

type sendEnd[T any] Sender[T]

func (e *sendEnd[T]) TrySend(v T) error { return (*Sender[T])(e).TrySend(v) }

func (e *sendEnd[T]) EnterSend(w *park.Waiter, v T, s *park.Selection, i int) (err error, claimed bool) {
	tx, c := (*Sender[T])(e), e.c
	c.mu.Lock()
	if tx.closed != nil || c.txq.Len() == 0 && c.roomOrWatchLocked() {
		if !s.Claim(i) {
			c.mu.Unlock()
			return nil, false
		}
		if c.txq.Len() == 0 {
			c.unwatchLocked()
		}
		return tx.trySend(v), true // which frees mu, because there is room, or the handle is closed
	}
	c.sending(w).one = v
	w.Handle, w.Stamp = &tx.waiters, c.Stamp("sends to")
	c.waitsLocked()
	c.txq.Enter(w, s, i)
	c.mu.Unlock()
	return nil, false
}

func (e *sendEnd[T]) LeaveSend(w *park.Waiter) {
	c := e.c
	c.mu.Lock()
	if w.Queued() {
		c.txq.Remove(w)
	}
	c.mu.Unlock()
	runtime.KeepAlive(e)
}

func (e *sendEnd[T]) FinishSend(w *park.Waiter) error { return e.c.sending(w).err }

type recvEnd[T any] Receiver[T]

func (e *recvEnd[T]) TryRecv() (T, error) { return (*Receiver[T])(e).TryRecv() }

func (e *recvEnd[T]) EnterRecv(w *park.Waiter, s *park.Selection, i int) (v T, err error, claimed bool) {
	r, c := (*Receiver[T])(e), e.c
	c.mu.Lock()
	r.aloneLocked(s)
	if r.there() || c.ended.Load() || r.cur.is(isClosed) {
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

// FinishRecv receives. Only this goroutine does, so the value or end that was
// there when the Selection was claimed is still there, or a gap in its place.
func (e *recvEnd[T]) FinishRecv(*park.Waiter) (T, error) { return e.TryRecv() }
