package leattest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leat-go/leat"
)

var collectCases = []testcase{
	{
		name:    "R7_RecvBatch_collects_until_full",
		promise: "RecvBatch waits for a value, and then until its buffer is full; it leaves the rest to the next call",
		rule:    rule7,
		needs:   []need{needRecvBatch, needBacklog},
		run:     collectUntilFull,
	},
	{
		name:    "R7_RecvBatch_ends_at_its_age",
		promise: "RecvBatch returns when maxAge has passed since its first value, however late that came and however often others came",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needRecvBatch, needBacklog},
		run:     collectByAge,
	},
	{
		name:    "R7_RecvBatch_without_an_age_takes_what_is_there",
		promise: "with a maxAge of 0 or less, RecvBatch waits for the first value only",
		rule:    rule7,
		needs:   []need{needRecvBatch, needBacklog},
		run:     collectWithoutAge,
	},
	{
		name:    "R1_RecvBatch_returns_what_it_has",
		promise: "if the channel ends, ctx ends or the receiver is closed while RecvBatch collects, it returns its values, and the next call the error",
		rule:    rule1,
		mode:    bubbled,
		needs:   []need{needRecvBatch, needBacklog},
		run:     collectCut,
	},
	{
		name:    "R2_RecvBatch_fails_before_its_first_value",
		promise: "before its first value, RecvBatch ends as Recv does",
		rule:    rule2,
		needs:   []need{needRecvBatch},
		run:     collectNothing,
	},
	{
		name:    "R9_RecvBatch_makes_room",
		promise: "each value that RecvBatch collects makes room for one, so senders do not wait for the batch, and Len does not count it",
		rule:    rule9,
		mode:    bubbled,
		needs:   []need{needRecvBatch, needWaiting},
		run:     collectMakesRoom,
	},
	{
		name:    "R8_RecvBatch_stops_before_a_gap",
		promise: "RecvBatch returns the values before a gap, and the next call reports the gap",
		rule:    rule8,
		mode:    bubbled,
		needs:   []need{needRecvBatch, needSendMany, needLossy},
		run:     collectBeforeGap,
	},
	{
		name:    "R8_RecvBatch_loses_nothing_at_its_age",
		promise: "values that come at the instant at which the age passes are in this batch or in the next",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needRecvBatch, needBacklog, needLossless},
		run:     collectAtTheEdge,
	},
}

// startBatch starts a RecvBatch. The values are in the slice that it returns
// when the call has returned.
func (t *tester) startBatch(ctx context.Context, rx leat.Receiver[int], size int, maxAge time.Duration) (*call, []int) {
	buf := slices.Repeat([]int{-7}, size)
	return t.start("RecvBatch", func() (int, error) { return rx.(batchCollector).RecvBatch(ctx, buf, maxAge) }), buf
}

// wantBatch asserts that a RecvBatch has returned values, and left the rest of
// its buffer alone.
func (c *call) wantBatch(buf []int, values ...int) {
	c.t.Helper()
	c.want(len(values), nil)
	if !slices.Equal(buf[:c.n], values) {
		c.t.Fatalf("%s got %v; want %v", c.what, buf[:c.n], values)
	}
	for _, v := range buf[c.n:] {
		if v != -7 {
			c.t.Fatalf("%s returned %d and wrote %d after that", c.what, c.n, v)
		}
	}
}

func collectUntilFull(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(8)
		batch, buf := t.startBatch(ctx, ch.rx, 3, time.Hour)
		batch.what += " with a context " + name
		batch.waits()
		t.trySend(ch.tx, 1, nil)
		batch.waits()
		t.send(ch.tx, 2)
		batch.waits()
		t.send(ch.tx, 3, 4)
		batch.wantBatch(buf, 1, 2, 3)
		t.send(ch.tx, 5, 6, 7, 8)
		batch, buf = t.startBatch(ctx, ch.rx, 5, time.Hour) // all is there
		batch.wantBatch(buf, 4, 5, 6, 7, 8)
		t.recvErr(ch.rx, leat.ErrEmpty)
		batch, buf = t.startBatch(ctx, ch.rx, 0, time.Hour)
		batch.wantBatch(buf)
	}
}

func collectByAge(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(8)
		batch, buf := t.startBatch(ctx, ch.rx, 8, time.Minute)
		batch.what += " with a context " + name
		<-time.After(5 * time.Minute) // the age is that of the first value, and there is none
		batch.waits()
		t.send(ch.tx, 0)
		<-time.After(25 * time.Second)
		t.send(ch.tx, 1)
		<-time.After(25 * time.Second)
		t.send(ch.tx, 2)
		<-time.After(10*time.Second - 1)
		batch.waits()
		<-time.After(1)
		batch.wantBatch(buf, 0, 1, 2)

		t.send(ch.tx, 3) // the first value is there
		batch, buf = t.startBatch(ctx, ch.rx, 8, time.Minute)
		<-time.After(time.Minute - 1)
		batch.waits()
		<-time.After(1)
		batch.wantBatch(buf, 3)
		t.send(ch.tx, 4)
		t.recv(ch.rx, 4)
	}
}

