package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// listenAny listens on a free port until the test ends.
func listenAny(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", childtest.AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serveWith serves Ping with fn, and returns the address.
func serveWith(t *testing.T, fn func(context.Context) error) string {
	t.Helper()
	l := listenAny(t)
	s := &rpc.Server{Handler: rpc.HandlerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		if req.Method != "Ping" {
			t.Errorf("method %q was called", req.Method)
		}
		return nil, fn(ctx)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// startServe runs leat serve on addr, and returns it with its address once it
// listens.
func startServe(t *testing.T, addr string) (*childtest.Child, string) {
	t.Helper()
	p := childtest.Start(t, "serve", "--addr", addr)
	line := p.Stderr.Line(t)
	m := regexp.MustCompile(`^leat: serving on (127\.0\.0\.1:\d+); end with Ctrl-C\n$`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("serve says %q", line)
	}
	return p, m[1]
}

// A port that is taken is one line with the way out. It fails if the program
// uses the port's owner as its server.
func TestPortInUse(t *testing.T) {
	addr := listenAny(t).Addr().String()
	for command, advice := range map[string]string{
		"run mpsc":      "choose another with --addr, or use the server there with --external",
		"run broadcast": "choose another with --addr, or use the server there with --external",
		"serve":         "choose another with --addr",
	} {
		t.Run(command, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, append(strings.Fields(command), "--addr", addr)...).Ends(program.ExitFailed)
			childtest.Want(t, "standard output", stdout, "")
			childtest.Want(t, "standard error", stderr, "leat: cannot listen on "+addr+": address already in use; "+advice+"\n")
		})
	}
}

// An address that is not this machine's is one line that names the flag. It
// fails if the advice is about another flag.
func TestForeignAddress(t *testing.T) {
	const foreign = "192.0.2.1:7070" // of the block that RFC 5737 keeps for examples
	for flag, command := range map[string]string{
		"--ui":   "run threads --ui " + foreign,
		"--addr": "serve --addr " + foreign,
	} {
		t.Run(flag, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, strings.Fields(command)...).Ends(program.ExitFailed)
			childtest.Want(t, "standard output", stdout, "")
			childtest.Want(t, "standard error", stderr, "leat: cannot listen on "+foreign+": cannot assign requested address; choose another with "+flag+"\n")
		})
	}
}

// An external server that is not there is one line, also with many clients.
func TestNoServer(t *testing.T) {
	l := listenAny(t)
	addr := l.Addr().String()
	l.Close()
	for _, name := range []string{"mpsc", "broadcast"} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, system(name, "--external", "--addr", addr)...).Ends(program.ExitFailed)
			childtest.Want(t, "standard output", stdout, "")
			childtest.WantLine(t, stderr, `client \d+ cannot connect to `+addr+`: connection refused; `+
				`start a server with leat serve --addr `+addr+`, or leave out --external`)
		})
	}
}

// A server that is killed and started again loses nothing: the clients say that
// they lost it and that they have it again, and every value is answered.
func TestServerDiesAndComesBack(t *testing.T) {
	for _, c := range []struct{ system, summary string }{
		{"mpsc", "101 Acks from 1 client, none lost.*"},
		{"broadcast --clients 4", "400 Acks from 4 clients, none lost.*"},
	} {
		t.Run(c.system, func(t *testing.T) {
			first, addr := startServe(t, childtest.AnyPort)
			p := childtest.Start(t, system(c.system, "--external", "--addr", addr, "--count=100", "--interval=10ms")...)
			for range 5 {
				p.Stdout.Until(t, "^Ack\n")
			}
			first.Kill()
			p.Stderr.Until(t, `^leat: client \d+: connection lost, will connect again: .*`)
			second, _ := startServe(t, addr)
			p.Stderr.Until(t, `^leat: client \d+: connected again`)
			stdout, stderr := p.Ends(program.ExitDone)
			if strings.Trim(stdout, "Ack\n") != "" {
				t.Errorf("standard output is\n%swant Acks alone", stdout)
			}
			m := childtest.WantLastLine(t, stderr, c.summary)
			if said := regexp.MustCompile(`\d+ Acks`).FindString(m[0]); strings.Count(stdout, "Ack\n") != atoi(t, said) {
				t.Errorf("%d Acks printed, %s in the summary", strings.Count(stdout, "Ack\n"), said)
			}
			second.Signal(os.Interrupt)
			second.Ends(program.ExitDone)
		})
	}
}

