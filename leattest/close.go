package leattest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/leat-go/leat"
)

var closeCases = []testcase{
	{
		name:    "R4_last_sender_wakes_receiver",
		promise: "a receiver that waits gets ErrClosed when the last sender handle closes",
		rule:    rule4,
		run:     lastSenderWakes,
	},
	{
		name:    "R5_receiver_close_wakes_senders",
		promise: "senders that wait get ErrClosed when the receiver closes",
		rule:    rule5,
		needs:   []need{needQueue, needWaiting},
		run:     receiverWakesSenders,
	},
	{
		name:    "R3_own_close_wakes_sender",
		promise: "a send that waits gets ErrClosed when its own handle closes, and others go on waiting",
		rule:    rule3,
		needs:   []need{needWaiting, needClone},
		run:     ownCloseWakesSender,
	},
	{
		name:    "R3_own_close_wakes_receiver",
		promise: "a receive that waits gets ErrClosed when its own receiver closes",
		rule:    rule3,
		run:     ownCloseWakesReceiver,
	},
	{
		name:    "R5_done_tells_that_nobody_receives",
		promise: "Done is closed once nobody will receive any more, and not before",
		rule:    rule5,
		needs:   []need{needQueue, needDone},
		run:     doneTells,
	},
	{
		name:    "R4_accepted_survives_senders",
		promise: "accepted values are received after the senders have closed, then comes ErrClosed",
		rule:    rule4,
		run:     survivesSenders,
	},
	{
		name:    "R5_accepted_survives_receiver_close",
		promise: "accepted values are received after the receiver has closed, then comes ErrClosed",
		rule:    rule5,
		needs:   []need{needQueue},
		run:     survivesReceiver,
	},
	{
		name:    "R4_last_handle_ends_the_channel",
		promise: "the channel ends with its last sender handle, and with none before",
		rule:    rule4,
		needs:   []need{needClone},
		run:     lastHandleEnds,
	},
	{
		name:    "R4_concurrent_clone_and_close",
		promise: "handles cloned and closed at the same time are counted exactly",
		rule:    rule4,
		mode:    realTime,
		needs:   []need{needClone},
		run:     cloneAndClose,
	},
	{
		name:    "R3_closed_handle_sends_nothing",
		promise: "a closed handle's sends are ErrClosed, though others are open",
		rule:    rule3,
		run:     closedHandle,
	},
	{
		name:    "R3_close_is_idempotent",
		promise: "each Close returns nil, whoever has closed before and however often",
		rule:    rule3,
		run:     idempotent,
	},
	{
		name:    "R3_close_races_with_everything",
		promise: "closing in the middle of anything neither panics nor hangs nor loses accepted values",
		rule:    rule3,
		mode:    realTime,
		run:     closeRaces,
	},
}

func lastSenderWakes(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		recv := t.startRecv(ctx, ch.rx)
		recv.what += " with a context " + name
		recv.waits()
		t.close(ch.tx)
		recv.wantErr(leat.ErrClosed)
		t.recvErr(ch.rx, leat.ErrClosed)

		if t.can.recvMany {
			ch := t.open(1)
			rx := ch.rx.(batchReceiver)
			recv := t.start("RecvMany with a context "+name, func() (int, error) { return rx.RecvMany(ctx, make([]int, 2)) })
			recv.waits()
			t.close(ch.tx)
			recv.want(0, leat.ErrClosed)
		}
	}
}

func receiverWakesSenders(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		t.send(ch.tx, 1)
		calls := []*call{t.startSend(ctx, ch.tx, 2), t.startSend(t.ctx(), ch.tx, 3)}
		if tx, ok := ch.tx.(batchSender); ok {
			calls = append(calls, t.start("SendMany", func() (int, error) { return tx.SendMany(ctx, []int{4, 5}) }))
		}
		if ch.Reserve != nil {
			calls = append(calls, t.start("Reserve", func() (int, error) { _, err := ch.Reserve(ctx); return 0, err }))
		}
		for _, c := range calls {
			c.what += " with a context " + name
			c.waits()
		}
		t.close(ch.rx)
		for _, c := range calls {
			c.want(0, leat.ErrClosed)
		}
		t.recv(ch.rx, 1)
		t.recvErr(ch.rx, leat.ErrClosed)
	}
}

