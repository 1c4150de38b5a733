package park

import "github.com/leat-go/leat/internal/seam"

// An Arm is one case of a Select that waits. One goroutine uses it.
type Arm interface {
	// Enter claims s for case i and does the operation, if both are possible at
	// once, and reports whether it has claimed. If the operation is not
	// possible, it puts a waiter into the channel's queue. If s is claimed
	// already, it does neither, or only the latter.
	Enter(s *Selection, i int) bool

	// Leave removes the waiter from the queue if it is still there.
	Leave()

	// Finish ends the operation after s was claimed for it, by the goroutine
	// that served its waiter. If it turns out to be impossible after all, which
	// only some channels know, the result is ErrEmpty, and Select starts again.
	Finish()

	// Selection returns a Selection that may be used until Release. It has not
	// begun.
	Selection() *Selection

	// Release ends the use of an arm that has left. The arm keeps no value.
	Release()
}

// A RecvArm is an Arm that receives.
type RecvArm[T any] interface {
	Arm
	Result() (T, error) // of the operation that was done
}

// A SendArm is an Arm that sends.
type SendArm interface {
	Arm
	Result() error // of the operation that was done
}

// A Receiver can be received from in a Select. Neither the interface nor its
// methods know the type of the values, because the compiler caches an assertion
// to such an interface, and none to a generic one. The assertion to
// *RecvCore[T] that follows compares two pointers.
type Receiver interface {
	// RecvCore returns the *RecvCore[T] of the handle itself. A type that
	// embeds the handle does not override it.
	RecvCore() any

	// RecvArm returns an arm that receives, a RecvArm[T].
	RecvArm() Arm
}

// A Sender can be sent to in a Select.
type Sender interface {
	SendCore() any // *SendCore[T]
}

// A RecvCore is what a Select that tries needs of a receiver.
type RecvCore[T any] struct {
	Try  interface{ TryRecv() (T, error) } // nil if the receiver is the zero one
	idle idle
}

// Idle returns an arm of the receiver that nobody uses, without taking it; or
// nil. Somebody may take it at any time. A nil core has none.
func (c *RecvCore[T]) Idle() Arm {
	if c == nil {
		return nil
	}
	if a := c.idle.first.Load(); a != nil {
		return a.arm
	}
	return nil
}

// A SendCore is what a Select needs of a sender.
type SendCore[T any] struct {
	Try interface {
		TrySend(v T) error
		SendArm(v T) SendArm
	}
}

// A RecvEnd is what a kind does for the arms of a receiver.
type RecvEnd[T any] interface {
	TryRecv() (T, error)

	// EnterRecv, LeaveRecv and FinishRecv are what an [Arm] does, with w.
	EnterRecv(w *Waiter, s *Selection, i int) (v T, err error, claimed bool)
	LeaveRecv(w *Waiter)
	FinishRecv(w *Waiter) (T, error)
}

// A SendEnd is what a kind does for the arms of a sender.
type SendEnd[T any] interface {
	TrySend(v T) error

	// EnterSend, LeaveSend and FinishSend are what an [Arm] does, with w.
	EnterSend(w *Waiter, v T, s *Selection, i int) (err error, claimed bool)
	LeaveSend(w *Waiter)
	FinishSend(w *Waiter) error
}

// RecvArms makes a receiver a [Receiver]. The receiver embeds it by an alias of
// its own, so that users do not see the methods. It keeps arms for use again: a
// receiver that one goroutine selects on allocates its arms once. The Request
// of an arm's waiter is a *R, unless EnterRecv sets it.
type RecvArms[T, R any] struct{ core RecvCore[T] }

// InitRecv must be called before the receiver is used. end is a RecvEnd[T]
// of the same receiver. (To convert it to the type of Try takes longer than all
// else that a Receiver's making does, unless the caller converts its concrete
// type. An arm converts it once.)
func InitRecv[T, R any](s *RecvArms[T, R], end interface{ TryRecv() (T, error) }) {
	s.core.Try = end
}

// RecvCore implements [Receiver].
func (s *RecvArms[T, R]) RecvCore() any { return &s.core }

// RecvArm implements [Receiver].
func (s *RecvArms[T, R]) RecvArm() Arm {
	if arm := s.core.idle.take(); arm != nil {
		return arm
	}
	a := &recvArm[T, R]{idle: &s.core.idle, end: s.core.Try.(RecvEnd[T])}
	a.arm, a.w.Request = a, &a.request
	return a
}

type recvArm[T, R any] struct {
	listed
	idle    *idle
	end     RecvEnd[T]
	w       Waiter
	request R
	sel     Selection
	v       T
	err     error
}

func (a *recvArm[T, R]) Enter(s *Selection, i int) (claimed bool) {
	a.v, a.err, claimed = a.end.EnterRecv(&a.w, s, i)
	return claimed
}

