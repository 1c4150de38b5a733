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
	"github.com/nats-io/nats.go/jetstream"
)

// limited is a server with an account that may use 1 MiB of memory and as much
// of files.
func limited(t *testing.T) jetstream.JetStream {
	account := natsserver.NewAccount("APP")
	return plainServer(t, func(o *natsserver.Options) {
		o.Accounts = []*natsserver.Account{account}
		o.NoAuthUser = "app"
		o.Users = []*natsserver.User{{Username: "app", Password: "app", Account: account}}
	}, func(t *testing.T, s *natsserver.Server) {
		own, err := s.LookupAccount("APP")
		if err == nil {
			err = own.EnableJetStream(map[string]natsserver.JetStreamAccountLimits{"": {
				MaxMemory: 1 << 20, MaxStore: 1 << 20, MaxStreams: 8, MaxConsumers: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
			}}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A channel fills what the account, or the server, may store. The test fails if
// the error does not say so, if it may be taken for a full channel, if the
// value counts as perhaps sent, or if the sender is of no use after room was
// made.
func TestLimitReached(t *testing.T) {
	account := limited(t)
	server := plainServer(t, func(o *natsserver.Options) { o.JetStreamMaxMemory, o.JetStreamMaxStore = 1<<20, 1<<20 }, nil)
	for _, c := range []struct {
		name    string
		js      jetstream.JetStream
		storage jetstream.StorageType
		code    jetstream.ErrorCode
		advice  string
	}{
		{"account, files", account, jetstream.FileStorage, 10002, "max_file"},
		{"account, memory", account, jetstream.MemoryStorage, 10002, "max_mem"},
		{"server, files", server, jetstream.FileStorage, 10023, "max_file_store"},
		{"server, memory", server, jetstream.MemoryStorage, 10023, "max_memory_store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Storage: c.storage}
			tx, err := natschan.NewSender[string](ctx, c.js, ch)
			if err != nil {
				t.Fatal(err)
			}
			defer natschan.Delete(ctx, c.js, ch.Name)
			defer tx.Close()
			rx, err := natschan.NewReceiver[string](ctx, c.js, ch)
			if err != nil {
				t.Fatal(err)
			}
			defer rx.Close()
			v := strings.Repeat("x", 20_000)
			stored := 0
			for err == nil && stored < 100 {
				if err = tx.Send(ctx, v); err == nil {
					stored++
				}
			}
			_, many := tx.SendMany(ctx, []string{v, v})
			for call, err := range map[string]error{"Send": err, "TrySend": tx.TrySend(v), "SendMany": many} {
				var api *jetstream.APIError
				if !errors.Is(err, natschan.ErrResource) || !errors.As(err, &api) || api.ErrorCode != c.code || !strings.Contains(err.Error(), c.advice) {
					t.Errorf("%s after %d values = %v; want ErrResource with code %d and %q", call, stored, err, c.code, c.advice)
				}
				if errors.Is(err, natschan.ErrUnknown) || errors.Is(err, leat.ErrFull) {
					t.Errorf("%s = %v; want neither ErrUnknown nor ErrFull", call, err)
				}
			}
			for range stored {
				if _, err := rx.Recv(ctx); err != nil {
					t.Fatal(err)
				}
			}
			// Recv has only sent the acknowledgements: the server makes room
			// when it gets them.
			for err = tx.Send(ctx, v); errors.Is(err, natschan.ErrResource) && ctx.Err() == nil; err = tx.Send(ctx, v) {
			}
			if err != nil {
				t.Errorf("Send after all was received = %v", err)
			}
		})
	}
}

// The account has promised its files to another stream, and has as many streams
// as it may. The test fails if NewSender and NewReceiver do not say that a
// limit is reached.
func TestLimitReachedAtCreation(t *testing.T) {
	js := limited(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	greedy := jetstream.StreamConfig{Name: "greedy", MaxBytes: 1 << 20}
	if _, err := js.CreateStream(ctx, greedy); err != nil {
		t.Fatal(err)
	}
	expect := func(code jetstream.ErrorCode) {
		t.Helper()
		ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC}
		_, sender := natschan.NewSender[int](ctx, js, ch)
		_, receiver := natschan.NewReceiver[int](ctx, js, ch)
		for call, err := range map[string]error{"NewSender": sender, "NewReceiver": receiver} {
			var api *jetstream.APIError
			if !errors.Is(err, natschan.ErrResource) || !errors.As(err, &api) || api.ErrorCode != code {
				t.Errorf("%s = %v; want ErrResource with code %d", call, err, code)
			}
		}
	}
	expect(10047)
	if err := js.DeleteStream(ctx, "greedy"); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split("abcdefgh", "") {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Storage: jetstream.MemoryStorage}); err != nil {
			t.Fatal(err)
		}
	}
	expect(10027)
}
