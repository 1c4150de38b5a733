package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/testkit/proxy"
	"github.com/leat-go/leat/rpc"
)

// behind runs a server and a proxy in front of it, in memory, and returns a
// client that connects through the proxy.
func behind(t *testing.T, s *rpc.Server, f proxy.Faults, window int) (c *rpc.Client, p *proxy.Proxy, stop func()) {
	t.Helper()
	server, dialServer := rpc.PipeListener()
	s.Logger = quiet
	go s.Serve(server)
	front, dialProxy := rpc.PipeListener()
	p = proxy.Start(front, dialServer, f)
	c, err := rpc.NewClient(t.Context(), &rpc.ClientOptions{Window: window, Logger: quiet}, dialProxy)
	if err != nil {
		t.Fatal(err)
	}
	return c, p, func() {
		c.Close()
		p.Close()
		s.Close()
		s.Shutdown(context.Background())
	}
}

// The network delays, drips and cuts, at other bytes with each seed. Every call
// ends in time, and none is executed twice. A call that was answered was
// executed, with its own answer. A call that was not sent was not executed. The
// seed of a failure replays the cuts.
func TestBadNetwork(t *testing.T) {
	for name, f := range map[string]proxy.Faults{
		"late":      {Latency: 20 * time.Millisecond, Jitter: 50 * time.Millisecond},
		"drips":     {Drip: time.Millisecond},
		"cuts":      {Cut: 200},
		"cuts late": {Cut: 400, Latency: time.Millisecond, Jitter: 10 * time.Millisecond},
		"all":       {Cut: 300, Drip: time.Millisecond, Jitter: 5 * time.Millisecond},
	} {
		for seed := range uint64(10) {
			f.Seed = seed
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { badNetwork(t, f) })
			})
		}
	}
}

func badNetwork(t *testing.T, f proxy.Faults) {
	const callers, calls = 8, 20
	var executed, claimed [callers * calls]atomic.Int32
	m := new(rpc.Mux)
	rpc.Handle(m, "Do", func(_ context.Context, id int) (int, error) {
		executed[id].Add(1)
		return id, nil
	})
	c, p, stop := behind(t, &rpc.Server{Handler: m}, f, 4)
	const answered, notSent = 1, 2
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for id := i * calls; id < (i+1)*calls; id++ {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				start := time.Now()
				var got int
				switch err := c.Call(ctx, "Do", id, &got); {
				case err == nil && got == id:
					claimed[id].Store(answered)
				case err == nil:
					t.Errorf("call %d got the answer of %d", id, got)
				case errors.Is(err, rpc.ErrNotSent):
					claimed[id].Store(notSent)
				case !errors.Is(err, rpc.ErrMaybeSent):
					t.Errorf("call %d: %v", id, err)
				}
				cancel()
				if d := time.Since(start); d > 10*time.Second {
					t.Errorf("call %d took %v, and its ctx 10s", id, d)
				}
			}
		})
	}
	all.Wait()
	stop()
	done := 0
	for id := range executed {
		n := executed[id].Load()
		switch claimed[id].Load() {
		case answered:
			done++
			if n != 1 {
				t.Errorf("call %d was answered, and executed %d times", id, n)
			}
		case notSent:
			if n != 0 {
				t.Errorf("call %d was not sent, and executed %d times", id, n)
			}
		default:
			if n > 1 {
				t.Errorf("call %d was executed %d times", id, n)
			}
		}
	}
	cuts := len(p.Events())
	if f.Cut == 0 && done != callers*calls || f.Cut > 0 && (cuts == 0 || done == 0) {
		t.Errorf("%d of %d calls were answered, over %d cuts", done, callers*calls, cuts)
	}
}

// The network changes bytes. The outcome of a call is then anybody's guess, but
// every call ends in time, and nothing panics: a panic ends the test's process.
func TestCorruptNetwork(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &rpc.Server{Handler: echoMux(), IdleTimeout: time.Second}
				c, p, stop := behind(t, s, proxy.Faults{Seed: seed, Corrupt: 0.01}, 8)
				var all sync.WaitGroup
				for range 8 {
					all.Go(func() {
						for range 10 {
							ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
							start := time.Now()
							var out echo
							c.Call(ctx, "Echo", echo{"a text that is long enough to be hit"}, &out)
							cancel()
							if d := time.Since(start); d > time.Minute {
								t.Errorf("a call took %v, and its ctx 1m", d)
							}
						}
					})
				}
				all.Wait()
				if len(p.Events()) == 0 {
					t.Error("no byte was changed")
				}
				stop()
			})
		})
	}
}
