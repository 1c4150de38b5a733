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
	c := new(channel[T])
	c.Kind = "oneshot"
	if contract.Apply(&c.Meter, opts); c.Name != "" {
		meter.Register[T](c, &c.Meter)
	}
	s, r := &Sender[T]{c: c}, &Receiver[T]{c: c}
	park.InitSend(&s.sendArms, (*sendEnd[T])(s))
	park.InitRecv(&r.recvArms, (*recvEnd[T])(r))
	s.guard.Watch(s, (*droppedSender[T])(c))
	r.guard.Watch(r, (*droppedReceiver[T])(c))
	return s, r
}

// droppedSender and droppedReceiver are a channel as the handles' guards know it.
type (
	droppedSender[T any]   channel[T]
	droppedReceiver[T any] channel[T]
)

func (d *droppedSender[T]) Dropped()   { (*channel[T])(d).senderDropped() }
func (d *droppedReceiver[T]) Dropped() { (*channel[T])(d).receiverDropped() }

// A channel is what its handles share. It is an allocation of its own, and so is each handle: the garbage collector can tell
// that a handle was dropped only if nothing of the other end is in the same allocation.
//
// Invariants, whenever mu is free, stale waiters (see park.Selection) aside:
//
//   - If the channel holds the value, the sender has finished, and no receiver waits.
//   - If a receiver waits, neither end has finished.
//   - If the receiver has finished, done is closed, if it exists.
//   - ready is open if and only if a TryRecv would not return ErrEmpty, unless a receive from ready shut it and nobody has received
//     since.
//
// What the garbage collector's cleanup must not wake (see package park) it leaves as it was.
type channel[T any] struct {
	meter.Meter

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
	ready      park.Gate
	done       park.Gate
}

// receiving is what a waiting receiver got. If err is nil, the receiver got the
// value, which is in the channel: see given. So the type is the same for all
// channels, which share waiters.
type receiving struct{ err error }

// waiters keeps the waiters of all channels, each of which waits once.
var waiters park.Pool[receiving]

// given takes the value out for a receiver that waited, and that TrySend gave it
// to. mu need not be held: taken and rxFinished are set, so nobody else uses
// value any more, and what TrySend wrote happened before the receiver woke.
func (c *channel[T]) given() (v T) {
	v, c.value = c.value, v
	return v
}

// ended reports whether no value can be accepted any more. mu is held.
func (c *channel[T]) ended() bool { return c.txFinished || c.rxFinished }

// refusal returns the error of a send when the channel has ended. A sender that has
// sent gets ErrClosed, however the receiver was closed. mu is held.
func (c *channel[T]) refusal() error {
	if c.txFinished {
		return contract.Closed(c.txClosed)
	}
	return contract.Closed(c.rxClosed)
}

// endError returns the error of a receive when the channel has ended and holds no
// value. mu is held.
func (c *channel[T]) endError() error {
	if c.rxClosed != nil {
		return contract.Closed(c.rxClosed)
	}
	return contract.Closed(c.txClosed)
}

// take takes the value out, which is there. mu is held; settle follows.
func (c *channel[T]) take() (v T) {
	v, c.value, c.holds = c.value, v, false
	c.rxFinished, c.taken = true, true
	return v
}

// discard releases the value, if it is there. mu is held.
func (c *channel[T]) discard() {
	var zero T
	c.value, c.holds = zero, false
}

// receiver takes a receiver that waits out of the queue, to be served by the caller, or returns nil. mu is held.
func (c *channel[T]) receiver(outside bool) *park.Waiter[receiving] {
	for w := c.rxq.Front(); w != nil; {
		next := w.Next()
		if !(outside && w.Bubbled()) {
			c.rxq.Remove(w)
			if w.Claim() {
				return w
			}
		}
		w = next
	}
	return nil
}

// settle sets the gates to what there is now. mu is held. If outside, on behalf of the garbage collector, what is in a
// testing/synctest bubble stays as it is.
func (c *channel[T]) settle(outside bool) {
	if c.ready.Asked() && !(outside && c.ready.Bubbled()) {
		if c.holds {
			c.ready.Set(true)
		} else if c.ended() {
			c.ready.End()
		}
	}
	if c.rxFinished && !(outside && c.done.Bubbled()) {
		c.done.End()
	}
}

// end tells a receiver that waits, and whoever waits at a gate, that one end has finished without a value; and frees mu, which is
// held.
func (c *channel[T]) end(outside bool) {
	w := c.receiver(outside)
	err := c.endError()
	c.settle(outside)
	c.mu.Unlock()
	if w != nil {
		w.Payload.err = err
		w.Wake()
	}
}

// senderDropped closes a Sender that the garbage collector found unreachable.
func (c *channel[T]) senderDropped() {
	c.mu.Lock()
	if !c.ended() { // who has sent, or has nobody to send to, owes no Close
		c.Leaked.Add(1)
	}
	c.txFinished = true
	c.NoteCloseLocked(meter.SenderDropped, !c.sent && !c.rxFinished, c)
	c.end(true)
}

// receiverDropped closes a Receiver that the garbage collector found unreachable. The value goes with it.
func (c *channel[T]) receiverDropped() {
	c.mu.Lock()
	if !c.ended() { // who has received, or has nothing to wait for, owes no Close
		c.Leaked.Add(1)
	}
	c.rxFinished = true
	c.discard()
	c.NoteCloseLocked(meter.ReceiverDropped, !c.txFinished, c)
	c.end(true)
}
