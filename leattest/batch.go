package leattest

import (
	"context"
	"errors"
	"slices"

	"github.com/leat-go/leat"
)

var batchCases = []testcase{
	{
		name:    "R7_SendMany_keeps_the_order",
		promise: "SendMany sends its values in order, and waits for room as often as it must",
		rule:    rule7,
		needs:   []need{needSendMany, needBacklog, needLossless},
		run:     sendManyInOrder,
	},
	{
		name:    "R1_SendMany_tells_what_it_sent",
		promise: "when SendMany is cut short, the first n values were sent and the others were not",
		rule:    rule1,
		mode:    bubbled,
		needs:   []need{needSendMany, needWaiting},
		run:     sendManyPartial,
	},
	{
		name:    "R1_SendMany_of_nothing",
		promise: "SendMany of no values returns 0 and nil at once, also when there is no room",
		rule:    rule1,
		needs:   []need{needSendMany},
		run:     sendManyNothing,
	},
	{
		name:    "R6_TrySendMany_sends_what_fits",
		promise: "TrySendMany sends as many values as there is room for, from the front, and says ErrFull if that is not all",
		rule:    rule6,
		needs:   []need{needTrySendMany, needBounded, needWaiting},
		run:     trySendManyFits,
	},
	{
		name:    "R6_TrySendMany_overtakes_nobody",
		promise: "while a sender waits, TrySendMany sends nothing and says ErrFull",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needTrySendMany, needWaiting},
		run:     trySendManyInLine,
	},
	{
		name:    "R7_TrySendMany_serves_waiting_receivers",
		promise: "TrySendMany wakes the receivers that wait, and they get its values in order",
		rule:    rule7,
		mode:    bubbled,
		needs:   []need{needTrySendMany, needBacklog, needSubscribe},
		run:     trySendManyServes,
	},
	{
		name:    "R6_TryRecvMany_takes_what_is_there",
		promise: "TryRecvMany returns as many values as are there and fit, in order, and ErrEmpty or the end if there are none",
		rule:    rule6,
		needs:   []need{needTryRecvMany, needBacklog},
		run:     tryRecvManyTakes,
	},
	{
		name:    "R9_TryRecvMany_makes_room_for_waiting_senders",
		promise: "each slot that TryRecvMany empties goes to a sender that waits",
		rule:    rule9,
		mode:    bubbled,
		needs:   []need{needTryRecvMany, needWaiting},
		run:     tryRecvManyMakesRoom,
	},
	{
		name:    "R7_RecvMany_takes_what_is_there",
		promise: "RecvMany returns as many values as are there and fit, in order, and leaves the rest of the buffer alone",
		rule:    rule7,
		needs:   []need{needRecvMany, needBacklog},
		run:     recvManyTakes,
	},
	{
		name:    "R7_RecvMany_waits_for_one",
		promise: "RecvMany waits only while there is nothing, and not to fill its buffer",
		rule:    rule7,
		needs:   []need{needRecvMany},
		run:     recvManyWaits,
	},
	{
		name:    "R9_RecvMany_makes_room_for_waiting_senders",
		promise: "each slot that RecvMany empties goes to a sender that waits",
		rule:    rule9,
		mode:    bubbled,
		needs:   []need{needRecvMany, needWaiting},
		run:     recvManyMakesRoom,
	},
	{
		name:    "R4_All_ends_with_the_channel",
		promise: "All yields each value in order and ends with the channel; a loop that is left leaves the rest to be received",
		rule:    rule4,
		needs:   []need{needAll, needBacklog},
		run:     allEnds,
	},
	{
		name:    "R2_All_ends_with_its_context",
		promise: "a range over All ends when its ctx does",
		rule:    rule2,
		needs:   []need{needAll},
		run:     allCancelled,
	},
}

func sendManyInOrder(t *tester) {
	for _, capacity := range []int{1, 3, 64} {
		ch := t.open(capacity)
		tx := ch.tx.(batchSender)
		var want []int
		for i := range 100 {
			want = append(want, i)
		}
		send := t.start("SendMany of 100", func() (int, error) {
			defer ch.tx.Close()
			return tx.SendMany(t.ctx(), slices.Clone(want))
		})
		got := t.drain(ch.rx, false)
		send.want(100, nil)
		if !slices.Equal(got.values, want) {
			t.Fatalf("capacity %d: received %v; want 0 to 99 in order", capacity, got.values)
		}
	}
}

