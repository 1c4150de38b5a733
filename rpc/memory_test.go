package rpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/testkit/program"
	"github.com/leat-go/leat/rpc"
)

// needFiles skips the test if this process may not open n more files.
func needFiles(t *testing.T, n int) {
	t.Helper()
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for range n {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Skipf("the test needs %d files; raise the limit: %v", n, err)
		}
		files = append(files, f)
	}
}

// memoryInUse returns the bytes of reachable objects and of goroutines'
// stacks.
func memoryInUse() int {
	for range 5 { // the pools forget, and the stacks shrink, step by step
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// An idle connection costs at most 10 kB, whatever it carried before. A
// connection that keeps the buffer of its request, of its result or of its
// answer costs more, and fails.
func TestIdleConnectionsAreSmall(t *testing.T) {
	if program.UnderRace() {
		t.Skip("the race detector's own memory would be counted")
	}
	const conns, most = 1000, 10 << 10
	needFiles(t, 2*conns+50)
	long := strings.Repeat("x", 900_000)
	m := echoMux()
	rpc.Handle(m, "Long", func(context.Context, struct{}) (string, error) { return long, nil })
	text := strings.Repeat("x", 60_000)
	tagged := func(name, payload string) string { return `{"` + name + `":` + payload + `}` }
	for _, c := range []struct{ name, request, answer string }{
		{"one ping", `"Ping"`, `"Ack"`},
		{"an answer of 900 kB", tagged("Long", "{}"), tagged("Ack", `"`+long+`"`)},
		{"an echo of 60 kB", tagged("Echo", `{"text":"`+text+`"}`), tagged("Ack", `{"text":"`+text+`"}`)},
		{"an unread request of 900 kB", tagged("Nope", `"`+long+`"`),
			`{"Error":{"code":"unknown_method","message":"there is no method \"Nope\""}}`},
		{"answers of 2 kB before a slow one", strings.Repeat(tagged("Echo", `{"text":"`+text[:100]+`"}`), 20),
			strings.Repeat(tagged("Ack", `{"text":"`+text[:100]+`"}`), 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := serveTCP(t, &rpc.Server{Handler: m})
			request, answer := []byte(c.request), make([]byte, len(c.answer))
			open := make([]net.Conn, 0, conns)
			defer func() {
				for _, c := range open {
					c.Close()
				}
			}()
			before := memoryInUse()
			for range conns {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, nc)
				if _, err := nc.Write(request); err != nil {
					t.Fatal(err)
				}
				if n, err := io.ReadFull(nc, answer); err != nil || !bytes.Equal(answer, []byte(c.answer)) {
					t.Fatalf("got an answer of %d bytes, %.60q (%v)", n, answer, err)
				}
			}
			each := (memoryInUse() - before) / conns
			t.Logf("%d bytes for each idle connection, the test's end of it included", each)
			if each > most {
				t.Errorf("%d bytes for each idle connection, want at most %d", each, most)
			}
		})
	}
}

// A crowd is peers that send one long echo each, all but its last byte, and
// that and the rest once the gate is open.
type crowd struct {
	conns    []net.Conn
	gate     chan struct{}
	all      sync.WaitGroup
	answered atomic.Int32
}

const crowdText = 40_000

func newCrowd(n int, connect func() net.Conn) *crowd {
	text := strings.Repeat("x", crowdText)
	request, answer := `{"Echo":{"text":"`+text+`"}}`, `{"Ack":{"text":"`+text+`"}}`
	w := &crowd{gate: make(chan struct{})}
	for range n {
		c := connect()
		w.conns = append(w.conns, c)
		w.all.Go(func() {
			if _, err := io.WriteString(c, request[:len(request)-1]); err != nil {
				return
			}
			<-w.gate
			io.WriteString(c, request[len(request)-1:])
			got := make([]byte, len(answer))
			if _, err := io.ReadFull(c, got); err == nil && string(got) == answer {
				w.answered.Add(1)
			}
		})
	}
	return w
}

func (w *crowd) close() {
	for _, c := range w.conns {
		c.Close()
	}
}

// Peers that each hold a part of a long request use up MaxBufferedBytes: the
// server reads the others no further, answers short requests as before, and in
// the end all. A server that buffers all of them fails, and so does one in
// which they wait for each other: the bubble then is deadlocked.
func TestMaxBufferedBytesHoldsBackRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const peers, limit = 20, 128 << 10
		s := &rpc.Server{Handler: echoMux(), MaxBufferedBytes: limit, MaxMessageBytes: 64 << 10}
		connect, stop := pipeServer(t, s)
		w := newCrowd(peers, connect)
		synctest.Wait()
		// One connection may exceed the limit, by its block and the one before.
		if got := s.Stats(); got.BufferedBytes > limit/2+96<<10 || got.BufferedBytes < limit/4 || got.BufferWaits == 0 {
			t.Errorf("with parts of %d requests sent, got %+v, want at most %d bytes", peers, got, limit/2+96<<10)
		}
		c := connect()
		write(t, c, `"Ping"{"Echo":{"text":"short"}}`)
		expect(t, c, `"Ack"{"Ack":{"text":"short"}}`)
		close(w.gate)
		w.all.Wait()
		if n := w.answered.Load(); n != peers {
			t.Errorf("%d of %d requests were answered", n, peers)
		}
		synctest.Wait()
		if got := s.Stats(); got.BufferedBytes != 0 {
			t.Errorf("all are answered, and %d bytes are in use", got.BufferedBytes)
		}
		c.Close()
		w.close()
		stop()
	})
}

