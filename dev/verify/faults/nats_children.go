package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsServer is a nats-server with file storage: the arguments are its name,
// its directory, its address, and, in a cluster, its own route's port, all
// routes, and the address that others are to dial, or an empty one.
func natsServer(args []string) error {
	host, service, err := net.SplitHostPort(args[2])
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return err
	}
	o := &server.Options{
		ServerName: args[0], StoreDir: args[1], Host: host, Port: port,
		JetStream: true, JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 1 << 30, NoLog: true, NoSigs: true,
	}
	if len(args) > 3 {
		route, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		o.Cluster = server.ClusterOpts{Name: "faults", Host: "127.0.0.1", Port: route, PoolSize: -1,
			NoAdvertise: true, Advertise: args[5]}
		o.Routes = server.RoutesFromStr(args[4])
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return errors.New("the server is not ready")
	}
	fmt.Println(args[2])
	io.Copy(io.Discard, os.Stdin) // until the parent closes it, or is gone
	s.Shutdown()
	return nil
}

// connectNATS connects as a patient client does, which goes on trying for ever.
func connectNATS(url string, opts ...nats.Option) (*nats.Conn, jetstream.JetStream, error) {
	nc, err := nats.Connect(url, append(opts, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectJitter(20*time.Millisecond, 20*time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...) // a broken connection is expected
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	return nc, js, err
}

// channelOf returns the channel of a kind, and label the kind of a channel, as
// the table calls it.
func channelOf(kind string) natschan.Channel {
	ch := natschan.Channel{Name: "killed", Capacity: 64, Lease: time.Second, AckWait: 2 * time.Second}
	switch kind {
	case "mpsc":
		ch.Kind = natschan.MPSC
	case "mpmc":
		ch.Kind = natschan.MPMC
	case "watch":
		ch.Kind = natschan.Watch
	case "lossy broadcast":
		ch.Kind = natschan.Broadcast
	default:
		ch.Kind, ch.Lossless = natschan.Broadcast, true
	}
	return ch
}

func label(ch natschan.Channel) string {
	switch {
	case ch.Lossless:
		return "lossless broadcast"
	case ch.Kind == natschan.Broadcast:
		return "lossy broadcast"
	}
	return ch.Kind.String()
}

// queue reports whether a value goes to one receiver.
func queue(ch natschan.Channel) bool { return ch.Kind == natschan.MPSC || ch.Kind == natschan.MPMC }

// natsSender sends 0, 1, 2… to the channel until it is killed, and prints each
// that was accepted.
func natsSender(args []string) error {
	_, js, err := connectNATS(args[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	tx, err := natschan.NewSender[int](ctx, js, channelOf(args[1]))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return sendOn(ctx, tx, 0)
}

// sendOn sends v, v+1, v+2… until the process is killed, or Send fails. It
// prints each value that was accepted. The channel is not closed, as if the
// process had crashed.
func sendOn(ctx context.Context, tx *natschan.Sender[int], v int) error {
	for ; ; v++ {
		if err := tx.Send(ctx, v); err != nil {
			return err
		}
		if _, err := fmt.Println(v); err != nil {
			return err
		}
	}
}

// natsReceiver receives until the end of the channel, and prints each value
// before it acknowledges it. A third argument is its Prefetch.
func natsReceiver(args []string) error {
	_, js, err := connectNATS(args[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	ch := channelOf(args[1])
	var opts []natschan.ReceiverOption
	if ch.Kind == natschan.Broadcast {
		opts = append(opts, natschan.Durable("worker"))
	}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		opts = append(opts, natschan.Prefetch(n))
	}
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		return err
	}
	defer rx.Close()
	fmt.Println("ready")
	return receiveOn(ctx, rx)
}

// receiveOn receives until the end of the channel. It prints each value before
// it acknowledges it.
func receiveOn(ctx context.Context, rx *natschan.Receiver[int]) error {
	for {
		m, err := rx.RecvMsg(ctx)
		if errors.Is(err, leat.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(m.Value)
		if err := m.Ack(); err != nil {
			return err
		}
	}
}
