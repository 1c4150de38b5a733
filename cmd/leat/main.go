// Command leat runs three small systems that are built on leat's channels, and the RPC server that two of them talk to.
//
//	leat run mpsc         one producer, one channel, one client that pings a server for each value
//	leat run broadcast    one channel, ten clients that each see every value
//	leat run threads      one unbounded channel into a worker on its own OS thread
//	leat serve            the server alone
//	leat top URL          the channels of a running program
//	leat ping             load on a server, and how long it takes to answer
//
// Each prints its own lines on standard output and everything else on standard error, loses nothing at its end,
// and explains itself with --help. The exit code is 0 when everything was done, 1 when something failed, 2 when the command
// line was not understood.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

const (
	exitDone = iota
	exitFailed
	exitUsage
)

type commandLine struct {
	Run     runCmd           `cmd:"" help:"Run one of three systems, each built on one kind of channel."`
	Serve   serveCmd         `cmd:"" help:"Run the RPC server alone."`
	Ping    pingCmd          `cmd:"" help:"Put load on a server, and say how long it takes to answer."`
	Top     topCmd           `cmd:"" help:"Show the channels of a running program, live, in the terminal."`
	Version kong.VersionFlag `help:"Show the version and exit."`
}

type runCmd struct {
	MPSC      mpscCmd      `cmd:"" name:"mpsc" help:"Send values over an mpsc channel to one client."`
	Broadcast broadcastCmd `cmd:"" help:"Send values over a broadcast channel to many clients."`
	Threads   threadsCmd   `cmd:"" help:"Send values over an unbounded channel to a worker on its own OS thread."`
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

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program; it returns the exit code.
func run(args []string) int {
	// A standard output that is gone must not kill the program silently: with SIGPIPE ignored, the write fails instead.
	signal.Ignore(syscall.SIGPIPE)
	p := newProcess(os.Stdout, os.Stderr)

	parser := kong.Must(&commandLine{},
		kong.Name("leat"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.WithHyphenPrefixedParameters(true), // so that "--count -5" is told what is allowed
		kong.Vars{"version": version()},
	)
	ctx, err := parser.Parse(args)
	if err != nil {
		return p.usage(err)
	}
	if err := ctx.Run(p); err != nil {
		p.say("%v", err)
		return exitFailed
	}
	return exitDone
}

// usage explains a command line that could not be parsed, and returns the exit code.
func (p *process) usage(err error) int {
	var write *fs.PathError // of the help text; parsing opens no file
	if errors.As(err, &write) {
		p.say("%v", outputError{err})
		return exitFailed
	}
	command := "leat"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		command = parse.Context.Selected().FullPath()
	}
	p.say("%v (see %s --help)", err, command)
	return exitUsage
}

// version says what was built, as far as the build recorded it.
func version() string {
	v, revision := "(unknown version)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		v = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = fmt.Sprintf("commit %.12s, ", s.Value)
			}
		}
	}
	return fmt.Sprintf("leat %s (%s%s, %s/%s)", v, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
