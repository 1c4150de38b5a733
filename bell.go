package leat

import (
	"context"

	"github.com/leat-go/leat/internal/choose"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// This file is what the receivers of this package share: timers, and the one
// that FromChan makes. Their values come from the clock or a native channel, so
// no sender can serve a waiting goroutine. It wakes, and then receives itself.

// A bell wakes the goroutines that wait on a receiver.
type bell struct {
	mu     seam.Mutex
	closed bool
	q      park.Queue
}

// ringLocked wakes up to n waiting goroutines, in order. The caller runs wk
// after it has unlocked mu.
func (b *bell) ringLocked(n int, wk *park.Wakes) {
	for w := b.q.Front(); w != nil && n > 0; w = b.q.Front() {
		b.q.Remove(w)
		if w.Claim() {
			wk.Add(w)
			n--
		}
	}
}

// Close implements Receiver for all types that embed a bell.
func (b *bell) Close() error {
	var wk park.Wakes
	b.mu.Lock()
	b.closed = true
	b.ringLocked(b.q.Len(), &wk)
	b.mu.Unlock()
	wk.Run()
	return nil
}

// bellArm is the part of an arm that waits for a bell.
type bellArm struct {
	w park.Waiter
	b *bell
}

// enter claims s for case i if possible reports true, or puts the waiter into
// the queue.
func (a *bellArm) enter(s *park.Selection, i int, possible func() bool) bool {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.b.closed || possible() {
		return s.Claim(i)
	}
	a.b.q.Enter(&a.w, s, i)
	return false
}

func (a *bellArm) Leave() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.w.Queued() {
		a.b.q.Remove(&a.w)
	}
}

// recv is Recv by a Select of one case.
func recv[T any](ctx context.Context, own park.Receiver) (v T, err error) {
	needContext(ctx)
	if err := ctx.Err(); err != nil {
		return v, err
	}
	keep := func(got T, e error) { v, err = got, e }
	var order [1]uint16
	do := func(_ int, op choose.Op, arm park.Arm) (park.Arm, bool) { return doRecv(op, arm, nil, own, keep) }
	_, ended := choose.Choice{Fallback: -1}.Choose(ctx, order[:], do)
	if ended != nil {
		return v, ended
	}
	return v, err
}

// An outcome holds what an arm received, and its Selection.
type outcome[T any] struct {
	v   T
	err error
	sel park.Selection
}

func (o *outcome[T]) Result() (T, error)         { return o.v, o.err }
func (o *outcome[T]) Selection() *park.Selection { return &o.sel }
func (o *outcome[T]) Release()                   {}
func (o *outcome[T]) External()                  {}
