package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/leat-go/leat"
)

// A link is one connection of a Client. The client's run writes to it, and a goroutine of its own reads from it.
//
// A call is in flight from just before its request is written until its answer is read, or the link is lost. The requests
// in flight are answered in order, and each holds one of the slots, of which there are as many as the window is wide.
type link struct {
	nc    net.Conn // raw, or TLS over it
	in    *reader
	slots chan struct{}
	ctx   context.Context // ends when the link is cut, with the reason as its cause; the connection is closed then
	cut   context.CancelCauseFunc
	ended chan struct{} // closed when the reading goroutine has ended

	// Guarded by the client's mutex.
	inFlight []*call
	callers  int  // how many of inFlight have a caller that still waits
	answered bool // the server has answered at least once
}

var errNobodyWaits = errors.New("no caller waits any more for the answers to come")

// After a failed write, the answers that the server sent before it left may take this long to come.
const lateTime = time.Second

func newLink(c *Client, raw, nc net.Conn) *link {
	l := &link{
		nc:    nc,
		in:    newReader(nc, c.opts.MaxMessageBytes, 0),
		slots: make(chan struct{}, c.opts.Window),
		ended: make(chan struct{}),
	}
	l.ctx, l.cut = context.WithCancelCause(c.ctx)
	// To close the connection under TLS, rather than TLS, never waits.
	context.AfterFunc(l.ctx, func() { raw.Close() })
	go c.read(l)
	return l
}

// run is the goroutine that owns the writing side, from the first link to the end of the client.
func (c *Client) run(l *link) {
	defer func() {
		c.state.TrySend(Closed)
		c.state.Close()
		close(c.stopped)
	}()
	var next *call // received, and not yet written
	tries := 0     // attempts to connect since a link was last of use
	for l != nil {
		var err error
		next, err = c.write(l, next)
		<-l.ended
		cause := c.drop(l, err)
		if l.answered {
			tries = 0
		}
		if c.ctx.Err() == nil {
			c.state.TrySend(Connecting)
			c.opts.Logger.Warn("rpc: connection lost, will connect again", "server", c.addr, "err", cause)
		}
		if cause == errNobodyWaits {
			tries = 0
			if l.answered {
				tries = -1 // the server is well, and the next call waits
			}
		}
		l = c.reconnect(&tries)
	}
	c.rx.Close()
	if next != nil {
		c.finish(next, answer{sent: ErrNotSent, err: leat.ErrClosed})
	}
	for k := range c.rx.All(context.Background()) {
		c.finish(k, answer{sent: ErrNotSent, err: leat.ErrClosed})
	}
}

// write writes requests to l until l is lost. It begins with next, unless that is nil, and returns the call that is to be
// written first to the next link, if it holds one, and the error of a failed write.
func (c *Client) write(l *link, next *call) (*call, error) {
	for {
		if next == nil {
			var err error
			if next, err = c.rx.Recv(l.ctx); err != nil {
				return nil, nil
			}
		}
		select {
		case l.slots <- struct{}{}:
		case <-l.ctx.Done():
			return next, nil
		}
		if !c.begin(l, next) {
			<-l.slots
			if l.ctx.Err() != nil {
				return next, nil
			}
			next = nil // its caller has left
			continue
		}
		n, err := l.nc.Write(next.frame)
		if err != nil {
			if n > 0 || !c.unsend(l, next) {
				next = nil
			}
			// What the server has answered before it left is still to be read.
			l.nc.SetReadDeadline(time.Now().Add(lateTime))
			return next, err
		}
		next = nil
	}
}

// begin puts k in flight. It returns false if its caller has left, or if l is cut: under the mutex, so that no call begins on
// a link that the last caller of the others has just given up.
func (c *Client) begin(l *link, k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.state == left || l.ctx.Err() != nil {
		return false
	}
	k.state, k.link = inFlight, l
	l.inFlight = append(l.inFlight, k)
	l.callers++
	return true
}

// unsend takes k, which was put in flight last, back, because no byte of it was written. It returns false if k is
// done with anyhow.
func (c *Client) unsend(l *link, k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.state != inFlight {
		return false
	}
	k.state, k.link = queued, nil
	l.inFlight = l.inFlight[:len(l.inFlight)-1]
	l.callers--
	return true
}

// read is the goroutine that owns the reading side of l.
func (c *Client) read(l *link) {
	defer close(l.ended)
	for {
		m, err := l.in.next()
		if err == nil {
			err = c.deliver(l, m)
		}
		switch bad := (*wireError)(nil); {
		case err == nil:
			continue
		case err == io.EOF:
			err = fmt.Errorf("the server closed the connection: %w", err)
		case errors.As(err, &bad) && bad.code == CodeTooLarge:
			err = fmt.Errorf("the server's answer is %w; see ClientOptions.MaxMessageBytes", err)
		case errors.As(err, &bad):
			err = fmt.Errorf("the server sent what is no answer: %w", err)
		}
		l.cut(err)
		return
	}
}

// deliver gives an answer to the first call in flight.
func (c *Client) deliver(l *link, m message) error {
	if m.name != "Ack" && m.name != "Error" {
		return fmt.Errorf("the server sent what is no answer: %.40q", m.name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(l.inFlight) == 0 {
		return fmt.Errorf("the server sent an answer, %.40q, that nobody asked for", m.name)
	}
	k := l.inFlight[0]
	l.inFlight[0] = nil
	l.inFlight = l.inFlight[1:]
	l.answered = true
	if k.state == inFlight {
		l.callers--
		k.finishLocked(answer{message: m})
	}
	<-l.slots // k's own
	return nil
}

// drop ends what is left of l, whose reader has ended, and returns the reason. The error is that of a failed write, or nil.
func (c *Client) drop(l *link, err error) error {
	l.cut(err)
	cause := context.Cause(l.ctx)
	if err != nil && errors.Is(cause, os.ErrDeadlineExceeded) { // ours, set after the write
		cause = err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = cause
	for _, k := range l.inFlight {
		if k.state == inFlight {
			k.finishLocked(answer{sent: ErrMaybeSent, err: cause})
		}
	}
	l.inFlight = nil
	return cause
}

// finish tells the caller of k, if there still is one, what became of it.
func (c *Client) finish(k *call, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.state != left {
		k.finishLocked(a)
	}
}

func (k *call) finishLocked(a answer) {
	k.state, k.link = finished, nil
	k.done <- a // has room
}
