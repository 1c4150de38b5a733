package main

import (
	"context"
	"fmt"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
)

type broadcastCmd struct {
	systems.PaceFlags
	systems.ClientsFlags
	systems.CapacityFlags
	Lossy bool  `help:"Let a client that is too slow miss values, and say how many, rather than hold the sender back."`
	Slow  slows `placeholder:"N:PAUSE" help:"Let client N pause after each value, such as 1:200ms, to see what a slow receiver does; may be given more than once."`
	systems.ServerFlags
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

Example: clients that cannot keep up; Acks and missed values add up to the values sent

    $ leat run broadcast --lossy --capacity 1 --count 1000 --interval 0 | grep -c Ack

Example: one slow client holds everybody back; see it at http://127.0.0.1:7070

    $ leat run broadcast --count 1000 --interval 50ms --slow 1:200ms --ui 127.0.0.1:7070
`
}

func (cmd *broadcastCmd) Run(p *program.Process) error {
	hide, err := cmd.show(p)
	if err != nil {
		return err
	}
	defer hide()

	pauses := make(map[int]time.Duration)
	for _, s := range cmd.Slow {
		if s.client > cmd.Clients {
			return fmt.Errorf("--slow %d:%v: there are only %s; raise --clients or name another", s.client, s.pause, program.Plural(int64(cmd.Clients), "client"))
		}
		pauses[s.client] = s.pause
	}
	s := systems.New(p)
	crew, err := systems.NewCrew(s, &cmd.ServerFlags, cmd.Clients, cmd.Count)
	if err != nil {
		return err
	}
	defer crew.End()

	tx := broadcast.New[int](cmd.Capacity, leat.Name("run broadcast"))
	defer tx.Close()
	var how []broadcast.SubscribeOption
	if !cmd.Lossy {
		how = append(how, broadcast.Lossless())
	}
	for i, c := range crew.Clients {
		rx := tx.Subscribe(how...)
		c.Start(func() {
			ctx := context.Background() // to the end of the channel, whatever happens
			for _, missed := range rx.All(ctx) {
				c.Missed(missed)
				c.Report(c.Ping(ctx))
				p.Sleep(pauses[i+1]) // which a process that is stopped does not do, so that it ends soon
			}
		})
	}
	if err := crew.Connected(); err != nil {
		return err
	}

	s.Send(tx, cmd.Values(), cmd.Interval)
	tx.Close()
	return crew.Finish()
}
