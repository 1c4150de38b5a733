package main

import (
	"context"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/mpsc"
)

type mpscCmd struct {
	systems.PaceFlags
	systems.CapacityFlags
	systems.ServerFlags
	UIFlags
}

func (*mpscCmd) Help() string {
	return `The main flow sends 1 as often as asked for, then 2, then ends. One client owns the receiving end and a connection
to the server; for each value it sends "Ping", and prints Ack, or Error! when that is not the answer. The
last value is answered like the others: the channel ends after it, and the program after the channel.

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

func (cmd *mpscCmd) Run(p *program.Process) error {
	hide, err := cmd.show(p)
	if err != nil {
		return err
	}
	defer hide()

	s := systems.New(p)
	crew, err := systems.NewCrew(s, &cmd.ServerFlags, 1, cmd.Count+1)
	if err != nil {
		return err
	}
	defer crew.End()

	tx, rx := mpsc.New[int](cmd.Capacity, leat.Name("run mpsc"))
	defer tx.Close()
	c := crew.Clients[0]
	c.Start(func() {
		ctx := context.Background() // to the end of the channel, whatever happens
		for range rx.All(ctx) {
			c.Report(c.Ping(ctx))
		}
	})
	if err := crew.Connected(); err != nil {
		return err
	}

	s.Send(tx, cmd.Values(2), cmd.Interval)
	tx.Close()
	return crew.Finish()
}
