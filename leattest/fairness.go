package leattest

import (
	"context"

	"github.com/leat-go/leat"
)

var fairnessCases = []testcase{
	{
		name:    "R6_try_never_overtakes_a_waiting_sender",
		promise: "room that comes free belongs to the sender that waits, not to a TrySend that comes by",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needWaiting},
		run:     noOvertaking,
	},
	{
		name:    "R7_100_waiting_senders_are_served_in_order",
		promise: "senders that wait are served in the order in which they came, whoever among them gives up",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needWaiting},
		run:     sendersInOrder,
	},
	{
		name:    "R7_waiting_receivers_are_served_in_order",
		promise: "receivers that wait are served in the order in which they came, and no TryRecv comes before them",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needQueue, needSubscribe, needBacklog},
		run:     receiversInOrder,
	},
	{
		name:    "R7_reserve_waits_in_the_same_line",
		promise: "goroutines that wait for a permit and goroutines that wait to send are in one queue",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needWaiting, needReserve},
		run:     reserveInLine,
	},
}

func noOvertaking(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		t.send(ch.tx, 1)
		send := t.startSend(ctx, ch.tx, 2)
		send.what += " with a context " + name
		send.waits()
		t.trySend(ch.tx, 99, leat.ErrFull)
		if v, err := ch.rx.TryRecv(); v != 1 || err != nil {
			t.Fatalf("TryRecv = %d, %v; want 1", v, err)
		}
		t.trySend(ch.tx, 99, leat.ErrFull) // before the sender that waits has run
		send.want(0, nil)
		t.recv(ch.rx, 2)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func sendersInOrder(t *tester) {
	const n = 100
	for _, capacity := range []int{1, 3} {
		ch := t.open(capacity)
		handles := []leat.Sender[int]{ch.tx}
		if t.can.clone {
			handles = append(handles, ch.clone(), ch.clone())
		}
		for i := range capacity {
			t.send(ch.tx, i)
		}
		sends := make([]*call, n)
		cancels := make([]context.CancelFunc, n)
		for i := range n {
			ctx := context.Background()
			if i%3 != 0 {
				ctx, cancels[i] = context.WithCancel(ctx)
			}
			sends[i] = t.startSend(ctx, handles[i%len(handles)], capacity+i)
		}
		gaveUp := map[int]bool{}
		for i := 1; i < n; i += 7 { // not those that wait with context.Background()
			if cancels[i] != nil {
				cancels[i]()
				sends[i].wantErr(context.Canceled)
				gaveUp[capacity+i] = true
			}
		}
		for v := range capacity + n {
			if gaveUp[v] {
				continue
			}
			t.recv(ch.rx, v)
		}
		t.recvErr(ch.rx, leat.ErrEmpty)
		for _, cancel := range cancels {
			if cancel != nil {
				cancel()
			}
		}
	}
}

func receiversInOrder(t *tester) {
	const n = 20
	ch := t.open(4)
	rxs := []leat.Receiver[int]{ch.rx}
	for len(rxs) < n {
		rxs = append(rxs, ch.subscribe())
	}
	var recvs []*call
	for i, rx := range rxs {
		ctx := context.Background()
		if i%2 == 0 {
			ctx = t.ctx()
		}
		recvs = append(recvs, t.startRecv(ctx, rx))
	}
	late := ch.subscribe()
	for i, recv := range recvs {
		t.trySend(ch.tx, i, nil)
		t.recvErr(late, leat.ErrEmpty) // the value is for the waiting receiver
		recv.want(i, nil)
	}
}

func reserveInLine(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	var permit Permit
	reserve := t.start("Reserve", func() (int, error) {
		p, err := ch.Reserve(context.Background())
		permit = p
		return 0, err
	})
	send := t.startSend(t.ctx(), ch.tx, 3)
	t.recv(ch.rx, 1)
	reserve.want(0, nil)
	send.waits()
	t.trySend(ch.tx, 99, leat.ErrFull)
	if err := permit.Send(2); err != nil {
		t.Fatalf("Send on a permit = %v", err)
	}
	send.waits() // the value that was sent still fills the slot
	t.recv(ch.rx, 2)
	send.want(0, nil)
	t.recv(ch.rx, 3)
}
