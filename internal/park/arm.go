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
	Try interface{ TryRecv() (T, error) } // nil if the receiver is the zero one
}

// A SendCore is what a Select needs of a sender.
type SendCore[T any] struct {
	Try interface {
		TrySend(v T) error
		SendArm(v T) SendArm
	}
}

// A RecvEnd is what a kind does for the arms of a receiver. P is the payload of
// its waiters.
type RecvEnd[T, P any] interface {
	TryRecv() (T, error)

	// EnterRecv, LeaveRecv and FinishRecv are what an [Arm] does, with w.
	EnterRecv(w *Waiter[P], s *Selection, i int) (v T, err error, claimed bool)
	LeaveRecv(w *Waiter[P])
	FinishRecv(w *Waiter[P]) (T, error)
}

// A SendEnd is what a kind does for the arms of a sender. P is the payload of
// its waiters.
type SendEnd[T, P any] interface {
	TrySend(v T) error

	// EnterSend, LeaveSend and FinishSend are what an [Arm] does, with w.
	EnterSend(w *Waiter[P], v T, s *Selection, i int) (err error, claimed bool)
	LeaveSend(w *Waiter[P])
	FinishSend(w *Waiter[P]) error
}

// RecvArms makes a receiver a [Receiver]. The receiver embeds it by an alias of
// its own, so that users do not see the methods. It keeps arms for use again: a
// receiver that one goroutine selects on allocates its arms once.
type RecvArms[T, P any] struct {
	core RecvCore[T]
	idle idle[recvArm[T, P], *recvArm[T, P]]
}

// InitRecv must be called before the receiver is used. end is a RecvEnd[T, P]
// of the same receiver. (To convert it to the type of Try takes longer than all
// else that a Receiver's making does, unless the caller converts its concrete
// type. An arm converts it once.)
func InitRecv[T, P any](s *RecvArms[T, P], end interface{ TryRecv() (T, error) }) {
	s.core.Try = end
}

// RecvCore implements [Receiver].
func (s *RecvArms[T, P]) RecvCore() any { return &s.core }

// RecvArm implements [Receiver].
func (s *RecvArms[T, P]) RecvArm() Arm {
	a := s.idle.take()
	if a.of == nil {
		a.of, a.end = s, s.core.Try.(RecvEnd[T, P])
	}
	return a
}

type recvArm[T, P any] struct {
	listed[recvArm[T, P]]
	of  *RecvArms[T, P]
	end RecvEnd[T, P]
	w   Waiter[P]
	sel Selection
	v   T
	err error
}

func (a *recvArm[T, P]) Enter(s *Selection, i int) (claimed bool) {
	a.v, a.err, claimed = a.end.EnterRecv(&a.w, s, i)
	return claimed
}

func (a *recvArm[T, P]) Leave()                { a.end.LeaveRecv(&a.w) }
func (a *recvArm[T, P]) Finish()               { a.v, a.err = a.end.FinishRecv(&a.w) }
func (a *recvArm[T, P]) Selection() *Selection { return &a.sel }
func (a *recvArm[T, P]) Result() (T, error)    { return a.v, a.err }

func (a *recvArm[T, P]) Release() {
	var zero T
	a.v, a.err = zero, nil
	a.w.clear()
	a.of.idle.put(a)
}

// SendArms makes a sender a [Sender], as RecvArms does a receiver.
type SendArms[T, P any] struct {
	core SendCore[T]
	end  SendEnd[T, P]
	idle idle[sendArm[T, P], *sendArm[T, P]]
}

// InitSend must be called before the sender is used. end is of the same sender.
func InitSend[T, P any](s *SendArms[T, P], end SendEnd[T, P]) {
	s.core.Try, s.end = (*sendArms[T, P])(s), end
}

// SendCore implements [Sender].
func (s *SendArms[T, P]) SendCore() any { return &s.core }

// sendArms is a SendArms as its core sees it.
type sendArms[T, P any] SendArms[T, P]

func (s *sendArms[T, P]) TrySend(v T) error { return s.end.TrySend(v) }

func (s *sendArms[T, P]) SendArm(v T) SendArm {
	a := s.idle.take()
	a.of, a.v = (*SendArms[T, P])(s), v
	return a
}

type sendArm[T, P any] struct {
	listed[sendArm[T, P]]
	of  *SendArms[T, P]
	w   Waiter[P]
	sel Selection
	v   T
	err error
}

func (a *sendArm[T, P]) Enter(s *Selection, i int) (claimed bool) {
	a.err, claimed = a.of.end.EnterSend(&a.w, a.v, s, i)
	return claimed
}

func (a *sendArm[T, P]) Leave()                { a.of.end.LeaveSend(&a.w) }
func (a *sendArm[T, P]) Finish()               { a.err = a.of.end.FinishSend(&a.w) }
func (a *sendArm[T, P]) Selection() *Selection { return &a.sel }
func (a *sendArm[T, P]) Result() error         { return a.err }

func (a *sendArm[T, P]) Release() {
	var zero T
	a.v, a.err = zero, nil
	a.w.clear()
	a.of.idle.put(a)
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

// clear makes w, which is in no queue, as it was when new.
func (w *Waiter[P]) clear() {
	var zero P
	w.Payload, w.Stamp, w.sel = zero, nil, nil
}

// idle is a list of arms that are not in use. Its methods may be called
// concurrently. Take takes the whole list and puts back the rest, so that no
// arm is ever read by two: one that comes meanwhile allocates, or has its arm
// dropped, and that is all.
type idle[A any, P interface {
	*A
	link() *listed[A]
}] struct{ first seam.Pointer[A] }

// listed is what an arm needs to be in an idle list.
type listed[A any] struct {
	next *A
	n    int // how many arms follow
}

func (l *listed[A]) link() *listed[A] { return l }

// maxIdle bounds what a handle keeps after many Selects at the same time.
const maxIdle = 4

func (l *idle[A, P]) take() *A {
	a := l.first.Swap(nil)
	if a == nil {
		return new(A)
	}
	if link := P(a).link(); link.next != nil {
		l.first.Store(link.next)
		link.next, link.n = nil, 0
	}
	return a
}

func (l *idle[A, P]) put(a *A) {
	if l.first.CompareAndSwap(nil, a) {
		return
	}
	rest := l.first.Swap(nil)
	if rest != nil {
		n := P(rest).link().n + 1
		if n == maxIdle {
			a = rest
		} else {
			link := P(a).link()
			link.next, link.n = rest, n
		}
	}
	l.first.Store(a)
}
