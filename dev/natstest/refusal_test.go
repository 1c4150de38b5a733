package natstest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The server gives one code, 10077, for a full stream and for a message that is
// too large to store. The test fails if TrySend does not tell them apart in
// what a real server answers, so that a server with other words for them, or a
// code for each, is noticed.
func TestFullAndTooLarge(t *testing.T) {
	js := plainServer(t, func(o *natsserver.Options) { o.MaxPayload = 40 << 20 }, nil)
	for _, c := range []struct {
		name  string
		limit func(*jetstream.StreamConfig)
		first int // bytes of a value that has room
		then  int // bytes of the value that is refused
		code  jetstream.ErrorCode
		want  error
	}{
		{"the capacity", func(*jetstream.StreamConfig) {}, 10, 10, 10077, leat.ErrFull},
		{"max_bytes", func(c *jetstream.StreamConfig) { c.MaxMsgs, c.MaxBytes = -1, 4096 }, 3000, 3000, 10077, leat.ErrFull},
		{"max_msgs_per_subject", func(c *jetstream.StreamConfig) {
			c.MaxMsgs, c.MaxMsgsPerSubject, c.DiscardNewPerSubject = -1, 1, true
		}, 10, 10, 10077, leat.ErrFull},
		{"max_msg_size", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, 10, 2000, 10054, nats.ErrMaxPayload},
		{"a block of a file", func(c *jetstream.StreamConfig) { c.MaxMsgs = 2 }, 10, 33 << 20, 10077, nats.ErrMaxPayload},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Capacity: 1}
			tx, err := natschan.NewSender[string](ctx, js, ch)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Close()
			stream, err := js.Stream(ctx, "LEAT_"+ch.Name)
			if err != nil {
				t.Fatal(err)
			}
			cfg := stream.CachedInfo().Config
			c.limit(&cfg) // as an operator may
			if _, err := js.UpdateStream(ctx, cfg); err != nil {
				t.Fatal(err)
			}
			if err := tx.TrySend(strings.Repeat("x", c.first)); err != nil {
				t.Fatalf("TrySend with room = %v", err)
			}
			err = tx.TrySend(strings.Repeat("x", c.then))
			if !errors.Is(err, c.want) || errors.Is(err, leat.ErrFull) != (c.want == leat.ErrFull) || errors.Is(err, natschan.ErrUnknown) {
				t.Errorf("TrySend = %v; want %v", err, c.want)
			}
			var api *jetstream.APIError
			_, err = js.Publish(ctx, "leat.d."+ch.Name, []byte(strings.Repeat("x", c.then)))
			if !errors.As(err, &api) || api.ErrorCode != c.code {
				t.Errorf("the server answers %v; want code %d", err, c.code)
			}
		})
	}
}

// The channel's stream is there, but no server listens for its values: so it is
// while a cluster has no leader, and here because an operator has changed the
// stream's subject. The test fails if a program cannot tell that TrySend met
// this, or if the value counts as perhaps sent.
func TestTrySendWithoutAServerForTheStream(t *testing.T) {
	js := server(t, nil)
	ctx, tx, _ := ends(t, js, natschan.Channel{Name: unique(), Kind: natschan.MPMC, Capacity: 4})
	all, err := natschan.List(ctx, js)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	stream, err := js.Stream(ctx, "LEAT_"+all[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.Subjects = []string{"elsewhere"}
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	err = tx.TrySend(1)
	if !errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, natschan.ErrUnknown) || errors.Is(err, leat.ErrClosed) {
		t.Errorf("TrySend = %v; want ErrNoStreamResponse, and neither ErrUnknown nor ErrClosed", err)
	}
}

// plainServer starts a server with the options that change sets, calls started
// if it is not nil, and connects to the server over TCP.
func plainServer(t *testing.T, change func(*natsserver.Options), started func(*testing.T, *natsserver.Server)) jetstream.JetStream {
	t.Helper()
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 256 << 20,
	}
	change(o)
	server := run(t, o)
	if started != nil {
		started(t, server)
	}
	return dial(t, server.ClientURL())
}

// run runs a server until the end of the test.
func run(t *testing.T, o *natsserver.Options) *natsserver.Server {
	t.Helper()
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return s
}
