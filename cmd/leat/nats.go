package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSFlags say that the channel is on JetStream, and which of its ends are here.
type NATSFlags struct {
	NATS    string `name:"nats" placeholder:"embedded|URL" help:"Put the channel on NATS JetStream: in a server in this process, or in the one at the URL."`
	Role    string `enum:",send,recv" default:"" placeholder:"send|recv" help:"With a URL, be one end of the channel only; another process is the other."`
	Channel string `default:"leat-run" help:"Name of the channel on JetStream."`
}

// Validate implements kong's check.
func (f *NATSFlags) Validate() error {
	if f.Role != "" && (f.NATS == "" || f.NATS == "embedded") {
		return errors.New("--role needs a server that both ends reach: give its URL with --nats")
	}
	return nil
}

// connect connects to the server, or starts one. The function that it returns ends that.
func (f *NATSFlags) connect() (jetstream.JetStream, func(), error) {
	if f.NATS == "embedded" {
		s, err := natsembed.Start(nil)
		if err != nil {
			return nil, nil, err
		}
		js, err := s.JetStream()
		return js, func() { s.Close() }, err
	}
	nc, err := nats.Connect(f.NATS, nats.MaxReconnects(-1), nats.Name("leat run"))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot connect to %s: %w; start a nats-server with JetStream there (nats-server -js)", f.NATS, err)
	}
	js, err := jetstream.New(nc)
	return js, nc.Close, err
}

// A natsRun is a system whose channel is on JetStream.
type natsRun struct {
	*process
	flags    *NATSFlags
	server   *ServerFlags
	ch       natschan.Channel
	lossless bool // and so remembers each client
	clients  int
	total    int
	js       jetstream.JetStream
}

func (r *natsRun) run(send func(tx leat.Sender[int])) error {
	js, end, err := r.flags.connect()
	if err != nil {
		return err
	}
	defer end()
	r.js, r.ch.Name = js, r.flags.Channel
	if r.flags.Role == "send" {
		r.obeySignals("no further value is sent", func() string { return plural(r.sent.Load(), "value") + " sent" })
		return r.sendOnly(send)
	}
	crew, err := newCrew(r.process, r.server, r.clients, r.total)
	if err != nil {
		return err
	}
	defer crew.end()
	if err := r.receive(crew); err != nil {
		r.stop(err)
		return err
	}
	if err := crew.connected(); err != nil {
		return err
	}
	if r.flags.Role == "recv" {
		crew.running.Wait()
		// How many values were sent to a client from here on, only the channel knows: one that went on where another process was
		// killed has fewer. That it had them all is what the end of the channel says.
		settled := func(c *client) int64 { return c.tally.settled() }
		for _, c := range crew.clients {
			r.sent.Store(max(r.sent.Load(), settled(c)))
		}
		return r.finish(r.conclude(int(r.sent.Load()), accountFor(crew.clients, settled)))
	}
	tx, err := natschan.NewSender[int](r.ctx, js, r.ch)
	if err != nil {
		return err
	}
	send(tx)
	if err := tx.Close(); err != nil {
		return err
	}
	return r.finish(crew.finish())
}

// finish removes the channel, so that its name can be used again, unless something has gone wrong: then it is there to be looked at.
func (r *natsRun) finish(err error) error {
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return natschan.Delete(ctx, r.js, r.ch.Name)
}

// sendOnly sends to receivers of another process, once they are there.
func (r *natsRun) sendOnly(send func(tx leat.Sender[int])) error {
	tx, err := natschan.NewSender[int](r.ctx, r.js, r.ch)
	if err != nil {
		return err
	}
	defer tx.Close()
	if err := r.awaitReceivers(); err != nil {
		return err
	}
	send(tx)
	if err := tx.Close(); err != nil {
		return err
	}
	if err := r.stopped(); err != nil {
		return fmt.Errorf("%w after %d of %d values", err, r.sent.Load(), r.total)
	}
	r.say("%s sent", plural(r.sent.Load(), "value"))
	return nil
}

// awaitReceivers waits for as many receivers as there are clients: what is sent to nobody, nobody gets.
func (r *natsRun) awaitReceivers() error {
	said := false
	for {
		all, err := natschan.List(r.ctx, r.js)
		i := slices.IndexFunc(all, func(ch natschan.Info) bool { return ch.Name == r.ch.Name })
		switch {
		case r.stopped() != nil:
			return fmt.Errorf("%w while waiting for receivers; no value was sent", r.stopped())
		case err != nil:
			return err
		case i < 0:
			return fmt.Errorf("channel %s was deleted while waiting for receivers; no value was sent", r.ch.Name)
		case all[i].Receivers >= r.clients:
			return nil
		case !said:
			r.say("waiting for %s; start leat run … --role recv", plural(int64(r.clients), "receiver"))
			said = true
		}
		r.sleep(50 * time.Millisecond)
	}
}

// receive starts the clients, each with a receiver, which acknowledges a value when the server has answered for it.
func (r *natsRun) receive(crew *crew) error {
	for i, c := range crew.clients {
		var opts []natschan.ReceiverOption
		if r.lossless {
			opts = append(opts, natschan.Durable(fmt.Sprintf("client-%d", i+1))) // goes on where one before it was ended
		}
		rx, err := natschan.NewReceiver[int](r.ctx, r.js, r.ch, opts...)
		if err != nil {
			return err
		}
		c.start(func() {
			defer rx.Close()
			c.consume(rx)
		})
	}
	return nil
}

// consume pings for each value to the end of the channel, whatever happens.
func (c *client) consume(rx *natschan.Receiver[int]) {
	ctx := context.Background()
	for {
		m, err := rx.RecvMsg(ctx)
		var lag *leat.LaggedError
		switch {
		case errors.As(err, &lag):
			c.missed(lag.Missed)
			continue
		case errors.Is(err, leat.ErrClosed):
			return
		case err != nil:
			c.crew.say("%s: %v", c.name, err)
			c.crew.stop(err)
			return
		}
		if m.Deliveries > 1 {
			c.crew.say("%s: a value came again (delivery %d)", c.name, m.Deliveries)
		}
		c.report(c.ping(ctx))
		if err := m.Ack(); err != nil {
			c.crew.say("%s: %v; the value may come again", c.name, err)
		}
	}
}
