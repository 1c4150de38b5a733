package leattest

import (
	"context"
	"errors"

	"github.com/leat-go/leat"
)

var permitCases = []testcase{
	{
		name:    "R9_permit_is_a_slot",
		promise: "a permit takes one slot of the capacity until it is used and the value received, or until it is released",
		rule:    rule9,
		needs:   []need{needReserve, needWaiting},
		run:     permitIsSlot,
	},
	{
		name:    "R5_permit_outlives_receiver_close",
		promise: "a permit that was granted before the receiver closed still delivers, and the end comes after it",
		rule:    rule5,
		needs:   []need{needReserve, needBacklog, needQueue},
		run:     permitAfterReceiverClose,
	},
	{
		name:    "R5_permit_outlives_sender_close",
		promise: "a permit that was granted before the last sender closed still delivers, and the end comes after it",
		rule:    rule5,
		needs:   []need{needReserve, needBacklog},
		run:     permitAfterSenderClose,
	},
	{
		name:    "R5_last_permit_wakes_closed_receiver",
		promise: "the use or release of the last permit wakes the receiver that waits for the end",
		rule:    rule5,
		needs:   []need{needReserve, needBacklog, needQueue},
		run:     lastPermitWakes,
	},
	{
		name:    "R5_closed_reserve_gives_back_what_it_got",
		promise: "a Reserve that fails at the close holds no slot, and does not hold up the end",
		rule:    rule5,
		mode:    bubbled,
		needs:   []need{needReserve, needQueue, needWaiting},
		run:     failedReserveHoldsNothing,
	},
	{
		name:    "R1_cancelled_reserve_passes_the_slot_on",
		promise: "a Reserve that is cancelled while it is served returns the permit or leaves the slot to the next",
		rule:    rule1,
		mode:    realTime,
		needs:   []need{needReserve, needWaiting},
		run:     cancelledReserve,
	},
	{
		name:    "R7_released_slot_goes_to_the_first_in_line",
		promise: "a released slot goes to the sender that waits longest, and to nobody else",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needReserve, needWaiting},
		run:     releasedSlot,
	},
	{
		name:    "R6_TryReserve_takes_a_slot_or_says_why_not",
		promise: "TryReserve takes a slot if there is one, does not overtake a sender that waits, and returns ErrFull or ErrClosed otherwise",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needTryReserve, needWaiting},
		run:     tryReserve,
	},
	{
		name:    "R1_permit_is_used_once",
		promise: "a permit that is used or released delivers nothing more and gives no slot back twice",
		rule:    rule1,
		needs:   []need{needReserve, needWaiting},
		run:     permitUsedOnce,
	},
}

func (t *tester) reserve(ch *channel) Permit {
	t.Helper()
	p, err := ch.Reserve(t.ctx())
	if err != nil {
		t.Fatalf("Reserve = %v; there is room", err)
	}
	return p
}

func (t *tester) use(p Permit, v int) {
	t.Helper()
	if err := p.Send(v); err != nil {
		t.Fatalf("Send(%d) on a permit = %v", v, err)
	}
}

