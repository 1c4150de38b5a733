package natstest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pending returns how many values of an MPMC channel receivers have, and have
// not acknowledged.
func pending(ctx context.Context, t *testing.T, js jetstream.JetStream, name string) int {
	t.Helper()
	c, err := js.Consumer(ctx, "LEAT_"+name, "rx")
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().NumAckPending
}

// sendAll sends 0 to n-1.
func sendAll(ctx context.Context, t *testing.T, tx *natschan.Sender[int], n int) {
	t.Helper()
	for v := range n {
		if err := tx.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
}

// returned counts the values that receivers of the channel return.
func returned(t *testing.T, js jetstream.JetStream, name string) (count func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	sub, err := js.Conn().Subscribe("$JS.ACK.LEAT_"+name+".>", func(m *nats.Msg) {
		if string(m.Data) == "-NAK" {
			mu.Lock()
			defer mu.Unlock()
			n++
		}
	})
	if err == nil {
		err = js.Conn().Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Unsubscribe() })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// An MPMC receiver with Prefetch(8) has up to 8 values under way, and each is
// acknowledged by itself. The test fails if the receiver takes more or fewer
// ahead, or if acknowledging one value acknowledges an earlier one.
func TestPrefetchMPMC(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPMC}
	ctx, tx, rx := ends(t, js, ch, natschan.Prefetch(8))
	sendAll(ctx, t, tx, 20)
	var msgs []*natschan.Msg[int]
	for v := range 3 {
		m, err := rx.RecvMsg(ctx)
		if err != nil || m.Value != v || m.Deliveries != 1 {
			t.Fatalf("RecvMsg = %+v, %v; want %d for the first time", m, err, v)
		}
		msgs = append(msgs, m)
	}
	until(ctx, t, "8 values are under way", func() bool { return pending(ctx, t, js, ch.Name) == 8 })
	if err := msgs[1].Ack(); err != nil {
		t.Fatal(err)
	}
	until(ctx, t, "one is acknowledged", func() bool { return pending(ctx, t, js, ch.Name) == 7 })
	s, err := js.Stream(ctx, "LEAT_"+ch.Name)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		_, err := s.GetMsg(ctx, seq)
		if gone := errors.Is(err, jetstream.ErrMsgNotFound); gone != (seq == 2) {
			t.Errorf("the value %d, after 1 was acknowledged: %v", seq-1, err)
		}
	}
	if err := msgs[0].Nak(); err != nil {
		t.Fatal(err)
	}
	if err := msgs[2].Ack(); err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	for range 18 {
		m, err := rx.RecvMsg(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got[m.Value] = m.Deliveries
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 18 || got[0] != 2 {
		t.Errorf("received %v after 0 was returned; want 0 for the second time, and 3 to 19", got)
	}
	if v, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
		t.Errorf("TryRecv = %d, %v; want ErrEmpty", v, err)
	}
}

