package leattest

import (
	"context"
	"sync/atomic"

	"github.com/leat-go/leat"
)

var reentryCases = []testcase{
	{
		name:    "R11_context_calls_the_channel",
		promise: "a ctx whose own methods use the channel deadlocks nothing, because they are called without a lock",
		rule:    rule11,
		run:     contextCalls,
	},
	{
		name:    "R11_cancel_calls_the_channel",
		promise: "what runs at the end of a ctx may use the channel that somebody waits on",
		rule:    rule11,
		run:     cancelCalls,
	},
	{
		name:    "R11_loop_body_calls_the_channel",
		promise: "the body of a loop over All may use the channel, and close it",
		rule:    rule11,
		needs:   []need{needAll, needBacklog},
		run:     loopCalls,
	},
}

// A nosyContext calls look whenever it is asked anything.
type nosyContext struct {
	context.Context
	look  func()
	calls atomic.Int64
}

func (c *nosyContext) asked() {
	c.calls.Add(1)
	c.look()
}

func (c *nosyContext) Err() error                { c.asked(); return c.Context.Err() }
func (c *nosyContext) Done() <-chan struct{}     { c.asked(); return c.Context.Done() }
func (c *nosyContext) Value(key any) (value any) { return c.Context.Value(key) }

// contextCalls runs the calls in goroutines of their own: one that holds its
// lock while it asks the ctx waits for itself.
func contextCalls(t *tester) {
	ch := t.open(1)
	inner, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx := &nosyContext{Context: inner, look: func() {
		for _, h := range []any{ch.tx, ch.rx} {
			if l, ok := h.(lener); ok {
				l.Len()
			}
		}
		if t.can.clone {
			ch.Clone().Close()
		}
		if t.can.subscribe {
			ch.Subscribe().Close()
		}
	}}
	recv := t.startRecv(ctx, ch.rx)
	recv.waits()
	send := t.startSend(ctx, ch.tx, 1)
	send.want(0, nil)
	recv.want(1, nil)
	if t.kind.Features.mayWait() {
		t.send(ch.tx, 2)
		send = t.startSend(ctx, ch.tx, 3)
		send.waits()
		cancel()
		send.wantErr(context.Canceled)
		t.recv(ch.rx, 2)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
	if ctx.calls.Load() == 0 {
		t.Fatalf("nobody has asked the ctx anything")
	}
}

func cancelCalls(t *tester) {
	ch := t.open(1)
	ctx, cancel := context.WithCancel(context.Background())
	called := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		err := ch.tx.TrySend(1)
		ch.tx.Close()
		called <- err
	})
	recv := t.startRecv(ctx, ch.rx)
	recv.waits()
	cancel()
	n, err := recv.result()
	if sent := <-called; sent != nil {
		t.Fatalf("TrySend at the end of a ctx = %v", sent)
	}
	switch {
	case err == context.Canceled:
		t.recv(ch.rx, 1)
	case err != nil || n != 1:
		t.Fatalf("Recv = %d, %v; want 1, or context.Canceled and 1 afterwards", n, err)
	}
	t.recvErr(ch.rx, leat.ErrClosed)
}

func loopCalls(t *tester) {
	ch := t.open(4)
	t.send(ch.tx, 1)
	last := 0
	loop := t.start("a range over All", func() (int, error) {
		rangeAll(t.ctx(), ch.rx, func(v int, _ uint64) bool {
			last = v
			if v < 5 {
				if err := ch.tx.TrySend(v + 1); err != nil {
					t.Errorf("TrySend in a loop over All = %v", err)
				}
				return true
			}
			ch.tx.Close()
			ch.rx.Close()
			return true
		})
		return last, nil
	})
	loop.want(5, nil)
}
