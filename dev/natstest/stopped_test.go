//go:build unix

package natstest

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The tests of this file start the test program again, as the process of a
// receiver that is stopped with SIGSTOP.
const receiverProcess = "LEAT_RECEIVER_PROCESS"

func TestMain(m *testing.M) {
	if url := os.Getenv(receiverProcess); url != "" {
		if err := receiveOnCommand(url, os.Args[1], os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	runSeveral(16)
	os.Exit(m.Run())
}

// runSeveral has n parallel tests run at a time, unless -parallel says
// otherwise. They mostly wait for a server.
func runSeveral(n int) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		flag.Set("test.parallel", strconv.Itoa(n))
	}
}

// stoppable returns the channels whose values another process can take over.
func stoppable(kind, name string) (natschan.Channel, []natschan.ReceiverOption) {
	ch := natschan.Channel{Name: name, Kind: natschan.MPSC, Lease: time.Second, Storage: jetstream.MemoryStorage}
	switch kind {
	case "mpsc":
		ch.Capacity = 256
	case "mpmc":
		ch.Kind, ch.AckWait = natschan.MPMC, 2*time.Second
		return ch, []natschan.ReceiverOption{natschan.Prefetch(64)}
	case "broadcast":
		ch.Kind, ch.Capacity = natschan.Broadcast, 256
		return ch, []natschan.ReceiverOption{natschan.Durable("worker")}
	}
	return ch, nil
}

// receiveOnCommand receives one value for each line of its standard input, in
// the way that the line names, and prints it, or the error. After the line
// Flush it prints the line again, once it has read all that the server had sent
// it.
func receiveOnCommand(url, kind, name string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch, opts := stoppable(kind, name)
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "Flush" {
			if err := nc.FlushWithContext(ctx); err != nil {
				return err
			}
			fmt.Println("Flush")
			continue
		}
		v, err := receiveAs(ctx, rx, in.Text())
		if err == nil {
			err = nc.FlushWithContext(ctx) // the acknowledgement
		}
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(v)
		}
	}
	return nil // without Close: like a crash
}

// A process is a receiver that obeys.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startReceiver(t *testing.T, url, kind, name string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], kind, name)
	cmd.Env = append(os.Environ(), receiverProcess+"="+url)
	return startProcess(t, cmd)
}

// startProcess returns when the process says that it is ready.
func startProcess(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	if line := p.line(); line != "ready" {
		t.Fatal(line)
	}
	return p
}

func (p *process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// tell has the process do what, which can be a way to receive, and returns the
// value or the error as text.
func (p *process) tell(what string) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, what); err != nil {
		p.t.Fatal(err)
	}
	return p.line()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// listening starts a server that other processes can connect to, and returns
// its address.
func listening(t *testing.T) (string, jetstream.JetStream) {
	t.Helper()
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	return s.URL(), js
}

const stoppedValues = 200

// stopReceiver sends 200 values, has a process receive 5 of them, and stops it
// when the server has sent it the others, too.
func stopReceiver(ctx context.Context, t *testing.T, kind, how string) (*process, jetstream.JetStream, string) {
	t.Helper()
	url, js := listening(t)
	name := unique()
	ch, _ := stoppable(kind, name)
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Close() })
	p := startReceiver(t, url, kind, name)
	sendAll(ctx, t, tx, stoppedValues)
	for v := range 5 {
		if got := p.tell(how); got != fmt.Sprint(v) {
			t.Fatalf("%s = %s; want %d", how, got, v)
		}
	}
	awaitSentAhead(ctx, t, js, name)
	// A value that is in the socket when the process is stopped is read when it
	// goes on, and then counts as new. So nothing may be under way.
	until(ctx, t, "the receiver has read all that the server sends ahead", func() bool {
		before := sentAhead(ctx, t, js, name)
		p.tell("Flush")
		return sentAhead(ctx, t, js, name) == before
	})
	p.signal(syscall.SIGSTOP)
	return p, js, name
}

// sentAhead returns how many values the server has sent to the channel's
// receiver that are not acknowledged.
func sentAhead(ctx context.Context, t *testing.T, js jetstream.JetStream, name string) int {
	t.Helper()
	stream, err := js.Stream(ctx, "LEAT_"+name)
	if err != nil {
		t.Fatal(err)
	}
	for c := range stream.ListConsumers(ctx).Info() {
		return c.NumAckPending
	}
	return 0
}

