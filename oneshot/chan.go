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
		c.Meter = &unnamed
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
// dropped while the sender refers to the channel.
type receiverAndChannel[T any] struct {
	rx Receiver[T]
	c  channel[T]
}

// newNamed makes a channel with options, and its receiver. If it has a name,
// its receiver is an allocation of its own, and watched, so that inspect shows
// a leak.
func newNamed[T any](opts []leat.Option) (*Receiver[T], *channel[T]) {
	m := &meter.Meter{Kind: "oneshot"}
	contract.Apply(m, opts)
	r, c := new(Receiver[T]), &channel[T]{Meter: m}
	if m.Name != "" {
		meter.Register[T](c, m)
		r.guard.Watch(r, (*droppedReceiver[T])(c))
	}
	return r, c
}

// unnamed is the Meter of all channels without a name. Nobody reads its counts.
var unnamed = meter.Meter{Kind: "oneshot"}

// A channel is what its handles share.
//
// Invariants, whenever mu is free, stale waiters (see park.Selection) aside:
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
// A function whose name ends in Locked needs mu. A function with Unlock in its
// name needs it, too, and unlocks it.
type channel[T any] struct {
	*meter.Meter

	mu         seam.Mutex
	value      T
	sent       bool                  // value was accepted
	taken      bool                  // and received
	holds      bool                  // value was accepted, and not yet received
	txFinished bool                  // the sender has sent, or was closed
	rxFinished bool                  // the receiver has received, or was closed
	txClosed   *contract.ClosedError // nil unless the sender was closed before it sent
	rxClosed   *contract.ClosedError // nil unless the receiver was closed
	rxq        park.Queue[receiving]
	gates      *gates // nil until one of them is asked for
}

// gates hold the channels of Ready and Done.
type gates struct{ ready, done park.Gate }

// receiving is the result of a waiting receiver. If err is nil, the receiver
// got the value, which is in the channel: see given. So the type is the same
// for all channels, which share waiters.
type receiving struct{ err error }

// waiters keeps the waiters of all channels, each of which waits once.
var waiters park.Pool[receiving]

// given takes the value out for a receiver that waited, and that TrySend gave
// it to. mu need not be held: taken and rxFinished are set, so nobody else uses
// value any more, and what TrySend wrote happened before the receiver woke.
func (c *channel[T]) given() (v T) {
	v, c.value = c.value, v
	return v
}

// endedLocked reports whether no value can be accepted any more.
func (c *channel[T]) endedLocked() bool { return c.txFinished || c.rxFinished }

// refusalLocked returns the error of a send when the channel has ended. A
// sender that has sent gets ErrClosed, however the receiver was closed.
func (c *channel[T]) refusalLocked() error {
	if c.txFinished {
		return contract.Closed(c.txClosed)
	}
	return contract.Closed(c.rxClosed)
}

// endErrorLocked returns the error of a receive when the channel has ended and
// holds no value.
func (c *channel[T]) endErrorLocked() error {
	if c.rxClosed != nil {
		return contract.Closed(c.rxClosed)
	}
	return contract.Closed(c.txClosed)
}

// takeLocked takes the value out, which is there. The caller settles the gates.
func (c *channel[T]) takeLocked() (v T) {
	v, c.value, c.holds = c.value, v, false
	c.rxFinished, c.taken = true, true
	return v
}

// dequeueReceiverLocked takes a waiting receiver out of the queue, for the
// caller to serve, or returns nil.
func (c *channel[T]) dequeueReceiverLocked() *park.Waiter[receiving] {
	for w := c.rxq.Front(); w != nil; w = c.rxq.Front() {
		c.rxq.Remove(w)
		if w.Claim() {
			return w
		}
	}
	return nil
}

// gatesLocked returns the gates.
func (c *channel[T]) gatesLocked() *gates {
	if c.gates == nil {
		c.gates = new(gates)
	}
	return c.gates
}

// settleLocked sets the gates, if there are any, to the present state.
func (c *channel[T]) settleLocked() {
	if c.gates != nil { // said here, it costs no call without gates
		c.settleGatesLocked()
	}
}

func (c *channel[T]) settleGatesLocked() {
	if c.gates.ready.Asked() {
		c.setReadyLocked()
	}
	if c.rxFinished {
		c.gates.done.End()
	}
}

// setReadyLocked sets ready, which was asked for.
func (c *channel[T]) setReadyLocked() {
	if c.holds {
		c.gates.ready.Set(true)
	} else if c.endedLocked() {
		c.gates.ready.End()
	}
}

// endAndUnlock ends the wait of a receiver, and sets the gates, after one end
// has finished without a value.
func (c *channel[T]) endAndUnlock() {
	w := c.dequeueReceiverLocked()
	if w != nil {
		w.Payload.err = c.endErrorLocked()
	}
	c.settleLocked()
	c.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}
