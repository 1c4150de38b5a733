package leattest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
)

// What the handles of the model can do. A broken kind wraps them, and overrides
// what it breaks.
type (
	sender interface {
		leat.Sender[int]
		leattest.BatchSender
		leattest.TryBatchSender
		leattest.ForceSender
		leattest.Lener
		leattest.Caper
		leattest.Doner
		leattest.Counter
		leattest.ReceiverWaiter
		leattest.Nexter
		leattest.CauseCloser
	}
	receiver interface {
		leat.Receiver[int]
		leattest.BatchReceiver
		leattest.TryBatchReceiver
		leattest.BatchCollector
		leattest.Lener
		leattest.Caper
		leattest.Readier
		leattest.Nexter
		leattest.Settler
		leattest.CountingRanger
		leattest.LoopErrer
		leattest.CauseCloser
	}
)

// A core is what the handles of one broken channel share.
type core struct {
	mu      sync.Mutex
	closed  bool // some handle was
	values  []int
	handles []leat.Sender[int]
	permits []leattest.Permit
	waiting []chan struct{}
	tick    chan struct{}
}

// broken makes a kind of the model with wrapped handles. A nil wrapper leaves
// them as they are.
func broken(f leattest.Features, tx func(*core, sender) leat.Sender[int], rx func(*core, receiver) leat.Receiver[int]) leattest.Kind {
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		return wrap(&core{tick: make(chan struct{}, 1)}, leattest.NewReference(f, capacity), tx, rx)
	}}
}

func wrap(c *core, ch leattest.Channel, tx func(*core, sender) leat.Sender[int], rx func(*core, receiver) leat.Receiver[int]) leattest.Channel {
	inner := ch
	if tx != nil {
		ch.Sender = tx(c, inner.Sender.(sender))
		ch.Clone = func() leat.Sender[int] { return tx(c, inner.Clone().(sender)) }
	}
	if rx != nil {
		ch.Receiver = rx(c, inner.Receiver.(receiver))
		if inner.Subscribe != nil {
			ch.Subscribe = func() leat.Receiver[int] { return rx(c, inner.Subscribe().(receiver)) }
		}
		if inner.From != nil {
			ch.From = func(n uint64) leat.Receiver[int] { return rx(c, inner.From(n).(receiver)) }
		}
		if inner.Listen != nil {
			ch.Listen = func(of leat.Receiver[int]) leat.Receiver[int] { return rx(c, inner.Listen(of).(receiver)) }
		}
	}
	return ch
}

// A tx is a sender that does something else where a field says so.
type tx struct {
	sender
	send    func(ctx context.Context, v int) error
	trySend func(v int) error
	many    func(ctx context.Context, vs []int) (int, error)
	tryMany func(vs []int) (int, error)
	force   func(v int) (int, bool, error)
	length  func() int
	close   func() error
	cause   func(error) error
	wait    func(ctx context.Context, fn func(int) bool) (int, error)
}

func (t *tx) WaitReceivers(ctx context.Context, fn func(int) bool) (int, error) {
	if t.wait == nil {
		return t.sender.WaitReceivers(ctx, fn)
	}
	return t.wait(ctx, fn)
}

func (t *tx) Send(ctx context.Context, v int) error {
	if t.send == nil {
		return t.sender.Send(ctx, v)
	}
	return t.send(ctx, v)
}

func (t *tx) TrySend(v int) error {
	if t.trySend == nil {
		return t.sender.TrySend(v)
	}
	return t.trySend(v)
}

func (t *tx) SendMany(ctx context.Context, vs []int) (int, error) {
	if t.many == nil {
		return t.sender.SendMany(ctx, vs)
	}
	return t.many(ctx, vs)
}

func (t *tx) TrySendMany(vs []int) (int, error) {
	if t.tryMany == nil {
		return t.sender.TrySendMany(vs)
	}
	return t.tryMany(vs)
}

func (t *tx) ForceSend(v int) (int, bool, error) {
	if t.force == nil {
		return t.sender.ForceSend(v)
	}
	return t.force(v)
}

func (t *tx) Len() int {
	if t.length == nil {
		return t.sender.Len()
	}
	return t.length()
}

func (t *tx) Close() error {
	if t.close == nil {
		return t.sender.Close()
	}
	return t.close()
}

func (t *tx) CloseWith(cause error) error {
	switch {
	case t.cause != nil:
		return t.cause(cause)
	case t.close != nil:
		return t.close()
	}
	return t.sender.CloseWith(cause)
}