func sendManyPartial(t *tester) {
	values := []int{1, 2, 3, 4, 5}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cuts := map[string]struct {
		cut  func(*channel)
		want error
	}{
		"its ctx ended":         {func(*channel) { cancel() }, context.Canceled},
		"its handle closed":     {func(ch *channel) { ch.tx.Close() }, leat.ErrClosed},
		"the receiver closed":   {func(ch *channel) { ch.rx.Close() }, leat.ErrClosed},
		"the room was received": {nil, nil},
	}
	for _, why := range []string{"its handle closed", "the receiver closed", "the room was received", "its ctx ended"} {
		if t.kind.Features.everyone() && why == "the receiver closed" {
			continue // it concerns nobody
		}
		ch := t.open(3)
		send := t.start("SendMany of 5", func() (int, error) { return ch.tx.(batchSender).SendMany(ctx, values) })
		send.waits()
		if cut := cuts[why].cut; cut == nil {
			t.recv(ch.rx, 1)
			send.waits()
			t.recv(ch.rx, 2)
			send.want(5, nil)
			t.recv(ch.rx, 3, 4, 5)
			continue
		} else {
			cut(ch)
		}
		if n, err := send.result(); n != 3 || !same(err, cuts[why].want) {
			t.Fatalf("SendMany of 5 to capacity 3, until %s, = %d, %v; want 3, %v", why, n, err, cuts[why].want)
		}
		t.recv(ch.rx, 1, 2, 3)
		if v, err := ch.rx.TryRecv(); err == nil {
			t.Fatalf("received %d, which SendMany had not sent when %s", v, why)
		}
	}
}

