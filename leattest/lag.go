package leattest

import (
	"errors"

	"github.com/leat-go/leat"
)

var lagCases = []testcase{
	lagCase("R8_lag_is_what_was_overwritten", "a receiver that falls behind learns exactly how many values are gone, and goes on with the oldest kept", lagExact),
	lagCase("R8_lag_has_exact_capacity", "as many values are kept as the capacity says, not a rounded number", lagCapacities),
	lagCase("R8_within_capacity_nobody_lags", "a receiver that is no more than the capacity behind misses nothing", lagNot),
	lagCase("R8_lag_is_per_receiver", "one receiver's lag is not another's", lagPerReceiver, needSubscribe),
	lagCase("R8_lag_again", "each gap is reported once, with its own count, also right after another", lagAgain),
	lagCase("R8_lag_after_reading_some", "received values are not missed", lagAfterSome),
	lagCase("R8_single_slot", "with capacity 1 the newest value is kept, and the others are counted", lagSingleSlot),
	lagCase("R8_len_before_and_after_lag", "a receiver's Len counts the missed values until the gap is reported", lagLen, needRxLen),
	lagCase("R8_new_receiver_has_no_lag", "a new receiver starts without a gap, whatever others have missed", lagSubscribe, needSubscribe),
	lagCase("R8_lag_in_batches", "RecvMany reports a gap where it is, and loses nothing else", lagRecvMany, needRecvMany),
	lagCase("R8_lag_in_All", "All gives with each value how many were missed just before it", lagAll, needPairs),
	lagCase("R8_close_never_evicts", "the end takes no slot: kept values are received, then ErrClosed", lagClose),
}

// lagCase makes a case of the lag table.
func lagCase(name, promise string, run func(*tester), needs ...need) testcase {
	return testcase{name: name, promise: promise, rule: rule8, needs: append(needs, needLossy), run: run}
}

func lagExact(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2, 3)
	t.recvErr(ch.rx, lagged(1))
	t.recv(ch.rx, 2, 3)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.send(ch.tx, 4, 5, 6, 7, 8)
	if v, err := ch.rx.TryRecv(); !same(err, lagged(3)) {
		t.Fatalf("TryRecv = %d, %v; want a lag of 3", v, err)
	}
	t.tryRecv(ch.rx, 7)
	t.tryRecv(ch.rx, 8)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func lagCapacities(t *tester) {
	for _, capacity := range capacities {
		for _, over := range []int{1, 2, capacity, 2*capacity + 1} {
			ch := t.open(capacity)
			t.send(ch.tx, seq(1, capacity+over)...)
			v, err := ch.rx.TryRecv()
			if !same(err, lagged(uint64(over))) {
				t.Fatalf("capacity %d, %d values sent: TryRecv = %d, %v; want a lag of %d", capacity, capacity+over, v, err, over)
			}
			t.recv(ch.rx, seq(over+1, capacity+over)...)
			t.recvErr(ch.rx, leat.ErrEmpty)
		}
	}
}

