package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/rpc"
)

// TestMain fails when a goroutine of this package outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	for deadline := time.Now().Add(5 * time.Second); code == 0; {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		_, others, _ := bytes.Cut(stacks, []byte("\n\n")) // the first is this one
		if !bytes.Contains(others, []byte("/leat/rpc.")) {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "goroutines of rpc are left after all tests:\n%s\n", others)
			code = 1
		}
		runtime.Gosched()
	}
	os.Exit(code)
}

// patience bounds what should happen at once on a real socket. A test that
// waits so long fails.
const patience = 20 * time.Second

var quiet = slog.New(slog.DiscardHandler)

type echo struct {
	Text string `json:"text"`
}

// echoMux answers Echo with its parameters, and Fail with an error.
func echoMux() *rpc.Mux {
	m := new(rpc.Mux)
	rpc.Handle(m, "Echo", func(_ context.Context, in echo) (echo, error) { return in, nil })
	rpc.Handle(m, "Fail", func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errors.New("it <failed>") })
	return m
}

// serve runs s on l until the test ends.
func serve(t testing.TB, s *rpc.Server, l net.Listener) {
	t.Helper()
	if s.Logger == nil {
		s.Logger = quiet
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		s.Shutdown(context.Background())
		if err := <-done; err != rpc.ErrServerClosed {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
}

// listen opens a port.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serveTCP runs s on a port of its own, and returns its address.
func serveTCP(t testing.TB, s *rpc.Server) string {
	t.Helper()
	l := listen(t)
	serve(t, s, l)
	return l.Addr().String()
}

// rawDial connects a peer that knows nothing of this package.
func rawDial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// dial connects a client that is closed when the test ends.
func dial(t testing.TB, addr string, o *rpc.ClientOptions) *rpc.Client {
	t.Helper()
	if o == nil {
		o = new(rpc.ClientOptions)
	}
	if o.Logger == nil {
		o.Logger = quiet
	}
	c, err := rpc.Dial(t.Context(), addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// write writes all of s.
func write(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatalf("write %.40q: %v", s, err)
	}
}

// expect reads exactly want.
func expect(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q (%v), want %q", got[:n], err, want)
	}
}

// expectEnd reads the end of the connection.
func expectEnd(t testing.TB, r io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Fatalf("read %q (%v), want the end of the connection", rest, err)
	}
}

// within returns a ctx that ends the test's patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// isErr fails unless err wraps each of the targets.
func isErr(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("got error %q, want one that wraps %q", fmt.Sprint(err), target)
		}
	}
}

// hasText fails unless err says each of the texts.
func hasText(t testing.TB, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got error %q, want one that says %q", fmt.Sprint(err), text)
		}
	}
}
