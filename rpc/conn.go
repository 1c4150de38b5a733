package rpc

import (
	"bytes"
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

// A conn is one connection of a Server. One goroutine reads its requests,
// handles them one after another, and answers. It answers together the requests
// that it has read together: it writes the answers when no complete request is
// left, just before it reads or waits. If a handler takes long, the answers
// before it are written meanwhile; see outbound.
type conn struct {
	server *Server
	raw    net.Conn
	nc     net.Conn // raw, or TLS over it
	in     *reader
	parsed func() // in.shrink
	out    outbound
	log    *slog.Logger

	ctx    context.Context // of the handlers
	cancel context.CancelFunc

	// These belong to the goroutine.
	phase   phase         // what the read deadline stands for
	readBy  time.Duration // the read deadline, since the server began
	results answerEncoder
	method  string // of the last request with a handler; kept, so that the same name is not allocated again
	exited  bool   // the handler called runtime.Goexit
	bare    bool   // the request that the handler got was bare

	// These belong to the goroutine that writes.
	writeBy time.Duration // the write deadline, since the server began
	wrote   time.Duration // when the last write began, since the server began; 0 before the first

	mu       sync.Mutex
	draining bool // the connection is read only to discard, and its read deadline stays
}

type phase uint8

const (
	answering phase = iota // no read is under way
	waiting                // for a request
	reading                // the rest of one
)

// When the server ends a connection, it leaves the peer some time to read the
// last answers and close. Otherwise the system would answer bytes that the peer
// still writes with a reset, and drop the answers that it has not delivered.
// Shutdown waits for this time, so a peer that has been silent for long gets
// less of it.
const (
	lingerTime     = 2 * time.Second
	idleLingerTime = 100 * time.Millisecond
)

var (
	errDraining  = errors.New("the server shuts down")
	errUnwritten = errors.New("the answers could not be written")
)

func newConn(s *Server, nc net.Conn, base context.Context) *conn {
	c := &conn{server: s, raw: nc, nc: nc, log: s.logger().With("peer", nc.RemoteAddr())}
	if s.TLSConfig != nil {
		c.nc = tls.Server(nc, s.TLSConfig)
	}
	c.in = newReader(c, s.MaxMessageBytes, s.MaxDepth)
	c.in.budget, c.in.wait, c.parsed = s.requests, c.waitForRoom, c.in.shrink
	c.out.write, c.out.budget = c.write, s.answers
	c.results.budget = s.answers
	c.ctx, c.cancel = context.WithCancel(context.WithValue(base, peerKey{}, c))
	return c
}

// serve is the goroutine of the connection.
func (c *conn) serve() {
	defer c.end()
	if c.handshake() {
		c.serveRequests()
	}
}

// end is deferred by the goroutine of the connection. If that goroutine ends
// because a handler called runtime.Goexit, another one takes over.
func (c *conn) end() {
	if c.exited {
		go c.resume()
		return
	}
	c.cut()
	c.in.drop()
	c.results.drop()
	c.out.flush() // fails, and returns the memory
	c.server.remove(c)
}

// resume answers the request whose handler called runtime.Goexit, and goes on.
func (c *conn) resume() {
	defer c.end()
	c.exited = false
	failure := &Error{Code: CodeInternal, Message: "the method called runtime.Goexit"}
	if c.reply(c.bare, nil, failure) {
		c.serveRequests()
	}
}

// serveRequests answers requests until there are no more.
func (c *conn) serveRequests() {
	for {
		c.phase = answering
		m, err := c.in.next()
		if err == nil {
			if !c.answer(m) {
				return
			}
			continue
		}
		if !c.refuse(err) {
			return
		}
	}
}

// refuse handles an error of the reader: a bad request, or the end of requests.
// It reports whether the connection stays open.
func (c *conn) refuse(err error) bool {
	c.log.Debug("rpc: no request", "err", err)
	var bad *wireError
	switch {
	case errors.As(err, &bad):
		if bad.object {
			c.replyError(&Error{Code: bad.code, Message: bad.text})
		} else {
			c.out.add(failed)
		}
		if bad.code == CodeBadRequest {
			return true
		}
		if c.out.flush() {
			c.linger(lingerTime)
		}
	case err == errDraining, errors.Is(err, os.ErrDeadlineExceeded) && c.in.mid:
		c.linger(lingerTime)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.linger(c.silentTime())
	}
	return false
}

// silentTime returns how long to wait for a peer that writes nothing. A peer
// that was answered within lingerTime may still have to read the answer, and
// may be about to write.
func (c *conn) silentTime() time.Duration {
	if c.wrote > 0 && time.Since(c.server.began)-c.wrote < lingerTime {
		return lingerTime
	}
	return idleLingerTime
}

// handshake does the TLS handshake, if the connection is TLS.
func (c *conn) handshake() bool {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return true
	}
	c.arm(waiting)
	if d := timeout(c.server.WriteTimeout, defaultWriteTimeout); d > 0 {
		c.nc.SetWriteDeadline(time.Now().Add(d))
	}
	err := t.HandshakeContext(c.ctx)
	if err != nil {
		c.server.handshakeErrors.Add(1)
		c.log.Debug("rpc: TLS handshake failed", "err", err)
	}
	return err == nil
}

