package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

// ChannelFlags say where the channel is, and which of its ends are here.
type ChannelFlags struct {
	URL     string `help:"Use the NATS server with JetStream at this URL, rather than one inside this process."`
	Role    string `placeholder:"send|recv" help:"With a URL, be one end of the channel only; another process is the other."`
	Channel string `default:"leat-run" help:"Name of the channel on JetStream."`
}

// Validate checks the values, for program.Main.
func (f *ChannelFlags) Validate() error {
	if f.Role == "" {
		return nil
	}
	if err := systems.CheckChoice("role", f.Role, "send", "recv"); err != nil {
		return err
	}
	if f.URL == "" {
		return errors.New("--role needs a server that both ends reach: give its URL with --url")
	}
	return nil
}

// connect connects to the server, or starts one. The function that it returns
// ends the connection or the server.
func (f *ChannelFlags) connect() (jetstream.JetStream, func(), error) {
	if f.URL == "" {
		s, err := natsembed.Start(nil)
		if err != nil {
			return nil, nil, err
		}
		js, err := s.JetStream()
		return js, func() { s.Close() }, err
	}
	return dial(f.URL, "leat-nats run")
}

// dial connects to a server, under a name. The function that it returns ends
// the connection.
func dial(url, name string) (jetstream.JetStream, func(), error) {
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.Name(name))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot connect to %s: %s; start a nats-server with JetStream there (nats-server -js)",
			program.Clean(url), program.Clean(err.Error()))
	}
	js, err := jetstream.New(nc)
	return js, nc.Close, err
}

// A run is a system whose channel is on JetStream.
type run struct {
	*systems.System
	flags   *ChannelFlags
	server  *systems.ServerFlags
	ch      natschan.Channel
	clients int
	total   int
	js      jetstream.JetStream
}

func (r *run) run(send func(tx leat.Sender[int])) error {
	js, end, err := r.flags.connect()
	if err != nil {
		return err
	}
	defer end()
	r.js, r.ch.Name = js, r.flags.Channel
	if r.flags.Role == "send" {
		r.ObeySignals("no further value is sent", func() string { return program.Plural(r.Sent.Load(), "value") + " sent" })
		return r.sendOnly(send)
	}
	crew, err := systems.NewCrew(r.System, r.server, r.clients, r.total)
	if err != nil {
		return err
	}
	defer crew.End()
	if err := r.receive(crew); err != nil {
		r.Stop(err)
		return err
	}
	if err := crew.Connected(); err != nil {
		return err
	}
	if r.flags.Role == "recv" {
		return r.finish(crew.FinishReceiving())
	}
	tx, err := natschan.NewSender[int](r.Ctx, js, r.ch)
	if err != nil {
		return err
	}
	send(tx)
	if err := tx.Close(); err != nil {
		return err
	}
	return r.finish(crew.Finish())
}

// finish removes the channel, so that its name can be used again. If something
// went wrong, it leaves the channel to be examined.
func (r *run) finish(err error) error {
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), systems.Goodbye)
	defer cancel()
	return natschan.Delete(ctx, r.js, r.ch.Name)
}

// sendOnly sends to the receivers of another process, when they are there.
func (r *run) sendOnly(send func(tx leat.Sender[int])) error {
	tx, err := natschan.NewSender[int](r.Ctx, r.js, r.ch)
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
	if err := r.Stopped(); err != nil {
		return fmt.Errorf("%w after %d of %d values", err, r.Sent.Load(), r.total)
	}
	r.Say("%s sent", program.Plural(r.Sent.Load(), "value"))
	return nil
}

// awaitReceivers waits for as many receivers as there are clients: a value that
// is sent before a client subscribes is not received by it.
func (r *run) awaitReceivers() error {
	said := false
	for {
		all, err := natschan.List(r.Ctx, r.js)
		i := slices.IndexFunc(all, func(ch natschan.Info) bool { return ch.Name == r.ch.Name })
		switch {
		case r.Stopped() != nil:
			return fmt.Errorf("%w while waiting for receivers; no value was sent", r.Stopped())
		case err != nil:
			return err
		case i < 0:
			return fmt.Errorf("channel %s was deleted while waiting for receivers; no value was sent", r.ch.Name)
		case all[i].Receivers >= r.clients:
			return nil
		case !said:
			r.Say("waiting for %s; start leat-nats run … --role recv", program.Plural(int64(r.clients), "receiver"))
			said = true
		}
		r.Sleep(50 * time.Millisecond)
	}
}

// receive starts the clients, each with a receiver. A client acknowledges a
// value when the server has answered for it.
//
// The receivers are opened side by side: each that takes over from one that was
// killed waits for two seconds.
func (r *run) receive(crew *systems.Crew) error {
	receivers, errs := make([]*natschan.Receiver[int], len(crew.Clients)), make([]error, len(crew.Clients))
	var all sync.WaitGroup
	for i := range crew.Clients {
		all.Go(func() {
			var opts []natschan.ReceiverOption
			if r.ch.Lossless {
				opts = append(opts, natschan.Durable(fmt.Sprintf("client-%d", i+1))) // continues where the one before it ended
			}
			receivers[i], errs[i] = natschan.NewReceiver[int](r.Ctx, r.js, r.ch, opts...)
		})
	}
	all.Wait()
	if err := cmp.Or(errs...); err != nil {
		for _, rx := range receivers {
			if rx != nil {
				rx.Close()
			}
		}
		return err
	}
	for i, c := range crew.Clients {
		c.Start(func() {
			defer receivers[i].Close()
			r.consume(c, receivers[i])
		})
	}
	return nil
}

// consume pings for each value to the end of the channel, whatever happens.
func (r *run) consume(c *systems.Client, rx *natschan.Receiver[int]) {
	ctx := context.Background()
	for {
		m, err := rx.RecvMsg(ctx)
		var lag *leat.LaggedError
		switch {
		case errors.As(err, &lag):
			c.Missed(lag.Missed)
			continue
		case errors.Is(err, leat.ErrClosed):
			return
		case err != nil:
			r.Say("%s: %v", c.Name, err)
			r.Stop(err)
			return
		}
		if m.Deliveries > 1 {
			r.Say("%s: a value came again (delivery %d)", c.Name, m.Deliveries)
		}
		c.Report(c.Ping(ctx))
		if err := m.Ack(); err != nil {
			r.Say("%s: %v; the value may come again", c.Name, err)
		}
	}
}
