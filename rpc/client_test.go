package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/rpc"
)

// pipeClient returns a client, and its connections as they come, whose other
// ends the test plays.
func pipeClient(t *testing.T, o *rpc.ClientOptions) (*rpc.Client, <-chan net.Conn) {
	t.Helper()
	conns := make(chan net.Conn, 1000)
	if o == nil {
		o = new(rpc.ClientOptions)
	}
	o.Logger = quiet
	c, err := rpc.NewClient(context.Background(), o, func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		conns <- far
		return near, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, conns
}

// pingIn starts a call and returns where its error will be.
func pingIn(ctx context.Context, c *rpc.Client) <-chan error {
	done := make(chan error, 1)
	go func() { done <- c.Ping(ctx) }()
	return done
}

// Nobody listens: the error says where, why, and what to do.
func TestDialRefused(t *testing.T) {
	l := listen(t)
	addr := l.Addr().String()
	l.Close()
	_, err := rpc.Dial(t.Context(), addr, nil)
	hasText(t, err, "rpc: ", addr, "connection refused", "is the server running?")
}

// Every wait of Dial ends with its ctx.
func TestDialCtx(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := rpc.Dial(ctx, "127.0.0.1:1", nil)
	isErr(t, err, context.Canceled)

	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := rpc.NewClient(t.Context(), &rpc.ClientOptions{DialTimeout: time.Minute}, func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		isErr(t, err, context.DeadlineExceeded)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("dialing ended after %v, want DialTimeout", d)
		}
	})
}

// The server dies and comes back on the same port: a call in between is not
// sent, and says why; a waiting call goes through.
func TestReconnect(t *testing.T) {
	l := listen(t)
	addr := l.Addr().String()
	first := &rpc.Server{Logger: quiet}
	go first.Serve(l)
	c := dial(t, addr, &rpc.ClientOptions{MaxBackoff: 20 * time.Millisecond, MinBackoff: time.Millisecond})
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	first.Shutdown(t.Context())

	// The connection is lost at some instant: a ping may still be written to
	// it, which is a maybe. Not so for ever.
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := c.Ping(ctx)
		cancel()
		if errors.Is(err, rpc.ErrNotSent) && strings.Contains(err.Error(), "connection refused") {
			isErr(t, err, context.DeadlineExceeded)
			break
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("a call without a server got %v, want ErrNotSent and why there is no connection", err)
		}
	}

	waiting := pingIn(within(t), c)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, new(rpc.Server), l)
	if err := <-waiting; err != nil {
		t.Errorf("the call that waited for the server: %v", err)
	}
	if err := c.Ping(within(t)); err != nil {
		t.Error(err)
	}
}

// The attempts to reconnect come at growing, random intervals within their
// bounds, and begin from the start after an answer.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards these
		var attempts []time.Time
		var down bool
		var far net.Conn
		o := &rpc.ClientOptions{MinBackoff: time.Second, MaxBackoff: 8 * time.Second, Logger: quiet}
		c, err := rpc.NewClient(t.Context(), o, func(context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			attempts = append(attempts, time.Now())
			if down {
				return nil, errors.New("down")
			}
			var near net.Conn
			near, far = net.Pipe()
			return near, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			answered := pingIn(t.Context(), c)
			synctest.Wait()
			mu.Lock()
			peer := far
			mu.Unlock()
			expect(t, peer, `"Ping"`)
			write(t, peer, `"Ack"`)
			if err := <-answered; err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			attempts = []time.Time{time.Now()}
			down = true
			mu.Unlock()
			peer.Close()
			<-time.After(time.Minute)
			mu.Lock()
			var sum time.Duration
			bound := time.Second
			for i, at := range attempts[1:] {
				pause := at.Sub(attempts[i])
				if sum += pause; pause > bound {
					t.Errorf("round %d: pause %d is %v, want at most %v", round, i, pause, bound)
				}
				bound = min(2*bound, 8*time.Second)
			}
			if len(attempts) > 60 || sum < 20*time.Second {
				t.Errorf("round %d: %d attempts in %v: that is not a backoff", round, len(attempts)-1, sum)
			}
			down = false
			mu.Unlock()
			<-time.After(8 * time.Second)
		}
		c.Close()
		far.Close()
	})
}

