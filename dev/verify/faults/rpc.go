package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat/internal/testkit/proxy"
	"github.com/leat-go/leat/rpc"
)

func rpcFaults(t *table) error {
	for _, part := range []func(*table) error{peersOfAServer, manyConnections, noDescriptors, terminated, peersOfAClient, badNetworks} {
		if err := part(t); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long anything may take here before it counts as hanging.
const patience = 15 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// A witness is the good client beside a fault: it pings a few hundred times a
// second, and none of that may fail.
type witness struct {
	client  *rpc.Client
	end     chan struct{}
	ended   sync.WaitGroup
	pings   int
	slowest time.Duration
	err     error
	enough  chan struct{} // closed after so many pings that they show something
}

const enoughPings = 50

func watch(addr string) (*witness, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rpc.Dial(ctx, addr, &rpc.ClientOptions{Logger: quiet})
	if err != nil {
		return nil, err
	}
	w := &witness{client: c, end: make(chan struct{}), enough: make(chan struct{})}
	w.ended.Go(w.run)
	return w, nil
}

func (w *witness) run() {
	t := time.NewTicker(3 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-w.end:
			return
		case <-t.C:
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := w.client.Ping(ctx)
		cancel()
		if w.pings++; w.pings == enoughPings {
			close(w.enough)
		}
		w.slowest = max(w.slowest, time.Since(start))
		if err != nil && w.err == nil {
			w.err = err
		}
	}
}

// saw ends the witness, and returns what it saw.
func (w *witness) saw() (ok bool, what string) {
	<-w.enough // a failed ping counts, too
	close(w.end)
	w.ended.Wait()
	w.client.Close()
	if w.err != nil {
		return false, fmt.Sprintf("%d pings, one failed: %v", w.pings, w.err)
	}
	return true, fmt.Sprintf("%d pings, none failed, slowest %v", w.pings, round(w.slowest))
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(10 * time.Millisecond)
}

// beside does a fault to the server with a witness beside it. The fault returns
// what the server did, and an error if that is not what it promises.
func beside(t *table, server *child, fault string, do func(c *net.TCPConn) (did string, err error)) error {
	w, err := watch(server.addr)
	if err != nil {
		return err
	}
	nc, err := net.Dial("tcp", server.addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	did, err := do(nc.(*net.TCPConn))
	if err != nil {
		did = strings.TrimSpace(did + " " + err.Error())
	}
	fine, saw := w.saw()
	t.line(err == nil && fine, fault, did, saw)
	return nil
}

// outcome reads what the server answers until it closes, and says so.
func outcome(c net.Conn, want string) (string, error) {
	start := time.Now()
	b, err := io.ReadAll(c)
	did := fmt.Sprintf("answered `%s`, closed after %v", b, round(time.Since(start)))
	if len(b) == 0 {
		did = fmt.Sprintf("closed after %v", round(time.Since(start)))
	}
	if err == nil && !strings.HasPrefix(string(b), want) {
		err = fmt.Errorf("wanted `%s`", want)
	}
	return did, err
}

// sends writes all of it in the background, as a peer does that reads as well,
// and returns the outcome.
func sends(text, want string) func(*net.TCPConn) (string, error) {
	return func(c *net.TCPConn) (string, error) {
		go io.WriteString(c, text) // fails when the server closes
		return outcome(c, want)
	}
}

func peersOfAServer(t *table) error {
	server, err := startChild("rpc-server")
	if err != nil {
		return err
	}
	defer server.stop()
	before, _, _, err := server.stats()
	if err != nil {
		return err
	}
	t.head("A server with IdleTimeout and WriteTimeout of 2 s, and otherwise its defaults. A peer that…",
		"fault", "what the server did", "the good client beside it")
	noise := make([]byte, 4096)
	for r, i := rand.NewChaCha8([32]byte{1}), 0; i < len(noise); i++ {
		noise[i] = byte(r.Uint64())
	}
	for _, f := range []struct {
		fault string
		do    func(*net.TCPConn) (string, error)
	}{
		{"never writes", func(c *net.TCPConn) (string, error) { return outcome(c, "") }},
		{"never reads", neverReads},
		{"sends one byte a second", dribbles},
		{"sends garbage", sends(string(noise), `"Error"`)},
		{"speaks HTTP", sends("GET / HTTP/1.1\r\nHost: x\r\n\r\n", `"Error"`)},
		{"sends half a value and ends its side", func(c *net.TCPConn) (string, error) {
			io.WriteString(c, `"Ping"{"Echo":"hal`)
			c.CloseWrite()
			return outcome(c, `"Ack"{"Error":{"code":"parse_error"`)
		}},
		{"sends 10 MB in one string", sends(`{"Echo":"`+strings.Repeat("x", 10<<20)+`"}`, `{"Error":{"code":"too_large"`)},
		{"sends 100,000 open brackets", sends(`{"Echo":`+strings.Repeat("[", 100_000), `{"Error":{"code":"too_deep"`)},
		{"closes in the middle of a value", leaves(before, server, false)},
		{"resets in the middle of a value", leaves(before, server, true)},
		{"calls a method that panics", func(c *net.TCPConn) (string, error) {
			io.WriteString(c, `{"Panic":{}}"Ping"`)
			c.CloseWrite()
			did, err := outcome(c, `{"Error":{"code":"internal","message":"the method panicked"}}"Ack"`)
			logged := func() bool {
				log := server.log.String()
				return strings.Contains(log, "spilt milk") && strings.Contains(log, "rpc_server.go")
			}
			for tries := 0; tries < 200 && !logged(); tries++ { // the log comes through a pipe, after the answer
				time.Sleep(10 * time.Millisecond)
			}
			if err == nil && !logged() {
				err = errors.New("the log lacks the panic, or its stack")
			}
			return did + "; logged the panic with its stack", err
		}},
		{"calls a method that takes 1 s, and pings after it", func(c *net.TCPConn) (string, error) {
			io.WriteString(c, `"Ping"{"Sleep":1000}"Ping"`)
			start := time.Now()
			if _, err := io.ReadFull(c, make([]byte, len(`"Ack"`))); err != nil {
				return "", err
			}
			first := time.Since(start)
			c.CloseWrite()
			_, err := outcome(c, `{"Ack":1000}"Ack"`)
			if err == nil && first > 500*time.Millisecond {
				err = errors.New("too late")
			}
			return fmt.Sprintf("answered the ping before it after %v, and the rest in order after %v", round(first), round(time.Since(start))), err
		}},
	} {
		if err := beside(t, server, f.fault, f.do); err != nil {
			return err
		}
	}
	return nil
}

// neverReads asks for answers until the server takes no more, and waits until
// it gives up.
func neverReads(c *net.TCPConn) (string, error) {
	request := []byte(`{"Echo":"` + strings.Repeat("x", 60<<10) + `"}`)
	start, n := time.Now(), 0
	for {
		k, err := c.Write(request)
		n += k
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "", err
		}
		if err != nil {
			return fmt.Sprintf("read %.1f MB, then no more; cut the connection after %v", float64(n)/(1<<20), round(time.Since(start))), nil
		}
	}
}

// dribbles writes a request byte by byte.
func dribbles(c *net.TCPConn) (string, error) {
	go func() {
		for _, b := range []byte(`{"Echo":"a long request"}`) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return outcome(c, "")
}

// leaves goes in the middle of a value, and looks whether the server forgets
// it.
func leaves(before int, server *child, reset bool) func(*net.TCPConn) (string, error) {
	return func(c *net.TCPConn) (string, error) {
		io.WriteString(c, `"Ping"{"Echo":"hal`)
		if _, err := io.ReadFull(c, make([]byte, len(`"Ack"`))); err != nil {
			return "", err
		}
		if reset {
			c.SetLinger(0)
		}
		c.Close()
		start := time.Now()
		for {
			now, _, _, err := server.stats()
			if err != nil {
				return "", err
			}
			if now <= before+1 { // the witness
				return fmt.Sprintf("its goroutine was gone after %v", round(time.Since(start))), nil
			}
			if time.Since(start) > patience {
				return "", fmt.Errorf("%d goroutines are left", now-before-1)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// manyConnections measures what an idle connection costs.
func manyConnections(t *table) error {
	const n, most = 9_990, 10 << 10 // the default limit is 10,000, and the witness needs one
	if err := raiseFiles(n + 100); err != nil {
		t.line(true, "10,000 idle connections", "not tried: "+err.Error(), "-")
		return nil
	}
	server, err := startChild("rpc-server", "-idle", "10m")
	if err != nil {
		return err
	}
	defer server.stop()
	_, before, residentBefore, err := server.stats()
	if err != nil {
		return err
	}
	return beside(t, server, fmt.Sprintf("opens %d connections, uses each once, and leaves them idle", n), func(*net.TCPConn) (string, error) {
		var conns []net.Conn
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		for range n {
			c, err := net.Dial("tcp", server.addr)
			if err != nil {
				return "", err
			}
			conns = append(conns, c)
			io.WriteString(c, `{"Echo":"hi"}`)
			if _, err := io.ReadFull(c, make([]byte, len(`{"Ack":"hi"}`))); err != nil {
				return "", err
			}
		}
		_, after, resident, err := server.stats()
		if err != nil {
			return "", err
		}
		each := (after - before) / n
		did := fmt.Sprintf("keeps %d bytes for each, goroutine included (%.0f MB more resident)", each, float64(resident-residentBefore)/(1<<20))
		if each > most {
			err = fmt.Errorf("more than the %d that are promised", most)
		}
		return did, err
	})
}

// noDescriptors lets the server run out of file descriptors.
func noDescriptors(t *table) error {
	server, err := startChild("rpc-server", "-idle", "10m", "-files", "64")
	if err != nil {
		return err
	}
	defer server.stop()
	return beside(t, server, "opens 200 connections to a process that may have 64 files", func(*net.TCPConn) (string, error) {
		var conns []net.Conn
		for range 200 {
			c, err := net.Dial("tcp", server.addr)
			if err != nil {
				return "", err
			}
			conns = append(conns, c)
		}
		const warning = "cannot accept a connection, will try again"
		for start := time.Now(); !strings.Contains(server.log.String(), warning); time.Sleep(time.Millisecond) {
			if time.Since(start) > patience {
				return "", errors.New("the server does not say that it cannot accept")
			}
		}
		time.Sleep(time.Second) // so that a server that spins shows in its log
		for _, c := range conns {
			c.Close()
		}
		start := time.Now()
		c, err := net.Dial("tcp", server.addr)
		if err != nil {
			return "", err
		}
		defer c.Close()
		c.SetDeadline(start.Add(patience))
		io.WriteString(c, `"Ping"`)
		if _, err := io.ReadFull(c, make([]byte, len(`"Ack"`))); err != nil {
			return "", fmt.Errorf("a new connection: %w", err)
		}
		n := strings.Count(server.log.String(), warning)
		did := fmt.Sprintf("said so, %d times, and paused in between; when they were closed, answered a new one after %v", n, round(time.Since(start)))
		if n > 30 {
			err = errors.New("it spins")
		}
		return did, err
	})
}

// terminated ends the server with SIGTERM while clients write without end,
// again and again.
func terminated(t *table) error {
	const runs = 20
	var handled, answered, lost int64
	for range runs {
		h, a, err := terminateOnce()
		if err != nil {
			return err
		}
		handled, answered = handled+h, answered+a
		lost += max(h-a, a-h)
	}
	t.line(lost == 0 && handled > runs*1000, fmt.Sprintf("SIGTERM while 10 peers write without end, %d runs", runs),
		fmt.Sprintf("handled %d requests, sent %d answers that arrived, lost %d", handled, answered, lost), "(each peer got all its answers, then the end)")
	return nil
}

// terminateOnce returns how many requests the server handled, and how many
// answers arrived.
func terminateOnce() (handled, answered int64, err error) {
	server, err := startChild("rpc-server")
	if err != nil {
		return 0, 0, err
	}
	defer server.stop()
	var got atomic.Int64
	var all sync.WaitGroup
	busy := make(chan struct{})
	var once sync.Once
	// The parameters do not fit: an error is an answer, too. Each answer has
	// one A, of Ack, or one E, of Error.
	requests := []byte(strings.Repeat(`"Ping"{"Echo":1}`, 8))
	for range 10 {
		nc, err := net.Dial("tcp", server.addr)
		if err != nil {
			return 0, 0, err
		}
		defer nc.Close()
		go func() {
			for {
				if _, err := nc.Write(requests); err != nil {
					return
				}
			}
		}()
		all.Go(func() {
			n := 0
			buf := make([]byte, 32<<10)
			for {
				k, err := nc.Read(buf)
				if n += k; n > 10_000 {
					once.Do(func() { close(busy) })
				}
				got.Add(int64(bytes.Count(buf[:k], []byte("A")) + bytes.Count(buf[:k], []byte("E"))))
				if err != nil {
					return
				}
			}
		})
	}
	<-busy
	time.Sleep(rand.N(30 * time.Millisecond)) // another moment each time
	handled, err = server.terminate()
	all.Wait()
	return handled, got.Load(), err
}

func peersOfAClient(t *table) error {
	t.head("A client whose calls have a ctx of 1 s. Its server…", "fault", "what the call said, and when", "the next call, to a good server at the same address")
	for _, f := range []struct {
		fault  string
		params any
		sent   error
		conn   func(net.Conn)
	}{
		{"never reads", strings.Repeat("x", 8<<20), rpc.ErrMaybeSent, func(net.Conn) { time.Sleep(patience) }},
		{"never answers", nil, rpc.ErrMaybeSent, func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"answers one byte a second", nil, rpc.ErrMaybeSent, func(c net.Conn) {
			for _, b := range []byte(`{"Ack":"a long answer"}`) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}},
		{"answers garbage", nil, rpc.ErrMaybeSent, answers("\x00\xff\x17garbage")},
		{"answers half a value and closes", nil, rpc.ErrMaybeSent, answers(`{"Ack":"hal`)},
		{"answers 10 MB", nil, rpc.ErrMaybeSent, answers(`{"Ack":"` + strings.Repeat("x", 10<<20) + `"}`)},
		{"answers 100,000 open brackets", nil, rpc.ErrMaybeSent, answers(`{"Ack":` + strings.Repeat("[", 100_000))},
		{"answers twice", nil, nil, answers(`"Ack""Ack"`)},
		{"resets instead of an answer", nil, rpc.ErrMaybeSent, func(c net.Conn) {
			c.Read(make([]byte, 1))
			c.(*net.TCPConn).SetLinger(0)
		}},
		{"is gone", nil, rpc.ErrNotSent, nil},
	} {
		ok, said, next, err := callBadServer(f.conn, f.params, f.sent)
		if err != nil {
			return err
		}
		t.line(ok, f.fault, said, next)
	}
	return nil
}

// answers is a server's connection that reads a request, writes text, and
// closes.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 1<<10))
		io.WriteString(c, text)
	}
}

// callBadServer connects a client to a server that deals with its first
// connection as conn does, and with all others as it should. A nil conn is a
// server that is gone when the call comes.
func callBadServer(conn func(net.Conn), params any, sent error) (ok bool, said, next string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, "", "", err
	}
	addr := l.Addr().String()
	bad, badDone := make(chan net.Conn, 1), make(chan struct{})
	go func() {
		defer close(badDone)
		if c, err := l.Accept(); err == nil {
			bad <- c
			if conn != nil {
				conn(c)
			}
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rpc.Dial(ctx, addr, &rpc.ClientOptions{Logger: quiet})
	if err != nil {
		return false, "", "", err
	}
	defer c.Close()
	first := <-bad
	defer first.Close()
	if conn == nil {
		<-badDone
		l.Close()
		state := c.State()
		state.WaitFor(ctx, func(s rpc.State) bool { return s == rpc.Connecting })
		state.Close()
	}

	callCtx, cancelCall := context.WithTimeout(ctx, time.Second)
	start := time.Now()
	err = c.Call(callCtx, "Ping", params, nil)
	took := time.Since(start)
	cancelCall()
	said = fmt.Sprintf("after %v: %.140v", round(took), err)
	ok = took < 2*time.Second && (err == nil) == (sent == nil) && (sent == nil || errors.Is(err, sent))

	if conn == nil {
		if l, err = net.Listen("tcp", addr); err != nil {
			return false, "", "", err
		}
	}
	good := &rpc.Server{Logger: quiet}
	go good.Serve(l)
	defer good.Close()
	start = time.Now()
	for tries := 1; ; tries++ {
		callCtx, cancelCall := context.WithTimeout(ctx, 5*time.Second)
		err = c.Ping(callCtx)
		cancelCall()
		if err == nil || tries == 3 || !errors.Is(err, rpc.ErrMaybeSent) { // the connection may be lost only while the next call is under way
			break
		}
	}
	next = fmt.Sprintf("answered after %v", round(time.Since(start)))
	if err != nil {
		next = err.Error()
	}
	return ok && err == nil, said, next, nil
}

func badNetworks(t *table) error {
	server, err := startChild("rpc-server")
	if err != nil {
		return err
	}
	defer server.stop()
	t.head("200 calls through a faulty proxy, of 8 callers on one connection with a window of 4, each with a ctx of 5 s. The network…",
		"fault", "outcome of the calls", "the good client beside it")
	for _, f := range []struct {
		fault  string
		faults proxy.Faults
	}{
		{"delays by 20 to 40 ms", proxy.Faults{Latency: 20 * time.Millisecond, Jitter: 20 * time.Millisecond}},
		{"lets 1 byte through in each 0.2 ms", proxy.Faults{Drip: 200 * time.Microsecond}},
		{"cuts after 1000 bytes, on average", proxy.Faults{Cut: 1000}},
		{"resets after 1000 bytes, on average", proxy.Faults{Cut: 1000, Reset: true}},
		{"changes 1 byte in 500", proxy.Faults{Corrupt: 0.002}},
	} {
		f.faults.Seed = 1
		w, err := watch(server.addr)
		if err != nil {
			return err
		}
		ok, did, err := callThrough(server.addr, f.faults)
		if err != nil {
			return err
		}
		fine, saw := w.saw()
		t.line(ok && fine, fmt.Sprintf("%s (seed %d)", f.fault, f.faults.Seed), did, saw)
	}
	return nil
}

// callThrough calls through a proxy, and says what came of it.
func callThrough(addr string, f proxy.Faults) (ok bool, did string, err error) {
	p, front, err := proxy.TCP(addr, f)
	if err != nil {
		return false, "", err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rpc.Dial(ctx, front, &rpc.ClientOptions{Window: 4, Logger: quiet, MaxBackoff: 50 * time.Millisecond})
	if err != nil {
		return false, "", err
	}
	defer c.Close()
	var answered, notSent, maybe, late, wrong atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 25 {
				text := fmt.Sprintf("%d-%d", i, j)
				callCtx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				start := time.Now()
				var got string
				switch err := c.Call(callCtx, "Echo", text, &got); {
				case err == nil && got == text:
					answered.Add(1)
				case errors.Is(err, rpc.ErrNotSent):
					notSent.Add(1)
				case errors.Is(err, rpc.ErrMaybeSent):
					maybe.Add(1)
				default:
					wrong.Add(1)
				}
				cancel()
				if time.Since(start) > 6*time.Second {
					late.Add(1)
				}
			}
		})
	}
	all.Wait()
	did = fmt.Sprintf("%d answered, %d not sent, %d maybe sent", answered.Load(), notSent.Load(), maybe.Load())
	if f.Corrupt > 0 {
		did += fmt.Sprintf(", %d with another text or an error, for a byte of it was changed", wrong.Load())
	}
	if n := len(p.Events()); n > 0 {
		did += fmt.Sprintf("; the proxy struck %d times", n)
	}
	harmless := f.Cut == 0 && f.Corrupt == 0
	return late.Load() == 0 && (f.Corrupt > 0 || wrong.Load() == 0) && answered.Load() > 0 && (!harmless || answered.Load() == 200), did, nil
}
