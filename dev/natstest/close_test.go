package natstest

import (
	"context"
	"errors"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// A receiver is closed right after values were sent for which it has asked. The
// test fails if what it receives then is not all of them, or not in order. It
// needs many rounds for that: the server must send a value in the instant in
// which the receiver's inbox goes.
func TestCloseKeepsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	for range 200 {
		ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Storage: jetstream.MemoryStorage}
		ctx, tx, rx := ends(t, js, ch)
		if _, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
			t.Fatalf("TryRecv = %v; want ErrEmpty", err)
		}
		const n = 4
		sendAll(ctx, t, tx, n)
		if err := rx.Close(); err != nil {
			t.Fatal(err)
		}
		for want := range n {
			if v, err := rx.Recv(ctx); v != want || err != nil {
				t.Fatalf("Recv after Close = %d, %v; want %d", v, err, want)
			}
		}
		if _, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
			t.Fatalf("Recv at the end = %v; want ErrClosed", err)
		}
	}
}

// A slowJS is late with the update that seals a stream: somebody else has
// sealed the stream meanwhile.
type slowJS struct{ jetstream.JetStream }

func (js slowJS) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	if s, err := js.JetStream.UpdateStream(ctx, cfg); err != nil {
		return s, err
	}
	return js.JetStream.UpdateStream(ctx, cfg)
}

// Two handles close a channel at the same time. The test fails if the later one
// returns the server's refusal to seal the stream again: then a receiver does
// not wait for the values under way to it, which come again only after AckWait.
func TestCloseByTwoAtOnce(t *testing.T) {
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC}
	_, tx, rx := ends(t, slowJS{server(t, nil)}, ch)
	if err := tx.Close(); err != nil {
		t.Error(err)
	}
	if err := rx.Close(); err != nil {
		t.Error(err)
	}
}
