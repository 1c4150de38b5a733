package systems

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

// A Server runs from StartServer to Stop.
type Server struct {
	rpc    *rpc.Server
	served chan struct{} // closed when Serve has returned
}

// StartServer serves l. A listener that breaks stops p.
func StartServer(p *program.Process, l net.Listener, r *rpc.Server) *Server {
	r.Logger = p.Logger("server")
	s := &Server{rpc: r, served: make(chan struct{})}
	go func() {
		defer close(s.served)
		if err := r.Serve(l); !errors.Is(err, rpc.ErrServerClosed) {
			p.Stop(fmt.Errorf("the server stopped accepting connections: %w", err))
		}
	}()
	return s
}

// Stop answers the requests that were read, and ends the server, at the latest
// when ctx ends.
func (s *Server) Stop(ctx context.Context) {
	if s.rpc.Shutdown(ctx) != nil {
		s.rpc.Close()
	}
	<-s.served
}

// Goodbye is how long others may keep a system's own server, which has answered
// all of the system's clients when it is stopped.
const Goodbye = 2 * time.Second

// Listen listens on the address that the flag gives. An error says what to do;
// if the address is in use, that includes the advice.
func Listen(flag, addr, inUse string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	advice := "choose another with --" + flag
	if errors.Is(err, syscall.EADDRINUSE) {
		advice += inUse
	}
	return nil, fmt.Errorf("cannot listen on %s: %w; %s", addr, program.Reason(err), advice)
}
