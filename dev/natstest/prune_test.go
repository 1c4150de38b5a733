package natstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

// lossless describes a lossless broadcast with replicas, whose senders remove
// the values that all receivers have acknowledged.
func lossless(capacity int) natschan.Channel {
	return natschan.Channel{
		Name: unique(), Kind: natschan.Broadcast, Lossless: true, Capacity: capacity,
		Replicas: 3, Storage: jetstream.MemoryStorage,
	}
}

// The servers of one cluster serve all of these, one after the other.
func TestPrune(t *testing.T) {
	t.Parallel()
	js := server(t, &natsembed.Options{Cluster: 3})
	for _, c := range []struct {
		name string
		run  func(t *testing.T, js jetstream.JetStream)
	}{
		{"while receivers come and go", pruneWhileReceiversComeAndGo},
		{"waits for the slowest", pruneWaitsForTheSlowest},
		{"beside another", pruneBesideAnother},
		{"refuses interest retention", pruneRefusesInterestRetention},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, js) })
	}
}

// Senders in two processes prune a channel while receivers come and go. The
// test fails if a receiver misses a value that was sent after NewReceiver has
// returned, is told that it has missed something, or gets a value twice.
func pruneWhileReceiversComeAndGo(t *testing.T, js jetstream.JetStream) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	ch := lossless(8)
	const senders, subscribers, subscriptions, values = 2, 3, 8, 30
	var next [senders]atomic.Int64 // the value that is sent, or will be
	stop := make(chan struct{})
	var sending, receiving sync.WaitGroup
	for s := range senders {
		tx, err := natschan.NewSender[int64](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		sending.Go(func() {
			defer tx.Close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := tx.Send(ctx, next[s].Load()*senders+int64(s)); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
				next[s].Add(1)
			}
		})
	}
	subscribe := func() error {
		rx, err := natschan.NewReceiver[int64](ctx, js, ch)
		if err != nil {
			return err
		}
		defer rx.Close()
		var want [senders]int64
		var begun [senders]bool
		for s := range senders {
			want[s] = next[s].Load()
		}
		for range values {
			v, err := rx.Recv(ctx)
			if err != nil {
				return err
			}
			s, v := v%senders, v/senders
			if !begun[s] && v <= want[s] { // it may have been on its way
				begun[s], want[s] = true, v
			}
			if v != want[s] {
				return errors.New("a value is missing, or came twice")
			}
			want[s]++
		}
		return nil
	}
	for range subscribers {
		receiving.Go(func() {
			for n := range subscriptions {
				if err := subscribe(); err != nil {
					t.Errorf("subscription %d: %v", n, err)
					return
				}
			}
		})
	}
	receiving.Wait()
	close(stop)
	sending.Wait() // nobody receives: the senders have all of the room
	for s := range senders {
		t.Logf("sender %d has sent %d values", s, next[s].Load())
	}
}

// One receiver is slow. The test fails if senders remove what it has not
// acknowledged, or accept more than the capacity; or if, when it has left or
// acknowledged, they find no room, or List counts values that nobody needs.
func pruneWaitsForTheSlowest(t *testing.T, js jetstream.JetStream) {
	ch := lossless(4)
	ctx, tx, fast := ends(t, js, ch)
	slow, err := natschan.NewReceiver[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := natschan.NewReceiver[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	length := func(want uint64) {
		t.Helper()
		all, err := natschan.List(ctx, js)
		i := slices.IndexFunc(all, func(info natschan.Info) bool { return info.Name == ch.Name })
		if err != nil || i < 0 || all[i].Len != want {
			t.Errorf("List = %+v, %v; want the channel with a Len of %d", all, err, want)
		}
	}
	get := func(rx *natschan.Receiver[int], want int) {
		t.Helper()
		if v, err := rx.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", v, err, want)
		}
	}
	sendAll(ctx, t, tx, 4)
	for v := range 4 {
		get(fast, v)
	}
	get(slow, 0)
	if err := tx.TrySend(4); err != leat.ErrFull {
		t.Fatalf("TrySend = %v although a receiver has acknowledged nothing; want ErrFull", err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	length(3)
	if err := tx.TrySend(4); err != nil {
		t.Fatalf("TrySend = %v although the slowest has acknowledged a value", err)
	}
	if err := tx.TrySend(5); err != leat.ErrFull {
		t.Fatalf("TrySend = %v although the slowest is 4 values behind; want ErrFull", err)
	}
	for v := 1; v <= 4; v++ {
		get(slow, v)
	}
	get(fast, 4)
	length(0)
	sent := make(chan error, 1)
	go func() {
		_, err := tx.SendMany(ctx, []int{5, 6, 7, 8, 9, 10, 11, 12})
		sent <- err
	}()
	for v := 5; v <= 12; v++ {
		get(slow, v)
		get(fast, v)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := slow.Recv(ctx); err != leat.ErrClosed {
		t.Fatalf("Recv = %d, %v; want ErrClosed", v, err)
	}
	length(0)
}

// Two senders try to send at the same time when all values were acknowledged.
// The test fails if one of them finds no room because the other one has removed
// them.
func pruneBesideAnother(t *testing.T, js jetstream.JetStream) {
	const capacity = 4
	ctx, tx, rx := ends(t, js, lossless(capacity))
	other := tx.Clone()
	defer other.Close()
	for round := range 30 {
		sendAll(ctx, t, tx, capacity)
		for range capacity {
			if _, err := rx.Recv(ctx); err != nil {
				t.Fatal(err)
			}
		}
		sent := make(chan error, 1)
		go func() { sent <- other.TrySend(0) }()
		if err := errors.Join(tx.TrySend(0), <-sent); err != nil {
			t.Fatalf("round %d: TrySend = %v although every value was acknowledged", round, err)
		}
		for range 2 {
			if _, err := rx.Recv(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The stream has the interest retention of an earlier version. The test fails
// if a sender or receiver uses it, or gets an error that does not say why not.
func pruneRefusesInterestRetention(t *testing.T, js jetstream.JetStream) {
	ch := lossless(4)
	ctx, _, _ := ends(t, js, ch)
	s, err := js.Stream(ctx, "LEAT_"+ch.Name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Retention = jetstream.InterestPolicy
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	_, sending := natschan.NewSender[int](ctx, js, ch)
	_, receiving := natschan.NewReceiver[int](ctx, js, ch)
	for _, err := range []error{sending, receiving} {
		if !errors.Is(err, natschan.ErrMismatch) || !strings.Contains(err.Error(), "Interest retention, not Limits") {
			t.Errorf("%v; want an ErrMismatch that names both retentions", err)
		}
	}
}