// A ping that was read and not answered when the connection went is sent again
// over the next one. It fails if that value gets no Ack, or two.
func TestPingIsRepeated(t *testing.T) {
	l := listenAny(t)
	var pings atomic.Int64
	go func() {
		for conns := 1; ; conns++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			for buf := make([]byte, len(`"Ping"`)); ; {
				if _, err := io.ReadFull(nc, buf); err != nil {
					break
				}
				if pings.Add(1); conns == 1 && pings.Load() == 3 {
					break
				}
				io.WriteString(nc, `"Ack"`)
			}
			nc.Close()
		}
	}()
	stdout, stderr := childtest.Start(t, "run", "mpsc", "--external", "--addr", l.Addr().String(), "--interval=1ms").Ends(program.ExitDone)
	childtest.Want(t, "standard output", stdout, childtest.Acks(11))
	childtest.WantLastLine(t, stderr, "11 Acks from 1 client, none lost, 1 ping repeated over a new connection")
	if n := pings.Load(); n != 12 {
		t.Errorf("the server read %d pings, want one for each of the 11 values, and one again", n)
	}
}

// A server that never comes back ends the run when the patience does: each
// accepted value prints Error! once, and the summary says how many. It
// fails by hanging, or if the sums don't match.
func TestServerNeverComesBack(t *testing.T) {
	for _, c := range []struct {
		system  string
		clients int
	}{{"mpsc", 1}, {"broadcast --clients 3", 3}} {
		t.Run(c.system, func(t *testing.T) {
			server, addr := startServe(t, childtest.AnyPort)
			p := childtest.Start(t, system(c.system, "--external", "--addr", addr, "--count=1000000", "--interval=1ms", "--patience=2s")...)
			p.Stdout.Until(t, "^Ack\n")
			server.Kill()
			stdout, stderr := p.Ends(program.ExitFailed)
			if n := strings.Count(stderr, "no answer from "+addr+" for 2s, giving up; see that the server runs, or raise --patience"); n != c.clients {
				t.Errorf("%d clients say that they give up, want %d:\n%s", n, c.clients, stderr)
			}
			wantAccount(t, stdout, stderr, `gave up after (\d+) of \d+ values; (\d+) Acks?, (\d+) not answered`, c.clients)
		})
	}
}

// wantAccount checks the last line of stderr, of which pattern takes the values
// sent, Acks and failures, against the lines printed.
func wantAccount(t *testing.T, stdout, stderr, pattern string, clients int) {
	t.Helper()
	m := childtest.WantLastLine(t, stderr, pattern)
	sent, acked, failed := atoi(t, m[1]), atoi(t, m[2]), atoi(t, m[3])
	if n := strings.Count(stdout, "Ack\n"); n != acked {
		t.Errorf("%d Acks printed, %d in the summary", n, acked)
	}
	if n := strings.Count(stdout, "Error!\n"); n != failed || n == 0 {
		t.Errorf("%d Errors printed, %d in the summary", n, failed)
	}
	if acked+failed != sent*clients {
		t.Errorf("%d Acks and %d failures are not %d values for each of %d clients", acked, failed, sent, clients)
	}
}

// A server that takes connections and never answers is the same.
func TestSilentServer(t *testing.T) {
	addr := listenAny(t).Addr().String() // the system accepts, nobody reads
	stdout, stderr := childtest.Start(t, "run", "mpsc", "--external", "--addr", addr, "--interval=0", "--capacity=4", "--count=1000000",
		"--patience=100ms").Ends(program.ExitFailed)
	wantAccount(t, stdout, stderr, `gave up after (\d+) of \d+ values; (\d+) Acks, (\d+) not answered`, 1)
}

