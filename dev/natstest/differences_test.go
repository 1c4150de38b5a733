package natstest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/proxy"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The rows of the table in natschan's package comment, in its order. Each test
// fails if the row does not say what is. Not here: that waiting senders are not
// served in order, which is not a promise; Select, which the conformance suite
// tries; how long an exchange takes, which bench/nats measures.

func TestValuesAreEncoded(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4, Storage: jetstream.MemoryStorage}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tx, err := natschan.NewSender[any](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.Send(ctx, make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
	if err := tx.Send(ctx, strings.Repeat("x", 1<<20)); !errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, natschan.ErrUnknown) {
		t.Errorf("more than 1 MiB: %v; want ErrMaxPayload, and not ErrUnknown", err)
	}
	if all, err := natschan.List(ctx, js); err != nil || len(all) != 1 || all[0].Len != 0 {
		t.Errorf("List = %+v, %v; want one empty channel", all, err)
	}
}

// The server is so far away that a Send is given up before its answer can have
// come. Its value was stored all the same.
func TestSendGivenUpIsUnknown(t *testing.T) {
	t.Parallel()
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	near, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	proxy, addr, err := proxy.TCP(strings.TrimPrefix(s.URL(), "nats://"), proxy.Faults{Latency: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	nc, err := nats.Connect("nats://"+addr, nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	far, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4, Storage: jetstream.MemoryStorage}
	ctx, _, rx := ends(t, near, ch)
	tx, err := natschan.NewSender[int](ctx, far, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := tx.Send(short, 7); !errors.Is(err, natschan.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send = %v; want ErrUnknown and DeadlineExceeded", err)
	}
	if v, err := rx.Recv(ctx); v != 7 || err != nil {
		t.Errorf("Recv = %d, %v; want 7, which was stored once", v, err)
	}
	if v, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
		t.Errorf("TryRecv = %d, %v; want ErrEmpty", v, err)
	}
}

// RecvMsg without Ack: the server redelivers the value when AckWait is over,
// after later values, and counts it. Recv: not again.
func TestUnacknowledgedIsGivenAgain(t *testing.T) {
	js := server(t, nil)
	for _, kind := range []natschan.Kind{natschan.MPSC, natschan.MPMC} {
		ctx, tx, rx := ends(t, js, natschan.Channel{Name: unique(), Kind: kind, Capacity: 4, AckWait: 500 * time.Millisecond})
		if _, err := tx.SendMany(ctx, []int{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if v, err := rx.Recv(ctx); v != 1 || err != nil {
			t.Fatalf("Recv = %d, %v", v, err)
		}
		if m, err := rx.RecvMsg(ctx); err != nil || m.Value != 2 || m.Deliveries != 1 {
			t.Fatalf("RecvMsg = %+v, %v", m, err)
		}
		if v, err := rx.Recv(ctx); v != 3 || err != nil {
			t.Fatalf("Recv = %d, %v", v, err)
		}
		m, err := rx.RecvMsg(ctx)
		if err != nil || m.Value != 2 || m.Deliveries != 2 {
			t.Fatalf("%v: after AckWait, RecvMsg = %+v, %v; want 2 for the second time", kind, m, err)
		}
		if err := m.Ack(); err != nil {
			t.Error(err)
		}
		if v, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
			t.Errorf("%v: TryRecv = %d, %v; want ErrEmpty", kind, v, err)
		}
	}
}

// A program works on a value for two AckWaits, and says so. The test fails if
// the value is redelivered meanwhile, or if it is not after that.
func TestInProgressKeepsTheValue(t *testing.T) {
	t.Parallel()
	const ackWait = 5 * time.Second // a busy machine says so in time, too
	js := server(t, nil)
	for _, kind := range []natschan.Kind{natschan.MPSC, natschan.MPMC} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			ch := natschan.Channel{Name: unique(), Kind: kind, Capacity: 4, AckWait: ackWait}
			ctx, tx, rx := ends(t, js, ch)
			if err := tx.Send(ctx, 1); err != nil {
				t.Fatal(err)
			}
			m, err := rx.RecvMsg(ctx)
			if err != nil {
				t.Fatal(err)
			}
			working, cancel := context.WithTimeout(ctx, 2*ackWait)
			defer cancel()
			again := make(chan error, 1)
			go func() { _, err := rx.RecvMsg(working); again <- err }()
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for working.Err() == nil {
				if err := m.InProgress(); err != nil {
					t.Error(err)
				}
				select {
				case <-tick.C:
				case <-working.Done():
				}
			}
			if err := <-again; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("RecvMsg while the value is worked on: %v; want DeadlineExceeded", err)
			}
			if m, err := rx.RecvMsg(ctx); err != nil || m.Value != 1 || m.Deliveries != 2 {
				t.Errorf("RecvMsg after that = %+v, %v; want 1 for the second time", m, err)
			}
		})
	}
}

