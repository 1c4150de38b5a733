package oneshot

import (
	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// New makes a channel for one value, and returns its two ends.
func New[T any](opts ...leat.Option) (*Sender[T], *Receiver[T]) {
	var c *channel[T]
	var r *Receiver[T]
	if len(opts) == 0 {
		both := new(receiverAndChannel[T])
		r, c = &both.rx, &both.c
	} else {
		r, c = newNamed[T](opts)
	}
	r.c = c
	park.InitRecv(&r.recvArms, (*recvEnd[T])(r))
	s := &Sender[T]{c: c}
	park.InitSendNow(&s.sendArms, (*sendEnd[T])(s))
	s.guard.Watch(s, (*droppedSender[T])(c))
	return s, r
}

// receiverAndChannel is one allocation in place of two. The garbage collector
// finds it unreachable as a whole, so it does not find a receiver that is
// dropped while the sender refers to the channel. For values of a word or two
// it takes 96 bytes.
type receiverAndChannel[T any] struct {
	rx Receiver[T]
	c  channel[T]
}

// newNamed makes a channel with options, and its receiver. If it has a name,
// its receiver is an allocation of its own, and watched, so that inspect shows
// a leak.
func newNamed[T any](opts []leat.Option) (*Receiver[T], *channel[T]) {
	r, c := new(Receiver[T]), new(channel[T])
	m := c.getMore()
	contract.Apply(&m.Meter, opts)
	if m.Name != "" {
		meter.Register[T](c, &m.Meter)
		r.guard.WatchReceiver(r, (*droppedReceiver[T])(c))
	}
	return r, c
}

// A channel is what its handles share.
//
// Its state is a set of bits in word, which also is the channel's lock: Lock
// sets the bit locked, and Unlock stores the new state, which clears it. What
// Lock and Unlock do for a goroutine that finds the channel locked is in
// lock.go. A function whose name ends in Locked needs the lock. A function with
// Unlock in its name needs it, too, and unlocks.
//
// # Invariants
//
// Whenever the lock is free, stale waiters (see park.Selection) aside:
//
//   - If the channel holds the value, the sender has finished, and no receiver
//     waits.
//   - If a receiver waits, neither end has finished.
//   - If the receiver has finished, done is closed, if it exists.
//   - ready is open if and only if a TryRecv would not return ErrEmpty, unless
//     a receive from ready shut it and nobody has received since.
//
// A cleanup of the garbage collector must not wake a goroutine in a bubble (see
// package park). It leaves that goroutine's waiter in its queue, and its gate
// as it is, although the channel has ended.
//
// # A receive without the lock
//
// Mostly the value is there, nothing was closed and no gate was asked for. Then
// word is full, and one compare-and-swap to emptied is the whole receive: see
// claim. A receive with the lock would do no more: in that state no goroutine
// waits, no gate has to be set, and the lock is free. After the
// compare-and-swap the value belongs to the claimer, which reads and clears it:
//
//   - Only one goroutine claims, or takes with the lock, because the
//     compare-and-swap clears holds and no call sets it again.
//   - A TrySend writes value only if the sender has not finished. It has.
//   - A cleanup releases the value of a dropped receiver. The receiver is kept
//     alive until it has read.
//
// The value was written before the Unlock that stored full, so it is there.
//
// A word of 0 says that nothing has happened yet and that the lock is free. A
// TryRecv that loads it returns ErrEmpty, which was right at that instant.
type channel[T any] struct {
	word  seam.Word[T] // the state, and the bits of the lock
	state uint64       // what Unlock stores in word; with the lock
	value T
	rxq   park.Queue
	more  seam.Pointer[more] // what most channels do without; nil until needed
}

// The state. The names say what has happened.
const (
	locked     = 1 << iota // somebody holds the lock
	gated                  // Ready or Done was asked for: more has gates
	sent                   // value was accepted
	taken                  // and received
	holds                  // value was accepted, and not yet received
	txFinished             // the sender has sent, or was closed
	rxFinished             // the receiver has received, or was closed
	txClosed               // the sender was closed before it sent
	rxClosed               // the receiver was closed

	waiting = 1 << 63 // the lock is held, and somebody sleeps until it is unlocked

	full    = sent | holds | txFinished
	emptied = sent | taken | txFinished | rxFinished
)

// more is what a channel needs if it has a name, if Ready or Done is used, if
// an end is closed with a cause, or if two goroutines use it at once. Once
// made, it stays.
type more struct {
	meter.Meter
	ready, done park.Gate // with the lock
	txCause     *contract.ClosedError
	rxCause     *contract.ClosedError // with the lock, as txCause; nil if the end was closed without a cause

	aside seam.Mutex  // held by the one of those who wait for the lock that is woken for it
	sleep *seam.Mutex // see lockHeld; made with aside held
}

// getMore returns more. It makes it if there is none. The lock need not be
// held.
func (c *channel[T]) getMore() *more {
	if m := c.more.Load(); m != nil {
		return m
	}
	m := &more{Meter: meter.Meter{Kind: "oneshot"}}
	if c.more.CompareAndSwap(nil, m) {
		return m
	}
	return c.more.Load()
}

// meter returns the channel's Meter.
func (c *channel[T]) meter() *meter.Meter {
	if m := c.more.Load(); m != nil {
		return &m.Meter
	}
	return &unnamed
}

// unnamed is the Meter of all channels without more. Nobody reads its counts.
var unnamed = meter.Meter{Kind: "oneshot"}

// receiving is the result of a waiting receiver. If err is nil, the receiver
// got the value, which is in the channel: see given. So the type is the same
// for all channels, which share waiters.
type receiving struct{ err error }

// waiters keeps the waiters of all channels, each of which waits once.
var waiters park.Pool

// given takes the value out for a receiver that has claimed it, or that waited
// and that TrySend gave it to. The lock need not be held: nobody else uses
// value any more, and what TrySend wrote happened before the claim, or before
// the receiver woke.
func (c *channel[T]) given() (v T) {
	v, c.value = c.value, v
	return v
}

// claim claims the value, if nothing else has happened but its send. See
// channel.
func (c *channel[T]) claim() bool {
	return c.word.Load() == full && c.word.CompareAndSwap(full, emptied)
}

// hasLocked reports whether one of bits is set.
func (c *channel[T]) hasLocked(bits uint64) bool { return c.state&bits != 0 }

// noteCloseLocked notes the cause, which may be nil, with which an end has
// closed, and tells the registry. ended and text are as in package meter.
func (c *channel[T]) noteCloseLocked(how string, cause error, text string, ended bool) {
	if cause != nil {
		m, noted := c.getMore(), contract.Closing(cause)
		if how == meter.SenderClosed {
			m.txCause = noted
		} else {
			m.rxCause = noted
		}
		m.NoteCauseLocked(how, text)
	}
	c.meter().NoteCloseLocked(how, ended, c)
}

// endedLocked reports whether no value can be accepted any more.
func (c *channel[T]) endedLocked() bool { return c.hasLocked(txFinished | rxFinished) }

// refusalLocked returns the error of a send when the channel has ended. A
// sender that has sent gets ErrClosed, however the receiver was closed.
func (c *channel[T]) refusalLocked() error {
	m := c.more.Load()
	switch {
	case m == nil:
		return contract.ErrClosed
	case c.hasLocked(txFinished):
		return contract.Closed(m.txCause)
	}
	return contract.Closed(m.rxCause)
}

// endErrorLocked returns the error of a receive when the channel has ended and
// holds no value.
func (c *channel[T]) endErrorLocked() error {
	m := c.more.Load()
	switch {
	case m == nil:
		return contract.ErrClosed
	case c.hasLocked(rxClosed):
		return contract.Closed(m.rxCause)
	}
	return contract.Closed(m.txCause)
}

// takeLocked takes the value out, which is there. The caller settles the gates.
func (c *channel[T]) takeLocked() T {
	c.state = c.state&^holds | rxFinished | taken
	return c.given()
}

// dequeueReceiverLocked takes a waiting receiver out of the queue, for the
// caller to serve, or returns nil.
func (c *channel[T]) dequeueReceiverLocked() *park.Waiter {
	for w := c.rxq.Front(); w != nil; w = c.rxq.Front() {
		c.rxq.Remove(w)
		if w.Claim() {
			return w
		}
	}
	return nil
}

// gatesLocked returns the gates, which the caller asks for.
func (c *channel[T]) gatesLocked() *more {
	c.state |= gated
	return c.getMore()
}

// settleLocked sets the gates, if there are any, to the present state.
func (c *channel[T]) settleLocked() {
	if c.state&gated != 0 { // said here, it costs no call without gates
		c.settleGatesLocked()
	}
}

func (c *channel[T]) settleGatesLocked() {
	m := c.more.Load()
	if m.ready.Asked() {
		c.setReadyLocked(m)
	}
	if c.hasLocked(rxFinished) {
		m.done.End()
	}
}

// setReadyLocked sets ready, which was asked for.
func (c *channel[T]) setReadyLocked(m *more) {
	if c.hasLocked(holds) {
		m.ready.Set(true)
	} else if c.endedLocked() {
		m.ready.End()
	}
}

// endAndUnlock ends the wait of a receiver, and sets the gates, after one end
// has finished without a value.
func (c *channel[T]) endAndUnlock() {
	w := c.dequeueReceiverLocked()
	if w != nil {
		w.Request.(*receiving).err = c.endErrorLocked()
	}
	c.settleLocked()
	c.Unlock()
	if w != nil {
		w.Wake()
	}
}