// Read implements io.Reader for the connection's own reader, which calls it
// when it holds no complete request.
func (c *conn) Read(p []byte) (int, error) {
	if !c.out.flush() {
		return 0, errUnwritten
	}
	now := waiting
	if c.in.mid {
		now = reading
	}
	if !c.arm(now) {
		return 0, errDraining
	}
	return c.nc.Read(p)
}

// waitForRoom waits until the server's budget for requests has n bytes. The
// connection is not read meanwhile, and IdleTimeout does not run.
func (c *conn) waitForRoom(n int) error {
	if !c.out.flush() {
		return errUnwritten
	}
	c.server.warnOfMemory()
	exceeds, ok := c.server.requests.wait(n, true, c.server.stop, c.ctx.Done())
	if !ok {
		return errDraining
	}
	c.in.exceeds = exceeds
	c.phase = answering // so that the deadline is set again
	return nil
}

// arm sets the read deadline when a phase begins. It returns false if no
// further request may be read.
func (c *conn) arm(now phase) bool {
	d := timeout(c.server.IdleTimeout, defaultIdleTimeout)
	began := now != c.phase
	c.phase = now
	c.mu.Lock()
	defer c.mu.Unlock()
	if began && d > 0 && !c.draining {
		if t := time.Since(c.server.began); worn(t, c.readBy, d) {
			c.readBy = t + d
			c.nc.SetReadDeadline(time.Now().Add(d))
		}
	}
	return !c.draining
}

// worn reports whether, at t, a deadline for something that may take d must be
// set again. Setting one at each read and write would cost as much as
// everything else that the server does for a short request.
func worn(t, deadline, d time.Duration) bool { return deadline-t < d-d/8 }

// drain makes the goroutine end once it has answered the requests that were
// read.
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

