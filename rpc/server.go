package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers the requests of any number of connections. Its zero value is
// ready for use. For its limits, zero means the stated default, and a negative
// value means no limit. The fields must not change once it serves.
//
// The server handles the requests of one connection one after another, and
// those of different connections concurrently.
type Server struct {
	// Handler answers the requests. Nil answers only "Ping", as an empty Mux
	// does.
	Handler Handler

	// TLSConfig, unless nil, makes every connection TLS. It needs a
	// certificate.
	TLSConfig *tls.Config

	// MaxMessageBytes is how long a request may be. Zero is 1 MiB.
	MaxMessageBytes int

	// MaxDepth is how deep the objects and arrays of a request may be nested.
	// Zero is 128.
	MaxDepth int

	// MaxBufferedBytes is how much memory the buffers of all connections may
	// take together. One half is for requests longer than 2 kB that are being
	// read, the other for answers that are being encoded or written. Zero is
	// 256 MiB, which keeps the server below 1 GiB in the worst case.
	//
	// If requests use up their half, a connection with a long request is not
	// read until there is room, and TCP holds back its peer. If answers use up
	// theirs, a result is not encoded until another answer is written. Nothing
	// is lost. Short requests are read as before; Ping and other bare requests
	// never wait. docs/rpc.md says why connections cannot deadlock.
	MaxBufferedBytes int

	// MaxConns is how many connections are served at once, over all listeners.
	// Zero is 10,000. Each listener accepts one more connection, which waits
	// unread until another one ends, and leaves the others in the system's
	// queue.
	MaxConns int

	// MaxInFlight is how many requests are handled at once, over all
	// connections. Further requests wait, and their connections are not read
	// meanwhile. Zero means no limit but MaxConns. The built-in Ping does not
	// count.
	MaxInFlight int

	// IdleTimeout is how long a connection may wait for the first byte of its
	// next request, and then again for the rest of it, before it is closed; on
	// a busy connection up to an eighth less. Zero is 10 minutes. TCP's
	// keep-alive detects a dead peer without it, too.
	IdleTimeout time.Duration

	// WriteTimeout is how long the peer may take to read one write before the
	// connection is cut; on a busy connection up to an eighth less. Zero is 30
	// seconds.
	WriteTimeout time.Duration

	// Interceptors wrap the Handler, the first one outermost.
	Interceptors []ServerInterceptor

	// Logger gets panics as errors, failures of a listener as warnings, and
	// failures of single connections and requests at the debug level. Nil is
	// slog.Default().
	Logger *slog.Logger

	// BaseContext returns the context from which the server derives the
	// handlers' context. Nil is context.Background().
	BaseContext func(net.Listener) context.Context

	mu        sync.Mutex // guards the fields below; not held during I/O
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	stopped   bool

	once   sync.Once
	mux    *Mux    // the handler, if it is a Mux without interceptors
	chain  Handler // the handler with its interceptors
	began  time.Time
	stop   chan struct{} // closed when stopped is set
	empty  chan struct{} // closed when stopped is set and the last connection is gone
	slots  chan struct{} // holds one for each connection; nil without a limit
	flight chan struct{} // holds one for each request being handled; nil without a limit

	requests *budget // of the blocks that hold requests; nil without a limit
	answers  *budget // of the blocks that hold answers; nil without a limit

	handshakeErrors atomic.Uint64
	memoryWarned    atomic.Int64 // when the log last warned of memory, since began
}

// ServerStats are the numbers of a [Server] at one moment, for metrics and
// logs.
type ServerStats struct {
	// Conns is the number of open connections.
	Conns int

	// TLSHandshakeErrors counts the connections whose TLS handshake failed or
	// timed out. The log has each one at the debug level.
	TLSHandshakeErrors uint64

	// BufferedBytes is the memory that counts for MaxBufferedBytes, and
	// BufferWaits how often a connection had to wait for some.
	BufferedBytes int
	BufferWaits   uint64
}

// Stats returns the server's numbers, for metrics and logs. It does not block,
// and may be called concurrently with anything, also after Close. It must not
// be called before the fields are set.
func (s *Server) Stats() ServerStats {
	s.init()
	requests, requestWaits := s.requests.inUse()
	answers, answerWaits := s.answers.inUse()
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStats{
		Conns:              len(s.conns),
		TLSHandshakeErrors: s.handshakeErrors.Load(),
		BufferedBytes:      requests + answers,
		BufferWaits:        requestWaits + answerWaits,
	}
}

const (
	defaultMaxBuffered  = 256 << 20
	defaultMaxConns     = 10_000
	defaultIdleTimeout  = 10 * time.Minute
	defaultWriteTimeout = 30 * time.Second
)

