package leat

import (
	"context"
	"reflect"
	"time"

	"github.com/leat-go/leat/internal/choose"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// The receivers of this package, whose values come from elsewhere: from a native channel, from the clock, from a receiver of another
// module. No sender serves who waits on them, so who waits is woken to look for itself.

// A bell tells those who wait on a receiver to look again.
type bell struct {
	mu     seam.Mutex
	closed bool
	q      park.Queue[struct{}]
}

// ring wakes up to n who wait, in order. mu is held; the caller runs wk after unlocking it.
func (b *bell) ring(n int, wk *park.Wakes[struct{}]) {
	for w := b.q.Front(); w != nil && n > 0; w = b.q.Front() {
		b.q.Remove(w)
		if w.Claim() {
			wk.Add(w)
			n--
		}
	}
}

// Close implements Receiver for all who have a bell.
func (b *bell) Close() error {
	var wk park.Wakes[struct{}]
	b.mu.Lock()
	b.closed = true
	b.ring(b.q.Len(), &wk)
	b.mu.Unlock()
	wk.Run()
	return nil
}

// bellArm is the part of an arm that waits for a bell.
type bellArm struct {
	w park.Waiter[struct{}]
	b *bell
}

// enter claims s for case i if possible reports true, or puts the waiter into the queue.
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
func recv[T any](ctx context.Context, own park.Receiver[T]) (v T, err error) {
	needContext(ctx)
	if err := ctx.Err(); err != nil {
		return v, err
	}
	keep := func(got T, e error) { v, err = got, e }
	_, ended := choose.Choice{N: 1, Fallback: -1}.Choose(ctx, func(_ int, op choose.Op, arm park.Arm) (park.Arm, bool) {
		return doRecv(op, arm, nil, own, keep)
	})
	if ended != nil {
		return v, ended
	}
	return v, err
}

// outcome is what an arm received, and its Selection.
type outcome[T any] struct {
	v   T
	err error
	sel park.Selection
}

func (o *outcome[T]) Result() (T, error)         { return o.v, o.err }
func (o *outcome[T]) Selection() *park.Selection { return &o.sel }
func (o *outcome[T]) Release()                   {}
func (o *outcome[T]) External()                  {}

// FromChan makes a native channel a Receiver. Its Recv and TryRecv return the values of ch, and ErrClosed when ch is closed
// and drained. A nil ch never holds a value.
//
// Close ends this receiver alone: from then on its Recv and TryRecv return ErrClosed, waiting ones at once, and what ch
// holds stays there. Nobody tells the native channel's senders. Any number of goroutines may receive.
//
// A Recv or Select that waits may have to take a value out of ch at the very instant at which it ends for another reason: another case
// was chosen, ctx ended, or Close was called. The receiver then keeps the value, for its next Recv, TryRecv or Select, before and
// after Close. So receive from ch by one Receiver, and not also directly; and if several goroutines receive by it, a value that was kept may
// come after a later one.
func FromChan[T any](ch <-chan T) Receiver[T] { return &chanReceiver[T]{ch: ch} }

// A chanReceiver's ErrClosed is final: it is not told while another goroutine may have a value of ch in its hands that it will give
// back. takers counts these; who finds ch closed meanwhile waits for the bell, which the last of them rings.
type chanReceiver[T any] struct {
	bell
	ch     <-chan T
	kept   []T  // taken from ch and given back, the oldest first; guarded by mu, like the rest
	takers int  // goroutines that sleep on ch, or do not know yet whether they keep what they got
	ending bool // somebody waits for takers to be 0
}

// Recv implements Receiver.
func (r *chanReceiver[T]) Recv(ctx context.Context) (T, error) { return recv[T](ctx, r) }

// TryRecv implements Receiver.
func (r *chanReceiver[T]) TryRecv() (v T, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.kept) > 0:
		v = r.kept[0]
		var zero T
		r.kept[0] = zero
		r.kept = r.kept[1:]
		return v, nil
	case r.closed:
		return v, ErrClosed
	}
	select {
	case v, ok := <-r.ch:
		if ok {
			return v, nil
		}
		if r.takers > 0 {
			r.ending = true
			return v, ErrEmpty
		}
		return v, ErrClosed
	default:
		return v, ErrEmpty
	}
}

