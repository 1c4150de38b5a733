package leattest

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/leat-go/leat"
)

var orderCases = []testcase{
	{
		name:    "R7_FIFO_per_sender",
		promise: "what one sender sends, a receiver gets in the order in which it was sent",
		rule:    rule7,
		mode:    realTime,
		needs:   []need{needBacklog},
		run:     fifoPerSender,
	},
	{
		name:    "R8_received_exactly_once",
		promise: "each accepted value is received exactly once, or counted exactly once as missed",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needBacklog},
		run:     exactlyOnce,
	},
	{
		name:    "R8_latest_value_arrives",
		promise: "each receiver gets the newest value, however many it skipped",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{{func(f Features, _ abilities) bool { return f.Latest }, "it keeps more than the newest value"}},
		run:     newestArrives,
	},
	{
		name:    "R1_failed_send_is_never_received",
		promise: "a value whose send failed is received by nobody, and one whose send succeeded is received",
		rule:    rule1,
		mode:    realTime,
		needs:   []need{needBacklog, needLossless},
		run:     failedSendInvisible,
	},
	{
		name:    "R1_cancelled_receive_loses_nothing",
		promise: "a receive that fails has taken no value",
		rule:    rule1,
		mode:    realTime,
		needs:   []need{needBacklog, needLossless},
		run:     cancelledRecvLosesNothing,
	},
	{
		name:    "R6_sent_is_there",
		promise: "once Send has returned, a receiver must find the value",
		rule:    rule6,
		mode:    realTime,
		needs:   []need{needBacklog},
		run:     sentIsThere,
	},
}

// A tally is what one receiver got.
type tally struct {
	values []int
	missed uint64
}

// drain receives until the end: by Recv, or by all means in turn.
func (t *tester) drain(rx leat.Receiver[int], mixed bool) (got tally) {
	many, _ := rx.(batchReceiver)
	tryMany, _ := rx.(tryBatchReceiver)
	collector, _ := rx.(batchCollector)
	ctx := t.ctx()
	buf := make([]int, 5)
	for i := 0; ; i++ {
		n, err := 1, error(nil)
		switch {
		case mixed && i%6 == 1:
			buf[0], err = rx.TryRecv()
		case mixed && i%6 == 2 && many != nil:
			n, err = many.RecvMany(ctx, buf)
		case mixed && i%6 == 3:
			buf[0], err = rx.Recv(context.Background())
		case mixed && i%6 == 4 && collector != nil:
			n, err = collector.RecvBatch(ctx, buf, time.Duration(i%3)*20*time.Microsecond)
		case mixed && i%6 == 5 && tryMany != nil:
			n, err = tryMany.TryRecvMany(buf)
		default:
			buf[0], err = rx.Recv(ctx)
		}
		var lag *leat.LaggedError
		switch {
		case err == nil:
			got.values = append(got.values, buf[:n]...)
		case errors.As(err, &lag):
			got.missed += lag.Missed
		case errors.Is(err, leat.ErrEmpty):
			runtime.Gosched()
		case errors.Is(err, leat.ErrClosed):
			return got
		default:
			t.Errorf("receiving failed with %v after %d values", err, len(got.values))
			return got
		}
	}
}

// exchange sends each values with several senders, receives with several
// receivers if there can be, and returns what each receiver got. The value i of
// sender s is s*each+i.
func (t *tester) exchange(ch *channel, senders, each int, mixed bool) []tally {
	rxs := []leat.Receiver[int]{ch.rx}
	if t.can.subscribe {
		rxs = append(rxs, ch.subscribe(), ch.subscribe())
	}
	txs := []leat.Sender[int]{ch.tx}
	for len(txs) < senders {
		txs = append(txs, ch.clone())
	}
	tallies := make([]tally, len(rxs))
	var wg sync.WaitGroup
	for i, rx := range rxs {
		wg.Go(func() { tallies[i] = t.drain(rx, mixed) })
	}
	for s, tx := range txs {
		wg.Go(func() { t.sendAll(tx, s*each, each, mixed) })
	}
	wg.Wait()
	return tallies
}

// sendAll sends n values from first, by Send, or by all means in turn, and
// closes tx.
func (t *tester) sendAll(tx leat.Sender[int], first, n int, mixed bool) {
	defer tx.Close()
	many, _ := tx.(batchSender)
	tryMany, _ := tx.(tryBatchSender)
	ctx := t.ctx()
	for v := first; v < first+n; {
		k, err := 1, error(nil)
		next := seq(v, min(v+7, first+n)-1)
		switch {
		case mixed && v%5 == 1:
			err = tx.TrySend(v)
		case mixed && v%5 == 2 && many != nil:
			k, err = many.SendMany(ctx, next)
		case mixed && v%5 == 3:
			err = tx.Send(context.Background(), v)
		case mixed && v%5 == 4 && tryMany != nil:
			if k, err = tryMany.TrySendMany(next); k > 0 {
				err = nil
			}
		default:
			err = tx.Send(ctx, v)
		}
		switch {
		case errors.Is(err, leat.ErrFull):
			runtime.Gosched()
		case err != nil:
			t.Errorf("sending %d failed with %v; the channel is open", v, err)
			return
		default:
			v += k
		}
	}
}

// senders returns how many sender handles a test can use.
func (t *tester) senders() int {
	if t.can.clone {
		return 4
	}
	return 1
}

