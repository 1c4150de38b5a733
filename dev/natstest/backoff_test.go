package natstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The last value of a sealed channel is in the hands of a slow program, for two
// seconds. The test fails if a receiver that waits for the end meanwhile asks
// the server more than 20 times a second, or misses the end.
func TestWaitingForTheEndBacksOff(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	for _, c := range []struct {
		name string
		kind natschan.Kind
		wait func(ctx context.Context, own, other *natschan.Receiver[int]) error
	}{
		{"another worker", natschan.MPMC, func(ctx context.Context, _, other *natschan.Receiver[int]) error {
			_, err := other.Recv(ctx)
			return err
		}},
		{"another worker, with Ready", natschan.MPMC, func(ctx context.Context, _, other *natschan.Receiver[int]) error {
			select {
			case <-other.Ready():
				_, err := other.TryRecv()
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
		{"itself", natschan.MPSC, func(ctx context.Context, own, _ *natschan.Receiver[int]) error {
			_, err := own.Recv(ctx)
			return err
		}},
		{"itself, closed", natschan.MPSC, func(ctx context.Context, own, _ *natschan.Receiver[int]) error {
			if err := own.Close(); err != nil {
				return err
			}
			_, err := own.Recv(ctx)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := natschan.Channel{Name: unique(), Kind: c.kind, Storage: jetstream.MemoryStorage}
			ctx, tx, own := ends(t, js, ch)
			other := own
			if c.kind == natschan.MPMC {
				var err error
				if other, err = natschan.NewReceiver[int](ctx, js, ch); err != nil {
					t.Fatal(err)
				}
				defer other.Close()
			}
			if err := tx.Send(ctx, 1); err != nil {
				t.Fatal(err)
			}
			inHand, err := own.RecvMsg(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := tx.Close(); err != nil {
				t.Fatal(err)
			}
			asked := make(chan *nats.Msg, 10000)
			sub, err := js.Conn().ChanSubscribe("$JS.API.>", asked)
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Unsubscribe()
			short, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			if err := c.wait(short, own, other); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("receiving while the last value is in hand: %v; want DeadlineExceeded", err)
			}
			if n := len(asked); n > 40 {
				t.Errorf("the server was asked %d times in 2 s; want 40 at most", n)
			} else {
				t.Logf("the server was asked %d times in 2 s", n)
			}
			end := make(chan error, 1)
			go func() { end <- c.wait(ctx, own, other) }()
			if err := inHand.Ack(); err != nil {
				t.Fatal(err)
			}
			if err := <-end; !errors.Is(err, leat.ErrClosed) {
				t.Errorf("receiving after it was acknowledged: %v; want ErrClosed", err)
			}
		})
	}
}
