package main

import (
	"context"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/natschan"
)

type mpscCmd struct {
	PaceFlags
	CapacityFlags
	ServerFlags
	NATSFlags
	UIFlags
}

func (*mpscCmd) Help() string {
	return `The main flow sends 1 as often as asked for, then 2, then ends. One client owns the receiving end and a connection
to the server; for each value it sends "Ping", and prints Ack, or Error! when that is not the answer. The
last value is answered like the others: the channel ends behind it, and the program behind the channel.

Example: eleven values, a tenth of a second apart

    $ leat run mpsc --interval 100ms
    Ack
    …
    leat: 11 Acks from 1 client, none lost

Example: a server of its own, which may be ended and started again meanwhile

    $ leat serve --addr 127.0.0.1:9000 &
    $ leat run mpsc --external --addr 127.0.0.1:9000
`
}

func (cmd *mpscCmd) Run(p *process) error {
	if cmd.NATS != "" {
		if cmd.UI != "" {
			return errNotOnNATS
		}
		r := &natsRun{process: p, flags: &cmd.NATSFlags, server: &cmd.ServerFlags, clients: 1, total: cmd.Count + 1,
			ch: natschan.Channel{Kind: natschan.MPSC, Capacity: cmd.Capacity}}
		return r.run(func(tx leat.Sender[int]) { p.send(tx, cmd.values(2), cmd.Interval) })
	}
	hide, err := cmd.show(p)
	if err != nil {
		return err
	}
	defer hide()

	crew, err := newCrew(p, &cmd.ServerFlags, 1, cmd.Count+1)
	if err != nil {
		return err
	}
	defer crew.end()

	tx, rx := mpsc.New[int](cmd.Capacity, leat.Name("run mpsc"))
	defer tx.Close()
	c := crew.clients[0]
	c.start(func() {
		ctx := context.Background() // to the end of the channel, whatever happens
		for range rx.All(ctx) {
			c.report(c.ping(ctx))
		}
	})
	if err := crew.connected(); err != nil {
		return err
	}

	p.send(tx, cmd.values(2), cmd.Interval)
	tx.Close()
	return crew.finish()
}