// The server reads the request and dies: it may have been executed. The next
// call uses a new connection.
func TestMaybeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, nil)
		lost := pingIn(t.Context(), c)
		far := <-conns
		expect(t, far, `"Ping"`)
		far.Close()
		err := <-lost
		isErr(t, err, rpc.ErrMaybeSent, io.EOF)
		hasText(t, err, "rpc: sent, and not answered: Ping: the server closed the connection")
		if errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("%v also says that it was not sent", err)
		}

		next := pingIn(t.Context(), c)
		far = <-conns
		expect(t, far, `"Ping"`)
		write(t, far, `"Ack"`)
		if err := <-next; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// brokenConn fails its writes and takes no byte.
type brokenConn struct{ net.Conn }

func (brokenConn) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// A request of which no byte could be written goes to the next connection by
// itself; its caller notices nothing.
func TestUnsentIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 10)
		dials := 0
		c, err := rpc.NewClient(t.Context(), &rpc.ClientOptions{Logger: quiet}, func(context.Context) (net.Conn, error) {
			near, f := net.Pipe()
			if dials++; dials <= 3 {
				return brokenConn{near}, nil
			}
			far <- f
			return near, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		done := pingIn(t.Context(), c)
		f := <-far
		expect(t, f, `"Ping"`)
		write(t, f, `"Ack"`)
		if err := <-done; err != nil || dials != 4 {
			t.Errorf("got %v after %d connections, want success on the fourth", err, dials)
		}
		c.Close()
	})
}

// halfConn takes its first write, and then three bytes of the next.
type halfConn struct {
	net.Conn
	writes int
}

func (c *halfConn) Write(b []byte) (int, error) {
	if c.writes++; c.writes == 1 {
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b[:3])
	return n, errors.Join(err, errors.New("broken pipe"))
}

// A write fails halfway: that request is a maybe and is not sent again; the
// answer to the one before, which comes only then, still reaches its caller.
func TestHalfAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 10)
		first := true
		c, err := rpc.NewClient(t.Context(), &rpc.ClientOptions{Window: 2, Logger: quiet}, func(context.Context) (net.Conn, error) {
			near, f := net.Pipe()
			far <- f
			if !first {
				return near, nil
			}
			first = false
			return &halfConn{Conn: near}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		f := <-far
		whole := pingIn(t.Context(), c)
		expect(t, f, `"Ping"`)
		half := pingIn(t.Context(), c)
		expect(t, f, `"Pi`)
		synctest.Wait()
		write(t, f, `"Ack"`)
		f.Close()
		if err := <-whole; err != nil {
			t.Errorf("the answered call got %v", err)
		}
		isErr(t, <-half, rpc.ErrMaybeSent)

		next := pingIn(t.Context(), c)
		f = <-far
		expect(t, f, `"Ping"`)
		write(t, f, `"Ack"`)
		if err := <-next; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// The peer reads, and never answers: the first call is freed in flight, the
// second in the queue.
func TestCtxWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		inFlight := pingIn(ctx, c)
		far := <-conns
		expect(t, far, `"Ping"`)
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		isErr(t, c.Ping(short), rpc.ErrNotSent, context.DeadlineExceeded)
		cancel()
		isErr(t, <-inFlight, rpc.ErrMaybeSent, context.Canceled)
		isErr(t, c.Ping(ctx), rpc.ErrNotSent, context.Canceled) // done at entry
		c.Close()
	})
}

