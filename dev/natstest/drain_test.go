package natstest

import (
	"context"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// A closed receiver drains its channel while the server that leads its consumer
// is away: until another one leads, nobody answers its requests for values. The
// test fails if the receiver takes that for the end, and the values are lost.
func TestDrainWithoutALeader(t *testing.T) {
	t.Parallel()
	c := startRawCluster(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ch := natschan.Channel{
		Name: unique(), Kind: natschan.MPSC, Capacity: 8, Replicas: 3,
		Storage: jetstream.MemoryStorage, Lease: time.Minute,
	}
	var tx *natschan.Sender[int]
	c.do(ctx, t, "open the channel", func(context.Context) (err error) { // the servers may not know each other yet
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		tx, err = natschan.NewSender[int](attempt, c.js, ch)
		return err
	})
	defer tx.Close()
	rx, err := natschan.NewReceiver[int](ctx, c.js, ch)
	if err != nil {
		t.Fatal(err)
	}
	sendAll(ctx, t, tx, 3)
	if err := rx.Close(); err != nil {
		t.Fatal(err)
	}
	stream := "LEAT_" + ch.Name
	c.do(ctx, t, "node3 leads the consumer", func(ctx context.Context) error {
		s, err := c.js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			if info.Cluster.Leader != "node3" {
				c.js.Conn().RequestWithContext(ctx, "$JS.API.CONSUMER.LEADER.STEPDOWN."+stream+"."+info.Name,
					[]byte(`{"placement":{"preferred":"node3"}}`))
				return context.DeadlineExceeded
			}
		}
		return list.Err()
	})
	c.stop(2)
	for v := range 3 {
		if got, err := rx.Recv(ctx); got != v || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", got, err, v)
		}
	}
	if v, err := rx.Recv(ctx); err != leat.ErrClosed {
		t.Fatalf("Recv = %d, %v; want ErrClosed", v, err)
	}
}
