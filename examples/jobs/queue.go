package main

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

// A queue is what the program knows of it: its ends, and how to leave it.
type queue struct {
	tx    leat.Sender[Job]
	rx    leat.Receiver[Job] // shared by the workers: on both queues any number of goroutines may receive
	leave func()
}

const room = 8 // jobs that may wait

// inProcess makes a queue in memory.
func inProcess(context.Context) (queue, error) {
	tx, rx := mpmc.New[Job](room, leat.Name("jobs"))
	return queue{tx, rx, func() {}}, nil
}

// onJetStream makes a queue in a NATS server, or joins it there. It makes those
// ends that are needed in this process: the queue ends when all senders have
// closed, in all processes.
func onJetStream(ctx context.Context) (queue, error) {
	js, disconnect, err := connect(*where)
	if err != nil {
		return queue{}, err
	}
	ch := natschan.Channel{Name: *name, Kind: natschan.MPMC, Capacity: room}
	q := queue{leave: disconnect}
	if *workers > 0 {
		rx, err := natschan.NewReceiver[Job](ctx, js, ch)
		if err != nil {
			disconnect()
			return queue{}, err
		}
		q.rx, q.leave = rx, func() { rx.Close(); disconnect() }
	}
	if *jobs > 0 {
		if q.tx, err = natschan.NewSender[Job](ctx, js, ch); err != nil {
			q.leave()
			return queue{}, fmt.Errorf("cannot submit to queue %q: %w (by -remove; or take another, by -queue)", *name, err)
		}
	}
	return q, nil
}

// remove removes the queue from the server.
func remove(ctx context.Context) error {
	js, disconnect, err := connect(*where)
	if err != nil {
		return err
	}
	defer disconnect()
	return natschan.Delete(ctx, js, *name)
}

// connect connects to the server at url, or starts one.
func connect(url string) (jetstream.JetStream, func(), error) {
	if url == "embedded" {
		s, err := natsembed.Start(nil)
		if err != nil {
			return nil, nil, err
		}
		js, err := s.JetStream()
		return js, func() { s.Close() }, err
	}
	nc, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot connect to %s: %w; start one there: nats-server -js", url, err)
	}
	js, err := jetstream.New(nc)
	return js, nc.Close, err
}
