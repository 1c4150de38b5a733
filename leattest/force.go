package leattest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/leat-go/leat"
)

var forceCases = []testcase{
	{
		name:    "R9_ForceSend_evicts_the_oldest_of_a_full_channel",
		promise: "ForceSend to a full channel returns the oldest value and accepts the new one; while there is room, it evicts nothing",
		rule:    rule9,
		needs:   []need{needForceSend, needBounded, needWaiting},
		run:     forceEvicts,
	},
	{
		name:    "R6_ForceSend_overtakes_nobody",
		promise: "while a sender waits, ForceSend changes nothing and says ErrFull",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needForceSend, needWaiting},
		run:     forceInLine,
	},
	{
		name:    "R9_ForceSend_leaves_permits_alone",
		promise: "ForceSend evicts values and no permits; if permits hold all slots, it says ErrFull",
		rule:    rule9,
		needs:   []need{needForceSend, needReserve, needWaiting},
		run:     forceAndPermits,
	},
	{
		name:    "R6_ForceSend_serves_waiting_receivers",
		promise: "ForceSend gives its value to a receiver that waits, and evicts nothing",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needForceSend, needBacklog},
		run:     forceServes,
	},
	{
		name:    "R6_ForceSend_needs_a_partner",
		promise: "with capacity 0, ForceSend succeeds only if a receiver waits",
		rule:    rule6,
		mode:    bubbled,
		needs:   []need{needForceSend, needZero},
		run:     forceAtZero,
	},
	{
		name:    "R3_ForceSend_after_a_close",
		promise: "ForceSend on a closed handle or to a closed receiver evicts nothing and says ErrClosed",
		rule:    rule3,
		needs:   []need{needForceSend, needBounded},
		run:     forceClosed,
	},
	{
		name:    "R8_received_or_evicted_exactly_once",
		promise: "each value that ForceSend accepts is received exactly once, or returned exactly once as evicted, and no channel loses its order",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needForceSend, needBacklog},
		run:     forceExactlyOnce,
	},
}

// forceSend asserts what ForceSend returns. With evicted at -1, it wants the
// channel not to be full.
func (t *tester) forceSend(tx leat.Sender[int], v, evicted int, want error) {
	t.Helper()
	got, full, err := tx.(forceSender).ForceSend(v)
	switch {
	case !same(err, want):
		t.Fatalf("ForceSend(%d) = %d, %v, %v; want %v", v, got, full, err, want)
	case full != (evicted >= 0 || errors.Is(want, leat.ErrFull)):
		t.Fatalf("ForceSend(%d) = %d, %v, %v; full is wrong", v, got, full, err)
	case err == nil && full && got != evicted:
		t.Fatalf("ForceSend(%d) evicted %d; the oldest value is %d", v, got, evicted)
	case (err != nil || !full) && got != 0:
		t.Fatalf("ForceSend(%d) = %d, %v, %v; it evicted nothing", v, got, full, err)
	}
}

func forceEvicts(t *tester) {
	for _, capacity := range []int{1, 2, 3, 31, 32, 33, 100} {
		ch := t.open(capacity)
		next := 1
		for ; next <= capacity; next++ {
			t.forceSend(ch.tx, next, -1, nil)
		}
		for range 3*capacity + 1 { // through every slot
			t.forceSend(ch.tx, next, next-capacity, nil)
			t.len(capacity, ch.tx, ch.rx)
			next++
		}
		t.trySend(ch.tx, 9999, leat.ErrFull)
		t.recv(ch.rx, next-capacity)
		t.forceSend(ch.tx, next, -1, nil)
		t.forceSend(ch.tx, next+1, next-capacity+1, nil)
		t.recv(ch.rx, seq(next-capacity+2, next+1)...)
		t.recvErr(ch.rx, leat.ErrEmpty)
	}
}