// The peer does not read, so that the write itself waits: both callers are
// freed, and the next connection works.
func TestCtxWithoutReader(t *testing.T) {
	l := listen(t)
	c := dial(t, l.Addr().String(), nil)
	deaf, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	ctx, cancel := context.WithCancel(t.Context())
	writing := make(chan error, 1)
	go func() {
		writing <- c.Call(ctx, "Echo", strings.Repeat("x", 24<<20), nil) // more than any socket buffer takes
	}()
	if _, err := io.ReadFull(deaf, make([]byte, 1000)); err != nil { // it has begun, and will not end
		t.Fatal(err)
	}
	short, cancelShort := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancelShort()
	isErr(t, c.Ping(short), rpc.ErrNotSent, context.DeadlineExceeded)
	cancel()
	isErr(t, <-writing, rpc.ErrMaybeSent, context.Canceled)
	serve(t, new(rpc.Server), l)
	if err := c.Ping(within(t)); err != nil {
		t.Errorf("after the deaf peer: %v", err)
	}
}

// While there is no connection, callers are freed too, and so is Close.
func TestCtxWithoutConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *rpc.Client
		var err error
		near, far := net.Pipe()
		c, err = rpc.NewClient(t.Context(), &rpc.ClientOptions{Logger: quiet}, func(ctx context.Context) (net.Conn, error) {
			if c == nil {
				return near, nil
			}
			<-ctx.Done() // the network swallows it
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		far.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err = c.Ping(ctx)
		isErr(t, err, rpc.ErrNotSent, context.DeadlineExceeded)
		hasText(t, err, "no connection: ")
		waiting := pingIn(t.Context(), c)
		synctest.Wait()
		c.Close()
		isErr(t, <-waiting, rpc.ErrNotSent, leat.ErrClosed)
	})
}

// With a window of 1, who leaves in flight takes the connection along: the next
// call gets its own answer, not the late one.
func TestLateAnswerWindowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		first := pingIn(ctx, c)
		old := <-conns
		expect(t, old, `"Ping"`)
		cancel()
		isErr(t, <-first, rpc.ErrMaybeSent)
		second := pingIn(t.Context(), c)
		far := <-conns
		if _, err := old.Write([]byte(`"Error"`)); err == nil {
			t.Error("the late answer was taken")
		}
		expect(t, far, `"Ping"`)
		write(t, far, `"Ack"`)
		if err := <-second; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// With a window of 3, three requests are written before an answer comes, and
// not four. A caller that leaves while others wait leaves the connection alone,
// and its late answer goes to nobody.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, &rpc.ClientOptions{Window: 3})
		far := <-conns
		ctx, cancel := context.WithCancel(t.Context())
		var results [5]int
		var errs [5]error
		var all sync.WaitGroup
		for i := range results {
			callCtx := t.Context()
			if i == 1 {
				callCtx = ctx
			}
			all.Go(func() { errs[i] = c.Call(callCtx, "N", i, &results[i]) })
			if i < 3 {
				expect(t, far, fmt.Sprintf(`{"N":%d}`, i))
			}
			synctest.Wait() // so that they queue in order
		}
		fourth := make(chan string, 1)
		go func() {
			b := make([]byte, 100)
			n, _ := far.Read(b)
			fourth <- string(b[:n])
		}()
		cancel()
		synctest.Wait()
		select {
		case s := <-fourth:
			t.Fatalf("a fourth request, %q, was written into a window of 3", s)
		default:
		}
		write(t, far, `{"Ack":100}`)
		if s := <-fourth; s != `{"N":3}` {
			t.Errorf("the next request is %q, want the fourth", s)
		}
		write(t, far, `{"Ack":101}{"Ack":102}{"Ack":103}`)
		expect(t, far, `{"N":4}`)
		write(t, far, `{"Ack":104}`)
		all.Wait()
		isErr(t, errs[1], rpc.ErrMaybeSent, context.Canceled)
		for _, i := range []int{0, 2, 3, 4} {
			if errs[i] != nil || results[i] != 100+i {
				t.Errorf("call %d got %d (%v), want %d", i, results[i], errs[i], 100+i)
			}
		}

		// The books are right after that: of two more, one may leave, and the
		// other keeps the connection.
		ctx, cancel = context.WithCancel(t.Context())
		leaves := pingIn(ctx, c)
		expect(t, far, `"Ping"`)
		stays := pingIn(t.Context(), c)
		expect(t, far, `"Ping"`)
		cancel()
		isErr(t, <-leaves, rpc.ErrMaybeSent)
		write(t, far, `"Error""Ack"`)
		if err := <-stays; err != nil {
			t.Errorf("the caller that stayed got %v", err)
		}
		if len(conns) != 0 {
			t.Error("the connection was replaced although others waited on it")
		}
		c.Close()
	})
}

