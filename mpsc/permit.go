package mpsc

import (
	"github.com/leat-go/leat/internal/queue"
	"github.com/leat-go/leat/internal/seam"
)

// Permit is one slot of the capacity, taken in advance for one value by
// [Sender.Reserve] or [Sender.TryReserve]. It is used up by one Send or
// Release. Both may be called concurrently with anything.
//
//	p, err := tx.Reserve(ctx)
//	if err != nil {
//		return err
//	}
//	defer p.Release()
//	v, err := expensive()
//	if err != nil {
//		return err
//	}
//	return p.Send(v)
type Permit[T any] struct {
	c     *queue.Channel[T]
	spent seam.Bool
}

const noPermit = "mpsc: nil or zero Permit; use one that Reserve returned"

// Send puts v into the reserved slot, and never blocks. It returns ErrClosed,
// and does not send v, if the permit is used up or the receiver was dropped. A
// closed receiver still receives v.
func (p *Permit[T]) Send(v T) error {
	if p == nil {
		panic(noPermit)
	}
	return p.c.Redeem(&p.spent, v)
}

// Release gives the slot back, to the first waiting sender if there is one. It
// has no effect if the permit is used up, so it can be deferred.
func (p *Permit[T]) Release() {
	if p == nil {
		panic(noPermit)
	}
	p.c.Release(&p.spent)
}