// One receiver has values ahead, and its program does not receive; another one
// waits. The test fails if the first does not return them, or if the other does
// not get each one once, or if the first does not go on when it receives again.
func TestPrefetchMPMCReturnsWhatIsNotReceived(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPMC, AckWait: 2 * time.Second}
	ctx, tx, idle := ends(t, js, ch, natschan.Prefetch(16))
	nakked := returned(t, js, ch.Name)
	sendAll(ctx, t, tx, 16)
	if v, err := idle.Recv(ctx); v != 0 || err != nil {
		t.Fatalf("Recv = %d, %v", v, err)
	}
	until(ctx, t, "15 values are buffered", func() bool { return pending(ctx, t, js, ch.Name) == 15 })
	ch.Storage = jetstream.MemoryStorage
	busy, err := natschan.NewReceiver[int](ctx, js, ch, natschan.Prefetch(4))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	got := map[int]bool{}
	for range 15 {
		m, err := busy.RecvMsg(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got[m.Value] || m.Deliveries < 2 {
			t.Errorf("received %d, delivered %d times; it was buffered elsewhere", m.Value, m.Deliveries)
		}
		got[m.Value] = true
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 15 || got[0] {
		t.Errorf("the other receiver got %v; want 1 to 15", got)
	}
	if n := nakked(); n < 15 {
		t.Errorf("the idle receiver returned %d values; want 15", n)
	}
	if err := busy.Close(); err != nil {
		t.Fatal(err)
	}
	sendAll(ctx, t, tx, 3)
	for range 3 {
		if _, err := idle.Recv(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A receiver that is too slow for its Prefetch takes less ahead after it has
// returned values, and more again when it is fast. The test fails if it asks
// for as much as before, or stays at less.
func TestPrefetchMPMCAdapts(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPMC, AckWait: 2 * time.Second}
	ctx, tx, rx := ends(t, js, ch, natschan.Prefetch(16))
	nakked := returned(t, js, ch.Name)
	asked := make(chan *nats.Msg, 1000)
	sub, err := js.Conn().ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT.LEAT_"+ch.Name+".>", asked)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	lastAsked := func() (body string) {
		for {
			select {
			case m := <-asked:
				body = string(m.Data)
			default:
				return body
			}
		}
	}
	recv := func() {
		t.Helper()
		if _, err := rx.Recv(ctx); err != nil {
			t.Fatal(err)
		}
	}
	sendAll(ctx, t, tx, 40)
	recv()
	if body := lastAsked(); !strings.Contains(body, `"batch":16,`) {
		t.Fatalf("the first request is %s; want a batch of 16", body)
	}
	until(ctx, t, "the receiver has returned 15 values", func() bool { return nakked() == 15 })
	recv()
	if body := lastAsked(); !strings.Contains(body, `"batch":8,`) {
		t.Errorf("the request after values were returned is %s; want a batch of 8", body)
	}
	for range 38 {
		recv()
	}
	until(ctx, t, "the receiver takes 16 ahead again", func() bool {
		sendAll(ctx, t, tx, 40)
		for range 40 {
			recv()
		}
		sendAll(ctx, t, tx, 40)
		recv()
		// Recv has asked for later values before it returns.
		full := false
		until(ctx, t, "values are under way", func() bool {
			n := pending(ctx, t, js, ch.Name)
			full = full || n > 8
			return n > 0
		})
		for range 39 {
			recv()
		}
		return full
	})
}

// Three receivers with Prefetch share the values of two senders; one closes in
// the middle, with values in its buffer. The test fails if a value is lost or
// received twice, or if a receiver does not get to the end.
func TestPrefetchMPMCSharesExactlyOnce(t *testing.T) {
	js := server(t, nil)
	for _, capacity := range []int{0, 40} {
		ch := natschan.Channel{Name: unique(), Kind: natschan.MPMC, Capacity: capacity}
		ctx, tx, first := ends(t, js, ch, natschan.Prefetch(16))
		ch.Storage = jetstream.MemoryStorage
		rxs := []*natschan.Receiver[int]{first}
		for range 2 {
			rx, err := natschan.NewReceiver[int](ctx, js, ch, natschan.Prefetch(16))
			if err != nil {
				t.Fatal(err)
			}
			defer rx.Close()
			rxs = append(rxs, rx)
		}
		const each = 1000
		var mu sync.Mutex
		got := map[int]int{}
		var running sync.WaitGroup
		for s, tx := range []*natschan.Sender[int]{tx, tx.Clone()} {
			running.Go(func() {
				defer tx.Close()
				for v := s * each; v < (s+1)*each; v++ {
					if err := tx.Send(ctx, v); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i, rx := range rxs {
			running.Go(func() {
				for n := 0; ; n++ {
					if i == 2 && n == 100 {
						if err := rx.Close(); err != nil {
							t.Error(err)
						}
					}
					v, err := rx.Recv(ctx)
					if errors.Is(err, leat.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					got[v]++
					mu.Unlock()
				}
			})
		}
		running.Wait()
		if len(got) != 2*each {
			t.Errorf("capacity %d: %d values were sent, %d received", capacity, 2*each, len(got))
		}
		for v, n := range got {
			if n > 1 {
				t.Errorf("capacity %d: %d was received %d times", capacity, v, n)
			}
		}
	}
}
