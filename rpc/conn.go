package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// A conn is one connection of a Server. One goroutine reads its requests, handles and answers them. To handle several at
// once, the loop in serve would hand each to a goroutine and keep the answers in order; nothing else would change.
type conn struct {
	server *Server
	raw    net.Conn
	nc     net.Conn // raw, or TLS over it
	in     *reader
	log    *slog.Logger

	ctx    context.Context // of the handlers
	cancel context.CancelFunc

	phase phase // what the read deadline stands for; belongs to the goroutine

	mu       sync.Mutex
	draining bool // nothing more is to be read off the connection but to discard it, and its read deadline stays
}

type phase uint8

const (
	answering phase = iota // no read is under way
	waiting                // for a request
	reading                // the rest of one
)

// A peer that was told of the end gets a while to take it and close: the system answers what a peer writes to a closed
// connection with a reset, which may overtake the answers before it. A peer that was silent when the end came is not
// expected to be writing, and Shutdown waits for it.
const (
	lingerTime     = 2 * time.Second
	idleLingerTime = 100 * time.Millisecond
)

var errDraining = errors.New("the server shuts down")

func newConn(s *Server, nc net.Conn, base context.Context) *conn {
	c := &conn{server: s, raw: nc, nc: nc, log: s.logger().With("peer", nc.RemoteAddr())}
	if s.TLSConfig != nil {
		c.nc = tls.Server(nc, s.TLSConfig)
	}
	c.in = newReader(c, s.MaxMessageBytes, s.MaxDepth)
	c.ctx, c.cancel = context.WithCancel(base)
	return c
}

// serve is the goroutine of the connection.
func (c *conn) serve() {
	defer c.server.remove(c)
	defer c.cut()
	if !c.handshake() {
		return
	}
	for {
		c.phase = answering
		m, err := c.in.next()
		var bad *wireError
		switch {
		case err == nil:
			if !c.write(c.answer(m)) {
				return
			}
		case errors.As(err, &bad):
			c.log.Debug("rpc: refused a request", "err", err)
			if !c.write(refusal(bad)) {
				return
			}
			if bad.code != CodeBadRequest {
				c.linger(lingerTime)
				return
			}
		default:
			switch {
			case err == errDraining, errors.Is(err, os.ErrDeadlineExceeded) && c.in.mid:
				c.linger(lingerTime)
			case errors.Is(err, os.ErrDeadlineExceeded):
				c.linger(idleLingerTime)
			}
			c.log.Debug("rpc: connection ended", "err", err)
			return
		}
	}
}

// handshake does TLS's, if there is one.
func (c *conn) handshake() bool {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return true
	}
	c.arm(waiting)
	c.armWrite()
	err := t.HandshakeContext(c.ctx)
	if err != nil {
		c.log.Warn("rpc: TLS handshake failed", "err", err)
	}
	return err == nil
}

// Read is where the connection's reader reads from.
func (c *conn) Read(p []byte) (int, error) {
	now := waiting
	if c.in.mid {
		now = reading
	}
	if !c.arm(now) {
		return 0, errDraining
	}
	return c.nc.Read(p)
}

// arm sets the read deadline when a phase begins. It returns false if nothing more is to be read.
func (c *conn) arm(now phase) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.server.IdleTimeout
	if d == 0 {
		d = defaultIdleTimeout
	}
	if now != c.phase && d > 0 && !c.draining {
		c.nc.SetReadDeadline(time.Now().Add(d))
	}
	c.phase = now
	return !c.draining
}

// drain makes the goroutine end once it has answered what was read.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		c.draining = true
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// cut ends the connection at once. The goroutine notices.
func (c *conn) cut() {
	c.cancel()
	c.raw.Close()
}

// linger says goodbye, and waits until the peer has heard it: for as long as silent if the peer says nothing, and for
// lingerTime if it is still writing.
func (c *conn) linger(silent time.Duration) {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.discard(silent)
	if n, err := c.nc.Read(make([]byte, minBuffer)); n == 0 || err != nil {
		return
	}
	c.discard(lingerTime)
	io.Copy(io.Discard, c.nc)
}

// discard opens the connection for reading for d, and no longer.
func (c *conn) discard(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	c.nc.SetReadDeadline(time.Now().Add(d))
}

// write sends an answer, and reports whether the connection is still good.
func (c *conn) write(b []byte) bool {
	c.armWrite()
	_, err := c.nc.Write(b)
	if c.nc != c.raw {
		c.nc.SetWriteDeadline(time.Time{}) // TLS may write while it reads
	}
	if err != nil {
		c.log.Debug("rpc: cannot answer", "err", err)
	}
	return err == nil
}

func (c *conn) armWrite() {
	d := c.server.WriteTimeout
	if d == 0 {
		d = defaultWriteTimeout
	}
	if d > 0 {
		c.nc.SetWriteDeadline(time.Now().Add(d))
	}
}

// answer handles a request and returns what to send.
func (c *conn) answer(m message) []byte {
	result, failure := c.handle(m)
	switch {
	case m.payload == nil && failure == nil:
		return ack
	case m.payload == nil:
		c.log.Debug("rpc: a bare request failed", "method", m.name, "code", failure.Code, "message", failure.Message)
		return failed
	case failure == nil:
		return tagged(ack, result)
	}
	return encodeError(failure)
}

// refusal is the answer to what is no request.
func refusal(e *wireError) []byte {
	if !e.object {
		return failed
	}
	return encodeError(&Error{Code: e.code, Message: e.text})
}

func encodeError(e *Error) []byte {
	b, err := encode(e)
	if err != nil {
		panic("rpc: " + err.Error()) // two strings always have a JSON form
	}
	return tagged(failed, b)
}

// handle runs the handler, once it may, and encodes the result if one is asked for.
func (c *conn) handle(m message) (result []byte, failure *Error) {
	if flight := c.server.flight; flight != nil {
		select {
		case flight <- struct{}{}:
			defer func() { <-flight }()
		case <-c.ctx.Done(): // the connection is cut, so nobody gets this
			return nil, &Error{Code: CodeUnavailable, Message: "the server is closed"}
		}
	}
	// From here on to the end the user's code runs: the handler, the methods of its result and those of its error.
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("rpc: handler panicked", "method", m.name, "panic", v, "stack", string(debug.Stack()))
			result, failure = nil, &Error{Code: CodeInternal, Message: "the method panicked"}
		}
	}()
	h := c.server.Handler
	if h == nil {
		h = emptyMux
	}
	v, err := h.ServeRPC(c.ctx, &Request{Method: m.name, Params: m.payload})
	switch {
	case err != nil:
		return nil, asError(err)
	case m.payload == nil:
		return nil, nil
	}
	if result, err = encode(v); err != nil {
		c.log.Error("rpc: the result cannot be encoded", "method", m.name, "err", err)
		return nil, &Error{Code: CodeInternal, Message: "the result cannot be encoded"}
	}
	return result, nil
}

var emptyMux = new(Mux)
