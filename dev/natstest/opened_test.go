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
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

// leaseSubjects returns the subjects of all messages about a channel in the
// stream of leases.
func leaseSubjects(ctx context.Context, t *testing.T, js jetstream.JetStream, channel string) (subjects []string) {
	t.Helper()
	leases, err := js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	info, err := leases.Info(ctx, jetstream.WithSubjectFilter("leat.l."+channel+".>"))
	if err != nil {
		t.Fatal(err)
	}
	for subject := range info.State.Subjects {
		subjects = append(subjects, subject)
	}
	return subjects
}

// A deletingJS deletes a channel right before it takes the first lease.
type deletingJS struct {
	jetstream.JetStream
	once *sync.Once
	t    *testing.T
	name string
}

func (js deletingJS) Publish(
	ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt,
) (*jetstream.PubAck, error) {
	js.once.Do(func() {
		if err := natschan.Delete(ctx, js.JetStream, js.name); err != nil {
			js.t.Error(err)
		}
	})
	return js.JetStream.Publish(ctx, subject, data, opts...)
}

// A channel is deleted while NewSender opens it. The test fails if something
// about the channel stays in the stream of leases when the sender has closed.
func TestDeleteWhileASenderOpens(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[int](ctx, deletingJS{js, new(sync.Once), t, ch.Name}, ch)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Send(ctx, 1); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("Send on a deleted channel = %v; want ErrClosed", err)
	}
	if err := tx.Close(); err != nil {
		t.Error(err)
	}
	if left := leaseSubjects(ctx, t, js, ch.Name); len(left) > 0 {
		t.Errorf("after Delete and Close there is %v; want nothing", left)
	}
}

// A channel is deleted, but not the message that tells that it had a sender,
// whose process has crashed. A receiver makes the channel again. The test fails
// if the receiver takes that message for its own channel's, and closes the
// channel. Another channel, made later, whose sender has crashed tells how long
// that takes; the test cannot fail wrongly.
func TestOpenedOfADeletedChannel(t *testing.T) {
	t.Parallel()
	for _, o := range []*natsembed.Options{{}, {Cluster: 3}} {
		s, err := natsembed.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		js, err := s.JetStream()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ch := natschan.Channel{
			Kind: natschan.MPSC, Replicas: o.Cluster, Storage: jetstream.MemoryStorage, Lease: time.Second,
		}
		open := func(name string) (*natschan.Sender[int], *natschan.Receiver[int], func()) {
			doomed, err := s.JetStream()
			if err != nil {
				t.Fatal(err)
			}
			ch.Name = name
			tx, err := natschan.NewSender[int](ctx, doomed, ch)
			if err != nil {
				t.Fatal(err)
			}
			rx, err := natschan.NewReceiver[int](ctx, js, ch)
			if err != nil {
				t.Fatal(err)
			}
			return tx, rx, doomed.Conn().Close
		}
		name := unique()
		tx, rx, _ := open(name)
		var opened []string
		for _, subject := range leaseSubjects(ctx, t, js, name) {
			if strings.Contains(subject, "opened") {
				opened = append(opened, subject)
			}
		}
		if len(opened) != 1 {
			t.Fatalf("%v tell that there was a sender; want one", opened)
		}
		tx.Close()
		rx.Close()
		if err := natschan.Delete(ctx, js, name); err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(ctx, opened[0], nil); err != nil {
			t.Fatal(err)
		}
		ch.Name = name
		again, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		_, other, crash := open(unique())
		defer other.Close()
		crash()
		if v, err := other.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
			t.Fatalf("Recv of a channel whose sender has crashed = %d, %v; want ErrClosed", v, err)
		}
		if v, err := again.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
			t.Errorf("TryRecv of the channel that was made again = %d, %v; want ErrEmpty", v, err)
		}
	}
}
