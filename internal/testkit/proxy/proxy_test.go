package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/testkit/proxy"
)

// through sends text through a proxy, in pieces of that size, and returns the
// output, the time it took, and the events of the proxy.
func through(t *testing.T, f proxy.Faults, text string, size int) (out string, took time.Duration, events []proxy.Event) {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	far := make(chan net.Conn, 1)
	p := proxy.Start(l, func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		far <- b
		return a, nil
	}, f)
	near, accepted := net.Pipe()
	l.conns <- accepted
	start := time.Now()
	go func() {
		defer near.Close()
		for piece := range slices.Chunk([]byte(text), size) {
			if _, err := near.Write(piece); err != nil {
				return
			}
		}
	}()
	b, _ := io.ReadAll(<-far)
	took = time.Since(start)
	p.Close()
	return string(b), took, p.Events()
}

// pipes is a listener of net.Pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { close(l.done); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// The same seed does the same to the same bytes, in whatever pieces they come,
// and another seed does something else. A proxy whose choices hang on the
// pieces cannot be replayed.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := string(bytes.Repeat([]byte("0123456789"), 100))
		f := proxy.Faults{Seed: 7, Cut: 800, Corrupt: 0.02, Jitter: time.Millisecond}
		out, _, events := through(t, f, text, 1000)
		if len(events) < 3 || events[len(events)-1].What != "cut" || out == text {
			t.Fatalf("the proxy did only %v", events)
		}
		for _, size := range []int{1, 7, 100} {
			if again, _, e := through(t, f, text, size); again != out || fmt.Sprint(e) != fmt.Sprint(events) {
				t.Errorf("in pieces of %d the proxy did\n%v, at once\n%v", size, e, events)
			}
		}
		f.Seed = 8
		if other, _, _ := through(t, f, text, 1000); other == out {
			t.Error("another seed does the same")
		}
	})
}

// Without faults everything passes, at once; latency and drip take the time
// that they should and change nothing.
func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			faults proxy.Faults
			want   time.Duration
		}{
			{proxy.Faults{}, 0},
			{proxy.Faults{Latency: time.Second}, time.Second},
			{proxy.Faults{Drip: time.Second}, 5 * time.Second},
		} {
			out, took, events := through(t, c.faults, "hello", 5)
			if out != "hello" || took != c.want || len(events) > 0 {
				t.Errorf("%+v: %q after %v, %v; want it whole after %v", c.faults, out, took, events, c.want)
			}
		}
	})
}

// Over TCP too; Cut ends what there is, and Close leaves nothing behind.
func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	p, addr, err := proxy.TCP(l.Addr().String(), proxy.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "echo")
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "echo" {
		t.Fatalf("got %q, %v", b, err)
	}
	p.Cut()
	if n, err := c.Read(b); n > 0 || err == nil {
		t.Errorf("a connection that was cut reads %q", b[:n])
	}
}
