package main

import (
	"context"
	"fmt"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/natschan"
)

type broadcastCmd struct {
	PaceFlags
	ClientsFlags
	CapacityFlags
	Lossy bool   `help:"Let a client that is too slow miss values, and say how many, rather than hold the sender back."`
	Slow  []slow `placeholder:"N:PAUSE" sep:"none" help:"Let client N pause after each value, such as 1:200ms, to see what a slow receiver does; may be given more than once."`
	ServerFlags
	NATSFlags
	UIFlags
}

func (*broadcastCmd) Help() string {
	return `The main flow sends its values to one channel. Each client subscribes to it and has a connection of its own
to the server; for each value it sends "Ping", and prints Ack, or Error! when that is not the answer. So each
value is a burst of as many Acks as there are clients, the last one included.

Example: ten bursts of ten Acks, counted

    $ leat run broadcast --interval 100ms | grep -c Ack
    leat: 100 Acks from 10 clients, none lost
    100

Example: clients that cannot keep up; Acks and missed values together are what was sent

    $ leat run broadcast --lossy --capacity 1 --count 1000 --interval 0 | grep -c Ack

Example: the two ends in two processes, with a nats-server -js between; the receiving one may be ended and started again

    $ leat run broadcast --nats nats://127.0.0.1:4222 --role recv
    $ leat run broadcast --nats nats://127.0.0.1:4222 --role send

Example: one slow client holds everybody back; see it at http://127.0.0.1:7070

    $ leat run broadcast --count 1000 --interval 50ms --slow 1:200ms --ui 127.0.0.1:7070
`
}

func (cmd *broadcastCmd) Run(p *process) error {
	if cmd.NATS != "" {
		if cmd.UI != "" || len(cmd.Slow) > 0 {
			return errNotOnNATS
		}
		r := &natsRun{process: p, flags: &cmd.NATSFlags, server: &cmd.ServerFlags, clients: cmd.Clients, total: cmd.Count, lossless: !cmd.Lossy,
			ch: natschan.Channel{Kind: natschan.Broadcast, Capacity: cmd.Capacity, Lossless: !cmd.Lossy}}
		return r.run(func(tx leat.Sender[int]) { p.send(tx, cmd.values(), cmd.Interval) })
	}
	hide, err := cmd.show(p)
	if err != nil {
		return err
	}
	defer hide()

	pauses := make(map[int]time.Duration)
	for _, s := range cmd.Slow {
		if s.client > cmd.Clients {
			return fmt.Errorf("--slow %d:%v: there are only %s; raise --clients or name another", s.client, s.pause, plural(int64(cmd.Clients), "client"))
		}
		pauses[s.client] = s.pause
	}
	crew, err := newCrew(p, &cmd.ServerFlags, cmd.Clients, cmd.Count)
	if err != nil {
		return err
	}
	defer crew.end()

	tx := broadcast.New[int](cmd.Capacity, leat.Name("run broadcast"))
	defer tx.Close()
	var how []broadcast.SubscribeOption
	if !cmd.Lossy {
		how = append(how, broadcast.Lossless())
	}
	for i, c := range crew.clients {
		rx := tx.Subscribe(how...)
		c.start(func() {
			ctx := context.Background() // to the end of the channel, whatever happens
			for _, missed := range rx.All(ctx) {
				c.missed(missed)
				c.report(c.ping(ctx))
				p.sleep(pauses[i+1]) // which a process that is stopped does not do, so that it ends soon
			}
		})
	}
	if err := crew.connected(); err != nil {
		return err
	}

	p.send(tx, cmd.values(), cmd.Interval)
	tx.Close()
	return crew.finish()
}
