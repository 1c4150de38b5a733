package leat

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strconv"
	"time"

	"github.com/leat-go/leat/internal/choose"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// FromChan makes a native channel a Receiver. Its Recv and TryRecv return the
// values of ch, and ErrClosed when ch is closed and drained. A nil ch never
// holds a value.
//
// Close ends this receiver alone: from then on its Recv and TryRecv return
// ErrClosed, waiting ones at once, and what ch holds stays there. Nobody tells
// the native channel's senders. Any number of goroutines may receive.
//
// A Recv or Select that waits may have to take a value out of ch at the very
// instant at which it ends for another reason: another case was chosen, ctx
// ended, or Close was called. The receiver then keeps the value, for its next
// Recv, TryRecv or Select, before and after Close. So receive from ch by one
// Receiver, and not also directly; and if several goroutines receive by it, a
// value that was kept may come after a later one.
func FromChan[T any](ch <-chan T) Receiver[T] {
	r := &chanReceiver[T]{ch: ch}
	r.core.Try = r
	return r
}

// A chanReceiver's ErrClosed is final: no call returns it while another
// goroutine may hold a value of ch that it will put back. takers counts these.
// A goroutine that finds ch closed meanwhile waits for the bell, which the last
// of them rings.
type chanReceiver[T any] struct {
	bell
	core   park.RecvCore[T]
	ch     <-chan T
	kept   []T  // taken from ch and put back, the oldest first; guarded by mu, like the rest
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

// RecvCore implements park.Receiver.
func (r *chanReceiver[T]) RecvCore() any { return &r.core }

// RecvArm implements park.Receiver.
func (r *chanReceiver[T]) RecvArm() park.Arm {
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
	var wk park.Wakes
	a.r.mu.Lock()
	a.r.leaveLocked(&wk)
	a.r.mu.Unlock()
	wk.Run()
}

// leaveLocked counts one taker less.
func (r *chanReceiver[T]) leaveLocked(wk *park.Wakes) {
	if r.takers--; r.takers == 0 && r.ending {
		r.ending = false
		r.ringLocked(r.q.Len(), wk)
	}
}

// Settle keeps the value that a holds if s can be claimed for it, and otherwise
// returns it to the receiver.
func (a *chanArm[T]) Settle(s *park.Selection, i int) choose.Event {
	var wk park.Wakes
	r := a.r
	r.mu.Lock()
	defer func() {
		r.leaveLocked(&wk)
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
		r.ringLocked(1, &wk)
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

// IntoChan makes a native channel a Sender. Send and TrySend send to ch.
//
// Send blocks while ch has no room; if ch is unbuffered, while no goroutine
// receives from it. A nil ch never has room. Send returns ctx.Err() if ctx is
// done at entry or ends during the wait, and ErrClosed if this Sender or ch is
// closed. TrySend returns ErrFull where Send would block.
//
// Close closes this Sender, and not ch. Sends that block on it return
// ErrClosed. A Send that runs at the same time as Close may still send, and
// then returns nil. Each Sender made of ch is closed by itself. Others may
// close ch: a native send then panics, and Send returns ErrClosed. The race
// detector reports a close of ch that nothing orders after the Sends before it,
// as it does for native sends.
//
// All methods may be called concurrently, and blocked Sends are served in
// order. A Send that does not wait does not allocate, and no goroutine is
// started. OnSend panics: a native channel cannot give back a value when Select
// chooses another case.
func IntoChan[T any](ch chan<- T) Sender[T] { return &chanSender[T]{ch: ch} }

type chanSender[T any] struct {
	bell // for Sends that wait
	ch   chan<- T
	over seam.Bool // as bell.closed, for Sends that do not wait

	// spare is the last Send that waited, for the next one that does.
	spare seam.Pointer[chanSend]
}

// A chanSend is a Send that waits for ch. A Close claims its Selection.
type chanSend struct {
	w   park.Waiter
	sel park.Selection
}

// TrySend implements Sender. It does not overtake a Send that waits: while one
// does, ch has no room, because the runtime gives freed slots to it.
func (s *chanSender[T]) TrySend(v T) (err error) {
	if s.over.Load() {
		return ErrClosed
	}
	defer sendPanicToErrClosed(&err)
	select {
	case s.ch <- v:
		return nil
	default:
		return ErrFull
	}
}

// Send implements Sender.
func (s *chanSender[T]) Send(ctx context.Context, v T) error {
	needContext(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.TrySend(v); err != ErrFull {
		return err
	}
	done := ctx.Done() // may be anyone's code, and panic: so before the waiter enters the queue
	send := s.spare.Swap(nil)
	if send == nil {
		send = new(chanSend)
	}
	send.sel.Begin()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.q.Enter(&send.w, &send.sel, 0)
	s.mu.Unlock()

	closed, already := send.sel.Served()
	if already {
		return ErrClosed
	}
	err, ended := s.await(v, closed, done)

	s.mu.Lock()
	if send.w.Queued() {
		s.q.Remove(&send.w)
		s.spare.Store(send) // Close has not claimed it, and cannot any more
	}
	s.mu.Unlock()
	if ended {
		return park.Err(ctx)
	}
	return err
}

// await blocks until v is sent, this Sender or ch is closed, or ctx has ended.
func (s *chanSender[T]) await(v T, closed, done <-chan struct{}) (err error, ended bool) {
	defer sendPanicToErrClosed(&err)
	select {
	case s.ch <- v:
		return nil, false
	case <-closed:
		return ErrClosed, false
	case <-done:
		return nil, true
	}
}

// Close implements Sender.
func (s *chanSender[T]) Close() error {
	s.over.Store(true)
	return s.bell.Close()
}

// fromIntoChan lets OnSend refuse the Sender with the reason.
func (*chanSender[T]) fromIntoChan() {}

// sendPanicToErrClosed, deferred around native sends and nothing else, turns
// the runtime's panic for a closed channel into ErrClosed. It leaves any other
// panic.
func sendPanicToErrClosed(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		if r.Error() != "send on closed channel" {
			panic(r)
		}
		*err = ErrClosed
	default:
		panic(r)
	}
}

// ToChan returns a native channel that receives the values of rx, for code that
// takes no Receiver. The native channel has the capacity, as in make: 0 if none
// is given. It is closed when rx ends or returns an error other than a
// *LaggedError, and when ctx ends. A *LaggedError has no place in a native
// channel: ToChan passes over it, and the receiver's own count, if it has one,
// still has it.
//
// ToChan starts a goroutine, which nothing else in this package does, and does
// not block. The goroutine is rx's one receiver from then on. It ends with ctx
// or with rx: a caller that stops receiving must end ctx. If ctx ends, at most
// one value that had left rx is dropped; what the native channel holds can
// still be received.
//
// At most capacity + 1 values have left rx and were not received, so rx's own
// capacity grows by that much. As long as the native channel has room, the
// goroutine receives in runs, by the receiver's RecvMany or by TryRecv. At
// capacity 0 it receives one by one. To join a native select without a
// goroutine and without dropping a value, use the receiver's Ready method.
//
// ToChan panics if ctx is nil, and on a negative or a second capacity.
func ToChan[T any](ctx context.Context, rx Receiver[T], capacity ...int) <-chan T {
	needContext(ctx)
	n := 0
	switch len(capacity) {
	case 0:
	case 1:
		n = capacity[0]
	default:
		panic("leat: ToChan with " + strconv.Itoa(len(capacity)) + " capacities; it takes at most one")
	}
	if n < 0 {
		panic("leat: ToChan with capacity " + strconv.Itoa(n) + "; it must be at least 0")
	}
	ch := make(chan T, n)
	go func() {
		defer close(ch)
		receive := receiveRun(rx)
		buf := make([]T, min(max(n, 1), maxRun))
		for {
			// Only this goroutine sends, so the room can but grow: of a run,
			// all values but one that was received without room are sent at
			// once.
			room := max(n-len(ch), 1)
			got, err := receive(ctx, buf[:min(room, len(buf))])
			for _, v := range buf[:got] {
				select {
				case ch <- v:
					continue
				default:
				}
				select {
				case ch <- v:
				case <-ctx.Done():
					return
				}
			}
			clear(buf[:got])
			if err != nil && lagOf(err) == nil {
				return
			}
		}
	}()
	return ch
}

// maxRun bounds ToChan's buffer, whatever the capacity.
const maxRun = 64

type batchReceiver[T any] interface {
	RecvMany(ctx context.Context, buf []T) (n int, err error)
}

// receiveRun returns RecvMany of rx, or the same made of Recv and TryRecv.
// A type that embeds a receiver has that one's RecvMany, which knows nothing of
// the Recv and TryRecv that the type may put in front: so it is not used.
func receiveRun[T any](rx Receiver[T]) func(context.Context, []T) (int, error) {
	if many, ok := rx.(batchReceiver[T]); ok && !embeds[batchReceiver[T]](reflect.TypeOf(rx)) {
		return many.RecvMany
	}
	return func(ctx context.Context, buf []T) (n int, err error) {
		if buf[0], err = rx.Recv(ctx); err != nil {
			return 0, err
		}
		for n = 1; n < len(buf); n++ {
			if buf[n], err = rx.TryRecv(); errors.Is(err, ErrEmpty) {
				return n, nil
			} else if err != nil {
				return n, err
			}
		}
		return n, nil
	}
}

// embeds reports whether t, or what it points to, is a struct with an embedded
// field that has the methods of the interface I.
func embeds[I any](t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
		f := t.Field(i)
		has := f.Type.Implements(reflect.TypeFor[I]()) || reflect.PointerTo(f.Type).Implements(reflect.TypeFor[I]())
		if f.Anonymous && has {
			return true
		}
	}
	return false
}
