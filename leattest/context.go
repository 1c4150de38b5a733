package leattest

import (
	"context"
	"errors"
	"time"

	"github.com/leat-go/leat"
)

var contextCases = []testcase{
	{
		name:    "R2_done_context_fails_at_entry",
		promise: "a call whose ctx is done already fails with ctx.Err(), also when it would not wait, and moves nothing",
		rule:    rule2,
		run:     doneAtEntry,
	},
	{
		name:    "R2_value_in_hand_beats_cancel_recv",
		promise: "a receive that was given a value before its ctx ended returns the value",
		rule:    rule2,
		mode:    bubbled,
		run:     valueBeatsCancel,
	},
	{
		name:    "R2_room_in_hand_beats_cancel_send",
		promise: "a send that was given room before its ctx ended has sent",
		rule:    rule2,
		mode:    bubbled,
		needs:   []need{needWaiting},
		run:     roomBeatsCancel,
	},
	{
		name:    "R2_receive_with_deadline",
		promise: "a value that is there is returned whatever the deadline; an empty channel waits for it, and fails with ctx.Err()",
		rule:    rule2,
		run:     recvDeadline,
	},
	{
		name:    "R1_timed_out_receive_leaves_no_waiter",
		promise: "a receive that gave up takes no value, neither then nor later",
		rule:    rule1,
		run:     noReceiverLeft,
	},
	{
		name:    "R1_timed_out_send_leaves_no_waiter",
		promise: "a send that gave up takes no room, and its value is never seen",
		rule:    rule1,
		needs:   []need{needWaiting},
		run:     noSenderLeft,
	},
	{
		name:    "R7_cancelled_sender_yields_to_the_next",
		promise: "room goes to the first sender that still waits",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needWaiting},
		run:     cancelledYields,
	},
}

// doneContexts returns contexts that are done, in every way that there is.
func doneContexts() []context.Context {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	cancel()
	caused, because := context.WithCancelCause(context.Background())
	because(errors.New("a cause, which is not what the call returns"))
	return []context.Context{cancelled, late, caused}
}

func doneAtEntry(t *tester) {
	for _, ctx := range doneContexts() {
		ch := t.open(4)
		fails := func(what string, n int, err error) {
			t.Helper()
			if err != ctx.Err() || n != 0 {
				t.Fatalf("%s with a done ctx = %d, %v; want 0 and ctx.Err() itself, %v", what, n, err, ctx.Err())
			}
		}
		sends := func() {
			t.Helper()
			fails("Send", 0, ch.tx.Send(ctx, 99))
			if tx, ok := ch.tx.(batchSender); ok {
				n, err := tx.SendMany(ctx, []int{98, 97})
				fails("SendMany", n, err)
			}
			if ch.Reserve != nil {
				_, err := ch.Reserve(ctx)
				fails("Reserve", 0, err)
			}
		}
		recvs := func() {
			t.Helper()
			_, err := ch.rx.Recv(ctx)
			fails("Recv", 0, err)
			if rx, ok := ch.rx.(batchReceiver); ok {
				n, err := rx.RecvMany(ctx, make([]int, 3))
				fails("RecvMany", n, err)
			}
		}
		sends()
		recvs()
		t.recvErr(ch.rx, leat.ErrEmpty)
		t.send(ch.tx, 1)
		recvs() // though a value is there
		t.recv(ch.rx, 1)
		t.close(ch.tx)
		sends() // ctx comes first, also before the end
		recvs()
		t.recvErr(ch.rx, leat.ErrClosed)
	}
}

func valueBeatsCancel(t *tester) {
	ch := t.open(1)
	ctx, cancel := context.WithCancel(context.Background())
	recv := t.startRecv(ctx, ch.rx)
	recv.waits()
	t.trySend(ch.tx, 7, nil)
	cancel()
	recv.want(7, nil)
}

func roomBeatsCancel(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	ctx, cancel := context.WithCancel(context.Background())
	send := t.startSend(ctx, ch.tx, 2)
	send.waits()
	if v, err := ch.rx.TryRecv(); v != 1 || err != nil {
		t.Fatalf("TryRecv = %d, %v; want 1", v, err)
	}
	cancel()
	send.want(0, nil)
	t.recv(ch.rx, 2)
}

func recvDeadline(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if !t.virtual { // time passes: the receive may start late, but it must not wait for the end of ctx
		ctx, cancel = context.WithTimeout(context.Background(), remotePatience)
		defer cancel()
	}
	if v, err := ch.rx.Recv(ctx); v != 1 || err != nil {
		t.Fatalf("Recv with a value there = %d, %v; want 1", v, err)
	}
	if t.kind.Features.OneValue {
		return
	}
	start := time.Now()
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if v, err := ch.rx.Recv(ctx); err != context.DeadlineExceeded {
		t.Fatalf("Recv = %d, %v; want context.DeadlineExceeded", v, err)
	}
	if waited := time.Since(start); t.virtual && waited != 50*time.Millisecond {
		t.Fatalf("Recv gave up after %v; its deadline was after 50ms", waited)
	}
}

func noReceiverLeft(t *tester) {
	ch := t.open(1)
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		recv := t.startRecv(ctx, ch.rx)
		recv.waits()
		cancel()
		recv.wantErr(context.Canceled)
	}
	t.trySend(ch.tx, 5, nil)
	t.recv(ch.rx, 5)
}

func noSenderLeft(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		send := t.startSend(ctx, ch.tx, 99)
		send.waits()
		cancel()
		send.wantErr(context.Canceled)
	}
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.trySend(ch.tx, 2, nil)
	t.recv(ch.rx, 2)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func cancelledYields(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	ctx, cancel := context.WithCancel(context.Background())
	first := t.startSend(ctx, ch.tx, 2)
	second := t.startSend(t.ctx(), ch.tx, 3)
	cancel()
	first.wantErr(context.Canceled)
	second.waits()
	t.recv(ch.rx, 1)
	second.want(0, nil)
	t.recv(ch.rx, 3)
	t.recvErr(ch.rx, leat.ErrEmpty)
}
