package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// It fails if a system whose channel is on JetStream prints anything else than one in memory.
func TestNATSEmbedded(t *testing.T) {
	for name, n := range map[string]int{"mpsc": 11, "broadcast": 100} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr := start(t, "run", name, "--nats=embedded", "--addr", anyPort, "--interval=1ms").ends(exitDone)
			want(t, "standard output", stdout, acks(n))
			wantLastLine(t, stderr, `\d+ Acks from \d+ clients?, none lost`)
		})
	}
}

// Two processes and a server between them, and the receiving one is killed and started again. It fails if one of the hundred
// values is not answered, or more than one for each client twice.
func TestNATSReceiverRestarts(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	args := func(role string) []string {
		return []string{"run", "broadcast", "--nats", s.URL(), "--addr", anyPort, "--interval=50ms", "--role", role}
	}
	first, sender := start(t, args("recv")...), start(t, args("send")...)
	for range 25 {
		first.stdout.until(t, "^Ack\n")
	}
	first.kill()
	before := strings.Count(first.stdout.text(), "Ack\n")
	stdout, stderr := start(t, args("recv")...).ends(exitDone)
	_, sent := sender.ends(exitDone)
	wantLastLine(t, sent, "10 values sent")
	wantLastLine(t, stderr, `\d+ Acks? from 10 clients, none lost`) // though some clients had fewer left than others
	if n := before + strings.Count(stdout, "Ack\n"); n < 100 || n > 110 {
		t.Errorf("%d Acks before and %d after the restart, want 100, and at most 10 twice", before, n-before)
	}
}

// Two processes and a server between them. It fails if the one value more that an mpsc ends with, or any other, is not answered.
func TestNATSRoles(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, sent := range map[string]string{"mpsc": "11 values sent", "broadcast": "10 values sent"} {
		t.Run(name, func(t *testing.T) {
			args := func(role string) []string {
				return []string{"run", name, "--nats", s.URL(), "--channel", name, "--addr", anyPort, "--interval=1ms", "--role", role}
			}
			sender, receiver := start(t, args("send")...), start(t, args("recv")...)
			_, stderr := sender.ends(exitDone)
			wantLastLine(t, stderr, sent)
			stdout, stderr := receiver.ends(exitDone)
			want(t, "standard output", stdout, acks(map[string]int{"mpsc": 11, "broadcast": 100}[name]))
			wantLastLine(t, stderr, `\d+ Acks from \d+ clients?, none lost`)
		})
	}
}

// Both ends in one process, on a server elsewhere, twice: it fails if the output is another than with the embedded one, or if the first run
// leaves something behind that the second one stumbles over.
func TestNATSURL(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		stdout, stderr := start(t, "run", "mpsc", "--nats", s.URL(), "--addr", anyPort, "--interval=1ms").ends(exitDone)
		want(t, "standard output", stdout, acks(11))
		wantLastLine(t, stderr, `11 Acks from 1 client, none lost`)
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
	ctx, cancel := context.WithTimeout(t.Context(), hang)
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
	run := &natsRun{process: newProcess(io.Discard, w), ch: ch, clients: 1, js: js}
	awaited := make(chan error, 1)
	go func() {
		defer w.Close()
		awaited <- run.awaitReceivers()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "leat: waiting for 1 receiver; ") {
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

// It fails if who asks for something impossible is not told what to do instead.
func TestNATSErrors(t *testing.T) {
	_, stderr := start(t, "run", "mpsc", "--nats", "embedded", "--role", "send").ends(exitUsage)
	wantLastLine(t, stderr, `.*give its URL with --nats.*`)
	_, stderr = start(t, "run", "mpsc", "--nats", "nats://127.0.0.1:1", "--addr", anyPort).ends(exitFailed)
	wantLastLine(t, stderr, `.*cannot connect to nats://127.0.0.1:1: .*start a nats-server with JetStream.*`)
}