// Close wakes all: the one in flight, those in the queue, and those that wait
// to be queued. Each learns how far it came.
func TestCloseWakesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, nil)
		const calls = rpc.QueueLength + 20
		var done [calls]<-chan error
		for i := range done {
			done[i] = pingIn(t.Context(), c)
		}
		far := <-conns
		expect(t, far, `"Ping"`)
		synctest.Wait()
		go c.Close()
		c.Close()
		c.Close()
		maybe := 0
		for _, d := range done {
			err := <-d
			isErr(t, err, leat.ErrClosed)
			if errors.Is(err, rpc.ErrMaybeSent) {
				maybe++
			} else {
				isErr(t, err, rpc.ErrNotSent)
			}
		}
		if maybe != 1 {
			t.Errorf("%d calls may have been sent, want the one that was", maybe)
		}
		isErr(t, c.Ping(t.Context()), leat.ErrClosed, rpc.ErrNotSent)
		expectEnd(t, far)
	})
}

// A message that is not an answer ends the connection, with an error that says
// what came; the client goes on with the next one.
func TestNoAnswers(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"garbage":     {"HTTP/1.1 400 Bad Request\r\n\r\n", `did not send an answer: unexpected byte "H"`},
		"other value": {`"Pong"`, `did not send an answer: "Pong"`},
		"two members": {`{"Ack":1,"Error":2}`, "did not send an answer: an object of 2 members"},
		"too long":    {`{"Ack":"` + strings.Repeat("x", 100) + `"}`, "longer than 100 bytes; see ClientOptions.MaxMessageBytes"},
		"cut off":     {`"Ac`, "in the middle of a message"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, conns := pipeClient(t, &rpc.ClientOptions{MaxMessageBytes: 100})
				done := pingIn(t.Context(), c)
				far := <-conns
				expect(t, far, `"Ping"`)
				far.Write([]byte(test.answer)) // in part, where the client hangs up
				far.Close()
				err := <-done
				isErr(t, err, rpc.ErrMaybeSent)
				hasText(t, err, test.want)

				next := pingIn(t.Context(), c)
				far = <-conns
				expect(t, far, `"Ping"`)
				write(t, far, "\"Ack\"\n")
				if err := <-next; err != nil {
					t.Error(err)
				}
				write(t, far, `"Ack"`) // nobody asked
				expectEnd(t, far)
				c.Close()
			})
		})
	}
}

// A server that hangs up before any answer is not redialed in a hurry, however
// often it accepts.
func TestAcceptAndHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conns := pipeClient(t, nil)
		n := 0
		for end := time.After(time.Minute); ; n++ {
			select {
			case far := <-conns:
				far.Close()
				continue
			case <-end:
			}
			break
		}
		if n > 60 {
			t.Errorf("%d connections in a minute: that is not a backoff", n)
		}
		c.Close()
	})
}

