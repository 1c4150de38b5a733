package oneshot

import (
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
)

// droppedSender and droppedReceiver are a channel as the guards of its handles
// know it: see package leak.
type (
	droppedSender[T any]   channel[T]
	droppedReceiver[T any] channel[T]
)

// Dropped closes a Sender that the garbage collector found unreachable.
func (d *droppedSender[T]) Dropped() {
	c := (*channel[T])(d)
	c.mu.Lock()
	c.noteLeakLocked()
	c.txFinished = true
	c.NoteCloseLocked(meter.SenderDropped, !c.sent && !c.rxFinished, c)
	c.endFromCleanupAndUnlock()
}

// Dropped closes a Receiver that the garbage collector found unreachable, and
// releases the value.
func (d *droppedReceiver[T]) Dropped() {
	c := (*channel[T])(d)
	c.mu.Lock()
	c.noteLeakLocked()
	c.rxFinished = true
	var zero T
	c.value, c.holds = zero, false
	c.NoteCloseLocked(meter.ReceiverDropped, !c.txFinished, c)
	c.endFromCleanupAndUnlock()
}

// noteLeakLocked counts a handle that was dropped. A handle that has sent or
// received, or whose other end is closed, needs no Close.
func (c *channel[T]) noteLeakLocked() {
	if !c.endedLocked() && c.Named() {
		c.Leaked.Add(1)
	}
}

// endFromCleanupAndUnlock is endAndUnlock for the garbage collector, which must
// not wake a goroutine in a testing/synctest bubble, and must not touch a gate
// that belongs to one.
func (c *channel[T]) endFromCleanupAndUnlock() {
	var served *park.Waiter[receiving]
	for w := c.rxq.Front(); w != nil && served == nil; {
		next := w.Next()
		if !w.Bubbled() {
			c.rxq.Remove(w)
			if w.Claim() {
				w.Payload.err = c.endErrorLocked()
				served = w
			}
		}
		w = next
	}
	if g := c.gates; g != nil {
		if g.ready.Asked() && !g.ready.Bubbled() {
			c.setReadyLocked()
		}
		if c.rxFinished && !g.done.Bubbled() {
			g.done.End()
		}
	}
	c.mu.Unlock()
	if served != nil {
		served.Wake()
	}
}
