package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/rpc"
)

// pipeServer runs s in memory, within the caller's bubble, and returns a way to
// connect. The test ends it with stop.
func pipeServer(t *testing.T, s *rpc.Server) (connect func() net.Conn, stop func()) {
	t.Helper()
	l, dialPipe := rpc.PipeListener()
	if s.Logger == nil {
		s.Logger = quiet
	}
	go s.Serve(l)
	connect = func() net.Conn {
		c, err := dialPipe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return connect, func() {
		s.Close()
		s.Shutdown(context.Background())
	}
}

// ask writes a request and counts in answered when any answer came.
func ask(c net.Conn, request string, answered *atomic.Int32) {
	c.Write([]byte(request))
	if n, _ := c.Read(make([]byte, 100)); n > 0 {
		answered.Add(1)
	}
}

type badError struct{ text *string }

func (e *badError) Error() string { return *e.text }

type badResult struct{}

func (badResult) MarshalJSON() ([]byte, error) { panic("no JSON today") }

// User code that panics, in the handler, in its error or in its result, is
// answered and logged with its stack; the connection and the server live on.
// Anything else would end the test's process.
func TestPanicIsAnswered(t *testing.T) {
	var log bytes.Buffer
	m := new(rpc.Mux)
	rpc.Handle(m, "Handler", func(context.Context, struct{}) (int, error) { panic("spilt milk") })
	rpc.Handle(m, "Nil", func(context.Context, struct{}) (int, error) { return 0, (*rpc.Error)(nil) })
	rpc.Handle(m, "Error", func(context.Context, struct{}) (int, error) { return 0, &badError{} })
	rpc.Handle(m, "Result", func(context.Context, struct{}) (badResult, error) { return badResult{}, nil })
	rpc.Handle(m, "Channel", func(context.Context, struct{}) (chan int, error) { return nil, nil })
	s := &rpc.Server{Handler: m, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	c := rawDial(t, serveTCP(t, s))
	for _, method := range []string{"Handler", "Nil", "Error", "Result"} {
		write(t, c, `{"`+method+`":{}}`)
		expect(t, c, `{"Error":{"code":"internal","message":"the method panicked"}}`)
	}
	write(t, c, `"Handler"`)
	expect(t, c, `"Error"`)
	write(t, c, `{"Channel":{}}`)
	expect(t, c, `{"Error":{"code":"internal","message":"the result cannot be encoded"}}`)
	write(t, c, `"Ping"`)
	expect(t, c, `"Ack"`)
	s.Close()
	s.Shutdown(t.Context())
	for _, want := range []string{"spilt milk", "TestPanicIsAnswered", "no JSON today"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

// A handler's *Error keeps its code, wrapped or not.
func TestErrorKeepsItsCode(t *testing.T) {
	h := rpc.HandlerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		return nil, fmt.Errorf("outer: %w", &rpc.Error{Code: "teapot", Message: req.Method + string(req.Params)})
	})
	c, stop := rpc.Local(h)
	defer stop()
	err := c.Call(t.Context(), "Brew", 7, nil)
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != "teapot" || e.Message != "Brew7" {
		t.Errorf("got %v, want the handler's own code and message", err)
	}
	if errors.Is(err, rpc.ErrNotSent) || errors.Is(err, rpc.ErrMaybeSent) {
		t.Errorf("%v is an answer, and must not look like a lost call", err)
	}
	err = c.Ping(t.Context())
	if !errors.As(err, &e) || e.Code != rpc.CodeFailed {
		t.Errorf("a bare request got %v, want code %q", err, rpc.CodeFailed)
	}
}

// Clients write without end while the server shuts down. The handled
// and the answered requests must be the same: an answer lost in a
// reset, or a request dropped out of the buffer, makes a difference.
func TestShutdownAnswersAllItRead(t *testing.T) {
	const clients = 20
	var handled [clients]atomic.Int64
	var total atomic.Int64
	enough := make(chan struct{})
	m := new(rpc.Mux)
	rpc.Handle(m, "Count", func(_ context.Context, client int) (int64, error) {
		if total.Add(1) == 2000 {
			close(enough)
		}
		return handled[client].Add(1), nil
	})
	s := &rpc.Server{Handler: m}
	addr := serveTCP(t, s)
	var conns [clients]*net.TCPConn
	for i := range conns {
		conns[i] = rawDial(t, addr)
		write(t, conns[i], `"Ping"`) // so that it is accepted: the system resets connections in the listener's queue
		expect(t, conns[i], `"Ack"`)
	}
	var all sync.WaitGroup
	for i, c := range conns {
		request := fmt.Appendf(nil, `{"Count":%d}`, i)
		all.Go(func() {
			for {
				if _, err := c.Write(request); err != nil {
					return
				}
			}
		})
		all.Go(func() {
			got, err := io.ReadAll(c)
			c.Close()
			if err != nil {
				t.Errorf("client %d: the connection ended with %v, want a clean end", i, err)
			}
			var want bytes.Buffer
			for n := range handled[i].Load() {
				fmt.Fprintf(&want, `{"Ack":%d}`, n+1)
			}
			if !bytes.Equal(got, want.Bytes()) {
				t.Errorf("client %d: %d requests handled, but %d bytes of answers instead of %d", i, handled[i].Load(), len(got), want.Len())
			}
		})
	}
	<-enough
	if err := s.Shutdown(within(t)); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// The same with this package's own clients: executed calls were answered, as
// Call sees it.
func TestShutdownAnswersClients(t *testing.T) {
	for _, window := range []int{1, 8} {
		t.Run(fmt.Sprintf("window %d", window), func(t *testing.T) {
			var executed, answered atomic.Int64
			enough := make(chan struct{})
			m := new(rpc.Mux)
			rpc.Handle(m, "Count", func(context.Context, struct{}) (struct{}, error) {
				if executed.Add(1) == 500 {
					close(enough)
				}
				return struct{}{}, nil
			})
			s := &rpc.Server{Handler: m}
			addr := serveTCP(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 10 {
				c := dial(t, addr, &rpc.ClientOptions{Window: window})
				for range window {
					all.Go(func() {
						for ctx.Err() == nil {
							if c.Call(ctx, "Count", nil, nil) == nil {
								answered.Add(1)
							}
						}
					})
				}
			}
			<-enough
			if err := s.Shutdown(within(t)); err != nil {
				t.Error(err)
			}
			// Now the server has closed all, but a client may still be reading
			// its last answers.
			for deadline := time.Now().Add(patience); answered.Load() != executed.Load() && time.Now().Before(deadline); {
				runtime.Gosched()
			}
			cancel()
			all.Wait()
			if answered.Load() != executed.Load() {
				t.Errorf("%d requests were executed, and %d answered", executed.Load(), answered.Load())
			}
		})
	}
}

// Ten requests come in one packet, the first is being handled, nine wait in the
// buffer: all ten are answered.
func TestShutdownAnswersTheBuffer(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m := new(rpc.Mux)
	rpc.Handle(m, "Wait", func(context.Context, struct{}) (struct{}, error) {
		once.Do(func() { close(began) })
		<-release
		return struct{}{}, nil
	})
	s := &rpc.Server{Handler: m}
	addr := serveTCP(t, s)
	idle, busy := rawDial(t, addr), rawDial(t, addr)
	write(t, idle, `"Ping"`)
	expect(t, idle, `"Ack"`)
	write(t, busy, strings.Repeat(`"Wait"`, 10)+`"Wai`)
	<-began
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(within(t)) }()
	expectEnd(t, idle) // at once, while the other is still served
	idle.Close()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the server still accepts")
	}
	close(release)
	expect(t, busy, strings.Repeat(`"Ack"`, 10))
	expectEnd(t, busy)
	busy.Close()
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// Shutdown gives up with its ctx and leaves the handler alone; Close then ends
// the handler's ctx.
func TestShutdownThenClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := make(chan struct{})
		var ended error
		m := new(rpc.Mux)
		rpc.Handle(m, "Wait", func(ctx context.Context, _ struct{}) (struct{}, error) {
			close(began)
			<-ctx.Done()
			ended = ctx.Err()
			return struct{}{}, nil
		})
		type key struct{}
		s := &rpc.Server{Handler: m, BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), key{}, 1)
		}}
		connect, _ := pipeServer(t, s)
		c := connect()
		go c.Write([]byte(`"Wait"`))
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown returned %v, want the ctx's error", err)
		}
		synctest.Wait()
		if ended != nil {
			t.Error("Shutdown ended the handler's ctx")
		}
		s.Close()
		s.Close()
		if err := s.Shutdown(t.Context()); err != nil || ended == nil {
			t.Errorf("after Close: Shutdown returned %v, the handler's ctx ended with %v", err, ended)
		}
		c.Close()
		if err := s.Serve(unusedListener{}); err != rpc.ErrServerClosed {
			t.Errorf("Serve after Close returned %v, want ErrServerClosed", err)
		}
	})
}

