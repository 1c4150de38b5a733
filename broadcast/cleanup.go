package broadcast

import "github.com/leat-go/leat/internal/meter"

// What the garbage collector does about a handle that was dropped: see package
// leak. It must not wake a goroutine in a testing/synctest bubble, and not
// touch a gate that belongs to one. These stay as they are, although there is
// something for them.

// droppedSender is a channel as the guards of its senders know it. Those of its
// receivers know their cursors.
type droppedSender[T any] channel[T]

// Dropped closes a sender handle that the garbage collector found unreachable.
func (d *droppedSender[T]) Dropped() {
	c := (*channel[T])(d)
	c.Leaked.Add(1)
	var wk wakes
	c.mu.Lock()
	last := c.closeSenderLocked()
	if last {
		c.waiting.Notify(&wk.rx, true, true)
	}
	c.NoteCloseLocked(meter.SenderDropped, last, c)
	c.mu.Unlock()
	wk.run()
}

// receiverDropped closes a receiver that the garbage collector found
// unreachable. No goroutine waits in it, or the goroutine would hold it.
func (c *channel[T]) receiverDropped(cur *cursor) {
	var wk wakes
	c.mu.Lock()
	if !c.ended.Load() { // a receiver that has seen the end need not be closed
		c.Leaked.Add(1)
	}
	c.removeLocked(cur, &wk)
	c.counting.Changed(c.receiversLocked(), &wk.count, true)
	c.serveSendersLocked(&wk, true)
	c.NoteCloseLocked(meter.ReceiverDropped, false, c)
	c.mu.Unlock()
	wk.run()
}
