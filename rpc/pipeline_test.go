package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/testkit/program"
	"github.com/leat-go/leat/rpc"
)

// Ten calls come while the first one is being written: they go out in one
// write, and all ten answers, which come in one, reach their callers. A write
// for each call is ten reads at the peer, and fails.
func TestRunIsWrittenTogether(t *testing.T) {
	const run = 10
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, &rpc.ClientOptions{Window: 64})
		far := <-conns
		var calls []<-chan error
		for range run + 1 {
			calls = append(calls, pingIn(t.Context(), c))
			synctest.Wait() // the first is in its write by now, and the others are queued after it
		}
		expect(t, far, `"Ping"`)
		b := make([]byte, 1000)
		if n, err := far.Read(b); string(b[:n]) != strings.Repeat(`"Ping"`, run) || err != nil {
			t.Errorf("the second write is %q (%v), want %d requests", b[:n], err, run)
		}
		write(t, far, strings.Repeat(`"Ack"`, run+1))
		for _, done := range calls {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		c.Close()
	})
}

// A caller who leaves before the run is made is not in it: a request whose
// answer nobody counts would shift all that follow.
func TestLeaverIsNotInTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, &rpc.ClientOptions{Window: 64})
		far := <-conns
		first := pingIn(t.Context(), c)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var leavers []<-chan error
		var out [3]echo
		stayed := make(chan error, len(out))
		for i := range out {
			leavers = append(leavers, pingIn(ctx, c))
			synctest.Wait()
			go func() { stayed <- c.Call(t.Context(), "Echo", echo{fmt.Sprint(i)}, &out[i]) }()
			synctest.Wait()
		}
		cancel()
		for _, done := range leavers {
			isErr(t, <-done, rpc.ErrNotSent, context.Canceled)
		}
		expect(t, far, `"Ping"{"Echo":{"text":"0"}}{"Echo":{"text":"1"}}{"Echo":{"text":"2"}}`)
		write(t, far, `"Ack"{"Ack":{"text":"0"}}{"Ack":{"text":"1"}}{"Ack":{"text":"2"}}`)
		if err := <-first; err != nil {
			t.Error(err)
		}
		for range out {
			if err := <-stayed; err != nil {
				t.Error(err)
			}
		}
		for i := range out {
			if out[i].Text != fmt.Sprint(i) {
				t.Errorf("call %d got the answer %q", i, out[i].Text)
			}
		}
		c.Close()
	})
}

// cutConn takes so many bytes in all, and then fails.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b[:c.left])
	c.left -= n
	return n, errors.Join(err, errors.New("broken pipe"))
}

// The write of a run fails after two requests and a half: of five calls two are
// answered, the third is a maybe, and the others, of which nothing was written,
// go to the next connection, in order. At the border between two requests there
// is no maybe.
func TestPartOfARun(t *testing.T) {
	for _, cut := range []struct{ bytes, maybe int }{{len(`"Ping"`) * 3, 0}, {len(`"Ping"`)*3 + 1, 1}, {len(`"Ping"`)*4 - 1, 1}} {
		t.Run(fmt.Sprint(cut.bytes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := make(chan net.Conn, 10)
				first := true
				c, err := rpc.NewClient(t.Context(), &rpc.ClientOptions{Window: 64, Logger: quiet}, func(context.Context) (net.Conn, error) {
					near, f := net.Pipe()
					far <- f
					if !first {
						return near, nil
					}
					first = false
					return &cutConn{near, cut.bytes}, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				f := <-far
				var calls []<-chan error
				for range 6 {
					calls = append(calls, pingIn(t.Context(), c))
					synctest.Wait()
				}
				io.ReadFull(f, make([]byte, cut.bytes))
				synctest.Wait()
				write(t, f, strings.Repeat(`"Ack"`, 3))
				f.Close()
				f = <-far
				rest := len(calls) - 3 - cut.maybe
				expect(t, f, strings.Repeat(`"Ping"`, rest))
				write(t, f, strings.Repeat(`"Ack"`, rest))
				for i, done := range calls {
					err := <-done
					if i == 3 && cut.maybe == 1 {
						isErr(t, err, rpc.ErrMaybeSent)
					} else if err != nil {
						t.Errorf("call %d of %d: %v", i, len(calls), err)
					}
				}
				c.Close()
			})
		})
	}
}

// Five thousand callers share a connection, and each gets its own answer. It
// fails if one gets another's.
func TestThousandsOfCallers(t *testing.T) {
	for _, window := range []int{1, 64, 10_000} {
		c := dial(t, serveTCP(t, &rpc.Server{Handler: echoMux()}), &rpc.ClientOptions{Window: window})
		var all sync.WaitGroup
		for i := range 5000 {
			all.Go(func() {
				want := fmt.Sprint(i)
				var out echo
				if err := c.Call(t.Context(), "Echo", echo{want}, &out); err != nil || out.Text != want {
					t.Errorf("window %d: caller %s got %q, %v", window, want, out.Text, err)
				}
			})
		}
		all.Wait()
	}
}