// unusedListener is a listener that must not be used but to be closed.
type unusedListener struct{ net.Listener }

func (unusedListener) Close() error { return nil }

// With room for one connection, the second is served once the first has left,
// and not before.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{MaxConns: 1})
		var first, second atomic.Int32
		a := connect()
		ask(a, `"Ping"`, &first)
		b := connect()
		defer b.Close()
		go ask(b, `"Ping"`, &second)
		synctest.Wait()
		if first.Load() != 1 || second.Load() != 0 {
			t.Errorf("answers: %d and %d, want 1 and none while the only place is taken", first.Load(), second.Load())
		}
		a.Close()
		synctest.Wait()
		if second.Load() != 1 {
			t.Error("the waiting connection was not served after the other had left")
		}
		c := connect() // waits for a place, and must not hold up the end
		defer c.Close()
		stop()
	})
}

// With one request at a time, the second one runs once the first has ended, and
// not before.
func TestMaxInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running, answered atomic.Int32
		m := new(rpc.Mux)
		rpc.Handle(m, "Wait", func(context.Context, struct{}) (struct{}, error) {
			running.Add(1)
			<-release
			return struct{}{}, nil
		})
		connect, stop := pipeServer(t, &rpc.Server{Handler: m, MaxInFlight: 1})
		for range 2 {
			c := connect()
			defer c.Close()
			go ask(c, `"Wait"`, &answered)
		}
		synctest.Wait()
		if running.Load() != 1 {
			t.Errorf("%d handlers run, want 1", running.Load())
		}
		close(release)
		synctest.Wait()
		if answered.Load() != 2 {
			t.Errorf("%d requests were answered, want 2", answered.Load())
		}
		stop()
	})
}