// An error that the server answers with prints Error!, and the run goes on, and
// fails.
func TestErrorAnswer(t *testing.T) {
	var pings atomic.Int64
	addr := serveWith(t, func(context.Context) error {
		if pings.Add(1)%4 == 0 {
			return errors.New("every fourth fails")
		}
		return nil
	})
	stdout, stderr := childtest.Start(t, "run", "mpsc", "--external", "--addr", addr, "--interval=1ms").Ends(program.ExitFailed)
	childtest.Want(t, "standard output", stdout, "Ack\nAck\nAck\nError!\nAck\nAck\nAck\nError!\nAck\nAck\nAck\n")
	childtest.WantLastLine(t, stderr, "9 Acks from 1 client, 2 answered with an error")
	if n := strings.Count(stderr, "leat: client 1: the server answered with an error (failed); its log may say why\n"); n != 1 {
		t.Errorf("the reason is said %d times, want once:\n%s", n, stderr)
	}
}

// gate is a server that answers when it is opened.
func gate(t *testing.T) (addr string, asked <-chan struct{}, open func()) {
	in, out := make(chan struct{}, 1), make(chan struct{})
	addr = serveWith(t, func(ctx context.Context) error {
		select {
		case in <- struct{}{}:
		default:
		}
		select {
		case <-out:
		case <-ctx.Done():
		}
		return nil
	})
	return addr, in, func() { close(out) }
}

// receive waits for ch.
func receive(t *testing.T, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(childtest.Hang):
		t.Fatal("nothing comes")
	}
}

// After an interrupt nothing is sent, and all that was accepted is answered. It
// fails if a value that waited in the channel, or was on its way, goes without
// an Ack.
func TestInterruptAnswersAccepted(t *testing.T) {
	for _, c := range []struct {
		system  string
		clients int
	}{{"mpsc", 1}, {"broadcast --clients 3", 3}} {
		t.Run(c.system, func(t *testing.T) {
			addr, asked, open := gate(t)
			p := childtest.Start(t, system(c.system, "--external", "--addr", addr, "--interval=0", "--count=1000000")...)
			receive(t, asked)
			p.Signal(os.Interrupt)
			p.Stderr.Until(t, "^leat: interrupted: no further value is sent, and accepted values are being answered; interrupt again to quit at once\n")
			open()
			stdout, stderr := p.Ends(program.ExitFailed)
			m := childtest.WantLastLine(t, stderr, `interrupted after (\d+) of \d+ values; (\d+) Acks?, none lost`)
			if sent, acked := atoi(t, m[1]), atoi(t, m[2]); acked != sent*c.clients || sent < 1 {
				t.Errorf("%d values were accepted, and %d Acks came from %d clients", sent, acked, c.clients)
			}
			childtest.Want(t, "standard output", stdout, childtest.Acks(atoi(t, m[2])))
		})
	}
}

// The second interrupt ends the program whatever it waits for, and says what is
// left. It fails by hanging.
func TestSecondInterrupt(t *testing.T) {
	addr, asked, _ := gate(t)
	p := childtest.Start(t, "run", "mpsc", "--external", "--addr", addr, "--interval=1h")
	receive(t, asked)
	p.Signal(os.Interrupt)
	p.Stderr.Until(t, "^leat: interrupted: ")
	p.Signal(syscall.SIGTERM)
	stdout, stderr := p.Ends(program.ExitFailed)
	childtest.Want(t, "standard output", stdout, "")
	childtest.WantLastLine(t, stderr, "interrupted again, quitting at once: 1 accepted value not answered")
}

// serve answers until a signal ends it, then answers what it has read, and
// exits with 0. It fails if it does not say goodbye to the peer, or hangs on
// one that only listens.
func TestServe(t *testing.T) {
	for _, sig := range endSignals {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p, addr := startServe(t, childtest.AnyPort)
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			const pings = 100
			io.WriteString(nc, strings.Repeat(`"Ping"`, pings))
			got := make([]byte, len(`"Ack"`)*pings)
			if _, err := io.ReadFull(nc, got); err != nil || string(got) != strings.Repeat(`"Ack"`, pings) {
				t.Fatalf("%d pings are answered with %q, %v", pings, got, err)
			}
			p.Signal(sig)
			if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
				t.Errorf("the end is %q, %v; want the connection closed in good order", rest, err)
			}
			stdout, stderr := p.Ends(program.ExitDone)
			childtest.Want(t, "standard output", stdout, "")
			childtest.WantLastLine(t, stderr, "ended; all that was read was answered")
		})
	}
}