func permitIsSlot(t *tester) {
	ch := t.open(2)
	first, second := t.reserve(ch), t.reserve(ch)
	t.len(0, ch.tx, ch.rx) // nothing was sent
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.use(second, 2)
	t.trySend(ch.tx, 99, leat.ErrFull) // a use frees nothing
	t.len(1, ch.tx, ch.rx)
	t.recv(ch.rx, 2)
	t.trySend(ch.tx, 3, nil) // the receive does
	t.trySend(ch.tx, 99, leat.ErrFull)
	first.Release()
	t.trySend(ch.tx, 4, nil)
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recv(ch.rx, 3, 4)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func permitAfterReceiverClose(t *tester) {
	ch := t.open(3)
	p, q := t.reserve(ch), t.reserve(ch)
	t.send(ch.tx, 1)
	t.close(ch.rx)
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrEmpty) // not ended yet
	t.use(p, 2)
	t.recv(ch.rx, 2)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.use(q, 3)
	recv.want(3, nil)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func permitAfterSenderClose(t *tester) {
	ch := t.open(2)
	p, q := t.reserve(ch), t.reserve(ch)
	t.close(ch.tx)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.use(p, 1)
	t.recv(ch.rx, 1)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	q.Release()
	recv.wantErr(leat.ErrClosed)
}

func lastPermitWakes(t *tester) {
	for name, ctx := range t.contexts() {
		released := t.open(2)
		p := t.reserve(released)
		t.close(released.rx)
		recv := t.startRecv(ctx, released.rx)
		recv.what = "Recv that waits for a Release, with a context " + name
		recv.waits()
		p.Release()
		recv.wantErr(leat.ErrClosed)

		used := t.open(2)
		p, q := t.reserve(used), t.reserve(used)
		t.close(used.rx)
		recv = t.startRecv(ctx, used.rx)
		recv.what = "Recv that waits for a permit's Send, with a context " + name
		recv.waits()
		t.use(p, 1)
		recv.want(1, nil)
		recv = t.startRecv(ctx, used.rx)
		recv.what = "Recv that waits for the last permit, with a context " + name
		recv.waits()
		q.Release()
		recv.wantErr(leat.ErrClosed)
	}
}

func failedReserveHoldsNothing(t *tester) {
	ch := t.open(1)
	p := t.reserve(ch)
	ctx, cancel := context.WithCancel(context.Background())
	cancelled := t.start("Reserve", func() (int, error) { _, err := ch.Reserve(ctx); return 0, err })
	refused := t.start("Reserve", func() (int, error) { _, err := ch.Reserve(t.ctx()); return 0, err })
	cancelled.waits()
	refused.waits()
	cancel()
	cancelled.wantErr(context.Canceled)
	t.close(ch.rx)
	refused.wantErr(leat.ErrClosed)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	p.Release()
	recv.wantErr(leat.ErrClosed)
}

func cancelledReserve(t *tester) {
	ch := t.open(1)
	patient := t.ctx()
	for i := range t.scale(2000) {
		t.send(ch.tx, i)
		ctx, cancel := context.WithCancel(patient)
		reserve := t.start("Reserve", func() (int, error) {
			p, err := ch.Reserve(ctx)
			if err == nil {
				p.Release()
			}
			return 0, err
		})
		go cancel()
		t.recv(ch.rx, i) // at about the same time, which hands the slot over
		if _, err := reserve.result(); err != nil && err != context.Canceled {
			t.Fatalf("round %d: Reserve = %v; want nil or context.Canceled", i, err)
		}
		if err := ch.tx.TrySend(-1); err != nil {
			t.Fatalf("round %d: TrySend = %v; nobody holds the slot", i, err)
		}
		t.recv(ch.rx, -1)
	}
}

func releasedSlot(t *tester) {
	ch := t.open(2)
	p, q := t.reserve(ch), t.reserve(ch)
	third, fourth := t.startSend(t.ctx(), ch.tx, 3), t.startSend(t.ctx(), ch.tx, 4)
	third.waits()
	t.use(p, 1)
	third.waits() // a use frees nothing
	t.recv(ch.rx, 1)
	third.want(0, nil)
	fourth.waits()
	q.Release()
	fourth.want(0, nil)
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recv(ch.rx, 3, 4)
}

// tryReserve asserts that TryReserve returns err, and a permit if that is nil.
func (t *tester) tryReserve(ch *channel, want error) Permit {
	t.Helper()
	p, err := ch.TryReserve()
	if !same(err, want) {
		t.Fatalf("TryReserve = %v; want %v", err, want)
	}
	return p
}

func tryReserve(t *tester) {
	ch := t.open(2)
	p := t.tryReserve(ch, nil)
	t.send(ch.tx, 1)
	t.tryReserve(ch, leat.ErrFull)
	t.trySend(ch.tx, 99, leat.ErrFull)
	send := t.startSend(t.ctx(), ch.tx, 2)
	send.waits()
	t.recv(ch.rx, 1)
	send.want(0, nil)
	t.tryReserve(ch, leat.ErrFull)
	t.use(p, 3)
	t.recv(ch.rx, 2)
	q := t.tryReserve(ch, nil)
	t.tryReserve(ch, leat.ErrFull)
	q.Release()
	r := t.tryReserve(ch, nil)
	t.close(ch.tx)
	t.tryReserve(ch, leat.ErrClosed)
	t.recv(ch.rx, 3)
	t.recvErr(ch.rx, leat.ErrEmpty) // the permit holds up the end
	t.use(r, 4)
	t.recv(ch.rx, 4)
	t.recvErr(ch.rx, leat.ErrClosed)

	if !t.kind.Features.everyone() {
		ch = t.open(1)
		t.close(ch.rx)
		t.tryReserve(ch, leat.ErrClosed)
	}
}

func permitUsedOnce(t *tester) {
	ch := t.open(1)
	again := func(p Permit) {
		t.Helper()
		if err := sendAgain(p, 99); err == nil {
			t.Fatalf("Send on a permit that was used up = nil; want an error or a panic")
		}
		releaseAgain(p)
		releaseAgain(p)
	}
	p := t.reserve(ch)
	t.use(p, 1)
	again(p)
	t.trySend(ch.tx, 99, leat.ErrFull) // its slot is taken by the value
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrEmpty)
	q := t.reserve(ch)
	again(p)
	t.trySend(ch.tx, 99, leat.ErrFull) // the slot is the new permit's
	q.Release()
	again(q)
	t.trySend(ch.tx, 2, nil)
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recv(ch.rx, 2)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

// sendAgain returns the error of Send, or what it panicked with as an error.
func sendAgain(p Permit, v int) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panicked")
		}
	}()
	return p.Send(v)
}

func releaseAgain(p Permit) {
	defer func() { _ = recover() }()
	p.Release()
}
