package natschan

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// RecvBatch receives into buf. It blocks for the first value, as Recv does, and
// then collects until buf is full or maxAge has passed since it received that
// value. If maxAge is 0 or less, it takes the values that are there. It returns
// how many values it has received, and acknowledges them as Recv does, but
// waits for the server only when it has received all that had arrived. A batch
// of an MPSC channel of n values thus costs one exchange instead of n.
//
// An error before the first value is returned as by Recv. If the channel or ctx
// ends later, the receiver lags or is closed, or a value is not a T, RecvBatch
// returns what it has with a nil error, and the next receive returns the error.
// An empty buf returns 0 and nil.
func (r *Receiver[T]) RecvBatch(ctx context.Context, buf []T, maxAge time.Duration) (n int, err error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil || len(buf) == 0 {
		return 0, err
	}
	b := batch[T]{r: r, buf: buf}
	for b.n == 0 { // again if the server takes the received values back
		if err := b.first(ctx); err != nil {
			return 0, err
		}
		b.collect(ctx, maxAge)
		b.confirm()
	}
	return b.n, nil
}

// A batch is the values of one RecvBatch.
type batch[T any] struct {
	r    *Receiver[T]
	buf  []T
	n    int       // values received
	sure int       // of which the server has confirmed the acknowledgement, or need not
	last *delivery // the value that was received last
}

// first receives the first value.
func (b *batch[T]) first(ctx context.Context) error {
	for b.n == 0 {
		d, err := b.r.receive(ctx, call{})
		if err != nil {
			return err
		}
		if err := b.add(d); err != nil {
			return err
		}
	}
	return nil
}

// collect receives more values, until none may be added.
func (b *batch[T]) collect(ctx context.Context, maxAge time.Duration) {
	c := call{more: true, try: maxAge <= 0}
	if c.try {
		maxAge = serverTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, maxAge)
	defer cancel()
	for b.n > 0 && b.n < len(b.buf) {
		d, err := b.r.receive(ctx, c)
		if err != nil {
			return // a later receive finds the same
		}
		if err := b.add(d); err != nil {
			b.r.deferError(err)
			return
		}
	}
}

// add acknowledges d and puts it into buf. If the server says that d is another
// receiver's, so are those before it that it has not confirmed: add removes
// them.
func (b *batch[T]) add(d *delivery) error {
	last := b.n+1 == len(b.buf) || b.r.nothingNext()
	if !b.r.acknowledgeInBatch(d, last) {
		b.drop()
		return nil
	}
	err := b.r.decode(d, &b.buf[b.n])
	if err == nil {
		b.n++
	} else {
		clear(b.buf[b.n : b.n+1])
	}
	b.last = d
	if last {
		b.sure = b.n
	}
	return err
}

// confirm has the server confirm what it has not. That is necessary if no value
// came although add expected one: the receiver has dropped its buffer, because
// its place may be another's. To acknowledge a value twice does no harm.
func (b *batch[T]) confirm() {
	if b.sure < b.n && b.r.confirms && errors.Is(b.r.request(b.last.msg.Reply, ack), nats.ErrNoResponders) {
		b.drop()
	}
}

// drop removes the values that the server has not confirmed.
func (b *batch[T]) drop() {
	clear(b.buf[b.sure:b.n])
	b.n = b.sure
}

// acknowledgeInBatch is acknowledge, but waits for the server only for the last
// value of those that have arrived. The server takes the acknowledgements of
// one connection in order.
func (r *receiver) acknowledgeInBatch(d *delivery, last bool) bool {
	if last || !r.acks || !r.confirms || r.takesAhead() && !r.bounded {
		return r.acknowledge(d)
	}
	return !errors.Is(r.settle(d, ack, false), ErrFenced)
}

// errNoMore ends a batch before a gap.
var errNoMore = errors.New("natschan: a gap is next")

// nothingNext reports whether a batch can have no other value at once.
func (r *receiver) nothingNext() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buffer.empty() || r.gapNextLocked() || len(r.deferred) > 0
}

// gapNextLocked reports whether values are missing before the next one.
func (r *receiver) gapNextLocked() bool {
	return r.lags && !r.buffer.empty() && r.position.gap(r.buffer.first()) > 0
}

// deferError leaves err to the next receive.
func (r *receiver) deferError(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deferred = append(r.deferred, err)
	r.buffer.gate.set(true)
}

// deferredLocked returns the oldest error that was left to a receive. A call
// that has values leaves it to the next one, too.
func (r *receiver) deferredLocked(c *call) error {
	if c.more {
		return errNoMore
	}
	err := r.deferred[0]
	r.deferred = r.deferred[1:]
	r.buffer.signal()
	return err
}
