package leattest

import (
	"context"
	"fmt"
	"sync"

	"github.com/leat-go/leat"
)

var receiversCases = []testcase{
	{
		name:    "R5_WaitReceivers_waits_for_a_number",
		promise: "WaitReceivers returns at once if its function is true for the number of open receivers, and when it becomes true",
		rule:    rule5b,
		needs:   []need{needWaitReceivers, needSubscribe},
		run:     waitsForNumber,
	},
	{
		name:    "R3_WaitReceivers_ends_with_its_handle",
		promise: "WaitReceivers returns ErrClosed when its own handle is closed, and not when another one is",
		rule:    rule3,
		needs:   []need{needWaitReceivers, needClone},
		run:     waitEndsWithHandle,
	},
	{
		name:    "R2_WaitReceivers_ends_with_its_context",
		promise: "WaitReceivers returns ctx.Err() at entry if ctx is done, and when ctx ends while it blocks",
		rule:    rule2,
		needs:   []need{needWaitReceivers},
		run:     waitEndsWithContext,
	},
	{
		name:    "R11_WaitReceivers_calls_without_a_lock",
		promise: "the function of WaitReceivers runs without a lock, so it may use the channel, and may panic",
		rule:    rule11,
		needs:   []need{needWaitReceivers, needSubscribe},
		run:     waitWithoutLock,
	},
	{
		name:    "R5_WaitReceivers_misses_no_lasting_number",
		promise: "however receivers come and go, WaitReceivers returns once the number is right and stays so",
		rule:    rule5b,
		mode:    realTime,
		needs:   []need{needWaitReceivers, needSubscribe},
		run:     waitMissesNothing,
	},
}

// startWaitReceivers waits in a goroutine until there are want receivers.
func (t *tester) startWaitReceivers(ctx context.Context, tx leat.Sender[int], want int) *call {
	return t.start(fmt.Sprintf("WaitReceivers for %d", want), func() (int, error) {
		return tx.(receiverWaiter).WaitReceivers(ctx, func(n int) bool { return n == want })
	})
}

func waitsForNumber(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(2)
		wait := func(want int) *call {
			c := t.startWaitReceivers(ctx, ch.tx, want)
			c.what += " with a context " + name
			return c
		}
		wait(1).want(1, nil)
		two, none, alsoNone := wait(2), wait(0), wait(0)
		two.waits()
		other := ch.subscribe()
		two.want(2, nil)
		none.waits()
		t.close(ch.rx)
		none.waits()
		alsoNone.waits()
		t.close(ch.rx) // which was closed
		none.waits()
		t.close(other)
		none.want(0, nil)
		alsoNone.want(0, nil)
	}
}

func waitEndsWithHandle(t *tester) {
	for _, ctx := range t.contexts() {
		ch := t.open(2)
		other := ch.clone()
		first, second := t.startWaitReceivers(ctx, other, 5), t.startWaitReceivers(ctx, other, 6)
		stays := t.startWaitReceivers(ctx, ch.tx, 7)
		first.waits()
		second.waits()
		t.close(other)
		first.want(0, leat.ErrClosed)
		second.want(0, leat.ErrClosed)
		stays.waits()
		t.startWaitReceivers(ctx, other, 1).want(0, leat.ErrClosed)
		t.close(ch.tx)
		stays.want(0, leat.ErrClosed)
	}
}

func waitEndsWithContext(t *tester) {
	ch := t.open(2)
	ctx, cancel := context.WithCancel(t.ctx())
	blocked := t.startWaitReceivers(ctx, ch.tx, 5)
	blocked.waits()
	cancel()
	blocked.want(0, context.Canceled)
	t.startWaitReceivers(ctx, ch.tx, 1).want(0, context.Canceled)
}

func waitWithoutLock(t *tester) {
	ch := t.open(2)
	tx := ch.tx.(receiverWaiter)
	wait := t.start("WaitReceivers whose function subscribes", func() (int, error) {
		return tx.WaitReceivers(t.ctx(), func(n int) bool {
			if n < 3 {
				ch.subscribe()
				_ = ch.tx.TrySend(n)
			}
			return n == 3
		})
	})
	wait.want(3, nil)
	func() {
		defer func() {
			if got := recover(); got != "mine" {
				t.Fatalf("WaitReceivers whose function panics: recovered %v; want that panic", got)
			}
		}()
		tx.WaitReceivers(t.ctx(), func(int) bool { panic("mine") })
	}()
	t.startWaitReceivers(t.ctx(), ch.tx, 3).want(3, nil)
}

func waitMissesNothing(t *tester) {
	ch := t.open(2)
	const n = 8
	for range t.scale(200) {
		var waits []*call
		for range 2 {
			waits = append(waits, t.startWaitReceivers(t.ctx(), ch.tx, n+1))
		}
		var rxs [n]leat.Receiver[int]
		var wg sync.WaitGroup
		for i := range rxs {
			wg.Go(func() { rxs[i] = ch.Subscribe() })
		}
		wg.Wait()
		for _, wait := range waits {
			wait.want(n+1, nil)
		}
		left := t.startWaitReceivers(t.ctx(), ch.tx, 1)
		for _, rx := range rxs {
			wg.Go(func() { rx.Close() })
		}
		wg.Wait()
		left.want(1, nil)
	}
}
