package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

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

func (cmd *serveCmd) Validate() error { return checkAddr("addr", cmd.Addr) }

func (cmd *serveCmd) Run(p *process) error {
	l, err := listen("addr", cmd.Addr, "")
	if err != nil {
		return err
	}
	p.obeySignals("answering what was read", func() string { return "some of what was read may not be answered" })
	s := startServer(p, l, &rpc.Server{})
	p.say("serving on %v; end with Ctrl-C", l.Addr())
	<-p.ctx.Done()
	if err := p.stopped(); !errors.Is(err, errInterrupted) {
		return err
	}
	s.stop(context.Background())
	p.say("ended; all that was read was answered")
	return nil
}

// A server runs from startServer to stop.
type server struct {
	rpc    *rpc.Server
	served chan struct{} // closed when Serve has returned
}

// startServer serves l. A listener that breaks stops p.
func startServer(p *process, l net.Listener, r *rpc.Server) *server {
	r.Logger = p.logger("server")
	s := &server{rpc: r, served: make(chan struct{})}
	go func() {
		defer close(s.served)
		if err := r.Serve(l); !errors.Is(err, rpc.ErrServerClosed) {
			p.stop(fmt.Errorf("the server stopped accepting connections: %w", err))
		}
	}()
	return s
}

// stop answers what was read, and ends the server; at the latest when ctx ends.
func (s *server) stop(ctx context.Context) {
	if s.rpc.Shutdown(ctx) != nil {
		s.rpc.Close()
	}
	<-s.served
}

// A system's own server has answered all of the system's clients when it is stopped. Others may keep it this long.
const goodbye = 2 * time.Second

// listen listens on the address that the flag gives. An error says what to do;
// if the address is in use, that includes the advice.
func listen(flag, addr, inUse string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	advice := "choose another with --" + flag
	if errors.Is(err, syscall.EADDRINUSE) {
		advice += inUse
	}
	return nil, fmt.Errorf("cannot listen on %s: %w; %s", addr, reason(err), advice)
}
