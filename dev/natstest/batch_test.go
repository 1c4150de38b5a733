package natstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The last value of a SendMany is too large for the server. The test fails if
// a part of the values was sent before that was noticed: the server keeps such
// a part for 10 s, takes no more than 50 of them, and refuses the next batch.
func TestSendManyTooLargeLeavesNoBatch(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[string](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	vs := make([]string, 1200) // two batches; the second one fails
	vs[1199] = strings.Repeat("x", 1<<20)
	for range 60 {
		n, err := tx.SendMany(ctx, vs)
		if n != 0 || !errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, natschan.ErrUnknown) {
			t.Fatalf("SendMany = %d, %v; want 0 and ErrMaxPayload, and not ErrUnknown", n, err)
		}
		if want := "value 1199 of 1200"; !strings.Contains(err.Error(), want) {
			t.Fatalf("SendMany = %v; want an error that names %q", err, want)
		}
	}
	ch.Name = unique()
	anyTx, err := natschan.NewSender[any](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer anyTx.Close()
	before := js.Conn().Stats().OutMsgs
	if n, err := anyTx.SendMany(ctx, []any{1, 2, make(chan int)}); n != 0 || err == nil || !strings.Contains(err.Error(), "value 2 of 3") {
		t.Errorf("SendMany of a channel = %d, %v; want 0 and an error that names value 2 of 3", n, err)
	}
	if sent := js.Conn().Stats().OutMsgs - before; sent != 0 {
		t.Errorf("SendMany of a channel published %d messages; want none", sent)
	}
	before = js.Conn().Stats().OutMsgs
	if n, err := tx.SendMany(ctx, []string{"a", "b", "c"}); n != 3 || err != nil {
		t.Fatalf("SendMany after these = %d, %v; want 3", n, err)
	}
	if sent := js.Conn().Stats().OutMsgs - before; sent != 3 {
		t.Errorf("SendMany of 3 values published %d messages; want 3, and so no retry", sent)
	}
}

// The largest message of a batch has exactly the server's max_payload, and one
// byte more is refused before anything is sent. The test fails if SendMany
// counts the headers wrong, in either direction.
func TestSendManyLargestValue(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.Broadcast, Capacity: 2, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[string](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	stream, err := js.Stream(ctx, "LEAT_"+ch.Name)
	if err != nil {
		t.Fatal(err)
	}
	for position := range 2 {
		vs := []string{"", ""}
		largest := 0
		for size := 1<<20 - 300; size <= 1<<20; size++ { // JSON adds two bytes, the headers about 150
			vs[position] = strings.Repeat("x", size)
			before := js.Conn().Stats().OutMsgs
			n, err := tx.SendMany(ctx, vs)
			if err == nil {
				largest = size
				continue
			}
			if sent := js.Conn().Stats().OutMsgs - before; n != 0 || sent != 0 || !errors.Is(err, nats.ErrMaxPayload) {
				t.Fatalf("SendMany with %d bytes = %d, %v, and published %d messages; want ErrMaxPayload and none", size, n, err, sent)
			}
			break
		}
		info, err := stream.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.GetMsg(ctx, info.State.LastSeq-1+uint64(position))
		if err != nil {
			t.Fatal(err)
		}
		for key := range m.Header {
			if key != jetstream.MsgIDHeader && !strings.HasPrefix(key, "Nats-Batch-") {
				delete(m.Header, key) // from the server's answer, not from natschan
			}
		}
		wire := (&nats.Msg{Header: nats.Header(m.Header), Data: m.Data}).Size()
		if len(m.Data) != largest+2 || wire != 1<<20 {
			t.Errorf("position %d: the largest message that was sent takes %d bytes with its headers; want %d", position, wire, 1<<20)
		}
	}
}

// Another program has abandoned as many batches as the server keeps for a
// stream. Its answer, 10176, says that nothing was stored. The test fails if
// SendMany gives up on it: the server forgets such a batch after 10 s.
func TestSendManyWaitsForTheServersBatches(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	ctx, tx, rx := ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.MPSC})
	all, err := natschan.List(ctx, js)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for i := range 50 {
		m := nats.NewMsg("leat.d." + all[0].Name)
		m.Header.Set("Nats-Batch-Id", fmt.Sprintf("abandoned%d", i))
		m.Header.Set("Nats-Batch-Sequence", "1")
		if err := js.Conn().PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	var api *jetstream.APIError
	if n, err := tx.SendMany(short, []int{1, 2, 3}); n != 0 || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, natschan.ErrUnknown) || !errors.As(err, &api) {
		t.Errorf("SendMany with 100 ms = %d, %v; want DeadlineExceeded with the server's reason, and not ErrUnknown", n, err)
	}
	if n, err := tx.SendMany(ctx, []int{1, 2, 3}); n != 3 || err != nil {
		t.Fatalf("SendMany = %d, %v; want 3", n, err)
	}
	for want := 1; want <= 3; want++ {
		if v, err := rx.Recv(ctx); v != want || err != nil {
			t.Fatalf("Recv = %d, %v; want %d", v, err, want)
		}
	}
}