func ownCloseWakesSender(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		other := ch.clone()
		t.send(ch.tx, 1)
		own := t.startSend(ctx, ch.tx, 2)
		own.what += " with a context " + name
		theirs := t.startSend(ctx, other, 3)
		own.waits()
		t.close(ch.tx)
		own.wantErr(leat.ErrClosed)
		theirs.waits()
		t.recv(ch.rx, 1)
		theirs.want(0, nil)
		t.recv(ch.rx, 3)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func ownCloseWakesReceiver(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		recv := t.startRecv(ctx, ch.rx)
		recv.what += " with a context " + name
		recv.waits()
		t.close(ch.rx)
		recv.wantErr(leat.ErrClosed)
		t.recvErr(ch.rx, leat.ErrClosed)
	}
}

func doneTells(t *tester) {
	ch := t.open(1)
	early := ch.tx.(doner).Done()
	wait := t.start("a wait for Done", func() (int, error) {
		select {
		case <-early:
			return 0, nil
		case <-t.ctx().Done():
			return 0, context.DeadlineExceeded
		}
	})
	wait.waits()
	t.send(ch.tx, 1)
	wait.waits()
	t.close(ch.rx)
	wait.want(0, nil)
	late := t.start("a wait for Done", func() (int, error) { <-ch.tx.(doner).Done(); return 0, nil })
	late.want(0, nil)
}

func survivesSenders(t *tester) {
	ch := t.open(3)
	values := []int{1}
	if t.kind.Features.backlog() {
		values = []int{1, 2, 3}
	}
	t.send(ch.tx, values...)
	t.close(ch.tx)
	t.recv(ch.rx, values...)
	t.recvErr(ch.rx, leat.ErrClosed)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func survivesReceiver(t *tester) {
	ch := t.open(3)
	values := []int{1}
	if t.kind.Features.backlog() {
		values = []int{1, 2, 3}
	}
	t.send(ch.tx, values...)
	t.close(ch.rx)
	t.trySend(ch.tx, 9, leat.ErrClosed)
	if err := ch.tx.Send(t.ctx(), 9); !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("Send = %v; the receiver has closed", err)
	}
	t.recv(ch.rx, values...)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func lastHandleEnds(t *tester) {
	ch := t.open(4)
	second, third := ch.clone(), ch.clone()
	recv := t.startRecv(t.ctx(), ch.rx)
	t.close(ch.tx)
	recv.waits()
	t.close(second)
	recv.waits()
	t.send(third, 5)
	recv.want(5, nil)
	recv = t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.close(third)
	recv.wantErr(leat.ErrClosed)
}

func cloneAndClose(t *tester) {
	ch := t.open(4)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range t.scale(200) {
				tx := ch.Clone()
				go tx.Close()
				tx.Close()
			}
		})
	}
	wg.Wait()
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.trySend(ch.tx, 1, nil)
	t.recv(ch.rx, 1)
	t.close(ch.tx)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func closedHandle(t *tester) {
	ch := t.open(4)
	if t.can.clone {
		ch.clone()
	}
	t.close(ch.tx)
	t.trySend(ch.tx, 1, leat.ErrClosed)
	if err := ch.tx.Send(t.ctx(), 2); !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("Send on a closed handle = %v; want ErrClosed", err)
	}
	if tx, ok := ch.tx.(batchSender); ok {
		if n, err := tx.SendMany(t.ctx(), []int{3, 4}); n != 0 || !errors.Is(err, leat.ErrClosed) {
			t.Fatalf("SendMany on a closed handle = %d, %v; want 0, ErrClosed", n, err)
		}
	}
	if ch.Reserve != nil {
		if _, err := ch.Reserve(t.ctx()); !errors.Is(err, leat.ErrClosed) {
			t.Fatalf("Reserve on a closed handle = %v; want ErrClosed", err)
		}
	}
	want := leat.ErrClosed
	if t.can.clone {
		want = leat.ErrEmpty
	}
	t.recvErr(ch.rx, want) // nothing of it was sent
}

func idempotent(t *tester) {
	ch := t.open(2)
	handles := []interface{ Close() error }{ch.tx, ch.rx}
	if t.can.clone {
		handles = append(handles, ch.clone())
	}
	if t.can.subscribe {
		handles = append(handles, ch.subscribe())
	}
	t.send(ch.tx, 1)
	for range 3 {
		t.close(handles...)
		slices.Reverse(handles)
	}
	t.trySend(ch.tx, 1, leat.ErrClosed)
}
