package leat

import (
	"context"
	"time"

	"github.com/leat-go/leat/internal/park"
)

// After returns a Receiver that delivers one value, the time at which d has
// elapsed. The first of any number of goroutines that receives gets it. Then
// the receiver never holds a value again, and does not end, so that in a Select
// the case is not chosen any more. With d zero or negative the value is there
// at once.
//
// It has no goroutine, and no timer while nobody waits, so a dropped receiver
// leaves nothing behind. After Close, Recv and TryRecv return ErrClosed. All
// methods may be called concurrently.
func After(d time.Duration) Receiver[time.Time] {
	return newTimer(&timer{next: time.Now().Add(max(d, 0))})
}

// Every returns a Receiver of instants that are d apart; the first one is d
// from now. It holds at most one instant. A receiver that comes late gets the
// first instant that it missed, once, and then the next one in the future, in
// step with the others. With d zero or negative, it always holds the present.
//
// It has no goroutine, and no timer while nobody waits, so a dropped receiver
// leaves nothing behind. After Close, Recv and TryRecv return ErrClosed. All
// methods may be called concurrently; each instant is received once.
func Every(d time.Duration) Receiver[time.Time] {
	d = max(d, 0)
	return newTimer(&timer{next: time.Now().Add(d), every: true, period: d})
}

// Never returns a Receiver that never holds a value. In a Select, it is a case
// that is switched off. After Close, Recv and TryRecv return ErrClosed. All
// methods may be called concurrently.
func Never[T any]() Receiver[T] { return FromChan[T](nil) }

// A timer is a receiver whose value is there as soon as the clock says so. The
// waiting goroutine itself looks at the clock.
type timer struct {
	bell
	core   park.RecvCore[time.Time]
	next   time.Time // when the next value is there; zero if there will be none
	every  bool
	period time.Duration
}

func newTimer(t *timer) Receiver[time.Time] {
	t.core.Try = t
	return t
}

// Recv implements Receiver.
func (t *timer) Recv(ctx context.Context) (time.Time, error) { return recv[time.Time](ctx, t) }

// TryRecv implements Receiver.
func (t *timer) TryRecv() (time.Time, error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked(now)
}

// takeLocked is TryRecv at the instant now.
func (t *timer) takeLocked(now time.Time) (time.Time, error) {
	if t.closed {
		return time.Time{}, ErrClosed
	}
	due := t.next
	switch {
	case due.IsZero() || now.Before(due):
		return time.Time{}, ErrEmpty
	case !t.every:
		t.next = time.Time{}
	case t.period == 0:
		return now, nil
	default:
		missed := now.Sub(due) / t.period
		t.next = due.Add((missed + 1) * t.period)
	}
	return due, nil
}

// due returns when the next value is there, if ever.
func (t *timer) due() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, !t.next.IsZero()
}

// RecvCore implements park.Receiver.
func (t *timer) RecvCore() any { return &t.core }

// RecvArm implements park.Receiver.
func (t *timer) RecvArm() park.Arm {
	return &timerArm{bellArm: bellArm{b: &t.bell}, t: t}
}

type timerArm struct {
	bellArm
	outcome[time.Time]
	t     *timer
	held  bool      // outcome is what s was claimed for
	noted time.Time // when the value was due, as Note read it
}

func (a *timerArm) receive() { a.v, a.err = a.t.TryRecv() }

func (a *timerArm) Enter(s *park.Selection, i int) bool {
	if !a.enter(s, i, func() bool { return false }) {
		return false
	}
	a.receive()
	return true
}

// Due implements choose.Timed.
func (a *timerArm) Due() (time.Time, bool) { return a.t.due() }

// ClaimDue implements choose.Timed.
func (a *timerArm) ClaimDue(s *park.Selection, i int) (claimed, lives bool) {
	now := time.Now()
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	if a.t.next.IsZero() || now.Before(a.t.next) {
		return false, true
	}
	if !s.Claim(i) {
		return false, false
	}
	a.v, a.err = a.t.takeLocked(now)
	a.held = true
	return true, true
}

// Note implements choose.Timed.
func (a *timerArm) Note() { a.noted, _ = a.t.due() }

// Unchanged implements choose.Timed.
func (a *timerArm) Unchanged() bool {
	now := time.Now()
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	return a.t.next.Equal(a.noted) && (a.noted.IsZero() || now.Before(a.noted))
}

func (a *timerArm) Finish() {
	if !a.held {
		a.receive()
	}
	a.held = false
}