// An rx is a receiver that does something else where a field says so.
type rx struct {
	receiver
	recv    func(ctx context.Context) (int, error)
	tryRecv func() (int, error)
	many    func(ctx context.Context, buf []int) (int, error)
	tryMany func(buf []int) (int, error)
	batch   func(ctx context.Context, buf []int, maxAge time.Duration) (int, error)
	ready   func() <-chan struct{}
	next    func() uint64
	close   func() error
	cause   func(error) error
	settled func(ctx context.Context, quiet, atMost time.Duration) (int, error)
	loopErr func() error
}

func (r *rx) Err() error {
	if r.loopErr == nil {
		return r.receiver.Err()
	}
	return r.loopErr()
}

func (r *rx) Settled(ctx context.Context, quiet, atMost time.Duration) (int, error) {
	if r.settled == nil {
		return r.receiver.Settled(ctx, quiet, atMost)
	}
	return r.settled(ctx, quiet, atMost)
}

func (r *rx) Recv(ctx context.Context) (int, error) {
	if r.recv == nil {
		return r.receiver.Recv(ctx)
	}
	return r.recv(ctx)
}

func (r *rx) TryRecv() (int, error) {
	if r.tryRecv == nil {
		return r.receiver.TryRecv()
	}
	return r.tryRecv()
}

func (r *rx) RecvMany(ctx context.Context, buf []int) (int, error) {
	if r.many == nil {
		return r.receiver.RecvMany(ctx, buf)
	}
	return r.many(ctx, buf)
}

func (r *rx) TryRecvMany(buf []int) (int, error) {
	if r.tryMany == nil {
		return r.receiver.TryRecvMany(buf)
	}
	return r.tryMany(buf)
}

func (r *rx) RecvBatch(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
	if r.batch == nil {
		return r.receiver.RecvBatch(ctx, buf, maxAge)
	}
	return r.batch(ctx, buf, maxAge)
}

func (r *rx) Ready() <-chan struct{} {
	if r.ready == nil {
		return r.receiver.Ready()
	}
	return r.ready()
}

func (r *rx) Next() uint64 {
	if r.next == nil {
		return r.receiver.Next()
	}
	return r.next()
}

func (r *rx) Close() error {
	if r.close == nil {
		return r.receiver.Close()
	}
	return r.close()
}

func (r *rx) CloseWith(cause error) error {
	switch {
	case r.cause != nil:
		return r.cause(cause)
	case r.close != nil:
		return r.close()
	}
	return r.receiver.CloseWith(cause)
}

// barging makes senders that wait for a receive and then try again, all at once
// or, if lifo is set, the last to come first.
func barging(lifo bool) leattest.Kind {
	send := func(c *core, s sender) leat.Sender[int] {
		t := &tx{sender: s}
		t.send = func(ctx context.Context, v int) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			for {
				c.mu.Lock()
				if err := s.TrySend(v); !errors.Is(err, leat.ErrFull) {
					c.mu.Unlock()
					return err
				}
				wake := make(chan struct{})
				c.waiting = append(c.waiting, wake)
				c.mu.Unlock()
				select {
				case <-wake:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return t
	}
	receive := func(c *core, r receiver) leat.Receiver[int] {
		wake := func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			from := 0
			if lifo && len(c.waiting) > 0 {
				from = len(c.waiting) - 1
			}
			for _, w := range c.waiting[from:] {
				close(w)
			}
			c.waiting = c.waiting[:from]
		}
		return &rx{
			receiver: r,
			recv:     func(ctx context.Context) (int, error) { defer wake(); return r.Recv(ctx) },
			tryRecv:  func() (int, error) { defer wake(); return r.TryRecv() },
			close:    func() error { defer wake(); return r.Close() },
		}
	}
	return broken(leattest.Features{SingleReceiver: true}, send, receive)
}

// brokenPermit wraps the permits of a queue, and their channel's receiver.
func brokenPermit(permit func(*core, leattest.Permit) leattest.Permit, receive func(*core, receiver) leat.Receiver[int]) leattest.Kind {
	f := leattest.Features{SingleReceiver: true}
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		c := &core{}
		ch := wrap(c, leattest.NewReference(f, capacity), nil, receive)
		reserve := ch.Reserve
		ch.Reserve = func(ctx context.Context) (leattest.Permit, error) {
			p, err := reserve(ctx)
			if err != nil {
				return nil, err
			}
			return permit(c, p), nil
		}
		return ch
	}}
}

type permit struct {
	send    func(v int) error
	release func()
}

func (p permit) Send(v int) error { return p.send(v) }
func (p permit) Release()         { p.release() }

// noteClose makes receivers whose Close is noted in their core.
func noteClose(c *core, r receiver) *rx {
	return &rx{receiver: r, close: func() error {
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		return r.Close()
	}}
}

func (c *core) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func wrapped(err error) error {
	if err == nil || errors.Is(err, leat.ErrClosed) {
		return err
	}
	return fmt.Errorf("broken: %w", err)
}
