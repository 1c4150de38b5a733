// Command clockjump is a client whose wall clock jumps. It sends to a channel
// and receives from it on command, one on each line of its standard input, and
// prints a line for each. TestClockJumps builds it with a package time in which
// Now adds what the environment variable LEAT_WALL_JUMP says to the wall clock,
// and nothing to the monotonic clock, as if an administrator had set the clock
// of the machine.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// open holds the handles, which are never closed: the program ends like one
// that crashes.
var open []any

func run(url, name string, durable []string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ch, err := natschan.Find(ctx, js, name)
	if err != nil {
		return err
	}
	ch.Lease, ch.AckWait = 10*time.Second, 10*time.Second
	var opts []natschan.ReceiverOption
	switch {
	case len(durable) > 0:
		opts = append(opts, natschan.Durable(durable[0]))
	case ch.Kind == natschan.MPMC:
		opts = append(opts, natschan.Prefetch(64))
	}
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		return err
	}
	open = append(open, tx)
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		return err
	}
	open = append(open, rx)
	fmt.Println("ready")
	sent := 0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var v any
		var err error
		switch what, arg, _ := strings.Cut(in.Text(), " "); what {
		case "jump":
			err = os.Setenv("LEAT_WALL_JUMP", arg)
			v = time.Now().Unix()
		case "send":
			v, err = sent, tx.Send(ctx, sent)
			sent++
		case "recv":
			v, err = rx.Recv(ctx)
			if err == nil {
				err = nc.FlushWithContext(ctx) // the acknowledgement
			}
		}
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(v)
		}
	}
	return nil
}