// A silent connection ends after the timeout, a request in pieces after one
// more, however the pieces drip; a connection that is used lives.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, stop := pipeServer(t, &rpc.Server{IdleTimeout: time.Minute})
		ends := func(c net.Conn) time.Duration {
			start := time.Now()
			io.ReadAll(c)
			return time.Since(start)
		}
		if d := ends(connect()); d != time.Minute {
			t.Errorf("a silent connection ended after %v, want 1m", d)
		}

		slow := connect()
		go func() {
			<-time.After(50 * time.Second)
			for _, err := slow.Write([]byte(`"`)); err == nil; _, err = slow.Write([]byte("x")) {
				<-time.After(20 * time.Second)
			}
		}()
		if d := ends(slow); d != 110*time.Second {
			t.Errorf("a request that drips ended after %v, want 50s until it began and 1m more", d)
		}

		used := connect()
		var answered atomic.Int32
		for range 5 {
			<-time.After(50 * time.Second)
			ask(used, `"Ping"`, &answered)
		}
		if answered.Load() != 5 {
			t.Errorf("%d of 5 requests were answered on a connection that was never idle for long", answered.Load())
		}
		used.Close()
		stop()
	})
}

// A peer that does not read its answer loses the connection, and holds up
// nobody's Shutdown for longer.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &rpc.Server{WriteTimeout: time.Minute}
		connect, _ := pipeServer(t, s)
		c := connect()
		defer c.Close()
		c.Write([]byte(`"Ping"`))
		start := time.Now()
		if err := s.Shutdown(t.Context()); err != nil || time.Since(start) != time.Minute {
			t.Errorf("Shutdown returned %v after %v, want nil after the write timeout of 1m", err, time.Since(start))
		}
	})
}

