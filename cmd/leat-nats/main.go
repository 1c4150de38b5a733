// Command leat-nats runs two of the systems of command leat with the channel on
// NATS JetStream: in a server inside the program, or in one that several
// processes share. It also shows the channels of a server.
//
//	leat-nats run mpsc         one producer, one channel, one client that pings a server for each value
//	leat-nats run broadcast    one channel, ten clients that each see every value
//	leat-nats top              the channels of a server, and their users
//
// Each prints its own lines on standard output and everything else on standard
// error, loses nothing at its end, and explains itself with --help. The exit
// code is 0 when everything was done, 1 when something failed, 2 when the
// command line was not understood.
package main

import (
	"os"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/natschan"
)

type commandLine struct {
	Run *runCmd `arg:"subcommand" help:"Run one of two systems, with its channel on NATS JetStream."`
	Top *topCmd `arg:"subcommand" help:"Show the leat channels of a NATS server."`
}

type runCmd struct {
	MPSC      *mpscCmd      `arg:"subcommand" help:"Send values over an MPSC channel to one client."`
	Broadcast *broadcastCmd `arg:"subcommand" help:"Send values over a Broadcast channel to many clients."`
}

const description = `Channels for Go on NATS JetStream, at work.

The systems are those of leat run. Without --url the channel is in a NATS server inside this program; with it,
in the server at that URL, and the two ends may be two processes.

Standard output carries a system's own lines alone; the summary, and whatever goes wrong, is on standard error.
Exit codes: 0 done, 1 failed, 2 wrong usage.

Example: a hundred Acks in ten bursts, counted

    $ leat-nats run broadcast --interval 100ms | grep -c Ack
    leat-nats: 100 Acks from 10 clients, none lost
    100
`

func (*runCmd) Help() string {
	return `Example: eleven values, one a second, each answered by a server with an Ack

    $ leat-nats run mpsc
    Ack
    …
    leat-nats: 11 Acks from 1 client, none lost
`
}

func main() { os.Exit(program.Main("leat-nats", description, &commandLine{}, os.Args[1:])) }

type mpscCmd struct {
	systems.PaceFlags
	systems.CapacityFlags
	systems.ServerFlags
	ChannelFlags
}

func (*mpscCmd) Help() string {
	return `The main flow sends 1 as often as asked for, then 2, then ends. One client owns the receiving end and a connection
to the server; for each value it sends "Ping", prints Ack, or Error! when that is not the answer, and then
acknowledges the value. A value that was not acknowledged when its client was killed comes again.

Example: eleven values, a tenth of a second apart

    $ leat-nats run mpsc --interval 100ms
    Ack
    …
    leat-nats: 11 Acks from 1 client, none lost

Example: the two ends in two processes, with a nats-server between

    $ nats-server -js &
    $ leat-nats run mpsc --url nats://127.0.0.1:4222 --role recv
    $ leat-nats run mpsc --url nats://127.0.0.1:4222 --role send
`
}

func (cmd *mpscCmd) Run(p *program.Process) error {
	r := &run{
		System: systems.New(p), flags: &cmd.ChannelFlags, server: &cmd.ServerFlags, clients: 1, total: cmd.Count + 1,
		ch: natschan.Channel{Kind: natschan.MPSC, Capacity: cmd.Capacity},
	}
	return r.run(func(tx leat.Sender[int]) { r.Send(tx, cmd.Values(2), cmd.Interval) })
}

type broadcastCmd struct {
	systems.PaceFlags
	systems.ClientsFlags
	systems.CapacityFlags
	Lossy bool `help:"Let a client that is too slow miss values, and say how many, rather than hold the sender back."`
	systems.ServerFlags
	ChannelFlags
}

func (*broadcastCmd) Help() string {
	return `The main flow sends its values to one channel. Each client subscribes to it and has a connection of its own
to the server; for each value it sends "Ping", prints Ack, or Error! when that is not the answer, and then
acknowledges the value. Unless --lossy is given, the clients are durable: when their process is ended and
started again, they continue where they stopped.

Example: ten bursts of ten Acks, counted

    $ leat-nats run broadcast --interval 100ms | grep -c Ack
    leat-nats: 100 Acks from 10 clients, none lost
    100

Example: the two ends in two processes, with a nats-server between; the receiving one may be ended and started again

    $ nats-server -js &
    $ leat-nats run broadcast --url nats://127.0.0.1:4222 --role recv
    $ leat-nats run broadcast --url nats://127.0.0.1:4222 --role send
`
}

func (cmd *broadcastCmd) Run(p *program.Process) error {
	r := &run{
		System: systems.New(p), flags: &cmd.ChannelFlags, server: &cmd.ServerFlags, clients: cmd.Clients, total: cmd.Count,
		ch: natschan.Channel{Kind: natschan.Broadcast, Capacity: cmd.Capacity, Lossless: !cmd.Lossy},
	}
	return r.run(func(tx leat.Sender[int]) { r.Send(tx, cmd.Values(), cmd.Interval) })
}