func forceInLine(t *tester) {
	ch := t.open(2)
	t.send(ch.tx, 1, 2)
	send := t.startSend(t.ctx(), ch.tx, 3)
	send.waits()
	t.forceSend(ch.tx, 99, -1, leat.ErrFull)
	t.recv(ch.rx, 1)
	send.want(0, nil)
	t.forceSend(ch.tx, 4, 2, nil) // nobody waits any more
	ctx, cancel := context.WithCancel(context.Background())
	send = t.startSend(ctx, ch.tx, 98)
	send.waits()
	t.forceSend(ch.tx, 99, -1, leat.ErrFull)
	cancel()
	send.wantErr(context.Canceled)
	t.forceSend(ch.tx, 5, 3, nil)
	t.recv(ch.rx, 4, 5)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func forceAndPermits(t *tester) {
	ch := t.open(2)
	p := t.reserve(ch)
	t.forceSend(ch.tx, 1, -1, nil)
	t.forceSend(ch.tx, 2, 1, nil) // the permit's slot is taken
	t.recv(ch.rx, 2)
	q := t.reserve(ch)
	t.forceSend(ch.tx, 99, -1, leat.ErrFull)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.use(p, 3)
	t.forceSend(ch.tx, 4, 3, nil)
	t.use(q, 5)
	t.forceSend(ch.tx, 6, 4, nil)
	t.recv(ch.rx, 5, 6)
	t.recvErr(ch.rx, leat.ErrEmpty)
}

func forceServes(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		recv := t.startRecv(ctx, ch.rx)
		recv.what += " with a context " + name
		recv.waits()
		t.forceSend(ch.tx, 1, -1, nil)
		recv.want(1, nil)
		t.forceSend(ch.tx, 2, -1, nil)
		t.recv(ch.rx, 2)
	}
}

func forceAtZero(t *tester) {
	ch := t.open(0)
	t.forceSend(ch.tx, 99, -1, leat.ErrFull)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	t.forceSend(ch.tx, 1, -1, nil)
	recv.want(1, nil)
	send := t.startSend(t.ctx(), ch.tx, 2)
	send.waits()
	t.forceSend(ch.tx, 99, -1, leat.ErrFull)
	t.recv(ch.rx, 2)
	send.want(0, nil)
}

func forceClosed(t *tester) {
	ch := t.open(1)
	t.send(ch.tx, 1)
	t.close(ch.tx)
	t.forceSend(ch.tx, 99, -1, leat.ErrClosed)
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrClosed)

	ch = t.open(1)
	t.send(ch.tx, 1)
	t.close(ch.rx)
	t.forceSend(ch.tx, 99, -1, leat.ErrClosed)
	t.recv(ch.rx, 1)
	t.recvErr(ch.rx, leat.ErrClosed)
}

func forceExactlyOnce(t *tester) {
	each := t.scale(2000)
	for _, capacity := range []int{1, 2, 7, 64} {
		ch := t.open(capacity)
		rxs := []leat.Receiver[int]{ch.rx}
		if t.can.subscribe {
			rxs = append(rxs, ch.subscribe())
		}
		txs := []leat.Sender[int]{ch.tx}
		for len(txs) < t.senders() {
			txs = append(txs, ch.clone())
		}
		gone := make([][]int, len(txs)+len(rxs)) // evicted by a sender, or received
		var wg sync.WaitGroup
		for i, rx := range rxs {
			wg.Go(func() { gone[len(txs)+i] = t.drain(rx, i == 0).values })
		}
		for i, tx := range txs {
			wg.Go(func() {
				defer tx.Close()
				for v := i * each; v < (i+1)*each; {
					evicted, full, err := tx.(forceSender).ForceSend(v)
					switch {
					case errors.Is(err, leat.ErrFull): // at no time a sender waits here
						t.Errorf("ForceSend(%d) = %v; no sender waits and there are no permits", v, err)
						return
					case err != nil:
						t.Errorf("ForceSend(%d) = %v; the channel is open", v, err)
						return
					case full:
						gone[i] = append(gone[i], evicted)
					}
					if v++; v%64 == 0 {
						runtime.Gosched()
					}
				}
			})
		}
		wg.Wait()
		for i, values := range gone {
			last := make(map[int]int) // of each sender
			for _, v := range values {
				if before, ok := last[v/each]; ok && v <= before {
					t.Fatalf("capacity %d: goroutine %d got %d after %d", capacity, i, v, before)
				}
				last[v/each] = v
			}
		}
		t.account(tally{values: slices.Concat(gone...)}, 0, capacity, len(txs)*each)
	}
}