func (a *recvArm[T, R]) Leave()                { a.end.LeaveRecv(&a.w) }
func (a *recvArm[T, R]) Finish()               { a.v, a.err = a.end.FinishRecv(&a.w) }
func (a *recvArm[T, R]) Selection() *Selection { return &a.sel }
func (a *recvArm[T, R]) Result() (T, error)    { return a.v, a.err }

func (a *recvArm[T, R]) Release() {
	var v T
	var request R
	a.v, a.err, a.request = v, nil, request
	a.w.clear()
	a.idle.put(&a.listed)
}

// SendArms makes a sender a [Sender], as RecvArms does a receiver.
type SendArms[T, R any] struct {
	core SendCore[T]
	end  SendEnd[T]
	idle idle
}

// InitSend must be called before the sender is used. end is of the same sender.
func InitSend[T, R any](s *SendArms[T, R], end SendEnd[T]) {
	s.core.Try, s.end = (*sendArms[T, R])(s), end
}

// SendCore implements [Sender].
func (s *SendArms[T, R]) SendCore() any { return &s.core }

// sendArms is a SendArms as its core sees it.
type sendArms[T, R any] SendArms[T, R]

func (s *sendArms[T, R]) TrySend(v T) error { return s.end.TrySend(v) }

func (s *sendArms[T, R]) SendArm(v T) SendArm {
	a, _ := s.idle.take().(*sendArm[T, R])
	if a == nil {
		a = &sendArm[T, R]{idle: &s.idle, end: s.end}
		a.arm, a.w.Request = a, &a.request
	}
	a.v = v
	return a
}

type sendArm[T, R any] struct {
	listed
	idle    *idle
	end     SendEnd[T]
	w       Waiter
	request R
	sel     Selection
	v       T
	err     error
}

func (a *sendArm[T, R]) Enter(s *Selection, i int) (claimed bool) {
	a.err, claimed = a.end.EnterSend(&a.w, a.v, s, i)
	return claimed
}

func (a *sendArm[T, R]) Leave()                { a.end.LeaveSend(&a.w) }
func (a *sendArm[T, R]) Finish()               { a.err = a.end.FinishSend(&a.w) }
func (a *sendArm[T, R]) Selection() *Selection { return &a.sel }
func (a *sendArm[T, R]) Result() error         { return a.err }

func (a *sendArm[T, R]) Release() {
	var v T
	var request R
	a.v, a.err, a.request = v, nil, request
	a.w.clear()
	a.idle.put(&a.listed)
}

// SendNow makes a sender a [Sender] whose TrySend never returns ErrFull. So a
// Select that tries does not come to wait for it, and its arm is made when
// asked for.
type SendNow[T any] struct{ core SendCore[T] }

// InitSendNow must be called before the sender is used. end is of the same
// sender.
func InitSendNow[T any](s *SendNow[T], end interface {
	TrySend(v T) error
	SendArm(v T) SendArm
}) {
	s.core.Try = end
}

// SendCore implements [Sender].
func (s *SendNow[T]) SendCore() any { return &s.core }

// A NowArm sends v by Try. It never stands in a queue.
type NowArm[T any] struct {
	Try interface{ TrySend(v T) error }
	V   T
	sel Selection
	err error
}

// Enter claims s before it sends, so that the value does not go to another case
// of s.
func (a *NowArm[T]) Enter(s *Selection, i int) (claimed bool) {
	if !s.Claim(i) {
		return false
	}
	a.err = a.Try.TrySend(a.V)
	return true
}

func (a *NowArm[T]) Leave()                {}
func (a *NowArm[T]) Finish()               {}
func (a *NowArm[T]) Selection() *Selection { return &a.sel }
func (a *NowArm[T]) Release()              {}
func (a *NowArm[T]) Result() error         { return a.err }

// clear makes w, which is in no queue, as it was when new, but for its Request.
func (w *Waiter) clear() { w.Stamp, w.sel = nil, nil }

// idle is a list of arms that are not in use. Its methods may be called
// concurrently. Take takes the whole list and puts back the rest, so that no
// arm is ever read by two: one that comes meanwhile allocates, or has its arm
// dropped, and that is all.
type idle struct {
	_     [0]func() // as in leak.Guard
	first seam.Pointer[listed]
}

// listed is what an arm needs to be in an idle list.
type listed struct {
	arm  Arm // that it is part of
	next *listed
	n    int // how many arms follow
}

// maxIdle bounds what a handle keeps after many Selects at the same time.
const maxIdle = 4

// take returns an arm, or nil.
func (l *idle) take() Arm {
	a := l.first.Swap(nil)
	if a == nil {
		return nil
	}
	if a.next != nil {
		l.first.Store(a.next)
		a.next, a.n = nil, 0
	}
	return a.arm
}

func (l *idle) put(a *listed) {
	if l.first.CompareAndSwap(nil, a) {
		return
	}
	rest := l.first.Swap(nil)
	if rest != nil {
		if n := rest.n + 1; n == maxIdle {
			a = rest
		} else {
			a.next, a.n = rest, n
		}
	}
	l.first.Store(a)
}