// Answers that nobody reads use up MaxBufferedBytes: later ones are not encoded
// before, and all arrive in the end. The Ping beside them does not wait.
func TestMaxBufferedBytesHoldsBackAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const peers, limit = 50, 512 << 10
		m := new(rpc.Mux)
		text := strings.Repeat("x", 40_000)
		rpc.Handle(m, "Long", func(context.Context, int) (string, error) { return text, nil })
		s := &rpc.Server{Handler: m, MaxBufferedBytes: limit, MaxMessageBytes: 64 << 10}
		connect, stop := pipeServer(t, s)
		var conns []net.Conn
		for range peers {
			c := connect()
			conns = append(conns, c)
			write(t, c, `{"Long":1}`)
		}
		synctest.Wait()
		if got := s.Stats(); got.BufferedBytes > limit/2 || got.BufferedBytes == 0 || got.BufferWaits == 0 {
			t.Errorf("with %d answers unread, got %+v, want at most %d bytes", peers, got, limit/2)
		}
		c := connect()
		write(t, c, `"Ping"`)
		expect(t, c, `"Ack"`)
		c.Close()
		answer := `{"Ack":"` + text + `"}`
		var all sync.WaitGroup
		for _, c := range slices.Backward(conns) { // waiting ones first
			all.Go(func() {
				got := make([]byte, len(answer))
				if n, err := io.ReadFull(c, got); err != nil || string(got) != answer {
					t.Errorf("got %d of %d bytes of an answer (%v)", n, len(answer), err)
				}
				c.Close()
			})
		}
		all.Wait()
		synctest.Wait()
		if got := s.Stats(); got.BufferedBytes != 0 || got.Conns != 0 {
			t.Errorf("all have left, and the server has %+v", got)
		}
		stop()
	})
}

// Shutdown and Close end connections that wait for memory, and all of it is
// returned.
func TestEndWhileWaitingForMemory(t *testing.T) {
	for name, end := range map[string]func(*rpc.Server) error{
		"Shutdown": func(s *rpc.Server) error { return s.Shutdown(context.Background()) },
		"Close": func(s *rpc.Server) error {
			s.Close()
			return s.Shutdown(context.Background())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &rpc.Server{Handler: echoMux(), MaxBufferedBytes: 64 << 10, MaxMessageBytes: 64 << 10}
				connect, _ := pipeServer(t, s)
				w := newCrowd(20, connect)
				synctest.Wait()
				if s.Stats().BufferWaits == 0 {
					t.Error("nobody waits for memory")
				}
				start := time.Now()
				if err := end(s); err != nil || time.Since(start) > 10*time.Second {
					t.Errorf("the end took %v (%v)", time.Since(start), err)
				}
				if got := s.Stats(); got.BufferedBytes != 0 || got.Conns != 0 {
					t.Errorf("after the end the server has %+v", got)
				}
				close(w.gate)
				w.all.Wait()
				w.close()
			})
		})
	}
}

