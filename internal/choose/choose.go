// Package choose is the engine of Select. It knows the operations of cases, and
// neither the types of their values nor their functions.
package choose

import (
	"context"
	"reflect"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// Op is one step of a case.
type Op uint8

// The steps.
const (
	// Try does the operation if it is possible without waiting, then calls the
	// case's function, and reports whether it did.
	Try Op = iota

	// Arm returns an arm of the case.
	Arm

	// Peek returns an arm of the case that is not in use, and stays so; or nil.
	// What its Selection has learned may be used.
	Peek

	// Finish is called when the operation of the arm was done, or when a
	// Default was chosen. It calls the case's function. It reports false, and
	// calls nothing, if the operation turned out to be impossible.
	Finish

	// Explain is called if Select panics. It panics with the reason if the
	// case's handle is nil or zero. To look before costs every Select.
	Explain
)

// Cases is all cases of a Select: it does step op of case i. arm is what Arm
// returned, for Finish.
//
// It is one function, which the engine only calls, and its results are on the
// heap anyway. So the compiler's escape analysis sees that neither the cases
// nor the user's functions outlive the call, and leaves them on the caller's
// stack. A case that was stored here, or an interface that a case held, would
// put all of them on the heap.
type Cases func(i int, op Op, arm park.Arm) (park.Arm, bool)

// A Choice is one call of Select.
type Choice struct {
	Fallback int  // which of the cases is the Default, or -1
	InOrder  bool // they are asked in their order, and not in a random one
}

// For Few cases or less the caller of Choose has room on its own stack frame.
const (
	Few  = 16
	many = 1024
)

// ChooseMany is Choose for n cases, more than Few. It is another function, so
// that other Selects have a smaller stack frame.
//
//go:noinline
func (c Choice) ChooseMany(ctx context.Context, n int, do Cases) (chosen int, err error) {
	if n > many {
		return c.Choose(ctx, make([]uint16, n), do)
	}
	var order [many]uint16
	return c.Choose(ctx, order[:n], do)
}

// Choose does one of the cases, or returns ctx's error. ctx is not done yet.
// order is room for the order in which the cases are asked, an element for each
// case.
//
// It tries each case once, and waits if none is possible. The next case to try
// is drawn from all that were not tried yet, each as likely as the others. So
// each order of the cases is as likely as any other, and of the cases that are
// possible each is as likely to come first, whatever stands beside it: an
// impossible case is an element of the order that is skipped.
//
// Before it waits, it lets other goroutines run once, if that has helped
// lately, and tries again in the same order. It does not call a function of its
// own for that: see [park.Queue.Join].
func (c Choice) Choose(ctx context.Context, order []uint16, do Cases) (chosen int, err error) {
	for k := range order {
		order[k] = uint16(k)
	}
	for k := range order {
		if rest := len(order) - k; rest > 1 && !c.InOrder {
			j := k + seam.IntN(rest)
			order[k], order[j] = order[j], order[k]
		}
		i := int(order[k])
		if i == c.Fallback {
			continue
		}
		if _, done := do(i, Try, nil); done {
			return i, nil
		}
	}
	if c.Fallback >= 0 && len(order) <= 2 {
		do(c.Fallback, Finish, nil)
		return c.Fallback, nil
	}
	if c.Fallback < 0 && len(order) > 0 {
		if patience := patienceOf(int(order[0]), do); patience.Yields() {
			seam.Yield()
			for _, i := range order {
				if _, done := do(int(i), Try, nil); done {
					patience.Learn(true)
					return int(i), nil
				}
			}
			patience.Learn(false)
		}
	}
	return c.wait(ctx, order, do)
}

// patienceOf returns the lessons of earlier waits for case i; or nil, if none
// are kept from one wait to the next.
func patienceOf(i int, do Cases) *park.Patience {
	if arm, _ := do(i, Peek, nil); arm != nil {
		return &arm.Selection().Patience
	}
	arm, _ := do(i, Arm, nil)
	if _, ok := arm.(External); ok {
		return nil
	}
	defer arm.Release()
	return &arm.Selection().Patience
}

// wait waits for one of the cases, none of which was possible when it was
// tried.
func (c Choice) wait(ctx context.Context, order []uint16, do Cases) (chosen int, err error) {
	var some [Few]indexed
	end := end{ctx, ctx.Done()} // anybody's code, which may panic: so before there is anything to leave behind
	s := selecting{fallback: c.Fallback, arms: some[:0]}
	if len(order) > Few {
		s.arms = make([]indexed, 0, len(order))
	}
	for {
		s.arms, s.external = s.arms[:0], false
		for _, i := range order {
			if int(i) == c.Fallback {
				continue
			}
			arm, _ := do(int(i), Arm, nil)
			if _, ok := arm.(External); ok {
				s.external = true
			}
			s.arms = append(s.arms, indexed{arm, int(i)})
		}
		k, err := s.once(end)
		if err != nil {
			s.release(nil)
			return -1, err
		}
		if k < 0 {
			s.release(nil)
			do(c.Fallback, Finish, nil)
			return c.Fallback, nil
		}
		arm := s.arms[k]
		s.release(arm.Arm)
		if _, done := do(arm.i, Finish, arm.Arm); done {
			return arm.i, nil
		}
	}
}

// selecting is one Select that waits. It holds nothing that escapes to the
// heap: the arms would escape, too.
type selecting struct {
	arms     []indexed
	fallback int
	external bool // one of the arms is External
}

type indexed struct {
	park.Arm
	i int // the case's index
}

// release releases all arms but one, whose result is still to be taken.
func (s *selecting) release(but park.Arm) {
	for k, a := range s.arms {
		if a.Arm != but {
			a.Release()
		}
		s.arms[k].Arm = nil
	}
}

// once waits for one Selection to be claimed, and returns for which of the
// arms; -1 for the Default; or ctx's error. The operation is done, and no arm
// is left in a queue. That all tries failed, one after the other, does not say
// that nothing was possible at any time, so a Default is chosen here as well:
// when all arms have entered their queues and nobody has claimed the Selection,
// there was nothing in any of them at that instant.
func (s *selecting) once(end end) (k int, err error) {
	if len(s.arms) == 0 { // no cases
		<-end.done
		return -1, park.Err(end.ctx)
	}
	sel := s.arms[0].Selection()
	sel.Begin()
	entered, left := 0, -1
	defer func() {
		for k, a := range s.arms[:entered] {
			if k != left {
				a.Leave()
			}
		}
	}()
	for k, a := range s.arms {
		entered++
		if a.Enter(sel, a.i) {
			left = k // it has entered no queue
			return k, nil
		}
	}
	if region := sel.BeginRegion(); region != nil {
		defer region.End()
	}
	what := Again
	if s.fallback >= 0 {
		for what == Again {
			what = s.glance(sel)
		}
	}
	for what == Again {
		what = s.wait(sel, end.done)
	}
	if what == Served {
		if ch, served := sel.Served(); !served {
			ch, _ := seam.Await(ch, nil)
			<-ch // the goroutine that claimed sel has done what it claimed it for
		}
	}
	chosen := sel.Chosen()
	switch chosen {
	case park.Nothing:
		return -1, park.Err(end.ctx)
	case s.fallback: // -1 if there is none, and then sel is claimed for a case
		return -1, nil
	}
	for k, a := range s.arms {
		if a.i == chosen {
			if what == Served {
				left = k // the server has removed it from its queue
			}
			a.Finish()
			return k, nil
		}
	}
	panic("leat: Select was claimed for a case that it does not have")
}

// end is the end of a context.
type end struct {
	ctx  context.Context
	done <-chan struct{}
}

// Event is the event that ended a sleep.
type Event int

// The events.
const (
	Served   Event = iota // somebody has claimed the Selection
	Ended                 // ctx has ended
	Fired                 // a timer is due
	Arrived               // a native channel gave something
	Fallback              // nothing is possible, and the Default is chosen
	Again                 // nothing
)

// External is an arm whose channel cannot do the operation on its behalf: the
// selecting goroutine itself looks, at a clock or a native channel. It is a
// Native or a Timed.
type External interface{ External() }

// Native is an arm that also receives from a native channel, which cannot be
// done on its behalf: the selecting goroutine receives, and gives back what it
// received if the Selection was claimed meanwhile.
type Native interface {
	park.Arm
	External
	Await(served, ended <-chan struct{}, fired <-chan time.Time) Event
	Channel() reflect.Value
	Hold(v reflect.Value, ok bool)

	BeginReceive()                         // this goroutine is about to receive, or to sleep on the channel
	EndReceive()                           // it has not received
	Settle(s *park.Selection, i int) Event // it has: Arrived, if s could be claimed for that; Served, if not; or Again
}

// Timed is an arm that is possible when a clock says so.
type Timed interface {
	park.Arm
	External

	// Due returns when the value is due, if ever.
	Due() (time.Time, bool)

	// ClaimDue claims s for case i together with the value, if that is due, so
	// that nobody takes it between the two. It reports whether it did, and
	// whether s was unclaimed until then.
	ClaimDue(s *park.Selection, i int) (claimed, lives bool)

	// Note notes when the value is due. Unchanged reports whether it is not due
	// now, and was not at any instant since.
	Note()
	Unchanged() bool
}

// wait sleeps until sel is claimed: by another goroutine, or by this one for
// what only it sees. It returns what happened.
func (s *selecting) wait(sel *park.Selection, ended <-chan struct{}) Event {
	if ended == nil && !s.external {
		sel.Sleep()
		return Served
	}
	servedCh, already := sel.Served()
	if already {
		return Served
	}
	if !s.external {
		servedCh, endedCh := seam.Await(servedCh, ended)
		select {
		case <-servedCh:
			return Served
		case <-endedCh:
			if sel.Claim(park.Nothing) {
				return Ended
			}
			return Served
		}
	}
	return s.waitExternal(sel, servedCh, ended)
}

// waitExternal is wait beside native channels and timers.
func (s *selecting) waitExternal(sel *park.Selection, servedCh, ended <-chan struct{}) Event {
	var fire <-chan time.Time
	if due, ok := s.firstDue(); ok {
		t := time.NewTimer(time.Until(due))
		defer t.Stop()
		fire = t.C
	}
	natives := s.natives()
	for _, a := range natives {
		a.BeginReceive()
	}
	var what Event
	from := -1
	switch len(natives) {
	case 0:
		servedCh, endedCh := seam.Await(servedCh, ended)
		select {
		case <-servedCh:
			what = Served
		case <-endedCh:
			what = Ended
		case <-fire:
			what = Fired
		}
	case 1:
		from = 0
		what = natives[0].Await(servedCh, ended, fire)
	default:
		what, from = awaitMany(natives, servedCh, ended, fire)
	}

	for k, a := range natives {
		if what != Arrived || k != from {
			a.EndReceive()
		}
	}
	switch {
	case what == Ended && sel.Claim(park.Nothing):
		return Ended
	case what == Fired:
		return s.claimTimer(sel)
	case what == Arrived:
		return natives[from].Settle(sel, natives[from].i)
	}
	return Served
}

type indexedNative struct {
	Native
	i int
}

// natives returns the arms that receive from native channels.
func (s *selecting) natives() (natives []indexedNative) {
	for _, a := range s.arms {
		if arm, ok := a.Arm.(Native); ok {
			natives = append(natives, indexedNative{arm, a.i})
		}
	}
	return natives
}

// firstDue returns when the first timer is due, if there is one.
func (s *selecting) firstDue() (first time.Time, ok bool) {
	for _, a := range s.arms {
		if arm, is := a.Arm.(Timed); is {
			if due, will := arm.Due(); will && (!ok || due.Before(first)) {
				first, ok = due, true
			}
		}
	}
	return first, ok
}

// claimTimer claims sel for a timer that is due, with its value. If other
// goroutines took all of them, the Selection stays in its queues, and waits for
// the next.
func (s *selecting) claimTimer(sel *park.Selection) Event {
	for _, a := range s.arms {
		if arm, ok := a.Arm.(Timed); ok {
			switch claimed, lives := arm.ClaimDue(sel, a.i); {
			case claimed:
				return Fired
			case !lives:
				return Served
			}
		}
	}
	return Again
}

// glance claims sel for a value that a native channel or a timer has, or for
// the Default if there was an instant at which no case was possible. It returns
// Again if the Selection is now claimed for neither, and glance must look
// again.
//
// The instant is that of one non-blocking select over all native channels,
// which the runtime does with all of them locked. At that instant
//
//   - no native channel had a value, and none was closed, says the select; nor
//     had its FromChan receiver kept a value, which would have claimed sel;
//   - no channel of this module had anything for its case: sel's waiters had
//     stood in all queues since before, and were unclaimed until after.
//     Whatever becomes possible for a waiter claims it;
//   - no timer was due. Its due time was the same before the select as after
//     it, and still in the future then. A due time changes when its value is
//     taken, and only to a later one.
//
// So a Select that chooses Default after this takes effect at that instant.
func (s *selecting) glance(sel *park.Selection) Event {
	if !s.external {
		return s.fallBack(sel)
	}
	if what := s.claimTimer(sel); what != Again {
		return what
	}
	for _, a := range s.arms {
		if arm, ok := a.Arm.(Timed); ok {
			arm.Note()
		}
	}

	natives := s.natives()
	for _, a := range natives {
		a.BeginReceive()
	}
	k, v, ok := tryReceive(natives)
	for i, a := range natives {
		if i != k {
			a.EndReceive()
		}
	}
	if k >= 0 {
		natives[k].Hold(v, ok)
		return natives[k].Settle(sel, natives[k].i)
	}

	for _, a := range s.arms {
		if arm, ok := a.Arm.(Timed); ok && !arm.Unchanged() {
			return Again
		}
	}
	return s.fallBack(sel)
}

// fallBack claims sel for the Default.
func (s *selecting) fallBack(sel *park.Selection) Event {
	if !sel.Claim(s.fallback) {
		return Served
	}
	return Fallback
}

// tryReceive receives from one of the channels if at least one of them has a
// value or is closed, and returns its index, or -1. It looks at all of them at
// one instant.
func tryReceive(natives []indexedNative) (k int, v reflect.Value, ok bool) {
	switch len(natives) {
	case 0:
		return -1, v, false
	case 1:
		if v, ok = natives[0].Channel().TryRecv(); ok || v.IsValid() {
			return 0, v, ok
		}
		return -1, v, false
	}
	cases := make([]reflect.SelectCase, 1, 1+len(natives))
	cases[0].Dir = reflect.SelectDefault
	for _, a := range natives {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: a.Channel()})
	}
	k, v, ok = reflect.Select(cases)
	return k - 1, v, ok
}

// awaitMany sleeps on several native channels, which needs reflection.
func awaitMany(natives []indexedNative, servedCh, ended <-chan struct{}, fire <-chan time.Time) (what Event, from int) {
	cases := make([]reflect.SelectCase, 3, 3+len(natives))
	for i, ch := range []any{servedCh, ended, fire} {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
	}
	for _, a := range natives {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: a.Channel()})
	}
	k, v, ok := reflect.Select(cases)
	if k < 3 {
		return Event(k), -1
	}
	natives[k-3].Hold(v, ok)
	return Arrived, k - 3
}
