package natstest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

// marks returns how many marks of durable names a channel has.
func marks(ctx context.Context, t *testing.T, js jetstream.JetStream, channel string) int {
	t.Helper()
	return len(leaseSubjects(ctx, t, js, channel+".d"))
}

// workersMark returns the mark of the durable name that worker uses.
func workersMark(ctx context.Context, t *testing.T, js jetstream.JetStream, channel string) *jetstream.RawStreamMsg {
	t.Helper()
	leases, err := js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	m, err := leases.GetLastMsgForSubject(ctx, "leat.l."+channel+".d.worker")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A channel is deleted while its Durable receiver is open and has a request at
// the server. The test fails if the receiver sets its mark again when the
// server says that its consumer is gone, because that mark would last.
func TestDurableDeletedChannelLeavesNoMark(t *testing.T) {
	js := server(t, nil)
	for how, remove := range map[string]func(context.Context, jetstream.JetStream, string) error{
		"Delete": natschan.Delete, "DeleteEnded": natschan.DeleteEnded,
	} {
		t.Run(how, func(t *testing.T) {
			for range 10 {
				ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Lossless: true, Capacity: 64}
				ctx, tx, rx := ends(t, js, ch, natschan.Durable("worker"))
				sendAll(ctx, t, tx, 1)
				if m, err := rx.RecvMsg(ctx); err != nil || m.Ack() != nil {
					t.Fatal(err)
				}
				if how == "DeleteEnded" {
					tx.Close()
				}
				if err := remove(ctx, js, ch.Name); err != nil {
					t.Fatal(err)
				}
				if v, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
					t.Fatalf("Recv after the deletion = %d, %v; want ErrClosed", v, err)
				}
				if err := rx.Close(); err != nil {
					t.Fatal(err)
				}
				if n := marks(ctx, t, js, ch.Name); n != 0 {
					t.Fatalf("after the deletion there are %d marks of durable names; want none", n)
				}
			}
		})
	}
}

// The stream of a channel with a Durable position is deleted by hand. The test
// fails if Forget leaves the mark of the name.
func TestForgetWithoutTheChannel(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 64}
	ctx, _, rx := ends(t, js, ch, natschan.Durable("worker"))
	if err := rx.Close(); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(ctx, "LEAT_"+ch.Name); err != nil {
		t.Fatal(err)
	}
	if err := natschan.Forget(ctx, js, ch.Name, "worker"); err != nil {
		t.Fatal(err)
	}
	if n := marks(ctx, t, js, ch.Name); n != 0 {
		t.Errorf("after Forget there are %d marks; want none", n)
	}
}

// stubbornJS refuses to delete the next consumers, and calls creating before it
// makes one.
type stubbornJS struct {
	jetstream.JetStream
	refusals atomic.Int32
	creating func()
}

func (s *stubbornJS) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := s.JetStream.Stream(ctx, name)
	return &stubbornStream{stream, s}, err
}

type stubbornStream struct {
	jetstream.Stream
	js *stubbornJS
}

func (s *stubbornStream) DeleteConsumer(ctx context.Context, name string) error {
	if s.js.refusals.Add(-1) >= 0 {
		return errors.New("stubborn")
	}
	return s.Stream.DeleteConsumer(ctx, name)
}

func (s *stubbornStream) CreateConsumer(
	ctx context.Context, cfg jetstream.ConsumerConfig,
) (jetstream.Consumer, error) {
	if s.js.creating != nil {
		s.js.creating()
	}
	return s.Stream.CreateConsumer(ctx, cfg)
}

