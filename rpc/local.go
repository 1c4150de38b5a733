package rpc

import (
	"context"
	"net"
	"sync"
)

// Local returns a client and a server that answers with h, connected in memory.
// It is for tests: it takes no port, and both work inside a testing/synctest
// bubble. A nil h answers only "Ping". The server has no idle timeout.
//
// The function that it returns closes both, and waits until all their
// goroutines have ended, handlers included. It may be called more than once.
func Local(h Handler) (*Client, func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &Server{Handler: h, IdleTimeout: -1}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(l)
	}()
	c, err := newClient(context.Background(), "local", nil, l.dial)
	if err != nil {
		panic("rpc: " + err.Error()) // the listener is ours, and open
	}
	return c, func() {
		c.Close()
		s.Close()
		s.Shutdown(context.Background())
		<-served
	}
}

// A pipeListener is a listener whose connections are made by its dial.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
