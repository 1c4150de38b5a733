package leattest

import (
	"context"
	"sync"

	"github.com/leat-go/leat"
)

var rendezvousCases = []testcase{
	{
		name:    "R6_try_needs_a_partner",
		promise: "with capacity 0, TrySend succeeds only if a receiver waits, and TryRecv only if a sender waits",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needZero},
		run:     tryNeedsPartner,
	},
	{
		name:    "R9_nothing_is_ever_in_it",
		promise: "with capacity 0, Len is 0 and a send returns when a receiver has the value",
		rule:    rule9,
		mode:    bubbled,
		needs:   []need{needZero},
		run:     nothingInIt,
	},
	{
		name:    "R6_try_batches_need_partners",
		promise: "with capacity 0, TrySendMany gives one value to each receiver that waits, and TryRecvMany takes one of each sender that waits",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needZero, needSubscribe, needTrySendMany, needTryRecvMany},
		run:     tryBatchesAtZero,
	},
	{
		name:    "R1_cancelled_partner",
		promise: "with capacity 0, a partner that gave up takes and leaves nothing",
		rule:    rule1,
		mode:    bubbled,
		needs:   []need{needZero},
		run:     cancelledPartner,
	},
	{
		name:    "R8_exchange",
		promise: "with capacity 0, each value is received exactly once",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needZero},
		run:     zeroExchange,
	},
}

func tryNeedsPartner(t *tester) {
	ch := t.open(0)
	t.trySend(ch.tx, 1, leat.ErrFull)
	t.recvErr(ch.rx, leat.ErrEmpty)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.trySend(ch.tx, 2, nil)
	recv.want(2, nil)
	t.trySend(ch.tx, 3, leat.ErrFull)
	send := t.startSend(t.ctx(), ch.tx, 4)
	send.waits()
	t.tryRecv(ch.rx, 4)
	send.want(0, nil)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func nothingInIt(t *tester) {
	ch := t.open(0)
	t.len(0, ch.tx, ch.rx)
	send := t.startSend(t.ctx(), ch.tx, 1)
	send.waits()
	t.len(0, ch.tx, ch.rx)
	t.recv(ch.rx, 1)
	send.want(0, nil)
	t.len(0, ch.tx, ch.rx)
	for _, h := range []any{ch.tx, ch.rx} {
		if c, ok := h.(caper); ok && c.Cap() != 0 {
			t.Fatalf("Cap of a %T is %d; want 0", h, c.Cap())
		}
	}
	send = t.startSend(t.ctx(), ch.tx, 2)
	send.waits()
	t.close(ch.rx)
	send.wantErr(leat.ErrClosed)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func tryBatchesAtZero(t *tester) {
	ch := t.open(0)
	other := ch.subscribe()
	t.trySendMany(ch.tx, []int{1, 2}, 0, leat.ErrFull)
	t.tryRecvMany(ch.rx, 2, leat.ErrEmpty)
	t.trySendMany(ch.tx, nil, 0, nil)
	t.tryRecvMany(ch.rx, 0, nil)

	first, second := t.startRecv(t.ctx(), ch.rx), t.startRecv(t.ctx(), other)
	t.trySendMany(ch.tx, []int{1, 2, 3}, 2, leat.ErrFull)
	first.want(1, nil)
	second.want(2, nil)

	var sends []*call
	for v := 4; v < 7; v++ {
		sends = append(sends, t.startSend(t.ctx(), ch.tx, v))
	}
	t.tryRecvMany(ch.rx, 2, nil, 4, 5)
	sends[2].waits()
	t.tryRecvMany(other, 2, nil, 6)
	for _, send := range sends {
		send.want(0, nil)
	}
	t.tryRecvMany(other, 2, leat.ErrEmpty)
}

func cancelledPartner(t *tester) {
	ch := t.open(0)
	ctx, cancel := context.WithCancel(context.Background())
	recv := t.startRecv(ctx, ch.rx)
	recv.waits()
	cancel()
	recv.wantErr(context.Canceled)
	t.trySend(ch.tx, 1, leat.ErrFull)
	ctx, cancel = context.WithCancel(context.Background())
	send := t.startSend(ctx, ch.tx, 2)
	send.waits()
	cancel()
	send.wantErr(context.Canceled)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func zeroExchange(t *tester) {
	ch := t.open(0)
	each, senders := t.scale(2000), t.senders()
	var mu sync.Mutex
	var all tally
	for _, got := range t.exchange(ch, senders, each, true) {
		mu.Lock()
		all.values = append(all.values, got.values...)
		mu.Unlock()
	}
	t.account(all, 0, 0, senders*each)
}
