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
	"github.com/nats-io/nats.go/jetstream"
)

// streams returns how many streams there are.
func streams(ctx context.Context, t *testing.T, js jetstream.JetStream) (n int) {
	t.Helper()
	list := js.StreamNames(ctx)
	for range list.Name() {
		n++
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// It fails if Find does not return what the channel was made with, or if the
// other end cannot be opened with that.
func TestFind(t *testing.T) {
	js := server(t, nil)
	for _, ch := range []natschan.Channel{
		{Kind: natschan.MPSC, Capacity: 7, Storage: jetstream.MemoryStorage},
		{Kind: natschan.MPSC},
		{Kind: natschan.MPMC, Capacity: 3},
		{Kind: natschan.Broadcast, Capacity: 5, Storage: jetstream.MemoryStorage},
		{Kind: natschan.Broadcast, Capacity: 5, Lossless: true},
		{Kind: natschan.Watch},
	} {
		ch.Name = unique()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		defer rx.Close()
		found, err := natschan.Find(ctx, js, ch.Name)
		if err != nil {
			t.Fatalf("Find of a %v = %v", ch.Kind, err)
		}
		wantCapacity := ch.Capacity
		if ch.Kind == natschan.Watch {
			wantCapacity = 1
		}
		if found.Name != ch.Name || found.Kind != ch.Kind || found.Capacity != wantCapacity || found.Lossless != ch.Lossless ||
			found.Storage != ch.Storage || found.Replicas != 1 {
			t.Errorf("Find = %+v; want %+v", found, ch)
		}
		if found.Codec != nil || found.Lease != 0 || found.AckWait != 0 {
			t.Errorf("Find = %+v; want no Codec, Lease and AckWait, which are not stored", found)
		}
		tx, err := natschan.NewSender[int](ctx, js, found)
		if err != nil {
			t.Fatalf("NewSender of the %v that was found = %v", ch.Kind, err)
		}
		defer tx.Close()
		if err := tx.Send(ctx, 7); err != nil {
			t.Fatal(err)
		}
		if v, err := rx.Recv(ctx); v != 7 || err != nil {
			t.Errorf("Recv = %d, %v; want 7", v, err)
		}
	}
}

// A service that must not make channels finds out that one is not there, before
// or after it was deleted. It fails if Find, NewSender or NewReceiver makes a
// stream.
func TestFindMakesNothing(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := natschan.Find(ctx, js, "missing"); !errors.Is(err, natschan.ErrNotFound) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("Find = %v; want ErrNotFound with the name", err)
	}
	if n := streams(ctx, t, js); n != 0 {
		t.Errorf("after Find of a channel that does not exist there are %d streams; want none", n)
	}
	if _, err := natschan.Find(ctx, js, "a.b"); err == nil || errors.Is(err, natschan.ErrNotFound) {
		t.Errorf("Find of an impossible name = %v; want an error that is not ErrNotFound", err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LEAT_theirs", Subjects: []string{"theirs"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := natschan.Find(ctx, js, "theirs"); !errors.Is(err, natschan.ErrMismatch) {
		t.Errorf("Find of another program's stream = %v; want ErrMismatch", err)
	}

	tx, err := natschan.NewSender[int](ctx, js, natschan.Channel{Name: "short", Kind: natschan.MPMC})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	found, err := natschan.Find(ctx, js, "short")
	if err != nil {
		t.Fatal(err)
	}
	all, err := natschan.List(ctx, js)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if err := natschan.Delete(ctx, js, "short"); err != nil {
		t.Fatal(err)
	}
	before := streams(ctx, t, js)
	for from, ch := range map[string]natschan.Channel{"Find": found, "List": all[0].Channel} {
		if _, err := natschan.NewReceiver[int](ctx, js, ch); !errors.Is(err, natschan.ErrNotFound) {
			t.Errorf("NewReceiver of the deleted channel, from %s = %v; want ErrNotFound", from, err)
		}
		if _, err := natschan.NewSender[int](ctx, js, ch); !errors.Is(err, natschan.ErrNotFound) {
			t.Errorf("NewSender of the deleted channel, from %s = %v; want ErrNotFound", from, err)
		}
	}
	if after := streams(ctx, t, js); after != before {
		t.Errorf("opening a deleted channel has made %d streams; want none", after-before)
	}
}

// Each kind, from open to drained. It fails if DeleteEnded deletes a channel
// too early, does not say why it did not, or leaves one that has ended.
func TestDeleteEnded(t *testing.T) {
	js := server(t, nil)
	for _, ch := range []natschan.Channel{
		{Kind: natschan.MPSC, Capacity: 4},
		{Kind: natschan.MPMC, Capacity: 4},
		{Kind: natschan.Broadcast, Capacity: 4},
		{Kind: natschan.Broadcast, Capacity: 4, Lossless: true},
		{Kind: natschan.Watch},
	} {
		ch.Name = unique()
		ch.Storage = jetstream.MemoryStorage
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		refused := func(reason string) {
			t.Helper()
			if err := natschan.DeleteEnded(ctx, js, ch.Name); !errors.Is(err, natschan.ErrInUse) || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v: DeleteEnded = %v; want ErrInUse: %s", ch.Kind, err, reason)
			}
			if _, err := natschan.Find(ctx, js, ch.Name); err != nil {
				t.Fatalf("%v: Find after it = %v", ch.Kind, err)
			}
		}
		tx, err := natschan.NewSender[int](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		refused("is not closed")
		if err := tx.Send(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if err := tx.Close(); err != nil {
			t.Fatal(err)
		}
		queue := ch.Kind == natschan.MPSC || ch.Kind == natschan.MPMC || ch.Lossless
		if queue {
			refused("holds 1 values")
		} else {
			refused("a receiver that is not closed")
		}
		if v, err := rx.Recv(ctx); v != 1 || err != nil {
			t.Fatalf("%v: Recv = %d, %v", ch.Kind, v, err)
		}
		if _, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
			t.Fatalf("%v: Recv = %v; want ErrClosed", ch.Kind, err)
		}
		if err := rx.Close(); err != nil {
			t.Fatal(err)
		}
		if err := natschan.DeleteEnded(ctx, js, ch.Name); err != nil {
			t.Errorf("%v: DeleteEnded at the end = %v", ch.Kind, err)
		}
		if _, err := natschan.Find(ctx, js, ch.Name); !errors.Is(err, natschan.ErrNotFound) {
			t.Errorf("%v: Find after DeleteEnded = %v; want ErrNotFound", ch.Kind, err)
		}
		if err := natschan.DeleteEnded(ctx, js, ch.Name); err != nil {
			t.Errorf("%v: DeleteEnded of a channel that does not exist = %v", ch.Kind, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	leases, err := js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := leases.Info(ctx); err != nil || info.State.Msgs != 0 {
		t.Errorf("after all channels were deleted there are %d leases, %v; want none", info.State.Msgs, err)
	}
}

// What keeps a closed channel from being deleted: a value in hand, a sender
// that was not closed, and the position of a Durable receiver.
func TestDeleteEndedSparesWhatIsLeft(t *testing.T) {
	js := server(t, nil)
	expect := func(ctx context.Context, name, reason string) {
		t.Helper()
		if err := natschan.DeleteEnded(ctx, js, name); !errors.Is(err, natschan.ErrInUse) || !strings.Contains(err.Error(), reason) {
			t.Errorf("DeleteEnded = %v; want ErrInUse: %s", err, reason)
		}
	}
	jobs := natschan.Channel{Name: unique(), Kind: natschan.MPMC, Capacity: 4}
	ctx, tx, rx := ends(t, js, jobs)
	if err := tx.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	m, err := rx.RecvMsg(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tx.Close()
	expect(ctx, jobs.Name, "not acknowledged")
	if err := m.Ack(); err != nil {
		t.Fatal(err)
	}
	if err := natschan.DeleteEnded(ctx, js, jobs.Name); err != nil {
		t.Errorf("DeleteEnded after Ack = %v", err)
	}

	left := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 4}
	ctx, tx, rx = ends(t, js, left)
	if err := rx.Close(); err != nil { // closes the channel
		t.Fatal(err)
	}
	expect(ctx, left.Name, "1 open senders")
	tx.Close()
	if err := natschan.DeleteEnded(ctx, js, left.Name); err != nil {
		t.Errorf("DeleteEnded after the sender's Close = %v", err)
	}

	news := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 4}
	ctx, tx, rx = ends(t, js, news, natschan.Durable("archive"))
	if _, err := tx.SendMany(ctx, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	if v, err := rx.Recv(ctx); v != 1 || err != nil {
		t.Fatal(v, err)
	}
	rx.Close()
	tx.Close()
	expect(ctx, news.Name, `left for the durable receiver "archive"`) // 1, or 2 while the acknowledgement is on its way
	if err := natschan.Forget(ctx, js, news.Name, "archive"); err != nil {
		t.Fatal(err)
	}
	if err := natschan.DeleteEnded(ctx, js, news.Name); err != nil {
		t.Errorf("DeleteEnded after Forget = %v", err)
	}
}

// Several processes delete an ended channel while another one waits to make it
// again and sends. It fails if the new channel, or its value, is deleted with
// the old one.
func TestDeleteEndedSparesTheNextChannel(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Storage: jetstream.MemoryStorage}
	open := func() *natschan.Sender[int] {
		for {
			tx, err := natschan.NewSender[int](ctx, js, ch)
			if err == nil {
				return tx
			}
			if !errors.Is(err, leat.ErrClosed) {
				t.Error(err)
				return nil
			}
		}
	}
	tx := open()
	for round := range 100 {
		if tx == nil || tx.Close() != nil {
			t.Fatal("a sender that is not there, or does not close")
		}
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() {
				if err := natschan.DeleteEnded(ctx, js, ch.Name); err != nil && !errors.Is(err, natschan.ErrInUse) {
					t.Error(err)
				}
			})
		}
		running.Go(func() {
			if tx = open(); tx != nil {
				if err := tx.Send(ctx, round); err != nil {
					t.Errorf("round %d: Send to the new channel = %v", round, err)
				}
			}
		})
		running.Wait()
		if t.Failed() {
			return
		}
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := rx.TryRecv(); v != round || err != nil {
			t.Fatalf("round %d: TryRecv = %d, %v; want the value of this round", round, v, err)
		}
		tx.Close()
		if _, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
			t.Fatal(err)
		}
		rx.Close()
	}
}

// remakeJS calls remake after it has deleted a stream, before it returns.
type remakeJS struct {
	jetstream.JetStream
	remake func()
}

func (r *remakeJS) DeleteStream(ctx context.Context, name string) error {
	err := r.JetStream.DeleteStream(ctx, name)
	r.remake()
	return err
}

// A channel is made again while Delete of the earlier one is under way. The
// test fails if Delete removes the lease of the new one's sender: then the new
// channel is closed as if its sender had crashed.
func TestDeleteSparesTheNextChannel(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Lease: time.Hour} // nobody renews a lease meanwhile
	ctx, _, _ := ends(t, js, ch)
	ch.Storage = jetstream.MemoryStorage
	var tx *natschan.Sender[int]
	remaking := &remakeJS{js, func() {
		var err error
		if tx, err = natschan.NewSender[int](ctx, js, ch); err != nil {
			t.Error(err)
		}
	}}
	if err := natschan.Delete(ctx, remaking, ch.Name); err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	infos, err := natschan.List(ctx, js)
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 1 || infos[0].Senders != 1 {
		t.Errorf("List after the channel was made again = %+v; want one sender", infos)
	}
}