func (s *Server) init() {
	s.once.Do(func() {
		s.began = time.Now()
		s.chain = s.Handler
		if s.chain == nil {
			s.chain = new(Mux)
		}
		if len(s.Interceptors) == 0 {
			s.mux, _ = s.chain.(*Mux)
		}
		s.chain = interceptRequests(s.chain, s.Interceptors)
		s.listeners = make(map[net.Listener]struct{})
		s.conns = make(map[*conn]struct{})
		s.stop = make(chan struct{})
		s.empty = make(chan struct{})
		if s.MaxConns >= 0 {
			s.slots = make(chan struct{}, limit(s.MaxConns, defaultMaxConns))
		}
		if s.MaxBufferedBytes >= 0 {
			half := limit(s.MaxBufferedBytes, defaultMaxBuffered) / 2
			s.requests, s.answers = &budget{max: half}, &budget{max: half}
		}
		if s.MaxInFlight > 0 {
			s.flight = make(chan struct{}, s.MaxInFlight)
		}
	})
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// warnOfMemory logs that a connection waits for memory, at most once a minute.
func (s *Server) warnOfMemory() {
	now, last := int64(time.Since(s.began)), s.memoryWarned.Load()
	if (last == 0 || now-last >= int64(time.Minute)) && s.memoryWarned.CompareAndSwap(last, max(now, 1)) {
		s.logger().Warn("rpc: a connection has to wait for memory; see Server.MaxBufferedBytes and Stats", "limit", 2*s.answers.max)
	}
}

// ListenAndServe listens on the TCP address addr, and then serves as Serve
// does.
func (s *Server) ListenAndServe(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("rpc: %w", err)
	}
	return s.Serve(l)
}

// Serve accepts connections from l, and answers each in a goroutine of its own,
// until Shutdown or Close. It always closes l, and always returns an error:
// ErrServerClosed as soon as Shutdown or Close is called, or the error of a
// broken listener. So a program that ends must wait for Shutdown to return.
// Serve logs a temporary error, such as a lack of file descriptors, and tries
// again.
//
// Serve may be called for several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	s.init()
	l = &onceListener{Listener: l}
	defer l.Close()
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()

	base := context.Background()
	if s.BaseContext != nil {
		if base = s.BaseContext(l); base == nil {
			panic("rpc: BaseContext returned a nil context")
		}
	}
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.stopping() {
				return ErrServerClosed
			}
			if !isTemporary(err) {
				return fmt.Errorf("rpc: %w", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.logger().Warn("rpc: cannot accept a connection, will try again", "err", err, "in", pause)
			s.wait(pause)
			continue
		}
		pause = 0
		if !s.takeSlot(nc) {
			nc.Close()
			return ErrServerClosed
		}
		c := newConn(s, nc, base)
		if !s.add(c) {
			nc.Close()
			return ErrServerClosed
		}
		go c.serve()
	}
}

// isTemporary reports whether a listener that failed with err may work again.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// wait returns after d, or when the server stops.
func (s *Server) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.stop:
	}
}

// takeSlot waits until one more connection may be served. It returns false if
// the server stops before.
func (s *Server) takeSlot(nc net.Conn) bool {
	if s.slots == nil {
		return true
	}
	select {
	case s.slots <- struct{}{}:
		return true
	default:
	}
	s.logger().Warn("rpc: a connection has to wait until another leaves", "limit", cap(s.slots), "peer", nc.RemoteAddr())
	select {
	case s.slots <- struct{}{}:
		return true
	case <-s.stop:
		return false
	}
}

// add registers c, for whose end the server's Shutdown then waits. It returns
// false if the server has stopped.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// remove ends c's registration. It is the last thing that c's goroutine does.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.slots != nil {
		<-s.slots
	}
	if s.stopped && len(s.conns) == 0 {
		close(s.empty)
	}
}

func (s *Server) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// halt makes the server accept nothing more, and returns the open connections.
// Only its first call closes the listeners; for a later one they are closed
// already.
func (s *Server) halt() []*conn {
	s.init()
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stop)
		if len(s.conns) == 0 {
			close(s.empty)
		}
	}
	listeners := slices.Collect(maps.Keys(s.listeners))
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, l := range listeners {
		l.Close()
	}
	return conns
}

// Shutdown stops the server gracefully. It stops accepting, closes idle
// connections, and closes every other connection after the answers to all
// requests that were read from it. A request counts as read when all of its
// bytes have left the system's buffer. A request that is still on its way is
// neither executed nor answered.
//
// Shutdown blocks until the last connection is closed, and then returns nil. If
// ctx ends first, it returns ctx.Err(), and the shutdown continues: call Close
// to cut the connections, or Shutdown to wait again. It may be called
// concurrently with anything.
func (s *Server) Shutdown(ctx context.Context) error {
	needContext(ctx)
	for _, c := range s.halt() {
		c.drain()
	}
	select {
	case <-s.empty:
		return nil
	default:
	}
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops the server at once. It stops accepting, ends the ctx of the
// running handlers, and cuts all connections. It does not wait for the
// handlers; call Shutdown afterwards to wait. Close returns nil. It may be
// called more than once, and concurrently with anything.
func (s *Server) Close() error {
	for _, c := range s.halt() {
		c.cut()
	}
	return nil
}

// onceListener is a listener that both Serve and Shutdown may close.
type onceListener struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *onceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

func needContext(ctx context.Context) {
	if ctx == nil {
		panic("rpc: nil context; use context.Background() to wait without end")
	}
}
