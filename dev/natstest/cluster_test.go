package natstest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

var long = flag.Bool("long", false, "run the conformance suite on a cluster for each kind of channel")

// It fails, with the promise that broke, where natschan does not keep the
// contract on three servers that each hold every value. Without -long it has
// two of the kinds, with the two sorts of streams that need acknowledgements.
// The kinds run at the same time, because most of the time they wait for the
// servers to agree.
func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	js := server(t, &natsembed.Options{Cluster: 3})
	var running sync.WaitGroup
	for _, c := range kinds {
		if !*long && !slices.Contains([]string{"mpsc", "broadcast_lossless"}, c.name) {
			continue
		}
		m := &maker{js: js, ch: c.ch, opts: c.opts}
		m.ch.Replicas, m.ch.Storage = 3, jetstream.MemoryStorage
		c.features.Remote = true
		running.Go(func() { leattest.Run(t, leattest.Kind{Name: c.name, New: m.channel, Features: c.features}) })
	}
	running.Wait()
}

// raw is a replicated stream without natschan, a consumer that is on
// another server than the connection, and the connection's JetStream.
type raw struct {
	js       jetstream.JetStream
	stream   jetstream.Stream
	consumer jetstream.Consumer
}

// eachRaw makes streams, and calls seen with each until it returns true. The
// tests that call it show what the servers of a cluster do, for which natschan
// has a remedy in cluster.go. They fail if the servers do not do it any more.
func eachRaw(
	t *testing.T, cfg jetstream.StreamConfig, remedy string, seen func(ctx context.Context, r raw) (bool, error),
) {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s, err := natsembed.Start(&natsembed.Options{Cluster: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all [3]jetstream.JetStream
	for i := range all {
		nc, err := s.ConnectTo(i)
		if err != nil {
			t.Fatal(err)
		}
		// A message that meets the seal may not be answered at all.
		if all[i], err = jetstream.New(nc, jetstream.WithPublishAsyncTimeout(5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Replicas, cfg.Storage = 3, jetstream.MemoryStorage
	for n := 0; ; n++ {
		cfg.Name = fmt.Sprintf("raw%d", n)
		cfg.Subjects = []string{cfg.Name}
		var r raw
		if r.stream, err = all[0].CreateStream(ctx, cfg); err != nil {
			t.Fatalf("after %d streams: %v; the server may not do it any more: then natschan needs no %s", n, err,
				remedy)
		}
		r.consumer, err = r.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Fatal(err)
		}
		for _, r.js = range all {
			if r.js.Conn().ConnectedServerName() != r.consumer.CachedInfo().Cluster.Leader {
				break
			}
		}
		ok, err := seen(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			t.Logf("seen with stream %d", n)
			return
		}
	}
}

// The servers confirm an acknowledgement before they have removed the message:
// the stream is full for another moment.
func TestClusterConfirmsBeforeItRemoves(t *testing.T) {
	cfg := jetstream.StreamConfig{Retention: jetstream.WorkQueuePolicy, MaxMsgs: 1, Discard: jetstream.DiscardNew}
	eachRaw(t, cfg, "roomComes", func(ctx context.Context, r raw) (bool, error) {
		subject := r.stream.CachedInfo().Config.Name
		if _, err := r.js.Publish(ctx, subject, nil); err != nil {
			return false, err
		}
		m, err := r.consumer.Next()
		if err != nil {
			return false, err
		}
		if err := m.DoubleAck(ctx); err != nil {
			return false, err
		}
		_, err = r.js.Publish(ctx, subject, nil)
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == 10077 {
			return true, nil
		}
		return false, err
	})
}

// A message whose id is that of one that the servers have not agreed on yet is
// refused, and not answered as a duplicate is.
func TestClusterRefusesAnIDInProcess(t *testing.T) {
	eachRaw(t, jetstream.StreamConfig{}, "inProcess", func(ctx context.Context, r raw) (bool, error) {
		subject := r.stream.CachedInfo().Config.Name
		for i := range 100 {
			id := jetstream.WithMsgID(fmt.Sprint(i))
			first, err := r.js.PublishAsync(subject, nil, id)
			if err != nil {
				return false, err
			}
			_, err = r.js.Publish(ctx, subject, nil, id)
			select {
			case <-first.Ok():
			case err := <-first.Err():
				return false, err
			case <-ctx.Done():
				return false, ctx.Err()
			}
			var api *jetstream.APIError
			if errors.As(err, &api) && api.ErrorCode == 10158 {
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
		return false, nil
	})
}

// A stream is sealed while messages are under way. The servers store messages
// after they have answered that the stream is sealed, and acknowledge them.
func TestClusterStoresAfterTheSeal(t *testing.T) {
	eachRaw(t, jetstream.StreamConfig{}, "shut", func(ctx context.Context, r raw) (bool, error) {
		cfg := r.stream.CachedInfo().Config
		sealed := cfg
		sealed.Sealed = true
		done := make(chan error, 1)
		go func() {
			_, err := r.js.UpdateStream(ctx, sealed)
			done <- err
		}()
		var acks []jetstream.PubAckFuture
		for len(done) == 0 {
			ack, err := r.js.PublishAsync(cfg.Name, nil)
			if errors.Is(err, jetstream.ErrTooManyStalledMsgs) {
				continue // the servers are slow
			}
			if err != nil {
				return false, err
			}
			acks = append(acks, ack)
		}
		if err := <-done; err != nil {
			return false, err
		}
		s, err := r.js.Stream(ctx, cfg.Name)
		if err != nil {
			return false, err
		}
		info, last := s.CachedInfo(), uint64(0)
		for _, ack := range acks {
			select {
			case a := <-ack.Ok():
				last = a.Sequence
			case <-ack.Err():
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
		isLeader := func(p *jetstream.PeerInfo) bool { return p.Name == info.Cluster.Leader }
		if slices.ContainsFunc(info.Cluster.Replicas, isLeader) { // another server has answered
			return false, nil
		}
		return info.Config.Sealed && info.State.LastSeq < last, nil
	})
}

// What replicas cost: to send and receive one value, and to make a channel and
// close both ends, on three servers that share the machine.
//
//	go test -run '^$' -bench Replicas/value -benchtime 300x ./dev/natstest
//	go test -run '^$' -bench Replicas/channel -benchtime 8x ./dev/natstest
func BenchmarkReplicas(b *testing.B) {
	s, err := natsembed.Start(&natsembed.Options{Cluster: 3})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	js, err := s.JetStream()
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	for _, c := range kinds {
		for _, replicas := range []int{1, 3} {
			m := &maker{js: js, ch: c.ch, opts: c.opts}
			m.ch.Replicas, m.ch.Storage = replicas, jetstream.MemoryStorage
			b.Run(fmt.Sprintf("value/%s/%d", c.name, replicas), func(b *testing.B) {
				ch := m.channel(b, 64)
				for b.Loop() {
					if err := ch.Sender.Send(ctx, 1); err != nil {
						b.Fatal(err)
					}
					if _, err := ch.Receiver.Recv(ctx); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				ch.Sender.Close()
				ch.Receiver.Close()
			})
			b.Run(fmt.Sprintf("channel/%s/%d", c.name, replicas), func(b *testing.B) {
				for b.Loop() {
					ch := m.channel(b, 64)
					if err := errors.Join(ch.Sender.Close(), ch.Receiver.Close()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