func lagNot(t *tester) {
	for _, capacity := range capacities {
		ch := t.open(capacity)
		for round := range 3 {
			values := seq(round*capacity, round*capacity+capacity-1)
			t.send(ch.tx, values...)
			t.recv(ch.rx, values...)
		}
		t.send(ch.tx, seq(1, capacity)...)
		t.recv(ch.rx, 1)
		t.send(ch.tx, capacity+1)
		t.recv(ch.rx, seq(2, capacity+1)...)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func lagPerReceiver(t *tester) {
	ch := t.open(2)
	slow := ch.subscribe()
	for v := 1; v <= 4; v++ {
		t.send(ch.tx, v)
		t.recv(ch.rx, v)
	}
	t.recvErr(slow, lagged(2))
	t.recv(slow, 3, 4)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func lagAgain(t *tester) {
	ch := t.open(4)
	t.send(ch.tx, seq(1, 5)...)
	t.recvErr(ch.rx, lagged(1)) // now at 2
	t.send(ch.tx, seq(6, 8)...)
	t.recvErr(ch.rx, lagged(3)) // 2, 3, 4, before any of them was read
	t.recv(ch.rx, seq(5, 8)...)
	t.send(ch.tx, seq(9, 14)...)
	t.recvErr(ch.rx, lagged(2))
	t.recv(ch.rx, seq(11, 14)...)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func lagAfterSome(t *tester) {
	ch := t.open(4)
	t.send(ch.tx, 1)
	t.recv(ch.rx, 1)
	t.send(ch.tx, seq(2, 8)...)
	t.recvErr(ch.rx, lagged(3))
	t.recv(ch.rx, seq(5, 8)...)
}

func lagSingleSlot(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1, 2)
	t.recvErr(ch.rx, lagged(1))
	t.recv(ch.rx, 2)
	t.send(ch.tx, 3)
	t.recv(ch.rx, 3)
	t.send(ch.tx, 4, 5, 6)
	t.close(ch.tx)
	t.recvErr(ch.rx, lagged(2))
	t.recv(ch.rx, 6)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func lagLen(t *tester) {
	ch := t.open(3)
	t.send(ch.tx, 1, 2, 3, 4)
	t.len(4, ch.rx)
	t.recvErr(ch.rx, lagged(1))
	t.len(3, ch.rx)
	t.recv(ch.rx, 2)
	t.len(2, ch.rx)
	t.send(ch.tx, 5, 6)
	t.len(4, ch.rx)
	t.recvErr(ch.rx, lagged(1))
	t.len(3, ch.rx)
	t.recv(ch.rx, 4, 5, 6)
	t.len(0, ch.rx)
}

func lagSubscribe(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, seq(1, 5)...)
	fresh := ch.subscribe()
	t.recvErr(fresh, leat.ErrEmpty)
	t.send(ch.tx, 6)
	t.recv(fresh, 6)
	t.recvErr(ch.rx, lagged(4))
	t.recv(ch.rx, 5, 6)
}

func lagRecvMany(t *tester) {
	ch := t.open(4)
	rx := ch.rx.(batchReceiver)
	t.send(ch.tx, seq(1, 7)...)
	var got tally
	buf := make([]int, 10)
	for len(got.values) < 4 {
		n, err := rx.RecvMany(t.ctx(), buf)
		var lag *leat.LaggedError
		switch {
		case errors.As(err, &lag) && n == 0 && len(got.values) == 0:
			got.missed += lag.Missed
		case err != nil:
			t.Fatalf("RecvMany = %d, %v after %v", n, err, got.values)
		default:
			got.values = append(got.values, buf[:n]...)
		}
	}
	if got.missed != 3 || got.values[0] != 4 {
		t.Fatalf("RecvMany told %d missed and gave %v; want 3 missed, then 4 to 7", got.missed, got.values)
	}
}

func lagAll(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2, 3)
	type pair struct {
		v      int
		missed uint64
	}
	var got []pair
	rangeAll(t.ctx(), ch.rx, func(v int, missed uint64) bool {
		got = append(got, pair{v, missed})
		switch v {
		case 2:
			t.send(ch.tx, 4, 5, 6)
		case 6:
			t.close(ch.tx)
		}
		return true
	})
	want := []pair{{2, 1}, {5, 2}, {6, 0}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Fatalf("All gave {value missed} %v; want %v", got, want)
	}
}

func lagClose(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2)
	t.close(ch.tx)
	t.recv(ch.rx, 1, 2)
	t.recvErr(ch.rx, leat.ErrClosed)

	for sent, missed := range map[int]uint64{3: 1, 4: 2} {
		ch := t.open(2)
		t.send(ch.tx, seq(1, sent)...)
		t.close(ch.tx)
		t.recvErr(ch.rx, lagged(missed))
		t.recv(ch.rx, sent-1, sent)
		t.recvErr(ch.rx, leat.ErrClosed)
	}
}
