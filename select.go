package leat

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/leat-go/leat/internal/choose"
	"github.com/leat-go/leat/internal/park"
)

// A Case is one operation of a [Select], made by OnRecv, OnSend or Default. It
// keeps no state, so it may be used again: in later Selects, in several at the
// same time, and more than once in one. Used twice in one Select, it is two
// cases that do the same.
type Case struct {
	// One func and no other pointer, or cases escape to the heap: see
	// choose.Cases.
	do       func(op choose.Op, arm park.Arm) (park.Arm, bool)
	fallback bool // it is a Default
}

// Select does one of the operations that cases describe, calls the function of
// that case with the result, and returns the index of the case. It blocks while
// none of them is possible. Nothing else is received, sent or left waiting: the
// value of an OnSend that was not chosen stays with the caller.
//
// If several cases are possible, each of them is as likely to be chosen as the
// others. A closed channel is possible: the function of its case gets
// ErrClosed. If there is a [Default] and no other case is possible, Select
// chooses the Default and does not block. A channel may occur in several cases;
// no case meets another case of the same Select.
//
// If ctx is done already, or ends before a case is possible, Select returns -1
// and ctx.Err(), and calls no function. A Select without cases waits for ctx.
// The functions run in the calling goroutine, after everything else, and may do
// anything. A nil function is not called.
//
// A case can receive from or send to every kind in this module. It can receive
// from a timer ([After], [Every], [Never]), from a native channel ([FromChan]),
// and from any other Receiver that has a Ready method which, when called again,
// opens again if a value is there. OnRecv and OnSend panic on other receivers
// and senders, and Select on a zero Case and a second Default. If a type embeds
// a handle of this module, Select uses the embedded handle. Methods that the
// outer type overrides, such as Recv, are not called.
//
// Select does not allocate when a case is possible at once, nor do the making
// of the cases and their functions, as long as the functions refer to nothing
// that escapes for another reason, and there are at most 1,024 cases.
func Select(ctx context.Context, cases ...Case) (chosen int, err error) {
	return selectFrom(ctx, cases, false)
}

// SelectInOrder is Select without chance: it asks the cases one after the
// other, in the order given, and does the first that is possible when asked. If
// none is, it waits for the first that becomes possible, as Select does. A
// [Default] is chosen only if no other case is possible, wherever it stands.
//
// A case before others that is always possible starves them. A case that
// becomes possible just after it was asked may lose to a later one.
func SelectInOrder(ctx context.Context, cases ...Case) (chosen int, err error) {
	return selectFrom(ctx, cases, true)
}

func selectFrom(ctx context.Context, cases []Case, inOrder bool) (chosen int, err error) {
	needContext(ctx)
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	choice := choose.Choice{Fallback: -1, InOrder: inOrder}
	for i := range cases {
		switch {
		case cases[i].do == nil:
			panic("leat: Select with a zero Case; make one with OnRecv, OnSend or Default")
		case !cases[i].fallback:
		case choice.Fallback >= 0:
			panic("leat: Select with two Defaults")
		default:
			choice.Fallback = i
		}
	}
	returned := false
	defer func() {
		for i := 0; !returned && i < len(cases); i++ {
			cases[i].do(choose.Explain, nil)
		}
	}()
	do := func(i int, op choose.Op, arm park.Arm) (park.Arm, bool) { return cases[i].do(op, arm) }
	if len(cases) > choose.Few {
		chosen, err = choice.ChooseMany(ctx, len(cases), do)
	} else {
		var order [choose.Few]uint16
		chosen, err = choice.Choose(ctx, order[:len(cases)], do)
	}
	returned = true
	return chosen, err
}

// OnRecv is the case of a receive from rx. fn is called with what Recv would
// return.
func OnRecv[T any](rx Receiver[T], fn func(T, error)) Case {
	// Small enough to be inlined, so that the closure stays on the caller's
	// stack.
	own, ok := rx.(park.Receiver)
	if !ok {
		if _, ok := rx.(readier); !ok {
			panic("leat: OnRecv of a Receiver that has no Ready method, so that nothing tells when it has a value")
		}
	}
	return Case{do: func(op choose.Op, arm park.Arm) (park.Arm, bool) { return doRecv(op, arm, rx, own, fn) }}
}

// OnSend is the case of a send of v to tx. fn is called with what Send would
// return.
func OnSend[T any](tx Sender[T], v T, fn func(error)) Case {
	// Small enough to be inlined, so that the closure stays on the caller's
	// stack.
	own, ok := tx.(park.Sender)
	if !ok {
		panicNoSelect(tx)
	}
	return Case{do: func(op choose.Op, arm park.Arm) (park.Arm, bool) { return doSend(op, arm, tx, own, v, fn) }}
}

