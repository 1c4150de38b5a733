package leat

import (
	"context"
	"reflect"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// A Case is one operation of a [Select], made by OnRecv, OnSend or Default. It
// holds nothing but what it was made of, so it may be used again: in later
// Selects, in several at the same time, and more than once in one. Used twice in
// one Select, it is two cases that do the same.
type Case struct {
	arm func() (arm park.Arm, fn func()) // makes what one Select needs; nil for Default
	fn  func()                           // for Default
}

// Select waits until one of the cases is possible, does it, calls its function with the result, and returns its index. The
// operation is done when it is chosen: nothing else is taken, sent or left waiting, and the value of an OnSend that was not
// chosen stays with the caller.
//
// If several cases are possible, each is as likely to be chosen. A closed channel is possible: its function gets
// ErrClosed. If there is a [Default] and nothing is possible, Select chooses that and does not wait. A channel may occur in
// several cases; no case meets another case of the same Select.
//
// If ctx ends first, or is done already, Select returns -1 and ctx.Err(), and no function is called. A Select without cases waits
// for ctx. The functions run in the calling goroutine, after everything else, and may do anything; a nil one is left out.
//
// A case can receive from or send to every kind in this module, receive from a timer ([After], [Every], [Never]), from a
// native channel ([FromChan]), and from any other Receiver with a Ready method that opens again when it is asked for and a value is there.
// Other senders and receivers panic, and so does a second Default. (Of a type that embeds a handle of this module, Select uses that handle, and none of the
// methods that the type puts before it.)
func Select(ctx context.Context, cases ...Case) (chosen int, err error) {
	needContext(ctx)
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	s := selecting{ctx: ctx, fallback: -1}
	fns := make([]func(), len(cases))
	for i, c := range cases {
		switch {
		case c.arm != nil:
			var arm park.Arm
			arm, fns[i] = c.arm()
			s.arms = append(s.arms, indexed{arm, i})
		case c.fn == nil:
			panic("leat: Select with a zero Case; make one with OnRecv, OnSend or Default")
		case s.fallback >= 0:
			panic("leat: Select with two Defaults")
		default:
			s.fallback, fns[i] = i, c.fn
		}
	}
	if chosen, err = s.run(); err == nil {
		fns[chosen]()
	}
	return chosen, err
}

// OnRecv is the case of a receive from rx. fn is called with what Recv would return.
func OnRecv[T any](rx Receiver[T], fn func(T, error)) Case {
	var newArm func() park.RecvArm[T]
	switch rx := rx.(type) {
	case park.Receiver[T]:
		newArm = rx.RecvArm
	case interface{ Ready() <-chan struct{} }:
		newArm = func() park.RecvArm[T] { return &readyArm[T]{rx: any(rx).(Receiver[T]), ready: rx} }
	default:
		panic("leat: OnRecv of a Receiver that has no Ready method, so that nothing tells when it has a value")
	}
	return Case{arm: func() (park.Arm, func()) {
		a := newArm()
		return a, func() {
			if v, err := a.Result(); fn != nil {
				fn(v, err)
			}
		}
	}}
}

// OnSend is the case of a send of v to tx. fn is called with what Send would return.
func OnSend[T any](tx Sender[T], v T, fn func(error)) Case {
	sender, ok := tx.(park.Sender[T])
	if !ok {
		panic("leat: OnSend of a Sender from outside of this module; nothing tells when it has room")
	}
	return Case{arm: func() (park.Arm, func()) {
		a := sender.SendArm(v)
		return a, func() {
			if err := a.Result(); fn != nil {
				fn(err)
			}
		}
	}}
}

// Default is the case that is chosen if no other is possible.
func Default(fn func()) Case {
	return Case{fn: func() {
		if fn != nil {
			fn()
		}
	}}
}

// selecting is one call of Select.
type selecting struct {
	ctx      context.Context
	arms     []indexed
	ended    <-chan struct{}
	fallback int // index of Default, or -1
}

type indexed struct {
	park.Arm
	i int // the case's index
}

// run chooses a case, and does its operation.
func (s *selecting) run() (chosen int, err error) {
	seam.Shuffle(len(s.arms), func(i, j int) { s.arms[i], s.arms[j] = s.arms[j], s.arms[i] })
	for _, a := range s.arms {
		if a.Try() {
			return a.i, nil
		}
	}
	if s.fallback >= 0 && len(s.arms) <= 1 {
		return s.fallback, nil
	}
	for {
		chosen, done, err := s.once()
		if done || err != nil {
			return chosen, err
		}
	}
}

// once waits for one Selection to be claimed. That all tries failed, one after the other, does not say that nothing was possible
// at any time, so a Default is chosen here as well: when all arms have entered their queues and nobody has claimed the
// Selection, there was nothing in any of them at that instant.
func (s *selecting) once() (chosen int, done bool, err error) {
	s.ended = s.ctx.Done() // anybody's code, which may panic: so before there is anything to leave behind
	sel := park.NewSelection()
	entered := 0
	defer func() {
		for _, a := range s.arms[:entered] {
			a.Leave()
		}
	}()
	for _, a := range s.arms {
		entered++
		if a.Enter(sel, a.i) {
			return a.i, possible(a), nil
		}
	}
	what := again
	if s.fallback >= 0 {
		for what == again {
			what = s.glance(sel)
		}
	}
	for what == again {
		what = s.wait(sel)
	}
	if what == served {
		done, _ := seam.Await(sel.Served(), nil)
		<-done // whoever claimed it has done what it claimed it for
	}
	chosen = sel.Chosen()
	switch chosen {
	case park.Nothing:
		return -1, true, park.Err(s.ctx)
	case s.fallback: // -1 if there is none, and then sel is claimed for a case
		return chosen, true, nil
	}
	for _, a := range s.arms {
		if a.i == chosen {
			a.Finish()
			return chosen, possible(a), nil
		}
	}
	panic("leat: Select was claimed for a case that it does not have")
}

// possible reports whether the operation of an arm was done. The arms of this package may find that another goroutine took what
// they were chosen for.
func possible(a indexed) bool {
	arm, ok := a.Arm.(interface{ impossible() bool })
	return !ok || !arm.impossible()
}

// event is what ends a sleep.
type event int

const (
	served   event = iota // somebody has claimed the Selection
	ended                 // ctx has
	fired                 // a timer is due
	arrived               // a native channel gave something
	fallback              // nothing is possible, and the Default is chosen
	again                 // nothing
)

// nativeArm is an arm that also receives from a native channel, which cannot be done on its behalf: the selecting goroutine
// receives, and gives back what it received if the Selection was claimed meanwhile.
type nativeArm interface {
	park.Arm
	await(served, ended <-chan struct{}, fired <-chan time.Time) event
	channel() reflect.Value
	hold(v reflect.Value, ok bool)

	begin()                                // this goroutine is about to receive, or to sleep on the channel
	end()                                  // it has not received
	settle(s *park.Selection, i int) event // it has: arrived, if s could be claimed for that; served, if not; or again
}

// wait sleeps until sel is claimed: by another goroutine, or by this one for what only it sees. It returns what happened.
func (s *selecting) wait(sel *park.Selection) event {
	var fire <-chan time.Time
	if due, ok := s.firstDue(); ok {
		t := time.NewTimer(time.Until(due))
		defer t.Stop()
		fire = t.C
	}
	natives := s.natives()
	for _, a := range natives {
		a.Arm.(nativeArm).begin()
	}
	var what event
	var from indexed
	switch len(natives) {
	case 0:
		servedCh, endedCh := seam.Await(sel.Served(), s.ended)
		select {
		case <-servedCh:
			what = served
		case <-endedCh:
			what = ended
		case <-fire:
			what = fired
		}
	case 1:
		from = natives[0]
		what = from.Arm.(nativeArm).await(sel.Served(), s.ended, fire)
	default:
		what, from = s.awaitMany(natives, sel.Served(), fire)
	}

	for _, a := range natives {
		if what != arrived || a.i != from.i {
			a.Arm.(nativeArm).end()
		}
	}
	switch {
	case what == ended && sel.Claim(park.Nothing):
		return ended
	case what == fired:
		return s.claimTimer(sel)
	case what == arrived:
		return from.Arm.(nativeArm).settle(sel, from.i)
	}
	return served
}

// firstDue returns when the first timer is due, if there is one.
func (s *selecting) firstDue() (first time.Time, ok bool) {
	for _, a := range s.arms {
		if arm, is := a.Arm.(*timerArm); is {
			if due, will := arm.t.due(); will && (!ok || due.Before(first)) {
				first, ok = due, true
			}
		}
	}
	return first, ok
}

// claimTimer claims sel for a timer that is due, with its value. If other goroutines took all of them, the Selection stays in its
// queues, and waits for the next.
func (s *selecting) claimTimer(sel *park.Selection) event {
	for _, a := range s.arms {
		if arm, ok := a.Arm.(*timerArm); ok {
			switch claimed, lives := arm.claim(sel, a.i); {
			case claimed:
				return fired
			case !lives:
				return served
			}
		}
	}
	return again
}

// glance claims sel for a value that a native channel or a timer has, or for
// the Default if there was an instant at which no case was possible. It returns
// again if the Selection is now claimed for neither, and glance must look again.
//
// The instant is that of one non-blocking select over all native channels, which
// the runtime does with all of them locked. At that instant
//
//   - no native channel had a value, and none was closed, says the select; nor
//     had its FromChan receiver kept a value, which would have claimed sel;
//   - no channel of this module had anything for its case: sel's waiters had
//     stood in all queues since before, and were unclaimed until after. Whatever
//     becomes possible for a waiter claims it;
//   - no timer was due. Its due time was the same before the select as after
//     it, and still in the future then. A due time changes when its value is
//     taken, and only to a later one.
//
// So a Select that chooses Default after this takes effect at that instant.
func (s *selecting) glance(sel *park.Selection) event {
	if what := s.claimTimer(sel); what != again {
		return what
	}
	for _, a := range s.arms {
		if arm, ok := a.Arm.(*timerArm); ok {
			arm.noted, _ = arm.t.due()
		}
	}

	natives := s.natives()
	for _, a := range natives {
		a.Arm.(nativeArm).begin()
	}
	k, v, ok := tryReceive(natives)
	for i, a := range natives {
		if i != k {
			a.Arm.(nativeArm).end()
		}
	}
	if k >= 0 {
		arm := natives[k].Arm.(nativeArm)
		arm.hold(v, ok)
		return arm.settle(sel, natives[k].i)
	}

	for _, a := range s.arms {
		if arm, ok := a.Arm.(*timerArm); ok && !arm.unchanged() {
			return again
		}
	}
	if !sel.Claim(s.fallback) {
		return served
	}
	return fallback
}

// tryReceive receives from one of the channels if at least one of them has a
// value or is closed, and returns its index, or -1. It looks at all of them at
// one instant.
func tryReceive(natives []indexed) (k int, v reflect.Value, ok bool) {
	switch len(natives) {
	case 0:
		return -1, v, false
	case 1:
		if v, ok = natives[0].Arm.(nativeArm).channel().TryRecv(); ok || v.IsValid() {
			return 0, v, ok
		}
		return -1, v, false
	}
	cases := make([]reflect.SelectCase, 1, 1+len(natives))
	cases[0].Dir = reflect.SelectDefault
	for _, a := range natives {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: a.Arm.(nativeArm).channel()})
	}
	k, v, ok = reflect.Select(cases)
	return k - 1, v, ok
}

// natives returns the arms that receive from native channels.
func (s *selecting) natives() (natives []indexed) {
	for _, a := range s.arms {
		if _, ok := a.Arm.(nativeArm); ok {
			natives = append(natives, a)
		}
	}
	return natives
}

// awaitMany sleeps on several native channels, which needs reflection.
func (s *selecting) awaitMany(natives []indexed, servedCh <-chan struct{}, fire <-chan time.Time) (event, indexed) {
	cases := make([]reflect.SelectCase, 3, 3+len(natives))
	for i, ch := range []any{servedCh, s.ended, fire} {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
	}
	for _, a := range natives {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: a.Arm.(nativeArm).channel()})
	}
	k, v, ok := reflect.Select(cases)
	if k < 3 {
		return event(k), indexed{}
	}
	from := natives[k-3]
	from.Arm.(nativeArm).hold(v, ok)
	return arrived, from
}