// The place of a receiver that seems dead is taken over. The next receiver gets
// the values not acknowledged, and can count them as redelivered. The earlier
// receiver is fenced, and its acknowledgements have no effect.
func TestTakeover(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4, Storage: jetstream.MemoryStorage}
	ctx, tx, first := ends(t, js, ch)
	if err := tx.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	inHand, err := first.RecvMsg(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := natschan.NewReceiver[int](ctx, js, ch); !errors.Is(err, natschan.ErrReceiverTaken) {
		t.Fatalf("a second receiver: %v; want ErrReceiverTaken", err)
	}
	leases, err := js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	var second *natschan.Receiver[int]
	for second == nil { // the first is alive in truth, and may be the faster one to make its consumer again
		if err := leases.Purge(ctx, jetstream.WithPurgeSubject("leat.l."+ch.Name+".r.>")); err != nil { // as if it had not renewed its lease
			t.Fatal(err)
		}
		if second, err = natschan.NewReceiver[int](ctx, js, ch); err != nil && !errors.Is(err, natschan.ErrReceiverTaken) {
			t.Fatal(err)
		}
	}
	defer second.Close()
	for name, answer := range map[string]func() error{
		"Ack": inHand.Ack, "Nak": inHand.Nak, "Term": inHand.Term, "InProgress": inHand.InProgress,
	} {
		if err := answer(); !errors.Is(err, natschan.ErrFenced) {
			t.Errorf("%s of the first = %v; want ErrFenced", name, err)
		}
	}
	if err := tx.Send(ctx, 2); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ value, deliveries int }{{1, 2}, {2, 1}} {
		m, err := second.RecvMsg(ctx)
		if err != nil || m.Value != want.value || m.Deliveries != want.deliveries {
			t.Fatalf("RecvMsg %d = %+v, %v; want %+v", i, m, err, want)
		}
		if err := m.Ack(); err != nil {
			t.Error(err)
		}
	}
	if _, err := first.Recv(ctx); !errors.Is(err, natschan.ErrFenced) {
		t.Errorf("Recv of the first = %v; want ErrFenced", err)
	}
}

// A sender's process ends without a word: the channel closes by itself, within
// three leases and what the machine needs.
func TestCrashedSenderEndsTheChannel(t *testing.T) {
	t.Parallel()
	s, err := natsembed.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	doomed, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4, Lease: time.Second}
	rx, err := natschan.NewReceiver[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	tx, err := natschan.NewSender[int](ctx, doomed, ch)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	doomed.Conn().Close()
	defer tx.Close()
	if v, err := rx.Recv(ctx); v != 1 || err != nil {
		t.Errorf("Recv = %d, %v; want 1", v, err)
	}
	if v, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("Recv = %d, %v; want ErrClosed", v, err)
	}
}

// The end is for ever, until Delete; and a handle of a deleted channel gets an
// error.
func TestClosedUntilDeleted(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 4, Storage: jetstream.MemoryStorage}
	ctx, tx, _ := ends(t, js, ch)
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := natschan.NewSender[int](ctx, js, ch); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("a new sender: %v; want ErrClosed", err)
	}
	if err := natschan.Delete(ctx, js, ch.Name); err != nil {
		t.Fatal(err)
	}
	again, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	rx, err := natschan.NewReceiver[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	if err := natschan.Delete(ctx, js, ch.Name); err != nil {
		t.Fatal(err)
	}
	if err := again.Send(ctx, 1); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("Send = %v; want ErrClosed", err)
	}
	if _, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("Recv = %v; want ErrClosed", err)
	}
}

// Somebody says late that a channel has closed, which had the name before. It
// fails if a receiver believes that.
func TestLateWordOfAnEnd(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4}
	ctx, tx, rx := ends(t, js, ch)
	got := make(chan error, 1)
	go func() { _, err := rx.Recv(ctx); got <- err }()
	if err := js.Conn().Publish("leat.h."+ch.Name+".end", nil); err != nil {
		t.Fatal(err)
	}
	for range 3 { // by now the receiver has looked
		if err := js.Conn().FlushWithContext(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := natschan.List(ctx, js); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("Recv = %v; want the value", err)
	}
}

// A Broadcast receiver misses no more than what exceeds the capacity and what
// it takes ahead; received and missed are all.
func TestPrefetchIsNotMissed(t *testing.T) {
	js := server(t, nil)
	ctx, tx, rx := ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 8}, natschan.Prefetch(4))
	for v := range 100 {
		if err := tx.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
		if v == 0 {
			if _, err := rx.Recv(ctx); err != nil { // which takes ahead, too
				t.Fatal(err)
			}
		}
	}
	tx.Close()
	received := uint64(1)
	for range rx.All(ctx) {
		received++
	}
	if rx.Err() != nil || received+rx.Missed() != 100 || received < 9 || received > 1+8+4 {
		t.Errorf("%d received, %d missed, %v; want 100 in all, 9 to 13 of them received", received, rx.Missed(), rx.Err())
	}
}

// The sender of a oneshot is gone without a word: only the ctx ends the wait.
func TestOneshotSilence(t *testing.T) {
	js := server(t, nil)
	rx, err := natschan.NewOneshot[int](js.Conn())
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := rx.Recv(ctx); err != context.DeadlineExceeded {
		t.Errorf("Recv = %v; want DeadlineExceeded", err)
	}
}