func sendManyNothing(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	if t.kind.Features.OneValue {
		return // it has ended
	}
	for _, vs := range [][]int{nil, {}} {
		if n, err := ch.tx.(batchSender).SendMany(t.ctx(), vs); n != 0 || err != nil {
			t.Fatalf("SendMany of nothing = %d, %v; want 0, nil", n, err)
		}
	}
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

// trySendMany asserts what TrySendMany returns.
func (t *tester) trySendMany(tx leat.Sender[int], vs []int, n int, err error) {
	t.Helper()
	if got, gotErr := tx.(tryBatchSender).TrySendMany(vs); got != n || !same(gotErr, err) {
		t.Fatalf("TrySendMany(%v) = %d, %v; want %d, %v", vs, got, gotErr, n, err)
	}
}

// tryRecvMany asserts what TryRecvMany with a buffer of the size returns, and
// that it leaves the rest of the buffer alone.
func (t *tester) tryRecvMany(rx leat.Receiver[int], size int, err error, want ...int) {
	t.Helper()
	buf := slices.Repeat([]int{-7}, size)
	n, gotErr := rx.(tryBatchReceiver).TryRecvMany(buf)
	if !same(gotErr, err) || !slices.Equal(buf[:n], want) {
		t.Fatalf("TryRecvMany with room for %d = %v, %v; want %v, %v", size, buf[:n], gotErr, want, err)
	}
	for _, v := range buf[n:] {
		if err == nil && v != -7 {
			t.Fatalf("TryRecvMany returned %d and wrote %d after that", n, v)
		}
	}
}

func trySendManyFits(t *tester) {
	for _, capacity := range []int{1, 2, 3, 31, 32, 33} {
		ch := t.open(capacity)
		values := seq(1, capacity+2)
		t.trySendMany(ch.tx, nil, 0, nil)
		t.trySendMany(ch.tx, values, capacity, leat.ErrFull)
		t.trySendMany(ch.tx, values, 0, leat.ErrFull)
		t.trySendMany(ch.tx, []int{}, 0, nil) // nothing always fits
		t.trySend(ch.tx, 99, leat.ErrFull)
		t.recv(ch.rx, 1)
		t.trySendMany(ch.tx, []int{-1, -2}, 1, leat.ErrFull)
		t.recv(ch.rx, values[1:capacity]...)
		t.recv(ch.rx, -1)
		t.trySendMany(ch.tx, values[:capacity], capacity, nil)
		t.recv(ch.rx, values[:capacity]...)
		t.recvErr(ch.rx, leat.ErrEmpty)
		t.close(ch.tx)
		t.trySendMany(ch.tx, values, 0, leat.ErrClosed)
		t.trySendMany(ch.tx, nil, 0, nil)
	}
}

func trySendManyInLine(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2)
	send := t.startSend(t.ctx(), ch.tx, 3)
	send.waits()
	t.trySendMany(ch.tx, []int{98, 99}, 0, leat.ErrFull)
	t.recv(ch.rx, 1)
	t.trySendMany(ch.tx, []int{98, 99}, 0, leat.ErrFull) // the slot is the sender's
	send.want(0, nil)
	t.recv(ch.rx, 2)
	t.trySendMany(ch.tx, []int{4, 99}, 1, leat.ErrFull)
	t.recv(ch.rx, 3, 4)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func trySendManyServes(t *tester) {
	ch := t.open(4)
	other := ch.subscribe()
	first := t.startRecv(t.ctx(), ch.rx)
	second := t.startRecv(t.ctx(), other)
	first.waits()
	second.waits()
	t.trySendMany(ch.tx, []int{1, 2, 3}, 3, nil)
	first.want(1, nil)
	if t.kind.Features.everyone() {
		second.want(1, nil)
		t.recv(ch.rx, 2, 3)
		t.recv(other, 2, 3)
	} else {
		second.want(2, nil)
		t.recv(other, 3)
	}
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func tryRecvManyTakes(t *tester) {
	ch := t.open(40)
	t.tryRecvMany(ch.rx, 0, nil)
	t.tryRecvMany(ch.rx, 3, leat.ErrEmpty)
	for i := range 40 {
		t.send(ch.tx, i)
	}
	t.tryRecvMany(ch.rx, 0, nil)
	t.tryRecvMany(ch.rx, 1, nil, 0)
	t.tryRecvMany(ch.rx, 34, nil, seq(1, 34)...)
	t.send(ch.tx, 40, 41)
	t.tryRecvMany(ch.rx, 100, nil, seq(35, 41)...)
	t.tryRecvMany(ch.rx, 100, leat.ErrEmpty)
	t.send(ch.tx, 1, 2)
	t.close(ch.tx)
	t.tryRecvMany(ch.rx, 5, nil, 1, 2)
	t.tryRecvMany(ch.rx, 5, leat.ErrClosed)
	t.tryRecvMany(ch.rx, 0, nil)
}

func tryRecvManyMakesRoom(t *tester) {
	ch := t.open(3)
	t.send(ch.tx, 0, 1, 2)
	var sends []*call
	for v := 3; v < 7; v++ {
		sends = append(sends, t.startSend(t.ctx(), ch.tx, v))
	}
	t.tryRecvMany(ch.rx, 2, nil, 0, 1)
	sends[0].want(0, nil)
	sends[1].want(0, nil)
	sends[2].waits()
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recv(ch.rx, 2, 3)
	sends[2].want(0, nil)
	sends[3].want(0, nil)
	t.recv(ch.rx, 4, 5, 6)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func recvManyTakes(t *tester) {
	ch := t.open(40)
	rx := ch.rx.(batchReceiver)
	t.recvMany(rx, 0, 0, nil) // at once, though nothing is there
	for i := range 40 {
		t.send(ch.tx, i)
	}
	t.recvMany(rx, 0, 0, nil)
	t.recvMany(rx, 1, 0, []int{0})
	t.recvMany(rx, 34, 0, seq(1, 34))
	t.send(ch.tx, 40, 41)
	t.recvMany(rx, 100, 0, seq(35, 41))
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.send(ch.tx, 1, 2)
	t.close(ch.tx)
	t.recvMany(rx, 5, 0, []int{1, 2})
	if n, err := rx.RecvMany(t.ctx(), make([]int, 5)); n != 0 || !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("RecvMany at the end = %d, %v; want 0, ErrClosed", n, err)
	}
}

// recvMany asserts that RecvMany with a buffer of the size returns want, and
// leaves the rest of the buffer at fill.
func (t *tester) recvMany(rx batchReceiver, size, fill int, want []int) {
	t.Helper()
	buf := slices.Repeat([]int{fill - 1}, size)
	n, err := rx.RecvMany(t.ctx(), buf)
	if err != nil || !slices.Equal(buf[:n], want) {
		t.Fatalf("RecvMany with room for %d = %v, %v; want %v", size, buf[:n], err, want)
	}
	for _, v := range buf[n:] {
		if v != fill-1 {
			t.Fatalf("RecvMany returned %d and wrote %d after that", n, v)
		}
	}
}

// seq returns first to last.
func seq(first, last int) (s []int) {
	for i := first; i <= last; i++ {
		s = append(s, i)
	}
	return s
}

func recvManyWaits(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(4)
		buf := make([]int, 3)
		recv := t.start("RecvMany with a context "+name, func() (int, error) { return ch.rx.(batchReceiver).RecvMany(ctx, buf) })
		recv.waits()
		t.trySend(ch.tx, 7, nil)
		recv.want(1, nil)
		if buf[0] != 7 {
			t.Fatalf("RecvMany gave %d; want 7", buf[0])
		}
	}
	ch := t.open(4)
	ctx, cancel := context.WithCancel(context.Background())
	recv := t.start("RecvMany", func() (int, error) { return ch.rx.(batchReceiver).RecvMany(ctx, make([]int, 3)) })
	recv.waits()
	cancel()
	recv.want(0, context.Canceled)
	t.send(ch.tx, 8)
	t.recv(ch.rx, 8)
}

func recvManyMakesRoom(t *tester) {
	ch := t.open(3)
	t.send(ch.tx, 0, 1, 2)
	var sends []*call
	for v := 3; v < 7; v++ {
		sends = append(sends, t.startSend(t.ctx(), ch.tx, v))
	}
	t.recvMany(ch.rx.(batchReceiver), 2, 0, []int{0, 1})
	sends[0].want(0, nil)
	sends[1].want(0, nil)
	sends[2].waits()
	t.trySend(ch.tx, 99, leat.ErrFull)
	t.recv(ch.rx, 2)
	sends[2].want(0, nil)
	sends[3].waits()
	t.recv(ch.rx, 3)
	sends[3].want(0, nil)
	t.recv(ch.rx, 4, 5, 6)
}

func allEnds(t *tester) {
	ch := t.open(8)
	t.send(ch.tx, seq(1, 6)...)
	var got []int
	rangeAll(t.ctx(), ch.rx, func(v int, _ uint64) bool { got = append(got, v); return v < 2 })
	if !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("a loop left at 2 saw %v", got)
	}
	t.recv(ch.rx, 3)
	t.close(ch.tx)
	got = nil
	rangeAll(t.ctx(), ch.rx, func(v int, _ uint64) bool { got = append(got, v); return true })
	if !slices.Equal(got, []int{4, 5, 6}) {
		t.Fatalf("a loop to the end saw %v; want 4, 5, 6", got)
	}
	rangeAll(t.ctx(), ch.rx, func(v int, _ uint64) bool { t.Errorf("after the end, All yields %d", v); return true })
}

func allCancelled(t *tester) {
	ch := t.open(1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := make(chan struct{}, 1)
	loop := t.start("a range over All", func() (int, error) {
		rangeAll(ctx, ch.rx, func(v int, _ uint64) bool {
			if v == 1 { // a kind that has a current value may yield that before
				seen <- struct{}{}
			}
			return true
		})
		return 0, nil
	})
	loop.waits()
	t.send(ch.tx, 1)
	select {
	case <-seen:
	case <-t.ctx().Done():
		t.Fatalf("All does not yield the value that was sent")
	}
	if !t.kind.Features.OneValue {
		loop.waits()
	}
	cancel()
	loop.want(0, nil)
}