type tempError struct{}

func (tempError) Error() string   { return "too many open files" }
func (tempError) Temporary() bool { return true }

// flakyListener fails a few times before each connection that it accepts, and
// for good in the end.
type flakyListener struct {
	net.Listener
	errs []error
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, err
}

// A listener that is out of descriptors is tried again with pauses, and logged;
// a broken one is returned.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l, _ := rpc.PipeListener()
		broken := errors.New("broken")
		s := &rpc.Server{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		start := time.Now()
		err := s.Serve(&flakyListener{l, []error{tempError{}, tempError{}, tempError{}, broken}})
		isErr(t, err, broken)
		if d := time.Since(start); d != 35*time.Millisecond {
			t.Errorf("three failures took %v, want pauses of 5, 10 and 20 ms", d)
		}
		if n := strings.Count(log.String(), "too many open files"); n != 3 {
			t.Errorf("the log has %d of 3 failures:\n%s", n, log.String())
		}
	})
}

// A port that is taken is an error that says so.
func TestListenAndServePortInUse(t *testing.T) {
	addr := listen(t).Addr().String()
	hasText(t, new(rpc.Server).ListenAndServe(addr), "rpc: ", addr, "address already in use")
}

// Misuse of the Mux panics, and says what is wrong.
func TestMuxMisuse(t *testing.T) {
	nop := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	for want, f := range map[string]func(m *rpc.Mux){
		`rpc: method "Twice" is handled already`: func(m *rpc.Mux) { rpc.Handle(m, "Twice", nop); rpc.Handle(m, "Twice", nop) },
		`rpc: empty method name`:                 func(m *rpc.Mux) { rpc.Handle(m, "", nop) },
		`rpc: nil function for method "Nil"`:     func(m *rpc.Mux) { rpc.Handle[int, int](m, "Nil", nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("got panic %v, want %q", got, want)
				}
			}()
			f(new(rpc.Mux))
		}()
	}
}

// A method "Ping" of the program replaces the one that is there from the start.
func TestPingCanBeReplaced(t *testing.T) {
	m := new(rpc.Mux)
	rpc.Handle(m, "Ping", func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errors.New("not today") })
	c, stop := rpc.Local(m)
	defer stop()
	var e *rpc.Error
	if err := c.Call(t.Context(), "Ping", struct{}{}, nil); !errors.As(err, &e) || e.Message != "not today" {
		t.Errorf("got %v, want the program's own error", err)
	}
}

// A handler that calls runtime.Goexit, as t.FailNow in a handler does, is
// answered like one that panics. The requests before and after it are
// answered, too, and its place in MaxInFlight is free again. A connection that
// dies with the handler's goroutine loses the first answer, and fails.
func TestGoexitIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := echoMux()
		rpc.Handle(m, "Exit", func(context.Context, struct{}) (int, error) {
			runtime.Goexit()
			return 1, nil
		})
		s := &rpc.Server{Handler: m, MaxInFlight: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		connect, stop := pipeServer(t, s)
		c := connect()
		write(t, c, `{"Echo":{"text":"1"}}{"Exit":{}}"Exit""Exit"{"Echo":{"text":"2"}}`)
		expect(t, c, `{"Ack":{"text":"1"}}`+
			`{"Error":{"code":"internal","message":"the method called runtime.Goexit"}}"Error""Error"`+
			`{"Ack":{"text":"2"}}`)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		expectEnd(t, c)
		stop()
		if n := strings.Count(log.String(), "runtime.Goexit"); n != 3 {
			t.Errorf("the log tells of %d of 3 calls of runtime.Goexit:\n%s", n, log.String())
		}
	})
}
