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
	c.Lock()
	c.noteLeakLocked()
	c.state |= txFinished
	c.meter().NoteCloseLocked(meter.SenderDropped, !c.hasLocked(sent|rxFinished), c)
	c.endFromCleanupAndUnlock()
}

// Dropped closes a Receiver that the garbage collector found unreachable, and
// releases the value.
func (d *droppedReceiver[T]) Dropped() {
	c := (*channel[T])(d)
	c.Lock()
	c.noteLeakLocked()
	c.state = c.state&^holds | rxFinished
	c.given()
	c.meter().NoteCloseLocked(meter.ReceiverDropped, !c.hasLocked(txFinished), c)
	c.endFromCleanupAndUnlock()
}

// noteLeakLocked counts a handle that was dropped. A handle that has sent or
// received, or whose other end is closed, needs no Close.
func (c *channel[T]) noteLeakLocked() {
	if m := c.meter(); !c.endedLocked() && m.Named() {
		m.Leaked.Add(1)
	}
}

// endFromCleanupAndUnlock is endAndUnlock for the garbage collector, which must
// not wake a goroutine in a testing/synctest bubble, and must not touch a gate
// that belongs to one.
func (c *channel[T]) endFromCleanupAndUnlock() {
	var served *park.Waiter
	for w := c.rxq.Front(); w != nil && served == nil; {
		next := w.Next()
		if !w.Bubbled() {
			c.rxq.Remove(w)
			if w.Claim() {
				w.Request.(*receiving).err = c.endErrorLocked()
				served = w
			}
		}
		w = next
	}
	if m := c.more.Load(); m != nil {
		if m.ready.Asked() && !m.ready.Bubbled() {
			c.setReadyLocked(m)
		}
		if c.hasLocked(rxFinished) && !m.done.Bubbled() {
			m.done.End()
		}
	}
	c.Unlock()
	if served != nil {
		served.Wake()
	}
}