// receiveMore sends more values to a Lossless channel than it has room for,
// which rx must get.
func receiveMore(ctx context.Context, t *testing.T, tx *natschan.Sender[int], rx *natschan.Receiver[int]) {
	t.Helper()
	const n = 20
	sent := make(chan error, 1)
	go func() {
		for v := range n {
			if err := tx.Send(ctx, v); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for want := range n {
		if v, err := rx.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", v, err, want)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// A Durable receiver of a Lossless channel is taken over, and the next one
// cannot delete its consumer at first. The test fails if nobody tries again:
// then senders wait for that consumer for ever.
func TestDurableTakeoverDeletesTheEarlierConsumer(t *testing.T) {
	t.Parallel()
	js := &stubbornJS{JetStream: server(t, nil)}
	ch := natschan.Channel{
		Name: unique(), Kind: natschan.Broadcast, Lossless: true, Capacity: 4, Lease: 3 * time.Second,
	}
	ctx, tx, _ := ends(t, js, ch, natschan.Durable("worker"))
	js.refusals.Store(2)
	next, err := worker(ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	receiveMore(ctx, t, tx, next)
}

// A receiver that is about to make its consumer is taken over, notices that
// only when it has made the consumer, and cannot delete it. The test fails if
// the next receiver does not delete it.
func TestDurableTakeoverDeletesALaterConsumer(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ch := natschan.Channel{
		Name: unique(), Kind: natschan.Broadcast, Lossless: true, Capacity: 4, Lease: 3 * time.Second,
	}
	ctx, tx, _ := ends(t, js, ch, natschan.Durable("worker"))
	var next *natschan.Receiver[int]
	late := &stubbornJS{JetStream: js, creating: func() {
		var err error
		if next, err = worker(ctx, js, ch); err != nil {
			t.Error(err)
		}
	}}
	late.refusals.Store(1)
	if rx, err := worker(ctx, late, ch); !errors.Is(err, natschan.ErrFenced) {
		rx.Close()
		t.Fatalf("NewReceiver = %v; want ErrFenced", err)
	}
	defer next.Close()
	receiveMore(ctx, t, tx, next)
}

// The stream of leases is deleted and made again, so that the mark of the next
// receiver gets the number that the mark of the first one had. The test fails
// if the first receiver takes that mark for its own: it then hands out what the
// next one gets, too, or marks the name as free when it closes.
func TestDurableMarkWithTheSameNumber(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 64, Lease: time.Hour}
	ctx, tx, first := ends(t, js, ch, natschan.Durable("worker"))
	sendAll(ctx, t, tx, 20)
	if m, err := first.RecvMsg(ctx); err != nil || m.Ack() != nil {
		t.Fatal(err)
	}
	before := workersMark(ctx, t, js, ch.Name).Sequence
	if err := js.DeleteStream(ctx, "LEAT_LEASES"); err != nil {
		t.Fatal(err)
	}
	ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 1, Lease: time.Hour})
	for last := uint64(2); last < before-1; last++ { // a sender's lease, and that there was one
		if _, err := js.Publish(ctx, "leat.l.filler", nil); err != nil {
			t.Fatal(err)
		}
	}
	second, err := worker(ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if n := workersMark(ctx, t, js, ch.Name).Sequence; n != before {
		t.Fatalf("the mark has the number %d; the test needs %d", n, before)
	}
	if v, err := first.Recv(ctx); !errors.Is(err, natschan.ErrFenced) {
		t.Errorf("Recv of the receiver that was taken over = %d, %v; want ErrFenced", v, err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	for want := 1; want < 20; want++ {
		if v, err := second.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv of the other = %d, %v; want %d", v, err, want)
		}
	}
}

// The stream of leases has three replicas. The test fails if a receiver
// confirms its name without a write, because a server that has lost the
// majority, and does not know that yet, answers a read. It fails, too, if Close
// then does not mark the name as free, because the mark has another number.
func TestDurableConfirmsByQuorum(t *testing.T) {
	t.Parallel()
	js := server(t, &natsembed.Options{Cluster: 3})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{
		Name: unique(), Kind: natschan.Broadcast, Capacity: 64, Replicas: 3, Storage: jetstream.MemoryStorage,
	}
	var tx *natschan.Sender[int]
	var rx *natschan.Receiver[int]
	until(ctx, t, "the cluster opens a channel", func() bool { // a request is lost while the cluster elects a leader
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		var err error
		if tx == nil {
			tx, err = natschan.NewSender[int](attempt, js, ch)
		}
		if err == nil {
			rx, err = worker(attempt, js, ch)
		}
		return err == nil
	})
	defer tx.Close()
	defer rx.Close()
	before, v := workersMark(ctx, t, js, ch.Name), 0
	until(ctx, t, "the receiver writes its mark again", func() bool {
		if err := tx.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
		if got, err := rx.Recv(ctx); got != v || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", got, err, v)
		}
		v++
		return workersMark(ctx, t, js, ch.Name).Sequence != before.Sequence
	})
	if now := workersMark(ctx, t, js, ch.Name); string(now.Data) != string(before.Data) {
		t.Errorf("the mark changed from %q to %q", before.Data, now.Data)
	}
	if err := rx.Close(); err != nil {
		t.Fatal(err)
	}
	if m := workersMark(ctx, t, js, ch.Name); len(m.Data) != 0 {
		t.Errorf("after Close the mark is %q; want none", m.Data)
	}
}

// A Durable receiver acknowledges values 0, 2 and 3 of four. The test fails if
// the next receiver does not begin with value 1, or does not get the later
// ones, as the comment of Durable says.
func TestDurableAcknowledgedAfterAGap(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 64}
	ctx, tx, first := ends(t, js, ch, natschan.Durable("worker"))
	sendAll(ctx, t, tx, 4)
	for v := range 4 {
		m, err := first.RecvMsg(ctx)
		if err != nil || m.Value != v {
			t.Fatalf("RecvMsg = %v, %v; want %d", m, err, v)
		}
		if v == 1 {
			continue
		}
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	second := successor(ctx, t, first, js, ch)
	for want := 1; want < 4; want++ {
		if v, err := second.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv of the next receiver = %d, %v; want %d", v, err, want)
		}
	}
}
