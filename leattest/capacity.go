package leattest

import (
	"context"
	"errors"
	"time"

	"github.com/leat-go/leat"
)

var capacityCases = []testcase{
	{
		name:    "R9_capacity_is_exact",
		promise: "exactly as many values are accepted as the capacity says, and each one received makes room for one",
		rule:    rule9,
		needs:   []need{needBounded, needWaiting},
		run:     exactCapacity,
	},
	{
		name:    "R9_capacity_is_told",
		promise: "Cap is what New was asked for",
		rule:    rule9,
		needs:   []need{needBounded, needCap},
		run:     toldCapacity,
	},
	{
		name:    "R9_unbounded_is_never_full",
		promise: "an unbounded channel accepts whatever comes",
		rule:    rule9,
		needs:   []need{needUnbounded},
		run:     neverFull,
	},
	{
		name:    "R9_one_value_and_no_more",
		promise: "the one value is accepted and received, a second one is ErrClosed",
		rule:    rule9,
		needs:   []need{needOne},
		run:     oneValue,
	},
}

var lengthCases = []testcase{
	{
		name:    "R9_len_counts_accepted",
		promise: "Len is the number of values accepted and not yet received, on either side, after any number of rounds",
		rule:    rule9,
		needs:   []need{needBacklog, needLen},
		run:     lenCounts,
	},
	{
		name:    "R9_len_counts_no_waiters",
		promise: "what a waiting sender holds is not in the channel",
		rule:    rule9,
		mode:    bubbled,
		needs:   []need{needWaiting, needLen},
		run:     lenWithoutWaiters,
	},
}

// capacities are those where off-by-one, rounding and segments show.
var capacities = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 100}

func exactCapacity(t *tester) {
	for _, capacity := range capacities {
		ch := t.open(capacity)
		next, oldest := 0, 0
		for round := range 3 { // the second and third begin somewhere in the middle of what holds the values
			for next-oldest < capacity {
				if err := ch.tx.TrySend(next); err != nil {
					t.Fatalf("capacity %d, round %d: TrySend = %v with %d values in it", capacity, round, err, next-oldest)
				}
				next++
			}
			if err := ch.tx.TrySend(-1); !errors.Is(err, leat.ErrFull) {
				t.Fatalf("capacity %d, round %d: TrySend = %v with %d values in it; want ErrFull", capacity, round, err, capacity)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			if err := ch.tx.Send(ctx, -2); err != context.DeadlineExceeded {
				t.Fatalf("capacity %d: Send = %v with %d values in it; it should wait", capacity, err, capacity)
			}
			cancel()
			for range capacity/2 + 1 {
				t.recv(ch.rx, oldest)
				oldest++
			}
		}
		for ; oldest < next; oldest++ {
			t.recv(ch.rx, oldest)
		}
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func toldCapacity(t *tester) {
	for _, capacity := range capacities {
		ch := t.open(capacity)
		t.send(ch.tx, 1)
		for _, h := range []any{ch.tx, ch.rx} {
			if c, ok := h.(caper); ok && c.Cap() != capacity {
				t.Fatalf("Cap of a %T is %d; it was made with %d", h, c.Cap(), capacity)
			}
		}
	}
}

func neverFull(t *tester) {
	ch := t.open(1)
	n := t.scale(10000)
	for i := range n {
		if i%2 == 0 {
			t.trySend(ch.tx, i, nil)
		} else if err := ch.tx.Send(context.Background(), i); err != nil {
			t.Fatalf("Send(%d) = %v", i, err)
		}
	}
	for i := range n {
		t.recv(ch.rx, i)
	}
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func oneValue(t *tester) {
	ch := t.open(1)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.trySend(ch.tx, 1, nil)
	t.trySend(ch.tx, 2, leat.ErrClosed)
	if err := ch.tx.Send(t.ctx(), 3); !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("a second Send = %v; want ErrClosed", err)
	}
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrClosed)

	ch = t.open(1)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.send(ch.tx, 5)
	recv.want(5, nil)
}

func lenCounts(t *tester) {
	const capacity = 37
	ch := t.open(capacity)
	t.len(0, ch.tx, ch.rx)
	next := 0
	for round := range t.scale(100) {
		size := 1 + round%capacity
		for i := range size {
			t.trySend(ch.tx, next+i, nil)
			t.len(i+1, ch.tx, ch.rx)
		}
		for i := range size {
			t.recv(ch.rx, next)
			next++
			t.len(size-i-1, ch.tx, ch.rx)
		}
	}
	t.send(ch.tx, next, next+1)
	t.close(ch.tx)
	t.len(2, ch.rx) // the end is not a value
	t.recv(ch.rx, next)
	t.len(1, ch.rx)
}

func lenWithoutWaiters(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2)
	send := t.startSend(t.ctx(), ch.tx, 3)
	send.waits()
	t.len(2, ch.tx, ch.rx)
	t.recv(ch.rx, 1)
	send.want(0, nil)
	t.len(2, ch.tx, ch.rx)
	t.recv(ch.rx, 2, 3)
	t.len(0, ch.tx, ch.rx)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.len(0, ch.tx, ch.rx)
	t.trySend(ch.tx, 4, nil)
	recv.want(4, nil)
	t.len(0, ch.tx, ch.rx)
}
