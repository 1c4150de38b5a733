package queue

import (
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/meter"
)

// droppedSender, droppedReceiver and droppedClosedReceiver are a channel as the
// guards of its handles know it: see package leak.
type (
	droppedSender[T any]         Channel[T]
	droppedReceiver[T any]       Channel[T]
	droppedClosedReceiver[T any] Channel[T]
)

func (d *droppedSender[T]) Dropped()         { (*Channel[T])(d).senderDropped() }
func (d *droppedReceiver[T]) Dropped()       { (*Channel[T])(d).receiverDropped() }
func (d *droppedClosedReceiver[T]) Dropped() { (*Channel[T])(d).closedReceiverDropped() }

// senderDropped closes a handle that was not closed.
func (c *Channel[T]) senderDropped() {
	c.Leaked.Add(1)
	c.Lock()
	c.lostSenderLocked()
	c.NoteCloseLocked(meter.SenderDropped, !c.hasSenders, c)
	c.settleFromCleanupAndUnlock()
}

// receiverDropped closes a handle that was not closed.
func (c *Channel[T]) receiverDropped() {
	c.Lock()
	if !c.endedLocked() { // a receiver that has seen the end need not be closed
		c.Leaked.Add(1)
	}
	c.openReceivers--
	c.forgetReceiverLocked()
	c.NoteCloseLocked(meter.ReceiverDropped, c.closedLocked(), c)
	c.settleFromCleanupAndUnlock()
}

// closedReceiverDropped notes that a closed handle cannot drain the channel any
// more.
func (c *Channel[T]) closedReceiverDropped() {
	c.Lock()
	c.forgetReceiverLocked()
	c.NoteCloseLocked(meter.ReceiverClosed, false, c)
	c.settleFromCleanupAndUnlock()
}

// forgetReceiverLocked notes that a receiver handle is unreachable. With the
// last one it drops the values, which nobody can receive any more.
func (c *Channel[T]) forgetReceiverLocked() {
	if c.reachableReceivers--; c.reachableReceivers == 0 {
		c.dropped += uint64(c.values.Len())
		c.values.Reset()
	}
}

// settleFromCleanupAndUnlock is settleAndUnlock for the garbage collector,
// which must not wake a goroutine in a testing/synctest bubble.
//
// It has less to do. A dropped handle brings no value and no permit. It makes
// room only if it was the last receiver, and then the channel is closed. So no
// waiting sender can be admitted and no waiting receiver can get a value: a
// dropped handle can close the channel, end it, or both.
func (c *Channel[T]) settleFromCleanupAndUnlock() {
	var wk wakes
	if c.closedLocked() {
		if !c.done.Bubbled() {
			c.done.End()
		}
		for w := c.txq.Front(); w != nil; {
			next := w.Next()
			if !w.Bubbled() {
				c.refuseLocked(w, contract.Closed(c.receiverCause), &wk)
			}
			w = next
		}
	}
	if c.endedLocked() { // a receiver waits only if there is no value
		for w := c.rxq.Front(); w != nil; {
			next := w.Next()
			if !w.Bubbled() {
				c.endLocked(w, &wk)
			}
			w = next
		}
	}
	if c.ready.Asked() && !c.ready.Bubbled() {
		c.setReadyLocked()
	}
	c.Unlock()
	wk.run()
}
