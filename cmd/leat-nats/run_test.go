package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

func TestMain(m *testing.M) { childtest.Main(m, "leat-nats") }

// It fails if a system whose channel is on JetStream prints anything else than
// one in memory.
func TestNATSEmbedded(t *testing.T) {
	for name, n := range map[string]int{"mpsc": 11, "broadcast": 100} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, "run", name, "--addr", childtest.AnyPort, "--interval=1ms").Ends(program.ExitDone)
			childtest.Want(t, "standard output", stdout, childtest.Acks(n))
			childtest.WantLastLine(t, stderr, `\d+ Acks from \d+ clients?, none lost`)
		})
	}
}

// Two processes and a server between them, and the receiving one is killed and
// started again. It fails if one of the hundred values is not answered, or more
// than one for each client twice.
func TestNATSReceiverRestarts(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	args := func(role string) []string {
		return []string{"run", "broadcast", "--url", s.URL(), "--addr", childtest.AnyPort, "--interval=50ms", "--role", role}
	}
	first, sender := childtest.Start(t, args("recv")...), childtest.Start(t, args("send")...)
	for range 25 {
		first.Stdout.Until(t, "^Ack\n")
	}
	first.Kill()
	before := strings.Count(first.Stdout.Text(), "Ack\n")
	stdout, stderr := childtest.Start(t, args("recv")...).Ends(program.ExitDone)
	_, sent := sender.Ends(program.ExitDone)
	childtest.WantLastLine(t, sent, "10 values sent")
	childtest.WantLastLine(t, stderr, `\d+ Acks? from 10 clients, none lost`) // though some clients had fewer left than others
	if n := before + strings.Count(stdout, "Ack\n"); n < 100 || n > 110 {
		t.Errorf("%d Acks before and %d after the restart, want 100, and at most 10 twice", before, n-before)
	}
}

// Two processes and a server between them. It fails if the one value more that
// an mpsc ends with, or any other, is not answered.
func TestNATSRoles(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, sent := range map[string]string{"mpsc": "11 values sent", "broadcast": "10 values sent"} {
		t.Run(name, func(t *testing.T) {
			args := func(role string) []string {
				return []string{"run", name, "--url", s.URL(), "--channel", name, "--addr", childtest.AnyPort, "--interval=1ms", "--role", role}
			}
			sender, receiver := childtest.Start(t, args("send")...), childtest.Start(t, args("recv")...)
			_, stderr := sender.Ends(program.ExitDone)
			childtest.WantLastLine(t, stderr, sent)
			stdout, stderr := receiver.Ends(program.ExitDone)
			childtest.Want(t, "standard output", stdout, childtest.Acks(map[string]int{"mpsc": 11, "broadcast": 100}[name]))
			childtest.WantLastLine(t, stderr, `\d+ Acks from \d+ clients?, none lost`)
		})
	}
}

// Both ends in one process, on a server elsewhere, twice: it fails if the
// output is another than with the embedded one, or if the first run leaves
// something that the second one stumbles over.
func TestNATSURL(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		stdout, stderr := childtest.Start(t, "run", "mpsc", "--url", s.URL(), "--addr", childtest.AnyPort, "--interval=1ms").Ends(program.ExitDone)
		childtest.Want(t, "standard output", stdout, childtest.Acks(11))
		childtest.WantLastLine(t, stderr, `11 Acks from 1 client, none lost`)
	}
}

// A receiver whose process crashed leaves a consumer on the server for minutes,
// and the lease that says that the receiver is there for a second. It fails if
// the sender takes the consumer for a receiver.
func TestNATSAwaitsLiveReceivers(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), childtest.Hang)
	defer cancel()
	ch := natschan.Channel{Name: "crash", Kind: natschan.MPSC, Capacity: 4, Lease: time.Second}

	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	crashed, err := natschan.NewReceiver[int](ctx, theirs, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer crashed.Close()
	nc.Close() // as the system does it for a process that crashes
	for receivers := 1; receivers > 0; {
		all, err := natschan.List(ctx, js)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		receivers = all[0].Receivers
		<-time.After(50 * time.Millisecond)
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sending := &run{System: systems.New(program.New("leat-nats", io.Discard, w)), ch: ch, clients: 1, js: js}
	awaited := make(chan error, 1)
	go func() {
		defer w.Close()
		awaited <- sending.awaitReceivers()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "leat-nats: waiting for 1 receiver; ") {
		t.Fatalf("the sender says %q, %v; want that it waits", line, err)
	}
	rx, err := natschan.NewReceiver[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	if err := <-awaited; err != nil {
		t.Fatal(err)
	}
}

// It fails if the error of an impossible request does not say what to do
// instead.
func TestNATSErrors(t *testing.T) {
	_, stderr := childtest.Start(t, "run", "mpsc", "--role", "send").Ends(program.ExitUsage)
	childtest.WantLastLine(t, stderr, `.*give its URL with --url.*`)
	_, stderr = childtest.Start(t, "run", "mpsc", "--url", "nats://127.0.0.1:1", "--addr", childtest.AnyPort).Ends(program.ExitFailed)
	childtest.WantLastLine(t, stderr, `.*cannot connect to nats://127.0.0.1:1: .*start a nats-server with JetStream.*`)
}