// Peers send requests of all lengths, in pieces and pipelined, and read when
// they like, to a server with next to no memory for them. Each gets its
// answers, in order; the limit holds all the time. A deadlock ends the test.
func TestMaxBufferedBytesAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { buffersAtRandom(t, seed) })
		})
	}
}

func buffersAtRandom(t *testing.T, seed uint64) {
	const peers, requests, limit, longest = 20, 6, 96 << 10, 64 << 10
	s := &rpc.Server{Handler: echoMux(), MaxBufferedBytes: limit, MaxMessageBytes: longest, MaxInFlight: 3}
	if seed%2 == 1 {
		s.Interceptors = []rpc.ServerInterceptor{func(ctx context.Context, req *rpc.Request, next rpc.Handler) (any, error) {
			return next.ServeRPC(ctx, req)
		}}
	}
	connect, stop := pipeServer(t, s)
	var all sync.WaitGroup
	pause := func(r *rand.Rand) { <-time.After(time.Duration(r.IntN(1000)) * time.Microsecond) }
	most := 0
	for i := range peers {
		c, r := connect(), rand.New(rand.NewPCG(seed, uint64(i)))
		var ask, want strings.Builder
		for range requests {
			text := strings.Repeat(string(rune('a'+i)), 1<<r.IntN(16)+r.IntN(100))
			fmt.Fprintf(&ask, `{"Echo":{"text":"%s"}}`, text)
			fmt.Fprintf(&want, `{"Ack":{"text":"%s"}}`, text)
		}
		write, read := rand.New(rand.NewPCG(seed, r.Uint64())), rand.New(rand.NewPCG(seed, r.Uint64()))
		all.Go(func() {
			for rest := ask.String(); rest != ""; {
				n := min(len(rest), 1+write.IntN(20_000))
				if _, err := io.WriteString(c, rest[:n]); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
				pause(write)
			}
		})
		all.Go(func() {
			defer c.Close()
			got := make([]byte, want.Len())
			for n := 0; n < len(got); {
				k, err := c.Read(got[n:min(len(got), n+1+read.IntN(20_000))])
				if n += k; err != nil {
					t.Errorf("peer %d: %v after %d of %d bytes", i, err, n, len(got))
					return
				}
				pause(read)
			}
			if string(got) != want.String() {
				t.Errorf("peer %d got other answers than its own", i)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		all.Wait()
		close(over)
	}()
	for ended := false; !ended; {
		select {
		case <-over:
			ended = true
		case <-time.After(50 * time.Microsecond):
			most = max(most, s.Stats().BufferedBytes)
		}
	}
	if bound := limit + longest + longest/2; most > bound || most < limit/2 {
		t.Errorf("at most %d bytes were in use at a time, want %d to %d", most, limit/2, bound)
	}
	synctest.Wait()
	if got := s.Stats(); got.BufferedBytes != 0 || got.BufferWaits == 0 {
		t.Errorf("at the end: %+v, want no bytes in use, and some waits", got)
	}
	stop()
}

// The connection that may exceed the limit reads so little beyond its long
// request that it is within the limit again when its next handler runs. If it
// were not, another long request would wait for that handler: the bubble is
// then deadlocked.
func TestSlowHandlerHoldsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		m := echoMux()
		rpc.Handle(m, "Wait", func(context.Context, struct{}) (struct{}, error) {
			<-gate
			return struct{}{}, nil
		})
		connect, stop := pipeServer(t, &rpc.Server{Handler: m, MaxBufferedBytes: 8 << 10})
		text := strings.Repeat("x", 18_000)
		request, answer := `{"Echo":{"text":"`+text+`"}}`, `{"Ack":{"text":"`+text+`"}}`
		slow, other := connect(), connect()
		var all sync.WaitGroup
		all.Go(func() { io.WriteString(slow, request+strings.Repeat(`"Wait"`, 5000)) })
		expect(t, slow, answer)
		synctest.Wait()
		all.Go(func() { io.WriteString(other, request) })
		expect(t, other, answer)
		slow.Close()
		other.Close()
		close(gate)
		all.Wait()
		stop()
	})
}