// panicNoSelect panics with the reason why tx cannot be a case. It calls no
// method of tx, which would put every tx on the heap.
func panicNoSelect(tx any) {
	if _, ok := tx.(interface{ fromIntoChan() }); ok {
		panic("leat: OnSend to a Sender from IntoChan; a native channel cannot give back the value if another " +
			"case is chosen. Call Send, or use a native select, which receives from this module by Ready")
	}
	panic("leat: OnSend of a Sender from outside of this module; nothing tells when it has room")
}

// Default is the case that is chosen if no other is possible.
func Default(fn func()) Case {
	return Case{fallback: true, do: func(op choose.Op, _ park.Arm) (park.Arm, bool) {
		if fn != nil && op == choose.Finish {
			fn()
		}
		return nil, true
	}}
}

// readier is a receiver of another module that a Select can wait for.
type readier interface{ Ready() <-chan struct{} }

// doRecv does a step of OnRecv. own is rx, or the handle that rx embeds; nil if
// rx is of another module. A type that embeds a handle of other values is of
// another module, too.
func doRecv[T any](op choose.Op, arm park.Arm, rx Receiver[T], own park.Receiver, fn func(T, error)) (park.Arm, bool) {
	if op == choose.Try && own != nil { // as mostly; in the switch below, it costs a Select 4 percent
		if core, ok := own.RecvCore().(*park.RecvCore[T]); ok && core.Try != nil {
			v, err := core.Try.TryRecv()
			if err == ErrEmpty {
				return nil, false
			}
			if fn != nil {
				fn(v, err)
			}
			return nil, true
		}
	}
	if op == choose.Explain {
		if own != nil && isNil(rx) {
			rx.TryRecv() // which panics in the words of its package
		}
		return nil, false
	}
	var core *park.RecvCore[T]
	if own != nil {
		core, _ = own.RecvCore().(*park.RecvCore[T])
	}
	var v T
	var err error
	switch {
	case op == choose.Peek:
		return core.Idle(), false
	case op == choose.Arm && core != nil:
		return own.RecvArm(), false
	case op == choose.Arm:
		return &readyArm[T]{rx: rx, ready: rx.(readier)}, false
	case op == choose.Finish:
		v, err = arm.(park.RecvArm[T]).Result()
		arm.Release()
	default:
		v, err = rx.TryRecv() // of a zero handle, it panics
	}
	if err == ErrEmpty || core == nil && errors.Is(err, ErrEmpty) && !errors.Is(err, ErrClosed) {
		return nil, false
	}
	if fn != nil {
		fn(v, err)
	}
	return nil, true
}

// isNil reports whether a handle is a nil pointer.
func isNil(handle any) bool {
	v := reflect.ValueOf(handle)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// doSend does a step of OnSend. own is tx, or the handle that tx embeds.
func doSend[T any](op choose.Op, arm park.Arm, tx Sender[T], own park.Sender, v T, fn func(error)) (park.Arm, bool) {
	var err error
	switch op {
	case choose.Explain:
		if isNil(tx) {
			_ = tx.TrySend(v) // which panics in the words of its package
		}
		return nil, false
	case choose.Peek:
		return nil, false
	case choose.Finish:
		err = arm.(park.SendArm).Result()
		arm.Release()
	default:
		core, ok := own.SendCore().(*park.SendCore[T])
		switch {
		case !ok:
			panic("leat: OnSend of a Sender that embeds one of other values; nothing tells when it has room")
		case core.Try == nil:
			err = tx.TrySend(v) // which panics
		case op == choose.Arm:
			return core.Try.SendArm(v), false
		default:
			err = core.Try.TrySend(v)
		}
	}
	if err == ErrFull {
		return nil, false
	}
	if fn != nil {
		fn(err)
	}
	return nil, true
}

// readyArm receives from a receiver of another module, which tells by Ready
// when to look.
type readyArm[T any] struct {
	outcome[T]
	rx    Receiver[T]
	ready readier
}

func (a *readyArm[T]) Enter(*park.Selection, int) bool { return false }
func (a *readyArm[T]) Leave()                          {}
func (a *readyArm[T]) Finish()                         { a.v, a.err = a.rx.TryRecv() }

func (a *readyArm[T]) Await(servedCh, endedCh <-chan struct{}, fire <-chan time.Time) choose.Event {
	select {
	case <-servedCh:
		return choose.Served
	case <-endedCh:
		return choose.Ended
	case <-fire:
		return choose.Fired
	case <-a.ready.Ready():
		return choose.Arrived
	}
}

func (a *readyArm[T]) Channel() reflect.Value   { return reflect.ValueOf(a.ready.Ready()) }
func (a *readyArm[T]) Hold(reflect.Value, bool) {}
func (a *readyArm[T]) BeginReceive()            {}
func (a *readyArm[T]) EndReceive()              {}

func (a *readyArm[T]) Settle(s *park.Selection, i int) choose.Event {
	if s.Claim(i) {
		return choose.Arrived
	}
	a.ready.Ready() // sets it again
	return choose.Served
}