// Answers come in several dialects; each must reach the caller as what it is.
func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		result int
		code   rpc.Code
		text   string
	}{
		"result":            {answer: `{"Ack":17}`, result: 17},
		"coded error":       {`{"Error":{"code":"teapot","message":"short"}}`, 0, "teapot", "teapot: short"},
		"error of a string": {`{"Error":"boom"}`, 0, rpc.CodeFailed, "failed: boom"},
		"error of others":   {`{"Error":{"errno":5}}`, 0, rpc.CodeFailed, `failed: {"errno":5}`},
		"message alone":     {`{"Error":{"message":"boom"}}`, 0, rpc.CodeFailed, "failed: boom"},
		"bare error":        {`"Error"`, 0, rpc.CodeFailed, "failed"},
		"bare ack":          {`"Ack"`, 0, "", "answered without a result"},
		"other result":      {`{"Ack":"seventeen"}`, 0, "", "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, conns := pipeClient(t, nil)
				defer c.Close()
				done := make(chan error, 1)
				var result int
				go func() { done <- c.Call(t.Context(), "Get", nil, &result) }()
				far := <-conns
				expect(t, far, `{"Get":null}`)
				write(t, far, test.answer)
				err := <-done
				var e *rpc.Error
				if errors.As(err, &e); result != test.result || (e != nil) != (test.code != "") || e != nil && e.Code != test.code {
					t.Errorf("got %d, %v, want %d and code %q", result, err, test.result, test.code)
				}
				if test.text != "" {
					hasText(t, err, test.text)
				}
				if errors.Is(err, rpc.ErrNotSent) || errors.Is(err, rpc.ErrMaybeSent) {
					t.Errorf("%v was answered, and must not look like a lost call", err)
				}
			})
		})
	}
}

// Parameters that have no JSON form are an error before anything is sent.
func TestBadParams(t *testing.T) {
	c, stop := rpc.Local(nil)
	defer stop()
	err := c.Call(t.Context(), "Echo", make(chan int), nil)
	isErr(t, err, rpc.ErrNotSent)
	hasText(t, err, "unsupported type: chan int")
}

// The server is cut off again and again while many call. Each call is executed
// at most once; exactly once if it was answered; and never if its error says
// so.
func TestBooksBalance(t *testing.T) {
	for _, window := range []int{1, 8} {
		t.Run(fmt.Sprintf("window %d", window), func(t *testing.T) {
			const callers, calls = 8, 100
			var executed [callers * calls]atomic.Int32
			m := new(rpc.Mux)
			rpc.Handle(m, "Do", func(_ context.Context, id int) (int, error) {
				executed[id].Add(1)
				return id, nil
			})
			l := &cutListener{Listener: listen(t)}
			s := &rpc.Server{Handler: m}
			serve(t, s, l)
			c := dial(t, l.Addr().String(), &rpc.ClientOptions{Window: window, MinBackoff: time.Microsecond, MaxBackoff: time.Millisecond})
			var answered, notSent, maybe atomic.Int32
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					for id := i * calls; id < (i+1)*calls; id++ {
						ctx, cancel := within(t), context.CancelFunc(func() {})
						if rand.N(4) == 0 {
							ctx, cancel = context.WithTimeout(ctx, rand.N(300*time.Microsecond))
						}
						var got int
						err := c.Call(ctx, "Do", id, &got)
						n := executed[id].Load()
						switch {
						case err == nil:
							answered.Add(1)
							if n != 1 || got != id {
								t.Errorf("call %d got the answer %d and was executed %d times", id, got, n)
							}
						case errors.Is(err, rpc.ErrNotSent):
							notSent.Add(1)
							executed[id].Add(100) // checked at the end, when nothing more can come
						case errors.Is(err, rpc.ErrMaybeSent):
							maybe.Add(1)
						default:
							t.Errorf("call %d: %v", id, err)
						}
						cancel()
						if rand.N(20) == 0 {
							l.cut()
						}
					}
				})
			}
			all.Wait()
			c.Close()
			if err := s.Shutdown(within(t)); err != nil {
				t.Error(err)
			}
			for id := range executed {
				if n := executed[id].Load(); n > 1 && n != 100 {
					t.Errorf("call %d was executed %d times; 100 more stand for ErrNotSent", id, n)
				}
			}
			t.Logf("%d answered, %d not sent, %d maybe", answered.Load(), notSent.Load(), maybe.Load())
			if answered.Load() == 0 || maybe.Load() == 0 {
				t.Error("the test did not reach both a success and a cut")
			}
		})
	}
}

// cutListener can cut all connections that it has accepted.
type cutListener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

func (l *cutListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}