// linger closes the connection for writing and waits until the peer has
// noticed: for as long as silent if the peer writes nothing, and for lingerTime
// if it is still writing.
func (c *conn) linger(silent time.Duration) {
	c.in.drop()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.discard(silent)
	if n, err := c.nc.Read(make([]byte, minRead)); n == 0 || err != nil {
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

// write writes answers, and reports whether the connection still works. One
// goroutine at a time calls it.
func (c *conn) write(b []byte) bool {
	t := time.Since(c.server.began)
	c.wrote = max(t, 1)
	if d := timeout(c.server.WriteTimeout, defaultWriteTimeout); d > 0 && worn(t, c.writeBy, d) {
		c.writeBy = t + d
		c.nc.SetWriteDeadline(time.Now().Add(d))
	}
	_, err := c.nc.Write(b)
	if c.nc != c.raw { // TLS may write while it reads
		c.nc.SetWriteDeadline(time.Time{})
		c.writeBy = 0
	}
	if err != nil {
		c.log.Debug("rpc: cannot answer", "err", err)
	}
	return err == nil
}

// answer handles a request, and adds the answer. It returns false if the
// connection is broken.
func (c *conn) answer(m message) bool {
	bare := m.payload == nil
	mux := c.server.mux
	var h method
	if mux != nil {
		var isPing bool
		if h, isPing = mux.find(m.name); isPing {
			if bare {
				return c.out.add(ack)
			}
			return c.out.add(nullAck)
		}
	}
	if c.method != string(m.name) {
		c.method = string(m.name)
	}
	c.out.expect()
	result, failure := c.handle(m, h)
	return c.reply(bare, result, failure)
}

// reply adds the answer to a request, which was bare or not. The result is
// already encoded. It returns false if the connection is broken.
func (c *conn) reply(bare bool, result []byte, failure *Error) bool {
	switch {
	case bare && failure == nil:
		return c.out.add(ack)
	case bare:
		c.log.Debug("rpc: a bare request failed", "method", c.method, "code", failure.Code, "message", failure.Message)
		return c.out.add(failed)
	case failure == nil:
		defer c.results.drop()
		return c.out.add(result)
	}
	return c.replyError(failure)
}

func (c *conn) replyError(e *Error) bool {
	if !c.claimAnswer() {
		return false
	}
	b, err := c.results.encode(failedHead, e)
	if err != nil {
		panic("rpc: " + err.Error()) // two strings always have a JSON form
	}
	defer c.results.drop()
	return c.out.add(b)
}

// claimAnswer claims the memory for encoding an answer: one copy within
// encoding/json, and one of ours. If it has to wait, it writes the earlier
// answers first, so that a waiting connection holds nothing of the budget. It
// returns false if the connection is cut.
func (c *conn) claimAnswer() bool {
	b := c.server.answers
	if b == nil {
		return true
	}
	n := min(b.max/2, limit(c.server.MaxMessageBytes, defaultMaxMessageBytes)) * 2
	if !b.try(n) {
		if !c.out.flush() {
			return false
		}
		c.server.warnOfMemory()
		if _, ok := b.wait(n, false, nil, c.ctx.Done()); !ok {
			return false
		}
	}
	c.results.claimed = n
	return true
}

// handle waits until it may run the handler, and runs it. The handler is h, or
// the server's if h is nil. A panic becomes the failure. If the handler calls
// runtime.Goexit, the goroutine ends with c.exited set; see end.
func (c *conn) handle(m message, h method) (result []byte, failure *Error) {
	if c.server.flight != nil {
		if !c.takeOff() { // the connection is cut, so nobody gets this error
			return nil, &Error{Code: CodeUnavailable, Message: "the server is closed"}
		}
		defer func() { <-c.server.flight }()
	}
	// From here to the end, user code runs: the handler, and the methods of its
	// result and its error.
	c.exited, c.bare = true, m.payload == nil
	defer func() {
		v := recover()
		switch {
		case v != nil:
			c.exited = false
			c.log.Error("rpc: handler panicked", "method", c.method, "panic", v, "stack", string(debug.Stack()))
			result, failure = nil, &Error{Code: CodeInternal, Message: "the method panicked"}
			c.results.drop()
		case c.exited:
			c.results.drop()
			c.log.Error("rpc: handler called runtime.Goexit", "method", c.method)
		}
	}()
	result, failure = c.run(m, h)
	c.exited = false
	return result, failure
}

// run calls the handler, and encodes the result if the request asks for one.
func (c *conn) run(m message, h method) (result []byte, failure *Error) {
	v, err := c.call(m, h)
	switch {
	case err != nil:
		return nil, asError(err)
	case m.payload == nil:
		return nil, nil
	}
	if !c.claimAnswer() {
		return nil, &Error{Code: CodeUnavailable, Message: "the server is closed"}
	}
	if result, err = c.results.encode(ackHead, v); err != nil {
		c.results.drop()
		c.log.Error("rpc: the result cannot be encoded", "method", c.method, "err", err)
		return nil, &Error{Code: CodeInternal, Message: "the result cannot be encoded"}
	}
	return result, nil
}

// takeOff waits until one more request may be handled. It returns false if the
// connection is cut before.
func (c *conn) takeOff() bool {
	select {
	case c.server.flight <- struct{}{}:
		return true
	default:
	}
	select {
	case c.server.flight <- struct{}{}:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// call calls the handler.
func (c *conn) call(m message, h method) (any, error) {
	if m.payload == nil {
		c.in.shrink()
	}
	if h != nil {
		return h(c.ctx, m.payload, c.parsed)
	}
	req := &Request{Method: c.method, Params: bytes.Clone(m.payload)}
	c.in.shrink()
	return c.server.chain.ServeRPC(c.ctx, req)
}

// timeout resolves a timeout of the options: zero means the default. It returns
// zero for no timeout.
func timeout(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return max(d, 0)
}
