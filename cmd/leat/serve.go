package main

import (
	"context"
	"errors"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/rpc"
)

type serveCmd struct {
	Addr string `default:"127.0.0.1:8123" help:"Address to listen on; port 0 takes a free one."`
}

func (*serveCmd) Help() string {
	return `The server answers "Ping" with "Ack" until Ctrl-C or SIGTERM. Then it answers what it has read, and exits with 0.

Example: one server, and a system that uses it

    $ leat serve --addr 127.0.0.1:9000 &
    leat: serving on 127.0.0.1:9000; end with Ctrl-C
    $ leat run mpsc --external --addr 127.0.0.1:9000

Example: no system at all

    $ printf '"Ping"' | nc 127.0.0.1 9000
    "Ack"
`
}

func (cmd *serveCmd) Validate() error { return systems.CheckAddr("addr", cmd.Addr) }

func (cmd *serveCmd) Run(p *program.Process) error {
	l, err := systems.Listen("addr", cmd.Addr, "")
	if err != nil {
		return err
	}
	p.ObeySignals("answering the requests that were read", func() string { return "some requests that were read may stay unanswered" })
	s := systems.StartServer(p, l, &rpc.Server{})
	p.Say("serving on %v; end with Ctrl-C", l.Addr())
	<-p.Ctx.Done()
	if err := p.Stopped(); !errors.Is(err, program.ErrInterrupted) {
		return err
	}
	s.Stop(context.Background())
	p.Say("ended; all that was read was answered")
	return nil
}