func fifoPerSender(t *tester) {
	each := t.scale(2000)
	for _, capacity := range []int{1, 3, 64} {
		for i, got := range t.exchange(t.open(capacity), t.senders(), each, false) {
			last := map[int]int{}
			for _, v := range got.values {
				if before, ok := last[v/each]; ok && v <= before {
					t.Fatalf("capacity %d: receiver %d got %d of sender %d after %d", capacity, i, v, v/each, before)
				}
				last[v/each] = v
			}
		}
	}
}

func exactlyOnce(t *tester) {
	each := t.scale(2000)
	for _, capacity := range []int{1, 2, 7, 64} {
		for _, mixed := range []bool{false, true} {
			ch := t.open(capacity)
			senders := t.senders()
			tallies := t.exchange(ch, senders, each, mixed)
			if !t.kind.Features.everyone() { // the receivers shared the values
				var all tally
				for _, got := range tallies {
					all.values = append(all.values, got.values...)
					all.missed += got.missed
				}
				tallies = []tally{all}
			}
			for i, got := range tallies {
				t.account(got, i, capacity, senders*each)
			}
		}
	}
}

// account asserts that a receiver's values are those below sent, each once or
// missed.
func (t *tester) account(got tally, receiver, capacity, sent int) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(got.values))
	for i, v := range sorted {
		switch {
		case v < 0 || v >= sent:
			t.Fatalf("capacity %d: receiver %d got %d, which nobody sent", capacity, receiver, v)
		case i > 0 && v == sorted[i-1]:
			t.Fatalf("capacity %d: receiver %d got %d twice", capacity, receiver, v)
		}
	}
	if uint64(len(sorted))+got.missed != uint64(sent) {
		t.Fatalf("capacity %d: receiver %d got %d values and missed %d, which is not the %d sent",
			capacity, receiver, len(sorted), got.missed, sent)
	}
	if got.missed > 0 && !t.kind.Features.Lossy {
		t.Fatalf("capacity %d: receiver %d missed %d values; it is not lossy", capacity, receiver, got.missed)
	}
}

func newestArrives(t *tester) {
	each := t.scale(2000)
	for i, got := range t.exchange(t.open(1), 1, each, true) {
		if !slices.IsSorted(got.values) || len(got.values) == 0 || got.values[len(got.values)-1] != each-1 {
			t.Fatalf("receiver %d ended with %v; want rising values, the last of them %d",
				i, got.values[max(0, len(got.values)-5):], each-1)
		}
	}
}

func failedSendInvisible(t *tester) {
	ch := t.open(1)
	each := t.scale(2000)
	var mu sync.Mutex
	sent := map[int]bool{} // whose send returned nil
	var senders sync.WaitGroup
	for s := range t.senders() {
		tx := ch.tx
		if s > 0 {
			tx = ch.clone()
		}
		senders.Go(func() {
			defer tx.Close()
			random := rand.New(rand.NewPCG(1, uint64(s)))
			patient := t.ctx()
			for v := s * each; v < (s+1)*each; v++ {
				ctx, cancel := context.WithCancel(patient)
				var err error
				switch random.IntN(3) {
				case 0:
					cancel()
					err = tx.Send(ctx, v)
				case 1:
					go cancel()
					err = tx.Send(ctx, v)
				case 2:
					err = tx.TrySend(v)
				}
				cancel()
				if err == nil {
					mu.Lock()
					sent[v] = true
					mu.Unlock()
				}
			}
		})
	}
	got := t.drain(ch.rx, true)
	senders.Wait()
	for _, v := range got.values {
		if !sent[v] {
			t.Fatalf("received %d, whose send had failed (or was received twice)", v)
		}
		delete(sent, v)
	}
	if len(sent) > 0 {
		t.Fatalf("%d values whose send had succeeded were not received", len(sent))
	}
}

// cancelledRecvLosesNothing cancels each receive just before or just after its
// value is sent: it may return the value or fail, and if it fails, the next one
// has the value.
func cancelledRecvLosesNothing(t *tester) {
	ch := t.open(2)
	patient := t.ctx()
	failed := 0
	for v := range t.scale(5000) {
		ctx, cancel := context.WithCancel(patient)
		sent := make(chan error, 1)
		go func() {
			if v%2 == 0 {
				cancel()
			}
			err := ch.tx.Send(patient, v)
			cancel()
			sent <- err
		}()
		got, err := ch.rx.Recv(ctx)
		if err == context.Canceled {
			failed++
			got, err = ch.rx.Recv(patient)
		}
		if err != nil || got != v {
			t.Fatalf("Recv = %d, %v; want %d. %d receives had been cancelled, the last of them about now", got, err, v, failed)
		}
		if err := <-sent; err != nil {
			t.Fatalf("Send(%d) = %v", v, err)
		}
	}
}

func sentIsThere(t *tester) {
	ch := t.open(8)
	rounds := t.scale(2000)
	var others sync.WaitGroup
	for range t.senders() - 1 {
		tx := ch.clone()
		others.Go(func() {
			for range rounds {
				_ = tx.TrySend(-1)
				runtime.Gosched()
			}
			tx.Close()
		})
	}
	defer others.Wait()
	for i := range rounds {
		sent := ch.tx.TrySend(i) // or the channel was full: then something was there, too
		if v, err := ch.rx.TryRecv(); errors.Is(err, leat.ErrEmpty) {
			t.Fatalf("round %d: TryRecv = %d, %v, and TrySend just before was %v", i, v, err, sent)
		}
		for { // make room for the next round
			if _, err := ch.rx.TryRecv(); errors.Is(err, leat.ErrEmpty) {
				break
			}
		}
	}
}
