package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

// pingReport runs leat ping --json against addr, and returns its report and
// what it says.
func pingReport(t *testing.T, code int, addr string, flags ...string) (report, string) {
	t.Helper()
	stdout, stderr := childtest.Start(t, append([]string{"ping", "--json", "--addr", addr}, flags...)...).Ends(code)
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("standard output is not JSON: %v\n%s", err, stdout)
	}
	return r, stderr
}

// balanced fails unless the histogram has each answered ping once, and the
// percentiles rise.
func balanced(t *testing.T, r report) {
	t.Helper()
	total := int64(0)
	for i, b := range r.Histogram {
		total += b.Count
		if b.From >= b.To || i > 0 && b.From < r.Histogram[i-1].To {
			t.Errorf("bucket %v follows %v", b, r.Histogram[max(i-1, 0)])
		}
	}
	if total != r.Acks+r.Refused {
		t.Errorf("the histogram has %d pings, and %d were answered", total, r.Acks+r.Refused)
	}
	last := r.Min
	for _, p := range append(r.Percentiles, percentile{100, r.Max}) {
		if p.Micros < last || p.Micros <= 0 {
			t.Errorf("p%v is %v µs, and the one below it %v", p.Percentile, p.Micros, last)
		}
		last = p.Micros
	}
}

// Each kind of channel drives the clients for as many pings as were asked for,
// at the rate asked for. A ping too many or too few, or one that is sent before
// it is due, fails.
func TestPingCounts(t *testing.T) {
	for _, channel := range []string{"mpmc", "broadcast"} {
		t.Run(channel, func(t *testing.T) {
			var pings atomic.Int64
			addr := serveWith(t, func(context.Context) error { pings.Add(1); return nil })
			r, stderr := pingReport(t, program.ExitDone, addr, "--channel", channel, "--clients=5", "--window=3", "--rate=500", "--count=100")
			if r.Acks != 100 || pings.Load() != 100 || r.Clients != 5 || r.Window != 3 || r.Channel != channel {
				t.Errorf("%d pings were asked for and %d came: %+v", 100, pings.Load(), r)
			}
			if least := 95 / 500.0; r.Seconds < least {
				t.Errorf("100 pings at 500 a second took %v s, want at least %v", r.Seconds, least)
			}
			balanced(t, r)
			childtest.Want(t, "standard error", stderr, "")
		})
	}
}

// With no rate each client asks as soon as it has its answer.
func TestPingClosedLoop(t *testing.T) {
	addr := serveWith(t, func(context.Context) error { return nil })
	r, _ := pingReport(t, program.ExitDone, addr, "--rate=0", "--duration=200ms", "--window=8")
	if r.Acks < 100 || r.Rate != 0 {
		t.Errorf("200 ms without a rate gave %+v", r)
	}
	balanced(t, r)
}

// The server stalls once, for 300 ms. Two hundred pings a second became due
// meanwhile: some fifty had to wait for more than 50 ms, and the report says
// so. A load generator that waits with its server would show one.
func TestPingShowsAStall(t *testing.T) {
	var pings atomic.Int64
	addr := serveWith(t, func(context.Context) error {
		if pings.Add(1) == 20 {
			<-time.After(300 * time.Millisecond)
		}
		return nil
	})
	r, _ := pingReport(t, program.ExitDone, addr, "--clients=1", "--rate=200", "--duration=1s")
	slow := int64(0)
	for _, b := range r.Histogram {
		if b.From >= 50_000 {
			slow += b.Count
		}
	}
	if r.Acks != 200 || slow < 40 || r.Max < 250_000 {
		t.Errorf("of %d pings %d took 50 ms or more, the slowest %v µs; want 200, about 50, and 300 ms", r.Acks, slow, r.Max)
	}
}

