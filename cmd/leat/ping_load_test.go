package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

// runLoad runs a load against servers in memory, one for each client, that all
// answer with fn. Within a synctest bubble, its times are exact.
func runLoad(t *testing.T, cmd *pingCmd, fn func(context.Context) error, before ...func(*load)) (*load, *report) {
	t.Helper()
	log := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // rpc.Local's
	defer slog.SetDefault(log)
	l := newLoad(program.New("leat", io.Discard, io.Discard), cmd)
	l.sleepShort = time.Sleep
	for range cmd.Clients {
		conn, end := rpc.Local(rpc.HandlerFunc(func(ctx context.Context, _ *rpc.Request) (any, error) { return nil, fn(ctx) }))
		defer end()
		l.clients = append(l.clients, &pinger{conn: conn})
	}
	defer l.close()
	for _, do := range before {
		do(l)
	}
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

// A server that never answers holds the load up for one timeout after the
// duration, and no longer, and every ping that was due is in one of the counts.
// It fails if a ping, or a tick that finds no room, outlasts that.
func TestPingEndsInTime(t *testing.T) {
	for _, rate := range []int{0, 1000} {
		t.Run(fmt.Sprint("rate ", rate), func(t *testing.T) {
			eachChannel(t, func(t *testing.T, channel string) {
				cmd := &pingCmd{Clients: 2, Window: 2, Rate: rate, Duration: 4 * time.Second, Timeout: 5 * time.Second, Channel: channel}
				l, r := runLoad(t, cmd, func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				if most := cmd.Duration + cmd.Timeout; l.took > most {
					t.Errorf("it took %v, want at most %v", l.took, most)
				}
				if r.Acks+r.Refused != 0 || r.Unanswered == 0 {
					t.Errorf("nothing was answered, and the report is %+v", r)
				}
				if all := r.Unanswered + r.Undone; rate > 0 && all != 4000 {
					t.Errorf("%d pings are accounted for, want the 4000 that were due", all)
				}
				if r.Error != "no answer in time; see --timeout" {
					t.Errorf("the reason is %q", r.Error)
				}
			})
		})
	}
}

// The same with an interrupt, while ticks become due or after the last one: a
// second after it the load ends, and every ping that was due is in one of the
// counts.
func TestPingInterruptedAccountsForAll(t *testing.T) {
	for _, duration := range []time.Duration{time.Hour, 100 * time.Millisecond} {
		t.Run(duration.String(), func(t *testing.T) { testInterrupt(t, duration) })
	}
}

func testInterrupt(t *testing.T, duration time.Duration) {
	eachChannel(t, func(t *testing.T, channel string) {
		cmd := &pingCmd{Clients: 2, Window: 2, Rate: 1000, Duration: duration, Timeout: 5 * time.Minute, Channel: channel}
		var stop func(error)
		l, r := runLoad(t, cmd, func(ctx context.Context) error {
			time.AfterFunc(500*time.Millisecond, func() { stop(program.ErrInterrupted) })
			<-ctx.Done()
			return ctx.Err()
		}, func(l *load) { stop = l.Stop })
		if most := 502*time.Millisecond + program.LastWords; l.took > most {
			t.Errorf("it took %v, want at most %v", l.took, most)
		}
		if all, due := r.Unanswered+r.Undone, l.due.Load(); r.Acks != 0 || all != due {
			t.Errorf("%d pings are accounted for, and %d were due", all, due)
		}
		if r.Error != "no answer before the end" {
			t.Errorf("the reason is %q", r.Error)
		}
	})
}
