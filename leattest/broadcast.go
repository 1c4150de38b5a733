package leattest

import (
	"sync"

	"github.com/leat-go/leat"
)

var broadcastCases = []testcase{
	{
		name:    "R8_every_receiver_sees_every_value",
		promise: "each receiver gets each value sent since it subscribed, once and in order",
		rule:    rule8,
		needs:   []need{needBroadcast, needSubscribe},
		run:     everyValue,
	},
	{
		name:    "R8_all_waiting_receivers_wake",
		promise: "one value wakes all receivers that wait",
		rule:    rule8,
		needs:   []need{needEveryone, needSubscribe},
		run:     allWake,
	},
	{
		name:    "R5_receiver_closes_for_itself",
		promise: "a receiver that closes ends for itself; the channel and the other receivers go on",
		rule:    rule5b,
		needs:   []need{needEveryone, needSubscribe},
		run:     closesForItself,
	},
	{
		name:    "R5_no_receiver_is_no_error",
		promise: "a broadcast without receivers accepts values, and a later receiver sees the values sent from then on",
		rule:    rule5b,
		needs:   []need{needEveryone},
		run:     nobodyThere,
	},
	{
		name:    "R5_slowest_receiver_holds_senders_back",
		promise: "a lossless broadcast waits for its slowest receiver, and for none that has closed",
		rule:    rule5b,
		mode:    bubbled,
		needs:   []need{needBroadcast, needWaiting, needSubscribe},
		run:     slowestHolds,
	},
	{
		name:    "R9_sender_len_is_the_longest_backlog",
		promise: "a broadcast sender's Len is what the slowest receiver has before it, but at most the capacity",
		rule:    rule9,
		needs:   []need{needBroadcast, needSubscribe, needTxLen, needRxLen},
		run:     senderLen,
	},
	{
		name:    "R5_receivers_are_counted",
		promise: "Receivers is exact after any number of concurrent Subscribe and Close",
		rule:    rule5b,
		mode:    realTime,
		needs:   []need{needCount, needSubscribe},
		run:     receiversCounted,
	},
}

func everyValue(t *tester) {
	ch := t.open(4)
	second := ch.subscribe()
	t.send(ch.tx, 1, 2)
	third := ch.subscribe()
	t.send(ch.tx, 3)
	t.recv(ch.rx, 1, 2, 3)
	t.recv(third, 3)
	t.recv(second, 1, 2, 3)
	for _, rx := range []leat.Receiver[int]{ch.rx, second, third} {
		t.recvErr(rx, leat.ErrEmpty)
	}
	t.send(ch.tx, 4)
	t.close(ch.tx)
	for _, rx := range []leat.Receiver[int]{ch.rx, second, third} {
		t.recv(rx, 4)
		t.recvErr(rx, leat.ErrClosed)
	}
}

func allWake(t *tester) {
	ch := t.open(2)
	rxs := []leat.Receiver[int]{ch.rx, ch.subscribe(), ch.subscribe()}
	var recvs []*call
	for name, ctx := range t.contexts() {
		recvs = nil
		for _, rx := range rxs {
			recv := t.startRecv(ctx, rx)
			recv.what += " with a context " + name
			recv.waits()
			recvs = append(recvs, recv)
		}
		t.trySend(ch.tx, 7, nil)
		for _, recv := range recvs {
			recv.want(7, nil)
		}
	}
	recvs = nil
	for _, rx := range rxs {
		recvs = append(recvs, t.startRecv(t.ctx(), rx))
	}
	t.close(ch.tx)
	for _, recv := range recvs {
		recv.wantErr(leat.ErrClosed)
	}
}

func closesForItself(t *tester) {
	ch := t.open(2)
	other := ch.subscribe()
	t.send(ch.tx, 1)
	t.close(other)
	t.send(ch.tx, 2)
	if t.kind.Features.Latest {
		t.recv(ch.rx, 2)
	} else {
		t.recv(ch.rx, 1, 2)
	}
	// What other had before it may still come, nothing else, and then the end.
	v, err := other.Recv(t.ctx())
	if err == nil && v == 1 {
		v, err = other.Recv(t.ctx())
	}
	if !same(err, leat.ErrClosed) {
		t.Fatalf("Recv of a closed receiver = %d, %v; want ErrClosed", v, err)
	}
	t.recvErr(other, leat.ErrClosed)
}

func nobodyThere(t *tester) {
	ch := t.open(2)
	var again leat.Receiver[int]
	t.close(ch.rx)
	for v := range 5 {
		t.trySend(ch.tx, v, nil)
	}
	t.len(0, ch.tx)
	if !t.can.subscribe {
		return
	}
	ch = t.open(2)
	again = ch.subscribe()
	t.close(again)
	t.trySend(ch.tx, 1, nil)
	again = ch.subscribe()
	t.recvErr(again, leat.ErrEmpty) // it was not there
	t.trySend(ch.tx, 2, nil)
	t.recv(again, 2)
}

func slowestHolds(t *tester) {
	ch := t.open(2)
	slow := ch.subscribe()
	t.send(ch.tx, 1, 2)
	t.recv(ch.rx, 1, 2)
	t.trySend(ch.tx, 99, leat.ErrFull)
	third, fourth := t.startSend(t.ctx(), ch.tx, 3), t.startSend(t.ctx(), ch.tx, 4)
	third.waits()
	t.recv(slow, 1)
	third.want(0, nil)
	fourth.waits()
	t.recv(ch.rx, 3)
	fourth.waits()
	t.close(slow)
	fourth.want(0, nil)
	t.recv(ch.rx, 4)
}

func senderLen(t *tester) {
	ch := t.open(3)
	other := ch.subscribe()
	t.send(ch.tx, 1, 2)
	t.len(2, ch.tx, ch.rx, other)
	t.recv(ch.rx, 1, 2)
	t.len(2, ch.tx, other)
	t.recv(other, 1)
	t.len(1, ch.tx, other)
	t.send(ch.tx, 3)
	t.len(2, ch.tx, other)
	t.len(1, ch.rx)
	t.close(other)
	t.len(1, ch.tx, ch.rx)
	if t.kind.Features.Lossy {
		for v := range 5 {
			t.send(ch.tx, v)
		}
		t.len(6, ch.rx)
		t.len(3, ch.tx)
	}
}

func receiversCounted(t *tester) {
	ch := t.open(2)
	count := func() int { return ch.tx.(counter).Receivers() }
	if n := count(); n != 1 {
		t.Fatalf("Receivers = %d at the start; want 1", n)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range t.scale(200) {
				rx := ch.Subscribe()
				rx.Close()
				rx.Close()
			}
		})
	}
	keep := ch.subscribe()
	wg.Wait()
	if n := count(); n != 2 {
		t.Fatalf("Receivers = %d with 2 open", n)
	}
	t.close(keep, ch.rx)
	if n := count(); n != 0 {
		t.Fatalf("Receivers = %d with none open", n)
	}
}
