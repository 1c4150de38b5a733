package broadcast

import (
	"strconv"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// SubscribeOption sets up the one receiver that [Sender.Subscribe] makes.
type SubscribeOption interface {
	add(subscription) subscription // by value, so that it is not on the heap
}

type subscription struct {
	replay   uint64
	from     uint64
	replays  bool // Replay was given
	starts   bool // From was given
	lossless bool
	patience time.Duration // of LosslessFor, or 0
}

// newSubscription returns what opts ask for.
func newSubscription(opts []SubscribeOption) (o subscription) {
	for _, opt := range opts {
		if opt != nil {
			o = opt.add(o)
		}
	}
	if o.replays && o.starts {
		panic("broadcast: Subscribe with Replay and From; each says where the receiver starts, use one of them")
	}
	if o.lossless && o.patience > 0 {
		panic("broadcast: Subscribe with Lossless and LosslessFor; each says how long senders wait, use one of them")
	}
	return o
}

// start returns the number of the first value that the receiver looks for. The
// oldest kept value has the number oldest, and the next value will have tail.
func (o *subscription) start(oldest, tail uint64) uint64 {
	if o.starts {
		return seam.Origin + min(o.from, tail-seam.Origin)
	}
	return tail - min(o.replay, tail-oldest)
}

// subscribe makes a receiver.
func (c *channel[T]) subscribe(opts []SubscribeOption) *Receiver[T] {
	o := newSubscription(opts)
	if c.unbounded { // each receiver keeps what it has not received, and no sender waits
		o.lossless, o.patience = true, 0
	}
	cur := &cursor{lossless: o.lossless || o.patience > 0, patience: o.patience, channel: c}
	var wk wakes
	c.mu.Lock()
	tail := c.tail
	cur.floor = c.oldest(tail)
	cur.start = o.start(cur.floor, tail)
	cur.state.Store(cur.start << flagBits)
	c.subs++
	cur.id = c.subs
	if cur.patience > 0 {
		c.holdLocked(cur)
	} else {
		c.listLocked(cur).Add(cur)
	}
	if cur.lossless && !c.unbounded {
		c.limit = min(c.limit, cur.needs()+c.ring.Capacity())
	}
	c.counting.Changed(c.receiversLocked(), &wk.count, false)
	c.mu.Unlock()
	wk.run()
	r := &Receiver[T]{c: c, cur: cur, at: c.ring.Place(cur.start)}
	park.InitRecv(&r.recvArms, (*recvEnd[T])(r))
	r.guard.Watch(r, cur)
	return r
}

// Replay lets the receiver start with up to n values that the channel still
// keeps: the last n accepted before it subscribed, or as many as there are. The
// channel keeps as many as its capacity. A negative n panics.
func Replay(n int) SubscribeOption {
	if n < 0 {
		panic("broadcast: Replay of " + strconv.Itoa(n) + " values; it must not be negative")
	}
	return replayOption(n)
}

// From lets the receiver start at value number n: the first value that a
// channel accepts has number 0, the next one number 1. So a receiver continues
// where an earlier one stopped: see [Receiver.Next].
//
// If value n is not accepted yet, the receiver starts at the next value that
// will be. If value n is already overwritten, the first receive returns a
// *leat.LaggedError with the exact number of values that are gone, and the
// receiver continues with the oldest value kept. With [Lossless], these are the
// only values that it misses.
//
// A Subscribe with From and [Replay] panics.
func From(n uint64) SubscribeOption { return fromOption(n) }

// Lossless lets the receiver never miss a value: while it has as many values
// before it as the capacity, Send waits for it and TrySend returns ErrFull. A
// lossless receiver that nobody reads from stops the senders until it is
// closed. Lossy and lossless receivers can be on one channel.
func Lossless() SubscribeOption { return losslessOption{} }

type replayOption uint64

func (n replayOption) add(s subscription) subscription {
	s.replay, s.replays = uint64(n), true
	return s
}

type fromOption uint64

func (n fromOption) add(s subscription) subscription {
	s.from, s.starts = uint64(n), true
	return s
}

type losslessOption struct{}

func (losslessOption) add(s subscription) subscription {
	s.lossless = true
	return s
}
