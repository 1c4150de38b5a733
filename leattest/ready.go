package leattest

import (
	"errors"
	"time"

	"github.com/leat-go/leat"
)

var readyCases = []testcase{
	{
		name:    "R12_ready_tells_what_is_there",
		promise: "Ready can be received from if and only if TryRecv has a value to return",
		rule:    rule12,
		needs:   []need{needReady},
		run:     readyTells,
	},
	{
		name:    "R12_ready_tells_the_end",
		promise: "Ready can be received from once nothing more can come, and always again",
		rule:    rule12,
		needs:   []need{needReady},
		run:     readyAtEnd,
	},
	{
		name:    "R12_ready_wakes_select",
		promise: "a native select that waits on Ready wakes for a value, and for the end",
		rule:    rule12,
		needs:   []need{needReady},
		run:     readyWakes,
	},
	{
		name:    "R12_select_loop_receives_all",
		promise: "a loop of native selects on Ready, each followed by TryRecv, receives everything and comes to the end",
		rule:    rule12,
		mode:    realTime,
		needs:   []need{needReady, needBacklog},
		run:     selectLoop,
	},
}

// ready receives from Ready, if that is possible without a wait, or, on a
// remote kind, soon.
func (t *tester) ready(rx leat.Receiver[int], want bool) {
	t.Helper()
	ready := rx.(readier).Ready()
	var soon <-chan time.Time
	if t.kind.Features.Remote && want {
		soon = time.After(remotePatience)
	} else {
		now := make(chan time.Time)
		close(now)
		soon = now
		select { // two cases that are ready would be taken by chance
		case <-ready:
			if !want {
				t.Fatalf("Ready can be received from; there is nothing to take")
			}
			return
		default:
		}
	}
	select {
	case <-soon:
		if want {
			t.Fatalf("Ready cannot be received from; there is something to take")
		}
	case <-ready:
		if !want {
			t.Fatalf("Ready can be received from; there is nothing to take")
		}
	}
}

func (t *tester) tryRecv(rx leat.Receiver[int], want int) {
	t.Helper()
	if v, err := rx.TryRecv(); err != nil || v != want {
		t.Fatalf("TryRecv = %d, %v; want %d", v, err, want)
	}
}

func readyTells(t *tester) {
	for _, early := range []bool{true, false} { // Ready is asked for before, and after, there is something
		ch := t.open(3)
		if early {
			t.ready(ch.rx, false)
		}
		t.send(ch.tx, 1)
		t.ready(ch.rx, true)
		t.tryRecv(ch.rx, 1)
		if t.kind.Features.OneValue {
			continue
		}
		t.ready(ch.rx, false)
		t.recvErr(ch.rx, leat.ErrEmpty)
		t.ready(ch.rx, false)
		if !t.kind.Features.backlog() {
			continue
		}
		t.send(ch.tx, 2, 3)
		t.ready(ch.rx, true)
		t.tryRecv(ch.rx, 2)
		t.ready(ch.rx, true) // one is left
		t.tryRecv(ch.rx, 3)
		t.ready(ch.rx, false)
		t.send(ch.tx, 4)
		t.recv(ch.rx, 4) // by other means
		t.ready(ch.rx, false)
		if rx, ok := ch.rx.(batchReceiver); ok {
			t.send(ch.tx, 5, 6, 7)
			t.recvMany(rx, 2, 0, []int{5, 6})
			t.ready(ch.rx, true)
			t.tryRecv(ch.rx, 7)
			t.ready(ch.rx, false)
		}
	}
}

func readyAtEnd(t *tester) {
	ch := t.open(3)
	t.ready(ch.rx, false)
	t.send(ch.tx, 1)
	t.close(ch.tx)
	t.ready(ch.rx, true)
	t.tryRecv(ch.rx, 1)
	for range 3 {
		t.ready(ch.rx, true)
		t.recvErr(ch.rx, leat.ErrClosed)
	}
	ch = t.open(3)
	t.close(ch.tx)
	t.ready(ch.rx, true) // asked for after the end
	t.recvErr(ch.rx, leat.ErrClosed)

	ch = t.open(3)
	t.ready(ch.rx, false)
	t.close(ch.rx)
	t.ready(ch.rx, true)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func readyWakes(t *tester) {
	ch := t.open(1)
	sel := func() *call {
		return t.start("a select on Ready", func() (int, error) {
			<-ch.rx.(readier).Ready()
			return ch.rx.TryRecv()
		})
	}
	wait := sel()
	wait.waits()
	t.trySend(ch.tx, 6, nil)
	wait.want(6, nil)
	wait = sel()
	if !t.kind.Features.OneValue {
		wait.waits()
		t.close(ch.tx)
	}
	wait.wantErr(leat.ErrClosed)
}

func selectLoop(t *tester) {
	ch := t.open(3)
	n := t.scale(3000)
	senders := t.senders()
	txs := []leat.Sender[int]{ch.tx}
	for len(txs) < senders { // all before the first one is closed
		txs = append(txs, ch.clone())
	}
	for s, tx := range txs {
		t.start("a sender", func() (int, error) { t.sendAll(tx, s*n, n, true); return 0, nil })
	}
	ready := ch.rx.(readier).Ready()
	var got tally
	for {
		select {
		case <-ready:
		case <-t.Context().Done():
			t.Fatalf("the test was stopped")
		}
		v, err := ch.rx.TryRecv()
		var lag *leat.LaggedError
		switch {
		case err == nil:
			got.values = append(got.values, v)
		case errors.As(err, &lag):
			got.missed += lag.Missed
		case errors.Is(err, leat.ErrClosed):
			t.account(got, 0, 3, senders*n)
			return
		case !errors.Is(err, leat.ErrEmpty):
			t.Fatalf("TryRecv after Ready = %v", err)
		}
	}
}
