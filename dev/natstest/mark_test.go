package natstest

import (
	"context"
	"errors"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// marks returns how many marks of durable names a channel has.
func marks(ctx context.Context, t *testing.T, js jetstream.JetStream, channel string) int {
	t.Helper()
	leases, err := js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	info, err := leases.Info(ctx, jetstream.WithSubjectFilter("leat.l."+channel+".d.>"))
	if err != nil {
		t.Fatal(err)
	}
	return len(info.State.Subjects)
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
