package main

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/rpc"
)

// runLoad runs a load against servers in memory, one for each client, that all
// answer with fn. Within a synctest bubble, its times are exact.
func runLoad(t *testing.T, cmd *pingCmd, fn func(context.Context) error) (*load, *report) {
	t.Helper()
	l := newLoad(newProcess(io.Discard, io.Discard), cmd)
	l.sleepShort = time.Sleep
	for range cmd.Clients {
		conn, end := rpc.Local(rpc.HandlerFunc(func(ctx context.Context, _ *rpc.Request) (any, error) { return nil, fn(ctx) }))
		defer end()
		l.clients = append(l.clients, &pinger{conn: conn})
	}
	defer l.close()
	l.run()
	return l, l.report()
}

// eachChannel runs a test for both channels that may drive the clients.
func eachChannel(t *testing.T, test func(t *testing.T, channel string)) {
	for _, channel := range []string{"mpmc", "broadcast"} {
		t.Run(channel, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, channel) })
		})
	}
}

// The goroutines of a client's window wait for a ping in a channel, and for
// nothing else. It hangs if one of them waits for a mutex while another one
// receives: then the fake clock stands still.
func TestPingWindowWaitsInAChannel(t *testing.T) {
	eachChannel(t, func(t *testing.T, channel string) {
		cmd := &pingCmd{Clients: 2, Window: 4, Rate: 1, Count: 10, Duration: time.Minute, Timeout: 5 * time.Second, Channel: channel}
		_, r := runLoad(t, cmd, func(context.Context) error { return nil })
		want := 9 * time.Second // the tenth is due after nine
		if channel == "broadcast" {
			want = 8 * time.Second // in five pairs, two seconds apart
		}
		if got := fmt.Sprint(r.Acks, " Acks in ", r.Seconds); got != fmt.Sprint(10, " Acks in ", want.Seconds()) {
			t.Errorf("%s, want 10 in %v", got, want)
		}
	})
}
