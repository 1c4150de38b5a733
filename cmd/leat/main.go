// Command leat runs three small systems that are built on leat's channels, and
// the RPC server that two of them talk to.
//
//	leat run mpsc         one producer, one channel, one client that pings a server for each value
//	leat run broadcast    one channel, ten clients that each see every value
//	leat run threads      one unbounded channel into a worker on its own OS thread
//	leat serve            the server alone
//	leat top URL          the channels of a running program
//	leat ping             load on a server, and how long it takes to answer
//
// Each prints its own lines on standard output and everything else on standard
// error, loses nothing at its end, and explains itself with --help. The exit
// code is 0 when everything was done, 1 when something failed, 2 when the
// command line was not understood.
//
// Command leat-nats runs the first two with the channel on NATS JetStream.
package main

import (
	"os"

	"github.com/leat-go/leat/cmd/internal/program"
)

type commandLine struct {
	Run   *runCmd   `arg:"subcommand" help:"Run one of three systems, each built on one kind of channel."`
	Serve *serveCmd `arg:"subcommand" help:"Run the RPC server alone."`
	Ping  *pingCmd  `arg:"subcommand" help:"Put load on a server, and say how long it takes to answer."`
	Top   *topCmd   `arg:"subcommand" help:"Show the channels of a running program, live, in the terminal."`
}

type runCmd struct {
	MPSC      *mpscCmd      `arg:"subcommand" help:"Send values over an mpsc channel to one client."`
	Broadcast *broadcastCmd `arg:"subcommand" help:"Send values over a broadcast channel to many clients."`
	Threads   *threadsCmd   `arg:"subcommand" help:"Send values over an unbounded channel to a worker on its own OS thread."`
}

const description = `Channels for Go, at work.

Standard output carries a system's own lines alone; the summary, and whatever goes wrong, is on standard error.
Exit codes: 0 done, 1 failed, 2 wrong usage.

Example: a hundred Acks in ten bursts, counted

    $ leat run broadcast --interval 100ms | grep -c Ack
    leat: 100 Acks from 10 clients, none lost
    100
`

func (*runCmd) Help() string {
	return `Example: eleven values, one a second, each answered by a server with an Ack

    $ leat run mpsc
    Ack
    …
    leat: 11 Acks from 1 client, none lost
`
}

func main() { os.Exit(program.Main("leat", description, &commandLine{}, os.Args[1:])) }
