package natstest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

// worker makes another Durable receiver of the channel.
func worker(ctx context.Context, js jetstream.JetStream, ch natschan.Channel) (*natschan.Receiver[int], error) {
	ch.Storage = jetstream.MemoryStorage
	return natschan.NewReceiver[int](ctx, js, ch, natschan.Durable("worker"))
}

// successor closes a worker, and returns the next one.
func successor(
	ctx context.Context, t *testing.T, first *natschan.Receiver[int], js jetstream.JetStream, ch natschan.Channel,
) *natschan.Receiver[int] {
	t.Helper()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := worker(ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	return second
}

// A Durable receiver is taken over while it has values in its buffer, right
// after it has received one. The test fails if the receiver hands out another
// value, because the other receiver gets that value, too.
func TestDurableTakeoverFencesAtOnce(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	for _, how := range []string{"Recv", "RecvMsg", "TryRecv", "RecvBatch"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 64, Lease: time.Minute}
			ctx, tx, first := ends(t, js, ch, natschan.Durable("worker"))
			sendAll(ctx, t, tx, 20)
			if m, err := first.RecvMsg(ctx); err != nil || m.Ack() != nil {
				t.Fatal(err)
			}
			second, err := worker(ctx, js, ch)
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			var v int
			if how == "RecvBatch" {
				buf := make([]int, 5)
				_, err = first.RecvBatch(ctx, buf, 0)
				v = buf[0]
			} else {
				v, err = receiveAs(ctx, first, how)
			}
			if !errors.Is(err, natschan.ErrFenced) && !(how == "TryRecv" && errors.Is(err, leat.ErrEmpty)) {
				t.Errorf("%s of the receiver that was taken over = %d, %v; want ErrFenced", how, v, err)
			}
			for want := 1; want < 20; want++ {
				if v, err := second.Recv(ctx); v != want || err != nil {
					t.Fatalf("Recv of the other = %d, %v; want %d", v, err, want)
				}
			}
		})
	}
}

// Durable receivers receive while another one takes over, three times. The test
// fails if a value is received twice, or not at all, or out of order. The last
// value of a receiver may come again: on a machine that stands still for a
// second, its acknowledgement may come too late.
func TestDurableTakeoverWhileReceiving(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Lossless: true, Capacity: 64}
	ctx, tx, rx := ends(t, js, ch, natschan.Durable("worker"))
	var sent int
	stop, sending := make(chan struct{}), sync.WaitGroup{}
	sending.Go(func() {
		defer tx.Close()
		for ; ; sent++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := tx.Send(ctx, sent); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var got [4][]int // by each receiver
	for round := range got {
		received := make(chan error)
		go func() {
			for {
				v, err := rx.Recv(ctx)
				if err != nil {
					received <- err
					return
				}
				got[round] = append(got[round], v)
			}
		}()
		want := leat.ErrClosed
		var next *natschan.Receiver[int]
		if round < 3 {
			want = natschan.ErrFenced
			var err error
			if next, err = worker(ctx, js, ch); err != nil {
				t.Fatal(err)
			}
			defer next.Close()
		} else {
			close(stop)
		}
		if err := <-received; !errors.Is(err, want) {
			t.Fatalf("Recv = %v; want %v", err, want)
		}
		rx = next
	}
	sending.Wait()
	want := 0
	for round, values := range got {
		for i, v := range values {
			if i == 0 && round > 0 && v == want-1 {
				continue
			}
			if v != want {
				t.Fatalf("receiver %d received %d; want %d", round, v, want)
			}
			want++
		}
	}
	if want != sent {
		t.Errorf("%d values were sent, %d received", sent, want)
	}
}

// Several Durable receivers of one name are made at the same time. The name has
// no earlier receiver, an open one, or a closed one. The test fails if more
// than one receiver, or none, gets a value. It runs on one server and on three.
func TestDurableTakeoverByMany(t *testing.T)        { takeOverByMany(t, 1) }
func TestDurableTakeoverByManyCluster(t *testing.T) { takeOverByMany(t, 3) }

func takeOverByMany(t *testing.T, servers int) {
	t.Parallel()
	js := server(t, &natsembed.Options{Cluster: servers})
	for _, earlier := range []string{"none", "open", "closed"} {
		t.Run(earlier, func(t *testing.T) {
			t.Parallel()
			ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 64, Replicas: servers}
			ctx, tx, rx := ends(t, js, ch, natschan.Durable("worker"))
			if earlier != "open" {
				rx.Close()
			}
			if earlier == "none" {
				if err := natschan.Forget(ctx, js, ch.Name, "worker"); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			var open []*natschan.Receiver[int]
			if earlier == "open" {
				open = append(open, rx)
			}
			var making sync.WaitGroup
			for range 6 {
				making.Go(func() {
					rx, err := worker(ctx, js, ch)
					if err != nil {
						if !errors.Is(err, natschan.ErrFenced) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					defer mu.Unlock()
					open = append(open, rx)
				})
			}
			making.Wait()
			const n = 20
			sendAll(ctx, t, tx, n)
			tx.Close()
			times := map[int]int{}
			var receiving sync.WaitGroup
			for _, rx := range open {
				receiving.Go(func() {
					defer rx.Close()
					for {
						v, err := rx.Recv(ctx)
						if errors.Is(err, natschan.ErrFenced) || errors.Is(err, leat.ErrClosed) {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						times[v]++
						mu.Unlock()
					}
				})
			}
			receiving.Wait()
			for v := range n {
				if times[v] != 1 {
					t.Fatalf("of %d receivers, %d received value %d; want one", len(open), times[v], v)
				}
			}
		})
	}
}

// A Durable receiver goes on where another one has closed. The test fails if a
// value that was received before Close comes again.
func TestDurableGoesOnAfterClose(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 1024}
	ctx, tx, rx := ends(t, js, ch, natschan.Durable("worker"))
	const rounds, each = 100, 5
	sendAll(ctx, t, tx, rounds*each)
	for want := range rounds * each {
		if want%each == 0 && want > 0 {
			if err := rx.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if rx, err = worker(ctx, js, ch); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := rx.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", v, err, want)
		}
	}
	rx.Close()
}

// A Durable receiver of a channel with three replicas is closed before it has
// acknowledged anything. The server then reports that it has acknowledged
// nothing, and not where it began. The test fails if the next receiver of the
// name gets a value that was sent before the first one was made.
func TestDurableWithoutAcknowledgement(t *testing.T) {
	js := server(t, &natsembed.Options{Cluster: 3})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{
		Name: unique(), Kind: natschan.Broadcast, Capacity: 64, Replicas: 3, Storage: jetstream.MemoryStorage,
	}
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	sendAll(ctx, t, tx, 5)
	first, err := worker(ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	second := successor(ctx, t, first, js, ch)
	const want = 7
	if err := tx.Send(ctx, want); err != nil {
		t.Fatal(err)
	}
	if v, err := second.Recv(ctx); v != want || err != nil {
		t.Errorf("Recv = %d, %v; want %d", v, err, want)
	}
}
