package main

import (
	"strings"
	"testing"

	"github.com/leat-go/leat/natsembed"
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