// The report for people has the outcomes, the percentiles, and a histogram.
func TestPingText(t *testing.T) {
	addr := serveWith(t, func(context.Context) error { return nil })
	stdout, stderr := childtest.Start(t, "ping", "--addr", addr, "--count=50", "--clients=2").Ends(program.ExitDone)
	childtest.Want(t, "standard error", stderr, "")
	for _, text := range []string{
		"50 Acks from 2 clients to " + addr + ", window 1, over mpmc; 1000 a second wanted\n", "none failed\n",
		"latency, from when a ping was due\n", "  p50 ", "  p99.99 ", "  max ", "█",
	} {
		if !strings.Contains(stdout, text) {
			t.Errorf("the report lacks %q:\n%s", text, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Errorf("the report has escape sequences: %q", stdout)
	}
}

// The figure is well-formed, and shows the percentiles. A file that cannot be
// written is found before the run.
func TestPingFigure(t *testing.T) {
	addr := serveWith(t, func(context.Context) error { return nil })
	name := filepath.Join(t.TempDir(), "ping.svg")
	childtest.Start(t, "ping", "--addr", addr, "--count=50", "--svg", name).Ends(program.ExitDone)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	if !bytes.Contains(text, []byte("p99.99")) || !bytes.Contains(text, []byte("50 Acks")) {
		t.Errorf("the figure does not show what it should:\n%s", text)
	}
	nowhere := filepath.Join(t.TempDir(), "no", "ping.svg")
	stdout, stderr := childtest.Start(t, "ping", "--addr", addr, "--svg", nowhere).Ends(program.ExitFailed)
	childtest.Want(t, "standard output", stdout, "")
	childtest.Want(t, "standard error", stderr, "leat: cannot write "+nowhere+": no such file or directory; choose another file with --svg\n")
}

// A figure that is there stays until there is a new one. It fails if a run
// without a report empties the file, replaces it by part of a figure, or leaves
// another file beside it.
func TestPingKeepsFigure(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ping.svg")
	if err := os.WriteFile(name, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	files := func(want string) {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("the file has %.20q, %v; want %q", text, err, want)
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("the directory has %v, %v", all, err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("the file has %v, %v", info, err)
		}
	}

	l := listenAny(t)
	l.Close()
	childtest.Start(t, "ping", "--addr", l.Addr().String(), "--svg", name).Ends(program.ExitFailed)
	files("old")

	addr, asked, _ := gate(t)
	p := childtest.Start(t, "ping", "--addr", addr, "--svg", name, "--duration=1h")
	receive(t, asked)
	files("old")
	p.Kill()
	files("old")

	addr = serveWith(t, func(context.Context) error { return nil })
	childtest.Start(t, "ping", "--addr", addr, "--svg", name, "--count=10").Ends(program.ExitDone)
	files("<svg")
}

// A figure that cannot be written later is said before the run, without harm.
func TestPingFigureCannotBeWritten(t *testing.T) {
	addr := serveWith(t, func(context.Context) error { t.Error("a ping was sent"); return nil })
	dir := t.TempDir()
	_, stderr := childtest.Start(t, "ping", "--addr", addr, "--svg", dir).Ends(program.ExitFailed)
	childtest.Want(t, "standard error", stderr, "leat: cannot write "+dir+": is a directory; choose another file with --svg\n")
}

// A link stays a link, and a pipe, which is not a file, is written to.
func TestPingFigureElsewhere(t *testing.T) {
	addr := serveWith(t, func(context.Context) error { return nil })
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link.svg"), filepath.Join(dir, "target.svg")
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for range 2 { // the first makes the target
		childtest.Start(t, "ping", "--addr", addr, "--svg", link, "--count=1").Ends(program.ExitDone)
		text, err := os.ReadFile(target)
		if info, _ := os.Lstat(link); err != nil || !bytes.HasPrefix(text, []byte("<svg")) || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is %v, and its target has %.20q, %v", info.Mode(), text, err)
		}
	}
	if _, err := os.Stat("/dev/stdout"); err != nil {
		t.Skip("no /dev/stdout here: ", err)
	}
	stdout, _ := childtest.Start(t, "ping", "--addr", addr, "--svg", "/dev/stdout", "--count=1").Ends(program.ExitDone)
	if !strings.HasPrefix(stdout, "1 Ack from") || !strings.Contains(stdout, "\n<svg") {
		t.Errorf("standard output is\n%s", stdout)
	}
}

// Ctrl-C and SIGTERM end it with the report so far, and exit code 1.
func TestPingInterrupted(t *testing.T) {
	for _, sig := range endSignals {
		t.Run(sig.String(), func(t *testing.T) {
			pinged := make(chan struct{}, 1)
			addr := serveWith(t, func(context.Context) error {
				select {
				case pinged <- struct{}{}:
				default:
				}
				return nil
			})
			p := childtest.Start(t, "ping", "--addr", addr, "--duration=1h")
			receive(t, pinged)
			p.Signal(sig)
			stdout, stderr := p.Ends(program.ExitFailed)
			if !strings.Contains(stdout, " from 10 clients to "+addr) || !strings.Contains(stdout, "p99.99") {
				t.Errorf("there is no report:\n%s", stdout)
			}
			childtest.WantLastLine(t, stderr, `interrupted after \d.* of 1h0m0s`)
		})
	}
}

// A ping under way when it is interrupted is not waited for longer than a
// second. It fails by hanging.
func TestPingInterruptedInAStall(t *testing.T) {
	addr, asked, _ := gate(t)
	p := childtest.Start(t, "ping", "--json", "--addr", addr, "--timeout=5m", "--duration=1h")
	receive(t, asked)
	p.Signal(os.Interrupt)
	stdout, _ := p.Ends(program.ExitFailed)
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Stopped != "interrupted" || r.Acks != 0 || r.Unanswered == 0 {
		t.Errorf("the report is %+v, %v", r, err)
	}
}

// Outcomes other than an Ack are counted and reported with the first reason,
// and make the exit code 1.
func TestPingFailures(t *testing.T) {
	t.Run("errors", func(t *testing.T) {
		var pings atomic.Int64
		addr := serveWith(t, func(context.Context) error {
			if pings.Add(1)%4 == 0 {
				return errors.New("every fourth fails")
			}
			return nil
		})
		r, stderr := pingReport(t, program.ExitFailed, addr, "--count=40")
		if r.Acks != 30 || r.Refused != 10 {
			t.Errorf("got %+v, want 30 Acks and 10 errors", r)
		}
		balanced(t, r)
		childtest.WantLine(t, stderr, `10 of 40 pings failed: 10 answered with an error \(.*failed\)`)
	})
	t.Run("silence", func(t *testing.T) {
		addr := listenAny(t).Addr().String() // the system accepts, nobody reads
		r, stderr := pingReport(t, program.ExitFailed, addr, "--clients=1", "--rate=100", "--count=10", "--timeout=200ms")
		if r.Acks != 0 || r.Unanswered == 0 || r.Unanswered+r.Undone != 10 {
			t.Errorf("got %+v, want 10 pings that failed", r)
		}
		childtest.WantLine(t, stderr, `10 of 10 pings failed: .*no answer in time; see --timeout.*`)
	})
	t.Run("no server", func(t *testing.T) {
		l := listenAny(t)
		addr := l.Addr().String()
		l.Close()
		stdout, stderr := childtest.Start(t, "ping", "--addr", addr).Ends(program.ExitFailed)
		childtest.Want(t, "standard output", stdout, "")
		childtest.Want(t, "standard error", stderr, "leat: a client cannot connect to "+addr+": connection refused; start a server with leat serve --addr "+addr+"\n")
	})
}

// A server that dies under load and comes back: every ping that was due is in
// one of the counts, and pings are answered afterwards.
func TestPingServerComesBack(t *testing.T) {
	pinged := make(chan struct{}, 1)
	serve := func(l net.Listener) *rpc.Server {
		s := &rpc.Server{Handler: rpc.HandlerFunc(func(context.Context, *rpc.Request) (any, error) {
			select {
			case pinged <- struct{}{}:
			default:
			}
			return nil, nil
		})}
		go s.Serve(l)
		return s
	}
	l := listenAny(t)
	addr := l.Addr().String()
	s := serve(l)
	p := childtest.Start(t, "ping", "--json", "--addr", addr, "--clients=4", "--rate=400", "--duration=2s")
	receive(t, pinged)
	s.Close()
	s.Shutdown(t.Context()) // its handlers have ended
	select {
	case <-pinged:
	default:
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s = serve(l)
	defer s.Close()
	receive(t, pinged)
	stdout := p.Stdout.Rest(t)
	p.Cmd.Wait()
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Acks+r.Refused+r.Unanswered+r.Undone != 800 {
		t.Errorf("of 800 pings: %+v, %v", r, err)
	}
}

// On a terminal there is a bar, on standard error; it is gone from the report.
func TestPingProgressOnATerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("the program script, which makes a terminal, is not installed")
	}
	addr := serveWith(t, func(context.Context) error { return nil })
	out, err := exec.Command(script, "-qec", childtest.Binary()+" ping --duration 900ms --addr "+addr, "/dev/null").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	bars, rest, _ := bytes.Cut(out, []byte(" Acks from "))
	if n := bytes.Count(bars, []byte(program.ClearLine)); n < 3 || !bytes.Contains(bars, []byte("·  ")) && !bytes.Contains(bars, []byte("%  ")) {
		t.Errorf("the bar is drawn %d times:\n%q", n, bars)
	}
	if bytes.Contains(rest, []byte("\x1b")) {
		t.Errorf("the report has escape sequences: %q", rest)
	}
}