// SelectRecv implements park.Receiver.
func (r *chanReceiver[T]) SelectRecv() (T, error) { return r.TryRecv() }

// Made implements park.Receiver.
func (r *chanReceiver[T]) Made() bool { return true }

// RecvArm implements park.Receiver.
func (r *chanReceiver[T]) RecvArm() park.RecvArm[T] {
	return &chanArm[T]{bellArm: bellArm{b: &r.bell}, r: r}
}

type chanArm[T any] struct {
	bellArm
	outcome[T]
	r    *chanReceiver[T]
	held bool // outcome came from ch
	over bool // ch was found closed, and the bell tells when that is final
}

func (a *chanArm[T]) receive() { a.v, a.err = a.r.TryRecv() }

func (a *chanArm[T]) Enter(s *park.Selection, i int) bool {
	a.over = false
	if a.enter(s, i, func() bool { return len(a.r.kept) > 0 }) {
		a.receive()
		return true
	}
	return false
}

func (a *chanArm[T]) Finish() {
	if !a.held {
		a.receive()
	}
	a.held = false
}

func (a *chanArm[T]) take(v T, ok bool) {
	a.v, a.err, a.held = v, nil, true
	if !ok {
		a.err = ErrClosed
	}
}

func (a *chanArm[T]) BeginReceive() {
	if a.over { // then a takes nothing
		return
	}
	a.r.mu.Lock()
	a.r.takers++
	a.r.mu.Unlock()
}

func (a *chanArm[T]) EndReceive() {
	if a.over {
		return
	}
	var wk park.Wakes[struct{}]
	a.r.mu.Lock()
	a.r.leave(&wk)
	a.r.mu.Unlock()
	wk.Run()
}

// leave counts one taker less. mu is held.
func (r *chanReceiver[T]) leave(wk *park.Wakes[struct{}]) {
	if r.takers--; r.takers == 0 && r.ending {
		r.ending = false
		r.ring(r.q.Len(), wk)
	}
}

// Settle decides what becomes of what a holds: it is kept if s can be claimed for it, and given back otherwise.
func (a *chanArm[T]) Settle(s *park.Selection, i int) choose.Event {
	var wk park.Wakes[struct{}]
	r := a.r
	r.mu.Lock()
	defer func() {
		r.leave(&wk)
		r.mu.Unlock()
		wk.Run()
	}()
	if a.err != nil && r.takers > 1 {
		a.over, a.held, r.ending = true, false, true
		return choose.Again
	}
	if s.Claim(i) {
		return choose.Arrived
	}
	if a.err == nil {
		r.kept = append(r.kept, a.v)
		r.ring(1, &wk)
	}
	var zero T
	a.v, a.err, a.held = zero, nil, false
	return choose.Served
}

// source is ch, or nil when nothing more can come from it.
func (a *chanArm[T]) source() <-chan T {
	if a.over {
		return nil
	}
	return a.r.ch
}

func (a *chanArm[T]) Await(servedCh, endedCh <-chan struct{}, fire <-chan time.Time) choose.Event {
	select {
	case <-servedCh:
		return choose.Served
	case <-endedCh:
		return choose.Ended
	case <-fire:
		return choose.Fired
	case v, ok := <-a.source():
		a.take(v, ok)
		return choose.Arrived
	}
}

func (a *chanArm[T]) Channel() reflect.Value { return reflect.ValueOf(a.source()) }

func (a *chanArm[T]) Hold(v reflect.Value, ok bool) {
	t, _ := v.Interface().(T) // which fails only for the nil of an interface type, and then t is nil, too
	a.take(t, ok)
}

// readyArm receives from a receiver of another module, which tells by Ready when to look.
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
	a.ready.Ready() // which sets it anew
	return choose.Served
}