// awaitSentAhead returns when the channel's receiver has values in its buffer.
func awaitSentAhead(ctx context.Context, t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	until(ctx, t, "the server has sent more than 30 values ahead", func() bool {
		return sentAhead(ctx, t, js, name) > 30
	})
}

// A receiver's process is stopped for longer than its lease, and another one
// takes over. When the first goes on it has values in its buffer. The test
// fails if it hands out one of them, which the other one delivers, too.
func TestStoppedReceiverIsFenced(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mpsc unbounded", "mpsc", "broadcast"} {
		for _, how := range []string{"Recv", "RecvMsg", "TryRecv"} {
			t.Run(kind+"/"+how, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				p, js, name := stopReceiver(ctx, t, kind, how)
				stopped := time.Now()
				ch, opts := stoppable(kind, name)
				var second *natschan.Receiver[int]
				until(ctx, t, "the lease of the first has ended", func() (ok bool) {
					if time.Since(stopped) <= ch.Lease && kind != "broadcast" {
						return false // a Durable one can be taken over earlier
					}
					var err error
					second, err = natschan.NewReceiver[int](ctx, js, ch, opts...)
					if err != nil && !errors.Is(err, natschan.ErrReceiverTaken) {
						t.Fatal(err)
					}
					return err == nil
				})
				defer second.Close()
				for want := 5; want < stoppedValues; want++ {
					if v, err := second.Recv(ctx); v != want || err != nil {
						t.Fatalf("Recv of the second = %d, %v; want %d", v, err, want)
					}
				}
				p.signal(syscall.SIGCONT)
				var stale []string
				for range stoppedValues {
					got := p.tell(how)
					if got == natschan.ErrFenced.Error() || got == leat.ErrEmpty.Error() {
						break
					}
					stale = append(stale, got)
				}
				if len(stale) > 0 {
					t.Errorf("the stopped receiver then received %d times, the last time %s; want ErrFenced",
						len(stale), stale[len(stale)-1])
				}
			})
		}
	}
}

// As above, but nobody takes over. The test fails if a value is lost, or comes
// twice, or out of order.
func TestStoppedReceiverGoesOn(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mpsc unbounded", "mpsc", "broadcast"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			p, _, _ := stopReceiver(ctx, t, kind, "Recv")
			stopped := time.Now()
			until(ctx, t, "the lease has ended", func() bool { return time.Since(stopped) > 2*time.Second })
			p.signal(syscall.SIGCONT)
			for want := 5; want < stoppedValues; want++ {
				if got := p.tell("Recv"); got != fmt.Sprint(want) {
					t.Fatalf("Recv = %s; want %d", got, want)
				}
			}
		})
	}
}

// receiveRest receives from an MPMC channel what its stopped receiver has not
// handed out, and fails the test if a value is missing, or comes twice.
func receiveRest(ctx context.Context, t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	ch, opts := stoppable("mpmc", name)
	second, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	got := map[int]bool{}
	for range stoppedValues - 5 {
		m, err := second.RecvMsg(ctx)
		if err != nil {
			t.Fatalf("RecvMsg after %d values: %v", len(got), err)
		}
		if m.Value < 5 || got[m.Value] || m.Deliveries > 2 {
			t.Errorf("received %d, delivered %d times; it was received before: %v",
				m.Value, m.Deliveries, m.Value < 5 || got[m.Value])
		}
		got[m.Value] = true
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := second.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
		t.Errorf("TryRecv after all values = %d, %v; want ErrEmpty", v, err)
	}
}

// The process of an MPMC receiver is killed with values in its buffer. The test
// fails if another receiver does not get each of them once, or gets a value
// that was acknowledged.
func TestPrefetchMPMCKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, js, name := stopReceiver(ctx, t, "mpmc", "Recv")
	p.signal(syscall.SIGKILL)
	receiveRest(ctx, t, js, name)
}

// The process of an MPMC receiver is stopped with values in its buffer, for
// longer than AckWait, and another receiver gets them. The test fails if the
// first hands out one of them when it goes on.
func TestPrefetchMPMCStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, js, name := stopReceiver(ctx, t, "mpmc", "Recv")
	receiveRest(ctx, t, js, name)
	p.signal(syscall.SIGCONT)
	if got := p.tell("TryRecv"); got != leat.ErrEmpty.Error() {
		t.Errorf("TryRecv of the stopped receiver = %s; want ErrEmpty", got)
	}
}
