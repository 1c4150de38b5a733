package leattest

import (
	"context"
	"time"

	"github.com/leat-go/leat"
)

const ruleSettled = `package watch: Settled waits for a value that was not seen, and then until the value has not changed for quiet, or atMost has passed.`

var settledCases = []testcase{
	{
		name:    "Settled_waits_for_quiet",
		promise: "Settled returns the newest value when nothing has changed for quiet, and until then no value is seen",
		rule:    ruleSettled,
		mode:    bubbled,
		needs:   []need{needSettled},
		run:     settledQuiet,
	},
	{
		name:    "Settled_waits_atMost",
		promise: "Settled returns the newest value when atMost has passed since the first change, however often the value changes",
		rule:    ruleSettled,
		mode:    bubbled,
		needs:   []need{needSettled},
		run:     settledAtMost,
	},
	{
		name:    "R4_Settled_ends_with_the_channel",
		promise: "when the channel ends, Settled returns at once: the last value if it was not seen, then ErrClosed",
		rule:    rule4,
		mode:    bubbled,
		needs:   []need{needSettled},
		run:     settledEnds,
	},
	{
		name:    "R1_a_cancelled_Settled_has_seen_nothing",
		promise: "a Settled whose ctx ends returns ctx.Err(), and the value is still there for the next receive",
		rule:    rule1,
		mode:    bubbled,
		needs:   []need{needSettled},
		run:     settledCancelled,
	},
}

func (t *tester) startSettled(ctx context.Context, rx leat.Receiver[int], quiet, atMost time.Duration) *call {
	return t.start("Settled", func() (int, error) { return rx.(settler).Settled(ctx, quiet, atMost) })
}

func settledQuiet(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		settled := t.startSettled(ctx, ch.rx, time.Second, 0)
		settled.what += " with a context " + name
		<-time.After(time.Minute)
		for v := 1; v <= 3; v++ {
			settled.waits()
			t.send(ch.tx, v)
			<-time.After(time.Second - time.Nanosecond)
		}
		settled.waits()
		<-time.After(time.Nanosecond)
		settled.want(3, nil)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func settledAtMost(t *tester) {
	ch := t.open(1)
	settled := t.startSettled(t.ctx(), ch.rx, time.Second, 2*time.Second+1)
	<-time.After(time.Minute)
	for v := 1; v <= 5; v++ {
		settled.waits()
		t.send(ch.tx, v)
		<-time.After(time.Second / 2)
	}
	<-time.After(time.Nanosecond)
	settled.want(5, nil)
	t.send(ch.tx, 6)
	t.startSettled(t.ctx(), ch.rx, 0, 0).want(6, nil)
}

func settledEnds(t *tester) {
	ch := t.open(1)
	settled := t.startSettled(t.ctx(), ch.rx, time.Minute, 0)
	t.send(ch.tx, 1)
	settled.waits()
	t.close(ch.tx)
	settled.want(1, nil)
	t.startSettled(t.ctx(), ch.rx, time.Minute, 0).want(0, leat.ErrClosed)

	ch = t.open(1)
	settled = t.startSettled(t.ctx(), ch.rx, time.Minute, 0)
	t.send(ch.tx, 1)
	settled.waits()
	t.close(ch.rx)
	settled.want(0, leat.ErrClosed)
}

func settledCancelled(t *tester) {
	ch := t.open(1)
	ctx, cancel := context.WithCancel(t.ctx())
	settled := t.startSettled(ctx, ch.rx, time.Minute, 0)
	t.send(ch.tx, 1)
	settled.waits()
	cancel()
	settled.want(0, context.Canceled)
	t.startSettled(ctx, ch.rx, 0, 0).want(0, context.Canceled)
	t.recv(ch.rx, 1)
}
