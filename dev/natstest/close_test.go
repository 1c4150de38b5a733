package natstest

import (
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