func collectWithoutAge(t *tester) {
	for _, maxAge := range []time.Duration{0, -time.Second} {
		ch := t.open(4)
		batch, buf := t.startBatch(t.ctx(), ch.rx, 3, maxAge)
		batch.waits()
		t.send(ch.tx, 1)
		batch.wantBatch(buf, 1)
		t.send(ch.tx, 2, 3)
		batch, buf = t.startBatch(t.ctx(), ch.rx, 3, maxAge)
		batch.wantBatch(buf, 2, 3)
	}
}

func collectCut(t *tester) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, cut := range []struct {
		why string
		cut func(*channel)
		err error
	}{
		{"the last sender closed", func(ch *channel) { ch.tx.Close() }, leat.ErrClosed},
		{"the receiver closed", func(ch *channel) { ch.rx.Close() }, leat.ErrClosed},
		{"its ctx ended", func(*channel) { cancel() }, context.Canceled},
	} {
		ch := t.open(4)
		batch, buf := t.startBatch(ctx, ch.rx, 4, time.Hour)
		batch.what += ", when " + cut.why
		batch.waits()
		t.send(ch.tx, 1)
		t.send(ch.tx, 2)
		batch.waits()
		cut.cut(ch)
		batch.wantBatch(buf, 1, 2)
		batch, _ = t.startBatch(ctx, ch.rx, 4, time.Hour)
		batch.what += " after " + cut.why
		batch.wantErr(cut.err)
		if batch.n != 0 {
			t.Fatalf("%s = %d, %v; with an error there are no values", batch.what, batch.n, batch.err)
		}
	}
}

func collectNothing(t *tester) {
	ch := t.open(1)
	ctx, cancel := context.WithCancel(context.Background())
	batch, _ := t.startBatch(ctx, ch.rx, 3, time.Hour)
	batch.waits()
	cancel()
	batch.want(0, context.Canceled)
	t.send(ch.tx, 1)
	batch, _ = t.startBatch(ctx, ch.rx, 3, time.Hour) // ctx first, although a value is there
	batch.want(0, context.Canceled)
	t.recv(ch.rx, 1)

	ended := t.open(1)
	batch, _ = t.startBatch(t.ctx(), ended.rx, 3, time.Hour)
	batch.waits()
	t.close(ended.tx)
	batch.want(0, leat.ErrClosed)
	batch, _ = t.startBatch(t.ctx(), ended.rx, 3, 0)
	batch.want(0, leat.ErrClosed)
}

func collectMakesRoom(t *tester) {
	ch := t.open(1)
	batch, buf := t.startBatch(t.ctx(), ch.rx, 4, time.Hour)
	for v := range 3 {
		t.trySend(ch.tx, v, nil)
		batch.waits()
		t.len(0, ch.tx, ch.rx)
	}
	t.send(ch.tx, 3)
	batch.wantBatch(buf, 0, 1, 2, 3)

	// Senders that wait bring the rest.
	t.send(ch.tx, 4)
	var sends []*call
	for v := 5; v < 8; v++ {
		sends = append(sends, t.startSend(t.ctx(), ch.tx, v))
	}
	batch, buf = t.startBatch(t.ctx(), ch.rx, 4, time.Hour)
	batch.wantBatch(buf, 4, 5, 6, 7)
	for _, send := range sends {
		send.want(0, nil)
	}
}

func collectBeforeGap(t *tester) {
	ch := t.open(2)
	batch, buf := t.startBatch(t.ctx(), ch.rx, 8, time.Hour)
	t.send(ch.tx, 1)
	batch.waits()
	if n, err := ch.tx.(batchSender).SendMany(t.ctx(), seq(2, 6)); n != 5 || err != nil { // in one step
		t.Fatalf("SendMany of 5 = %d, %v", n, err)
	}
	batch.wantBatch(buf, 1)
	batch, _ = t.startBatch(t.ctx(), ch.rx, 8, 0)
	batch.want(0, lagged(3))
	batch, buf = t.startBatch(t.ctx(), ch.rx, 8, 0)
	batch.wantBatch(buf, 5, 6)
}

func collectAtTheEdge(t *tester) {
	ch := t.open(4)
	n := t.scale(2000)
	send := t.start("the sender", func() (int, error) {
		defer ch.tx.Close()
		for v := range n {
			if err := ch.tx.Send(t.ctx(), v); err != nil {
				return v, err
			}
			if v%7 == 0 {
				<-time.After(20 * time.Microsecond)
			}
		}
		return n, nil
	})
	next, buf := 0, make([]int, 5)
	for {
		k, err := ch.rx.(batchCollector).RecvBatch(t.ctx(), buf, 20*time.Microsecond)
		if errors.Is(err, leat.ErrClosed) {
			break
		}
		if err != nil || k == 0 {
			t.Fatalf("RecvBatch = %d, %v after %d values", k, err, next)
		}
		for _, v := range buf[:k] {
			if v != next {
				t.Fatalf("RecvBatch gave %v; want %d first", buf[:k], next)
			}
			next++
		}
	}
	send.want(n, nil)
	if next != n {
		t.Fatalf("received %d values of %d", next, n)
	}
}
