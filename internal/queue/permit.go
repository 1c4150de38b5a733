package queue

import (
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/seam"
)

// A permit is a reserved slot of a channel, which Tx.Reserve has counted, and a
// flag that tells whether it is used up. The kinds make them, so that their
// Reserve is small enough to be inlined, and a permit that does not leave its
// caller needs no allocation.

// Redeem puts v into the slot of a permit, if the permit is not used up.
func (c *Channel[T]) Redeem(spent *seam.Bool, v T) error {
	if c == nil {
		panic(notMade())
	}
	if !spent.CompareAndSwap(false, true) {
		return contract.ErrClosed
	}
	c.values.Tail.Lock()
	if c.uncontended {
		c.permits--
		c.values.Push(v)
		c.values.Tail.Unlock()
		return nil
	}
	c.lockHeadToo()
	c.permits--
	var err error
	if c.reachableReceivers > 0 {
		c.values.Push(v)
	} else {
		err = contract.Closed(c.receiverCause)
	}
	c.settleAndUnlock()
	return err
}

// Release gives the slot of a permit back, if the permit is not used up.
func (c *Channel[T]) Release(spent *seam.Bool) {
	if c == nil {
		panic(notMade())
	}
	if !spent.CompareAndSwap(false, true) {
		return
	}
	c.Lock()
	c.permits--
	c.settleAndUnlock()
}
