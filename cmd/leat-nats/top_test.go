package main

import (
	"context"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

// It fails if the table leaves out a channel of the server, or if a
// connection's name reaches the terminal as it is.
func TestTop(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	none, _ := childtest.Start(t, "top", "--once", s.URL()).Ends(program.ExitDone)
	childtest.Want(t, "standard output", none, "The server has no leat channel.\n")

	nc, err := nats.Connect(s.URL(), nats.Name("bill\x1b[2Jing"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: "orders", Kind: natschan.MPSC, Capacity: 8}
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	rx, err := natschan.NewReceiver[int](ctx, js, ch, natschan.Prefetch(2))
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	if _, err := tx.SendMany(ctx, []int{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := rx.RecvMsg(ctx); err != nil {
		t.Fatal(err)
	}
	text, stderr := childtest.Start(t, "top", "--once", s.URL()).Ends(program.ExitDone)
	childtest.Want(t, "standard error", stderr, "")
	want := `^CHANNEL +KIND +HELD +SENT +SENDERS +RECEIVERS +IN FLIGHT +REDELIVERED +STATE +OWNER
orders +mpsc +3/8 +3 +1 +1 +[12] +0 +open +bill�\[2Jing \([\d.]+m?s ago\)
$`
	if !regexp.MustCompile(want).MatchString(text) {
		t.Errorf("it prints\n%s\nwant\n%s", text, want)
	}
}

// A server that is not there is one line that says what to do.
func TestTopWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", childtest.AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	stdout, stderr := childtest.Start(t, "top", "nats://"+addr).Ends(program.ExitFailed)
	childtest.Want(t, "standard output", stdout, "")
	childtest.WantLastLine(t, stderr, `cannot connect to nats://`+regexp.QuoteMeta(addr)+`: .*; start a nats-server with JetStream there \(nats-server -js\)`)
}
