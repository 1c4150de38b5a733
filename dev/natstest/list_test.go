package natstest

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

// listed waits until List's only channel is as the predicate wants it.
func listed(
	ctx context.Context, t *testing.T, js jetstream.JetStream, what string, ok func(natschan.Info) bool,
) natschan.Info {
	t.Helper()
	for {
		all, err := natschan.List(ctx, js)
		if err != nil {
			t.Fatalf("List: %v; waiting for: %s", err, what)
		}
		if len(all) != 1 {
			t.Fatalf("List = %+v; want one channel", all)
		}
		if ok(all[0]) {
			return all[0]
		}
		select {
		case <-ctx.Done():
			t.Fatalf("List = %+v; want: %s", all[0], what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// It fails if List does not count the values that receivers hold without an
// acknowledgement, or redelivered ones, or does not name the receiver.
func TestListTellsWhatIsUnderWay(t *testing.T) {
	js := server(t, nil)
	ch := natschan.Channel{Name: "work", Kind: natschan.MPSC, Capacity: 8, AckWait: 100 * time.Millisecond}
	ctx, tx, rx := ends(t, js, ch, natschan.Prefetch(1))
	if _, err := tx.SendMany(ctx, []int{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	m, err := rx.RecvMsg(ctx)
	if err != nil {
		t.Fatal(err)
	}
	listed(ctx, t, js, "3 values, some of them in flight", func(i natschan.Info) bool {
		return i.Len == 3 && i.InFlight > 0
	})
	again, err := rx.RecvMsg(ctx) // after AckWait
	for err == nil && again.Deliveries == 1 {
		again, err = rx.RecvMsg(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	i := listed(ctx, t, js, "a value that was delivered again", func(i natschan.Info) bool {
		return i.Redelivered > 0 && i.InFlight >= i.Redelivered
	})
	if i.Senders != 1 || i.Receivers != 1 {
		t.Errorf("List = %+v; want one sender and one receiver", i)
	}
	if me := strconv.Itoa(os.Getpid()); !strings.Contains(i.Owner, me) || i.OwnerAge > time.Minute {
		t.Errorf("the owner is %q, %v ago; want this process, %s", i.Owner, i.OwnerAge, me)
	}
	m.Ack()
	rx.Close()
	listed(ctx, t, js, "no owner", func(i natschan.Info) bool { return i.Owner == "" && i.Receivers == 0 })
}

// It fails if an owner whose connection has a name is not called by it.
func TestListNamesTheOwner(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	js := dial(t, s.URL(), nats.Name("billing"))
	ctx, _, _ := ends(t, js, natschan.Channel{Name: "work", Kind: natschan.MPSC})
	listed(ctx, t, js, "the owner billing", func(i natschan.Info) bool { return i.Owner == "billing" })
}