// Requests that come together are answered together: a write for each answer is
// a hundred reads, and fails.
func TestAnswersAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{Handler: echoMux()})
		defer stop()
		c := connect()
		write(t, c, strings.Repeat(`"Ping""Echo"`, 20))
		b := make([]byte, 1000)
		if n, err := c.Read(b); string(b[:n]) != strings.Repeat(`"Ack"`, 40) || err != nil {
			t.Errorf("the first write is %q (%v), want 40 answers", b[:n], err)
		}
		c.Close()
	})
}

// slowMux is echoMux with a method "Slow" that takes d.
func slowMux(d time.Duration) *rpc.Mux {
	m := echoMux()
	rpc.Handle(m, "Slow", func(context.Context, struct{}) (struct{}, error) {
		<-time.After(d)
		return struct{}{}, nil
	})
	return m
}

// Answers do not wait for a slow handler after them, nor for the second one,
// and answers written meanwhile stay in order.
func TestAnswersBeforeASlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{Handler: slowMux(time.Hour)})
		defer stop()
		c := connect()
		start := time.Now()
		at := func(want string, hours int) {
			t.Helper()
			expect(t, c, want)
			if d := time.Since(start).Round(time.Second); d != time.Duration(hours)*time.Hour {
				t.Errorf("%s came after %v, want %d h", want, d, hours)
			}
		}
		write(t, c, `"Ping""Echo""Slow"{"Echo":{"text":"1"}}"Slow"{"Slow":{}}`)
		at(`"Ack""Ack"`, 0)
		at(`"Ack"{"Ack":{"text":"1"}}`, 1)
		at(`"Ack"`, 2)
		at(`{"Ack":{}}`, 3)
		c.Close()
	})
}

// The peer is slow to read what the timer writes, while the handler has ended
// and there are more answers: they come after it. An answer that overtakes
// fails.
func TestLateWriteKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{Handler: slowMux(time.Second)})
		defer stop()
		c := connect()
		write(t, c, `{"Echo":{"text":"1"}}"Slow"{"Echo":{"text":"2"}}"Slow"{"Echo":{"text":"3"}}`)
		<-time.After(10 * time.Second) // by then both are done, and the timer's first write still waits for us
		expect(t, c, `{"Ack":{"text":"1"}}"Ack"{"Ack":{"text":"2"}}"Ack"{"Ack":{"text":"3"}}`)
		c.Close()
	})
}

// A slow handler holds back its own connection, which is not read meanwhile,
// and no other.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var handled atomic.Int32
		m := new(rpc.Mux)
		rpc.Handle(m, "Slow", func(context.Context, struct{}) (struct{}, error) {
			handled.Add(1)
			<-gate
			return struct{}{}, nil
		})
		connect, stop := pipeServer(t, &rpc.Server{Handler: m})
		defer stop()
		slow := connect()
		var written atomic.Int64
		go func() {
			for {
				n, err := slow.Write([]byte(`"Slow"`))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if handled.Load() != 1 || written.Load() > 1024 {
			t.Errorf("%d requests are handled at once, and %d bytes read meanwhile, want 1 and no more than a buffer", handled.Load(), written.Load())
		}
		other := connect()
		write(t, other, `"Ping"`)
		expect(t, other, `"Ack"`)
		slow.Close()
		close(gate)
		other.Close()
	})
}

// MaxInFlight holds back the connections beyond it, but not the Ping by which
// somebody looks whether the server lives.
func TestMaxInFlightLetsPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{Handler: slowMux(time.Hour), MaxInFlight: 1})
		defer stop()
		for range 2 {
			c := connect()
			write(t, c, `"Slow"`)
			defer c.Close()
		}
		start := time.Now()
		c := connect()
		write(t, c, `"Ping"`)
		expect(t, c, `"Ack"`)
		if d := time.Since(start); d > time.Minute {
			t.Errorf("the Ping was answered after %v", d)
		}
		c.Close()
	})
}

// A connection that is written to all the time, and whose timeouts are set only
// now and then, is cut neither by them nor by their age.
func TestLazyDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{IdleTimeout: time.Minute, WriteTimeout: time.Minute})
		defer stop()
		c := connect()
		for range 200 {
			<-time.After(3 * time.Second)
			write(t, c, `"Ping"`)
			expect(t, c, `"Ack"`)
		}
		start := time.Now()
		expectEnd(t, c)
		if d := time.Since(start); d < 52*time.Second || d > time.Minute {
			t.Errorf("after its last request the connection lived %v, want 7/8 of a minute to a minute", d)
		}
	})
}

// A ping allocates nothing in the server, and at most one object in the client;
// a call with parameters no more than encoding/json does for them, which is not
// counted here.
func TestAllocations(t *testing.T) {
	if program.UnderRace() {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	c := rawDial(t, serveTCP(t, new(rpc.Server)))
	ping, buf := []byte(`"Ping"`), make([]byte, len(`"Ack"`))
	if n := testing.AllocsPerRun(1000, func() {
		c.Write(ping)
		io.ReadFull(c, buf)
	}); n > 0 {
		t.Errorf("the server allocates %v objects per ping, want none", n)
	}
	client := dial(t, serveTCP(t, new(rpc.Server)), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if n := testing.AllocsPerRun(1000, func() { client.Ping(ctx) }); n > 1 {
		t.Errorf("client and server allocate %v objects per ping, want at most 1", n)
	}
}
