package leattest

import (
	"context"
	"time"

	"github.com/leat-go/leat"
)

const rulePatience = `package broadcast: LosslessFor: a Send waits at most d for the receiver, which then counts as lossy until it has received everything that was accepted.`

// The cases of Channel.LosslessFor.
var patienceCases = []testcase{
	patienceCase("R8_a_lapsed_receiver_lags_exactly",
		"a receiver for which senders have waited for its patience counts as lossy, and gets exactly how many values it missed",
		lapses),
	patienceCase("R8_a_lapsed_receiver_that_catches_up_is_lossless_again",
		"a lapsed receiver counts as lossy until it has received everything that was accepted, and not longer",
		lapsesAgain),
	patienceCase("R8_a_receiver_that_keeps_up_never_lapses",
		"a receiver that receives a value within its patience, again and again, misses nothing", keepsUp),
	patienceCase("senders_wait_at_most_the_patience",
		"senders wait for a dead receiver until its patience has passed since the first of them began to wait, and never again",
		waitAtMost),
	patienceCase("patience_begins_again_when_all_senders_gave_up",
		"the patience of a receiver counts from the first sender that waits; if all give up, it counts again from the start",
		patienceBeginsAgain),
	patienceCase("each_receiver_has_its_own_patience",
		"a receiver lapses when its own patience has passed, and senders go on when the last one that holds them back has lapsed",
		patienceOfEach),
}

// patienceCase makes a case of the patience table.
func patienceCase(name, promise string, run func(*tester)) testcase {
	return testcase{
		name: name, promise: promise, rule: rulePatience,
		mode: bubbled, needs: []need{needPatience}, run: run,
	}
}

// openPatient opens a channel with receivers of these patiences, and no other.
func (t *tester) openPatient(capacity int, patiences ...time.Duration) (tx leat.Sender[int], rx []leat.Receiver[int]) {
	ch := t.open(capacity)
	for _, d := range patiences {
		r := ch.LosslessFor(d)
		t.own(r)
		rx = append(rx, r)
	}
	t.close(ch.rx)
	return ch.tx, rx
}

// waitsFor asserts that the call returns without an error when d has passed,
// and not before.
func (c *call) waitsFor(d time.Duration) {
	c.t.Helper()
	<-time.After(d - time.Nanosecond)
	c.waits()
	<-time.After(time.Nanosecond)
	c.want(0, nil)
}

func lapses(t *tester) {
	for _, capacity := range capacities {
		tx, rxs := t.openPatient(capacity, time.Second)
		rx := rxs[0]
		t.send(tx, seq(1, capacity)...)
		<-time.After(time.Hour) // no sender waits, so no patience is used up
		t.trySend(tx, 0, leat.ErrFull)
		t.startSend(t.ctx(), tx, capacity+1).waitsFor(time.Second)
		for v := capacity + 2; v <= 2*capacity+3; v++ {
			t.trySend(tx, v, nil)
		}
		t.recvErr(rx, lagged(uint64(capacity+3)))
		t.recv(rx, seq(capacity+4, 2*capacity+3)...)
		t.recvErr(rx, leat.ErrEmpty)
	}
}

func lapsesAgain(t *tester) {
	tx, rxs := t.openPatient(2, time.Second)
	rx := rxs[0]
	for round := range 3 {
		v := 10 * round
		t.send(tx, v, v+1)
		t.startSend(t.ctx(), tx, v+2).waitsFor(time.Second)
		t.recvErr(rx, lagged(1))
		t.trySend(tx, v+3, nil) // it has not received everything
		t.recvErr(rx, lagged(1))
		t.recv(rx, v+2, v+3)
		t.recvErr(rx, leat.ErrEmpty)
		t.send(tx, v+4, v+5)
		t.trySend(tx, 0, leat.ErrFull)
		t.recv(rx, v+4, v+5)
	}
}

func keepsUp(t *tester) {
	const last = 20
	tx, rxs := t.openPatient(2, time.Second)
	send := t.start("a sender of many values", func() (int, error) {
		for v := 1; v <= last; v++ {
			if err := tx.Send(context.Background(), v); err != nil {
				return v, err
			}
		}
		return last, nil
	})
	for v := 1; v <= last; v++ {
		<-time.After(time.Second - time.Nanosecond)
		t.recv(rxs[0], v)
	}
	send.want(last, nil)
}

func waitAtMost(t *tester) {
	for name, ctx := range t.contexts() {
		tx, rxs := t.openPatient(1, time.Second)
		t.send(tx, 1)
		first := t.startSend(ctx, tx, 2)
		first.what += " with a context " + name
		<-time.After(time.Second / 2)
		second := t.startSend(ctx, tx, 3)
		first.waitsFor(time.Second / 2)
		second.want(0, nil)
		t.send(tx, seq(4, 50)...)
		t.recvErr(rxs[0], lagged(49))
		t.recv(rxs[0], 50)
	}
}

func patienceBeginsAgain(t *tester) {
	tx, rxs := t.openPatient(1, time.Second)
	t.send(tx, 1)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.ctx(), time.Second-time.Nanosecond)
		gaveUp := t.startSend(ctx, tx, 2)
		gaveUp.waits()
		<-ctx.Done()
		gaveUp.want(0, context.DeadlineExceeded)
		cancel()
	}
	t.startSend(t.ctx(), tx, 3).waitsFor(time.Second)
	t.recvErr(rxs[0], lagged(1))
	t.recv(rxs[0], 3)
}

func patienceOfEach(t *tester) {
	tx, rxs := t.openPatient(1, time.Second, time.Minute, time.Second)
	t.send(tx, 1)
	t.recv(rxs[2], 1)
	t.startSend(t.ctx(), tx, 2).waitsFor(time.Minute)
	t.recv(rxs[2], 2) // it held nobody back
	t.recvErr(rxs[0], lagged(1))
	t.recvErr(rxs[1], lagged(1))
	t.recv(rxs[0], 2)
	t.recv(rxs[1], 2)
}
