package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/leat-go/leat"
)

// A link is one connection of a Client. The client's run writes to it, and a
// goroutine of its own reads from it.
//
// A call is in flight from just before its request is written until its answer
// is read, or the link is lost. At most Window calls are in flight, and they
// are answered in order.
type link struct {
	nc    net.Conn // raw, or TLS over it
	in    *reader
	room  chan struct{}   // signalled when the window has room again, if run asked for it; room for one
	ctx   context.Context // ends when the link is cut, with the reason as its cause; the connection is closed then
	cut   context.CancelCauseFunc
	ended chan struct{} // closed when the reading goroutine has ended

	// Guarded by the client's mutex.
	inFlight callQueue
	callers  int  // how many of inFlight have a caller that still waits
	full     bool // run asked for room
	answered bool // the server has answered at least once
}

var errNobodyWaits = errors.New("no caller waits any more for the answers to come")

// lateTime is how long, after a failed write, the answers may take to arrive
// that the server sent before it left.
const lateTime = time.Second

func newLink(c *Client, raw, nc net.Conn) *link {
	l := &link{
		nc:    nc,
		in:    newReader(nc, c.opts.MaxMessageBytes, 0),
		room:  make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	l.ctx, l.cut = context.WithCancelCause(c.ctx)
	context.AfterFunc(l.ctx, func() {
		raw.Close()           // rather than TLS over it, whose Close may wait
		_ = c.tx.TrySend(nil) // if there is no room for it, run has something to receive anyway
	})
	go c.read(l)
	return l
}

// run is the goroutine that owns the writing side, from the first link to the
// end of the client.
func (c *Client) run(l *link) {
	defer func() {
		c.state.TrySend(Closed)
		c.state.Close()
		close(c.stopped)
	}()
	out := new(outbox)
	tries := 0 // attempts to connect since a link was last of use
	for l != nil {
		err := c.write(l, out)
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
	c.tx.Close()
	for _, k := range out.calls {
		c.refuse(k)
	}
	for k := range c.rx.All(context.Background()) {
		c.refuse(k)
	}
}

// An outbox holds the calls that run has received and not yet written.
type outbox struct {
	calls  []*call // in order; some may be nil
	space  [maxRun]*call
	frames []byte // requests that are written together
	ends   []int  // where each of them ends
}

const (
	maxRun      = 256      // requests written together
	maxRunBytes = 64 << 10 // no request is added to a run of this length
)

// write writes requests to l until l is lost. Requests that it could not write
// stay in out, for the next link. It returns the error of a failed write.
func (c *Client) write(l *link, out *outbox) error {
	for l.ctx.Err() == nil {
		if len(out.calls) == 0 && !c.receive(out) {
			return nil
		}
		if !c.begin(l, out) {
			select {
			case <-l.room:
			case <-l.ctx.Done():
			}
			continue
		}
		if len(out.frames) == 0 {
			continue
		}
		if n, err := l.nc.Write(out.frames); err != nil {
			c.unsend(l, out, n)
			// The answers that the server sent before it left are still to be
			// read.
			l.nc.SetReadDeadline(time.Now().Add(lateTime))
			return err
		}
	}
	return nil
}

// receive waits for calls. It returns false if there will be no more.
func (c *Client) receive(out *outbox) bool {
	ctx := context.Background() // a link that is cut sends nil
	room := out.space[:min(c.opts.Window, maxRun)]
	n, err := c.rx.RecvMany(ctx, room)
	if err == nil && n < len(room) {
		// When one goroutine calls, others are often about to. This lets them
		// run if they can; it takes no time if there are none.
		runtime.Gosched()
		if c.rx.Len() > 0 {
			var more int
			more, _ = c.rx.RecvMany(ctx, room[n:])
			n += more
		}
	}
	out.calls = room[:n]
	return err == nil
}

// begin takes calls out of the outbox, puts them in flight, and makes the run
// of their requests. The run is empty if all their callers have left. begin
// returns false, and has no effect, if the window has no room; then l.room is
// signalled when it has.
//
// No call begins on a link that is cut. The mutex is held, so no call begins
// either on a link that the last caller of the others has just given up.
func (c *Client) begin(l *link, out *outbox) bool {
	if cap(out.frames) > 2*maxRunBytes {
		out.frames = nil
	}
	out.frames, out.ends = out.frames[:0], out.ends[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.ctx.Err() != nil {
		return true
	}
	room := c.opts.Window - l.inFlight.n
	if room == 0 {
		l.full = true
		return false
	}
	for room > 0 && len(out.calls) > 0 && len(out.frames) < maxRunBytes {
		k := out.calls[0]
		out.calls[0], out.calls = nil, out.calls[1:]
		if k == nil || k.state == left {
			continue
		}
		k.state, k.link = inFlight, l
		l.inFlight.push(k)
		l.callers++
		room--
		out.frames = append(out.frames, k.buf...)
		out.ends = append(out.ends, len(out.frames))
	}
	return true
}

// unsend takes back the calls of the run of which no byte was written: only n
// bytes were. They are the last ones in flight, unless the server answered
// requests that it did not get.
func (c *Client) unsend(l *link, out *outbox, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var back []*call
	for i := len(out.ends) - 1; i >= 0 && l.inFlight.n > 0; i-- {
		if i > 0 && out.ends[i-1] < n || i == 0 && n > 0 {
			break
		}
		if k := l.inFlight.unpush(); k.state == inFlight {
			k.state, k.link = queued, nil
			l.callers--
			back = append(back, k)
		}
	}
	slices.Reverse(back)
	out.calls = append(back, out.calls...)
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
			err = fmt.Errorf("the server did not send an answer: %w", err)
		}
		l.cut(err)
		return
	}
}

// deliver gives an answer to the first call in flight, and the bare answers
// that came with it to the next ones.
func (c *Client) deliver(l *link, m message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.deliverLocked(l, m); err != nil {
			return err
		}
		ok := l.in.more()
		if ok {
			m, ok = l.in.bare()
		}
		if !ok {
			break
		}
	}
	if l.full && l.inFlight.n < c.opts.Window {
		l.full = false
		l.room <- struct{}{} // has room: run, which asked, has taken the last signal
	}
	return nil
}

func (c *Client) deliverLocked(l *link, m message) error {
	kind := unanswered
	switch string(m.name) {
	case "Ack":
		kind = bareAck
	case "Error":
		kind = bareError
	default:
		return fmt.Errorf("the server did not send an answer: %.40q", m.name)
	}
	if m.payload != nil {
		kind += taggedAck - bareAck
	}
	if l.inFlight.n == 0 {
		return fmt.Errorf("the server sent an answer, %.40q, that nobody asked for", m.name)
	}
	k := l.inFlight.pop()
	l.answered = true
	if k.state == inFlight {
		l.callers--
		k.kind, k.buf = kind, append(k.buf[:0], m.payload...)
		k.finishLocked()
	}
	return nil
}

// drop finishes the calls that are left on l, whose reader has ended, and
// returns the reason. The error is that of a failed write, or nil.
func (c *Client) drop(l *link, err error) error {
	l.cut(err)
	cause := context.Cause(l.ctx)
	if err != nil && errors.Is(cause, os.ErrDeadlineExceeded) { // ours, set after the write
		cause = err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = cause
	for l.inFlight.n > 0 {
		if k := l.inFlight.pop(); k.state == inFlight {
			k.sent, k.err = ErrMaybeSent, cause
			k.finishLocked()
		}
	}
	return cause
}

// refuse tells the caller of k, if it still waits, that the client is closed.
func (c *Client) refuse(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k != nil && k.state != left {
		k.sent, k.err = ErrNotSent, leat.ErrClosed
		k.finishLocked()
	}
}

func (k *call) finishLocked() {
	k.state, k.link = finished, nil
	k.done <- struct{}{} // has room
}

// A callQueue is a queue of calls, in a ring that grows.
type callQueue struct {
	ring []*call // its length is a power of two
	head int     // the index of the first call
	n    int     // the number of calls
}

func (q *callQueue) at(i int) **call { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

// push puts k last.
func (q *callQueue) push(k *call) {
	if q.n == len(q.ring) {
		ring := make([]*call, max(2*len(q.ring), 4))
		for i := range q.n {
			ring[i] = *q.at(i)
		}
		q.ring, q.head = ring, 0
	}
	*q.at(q.n) = k
	q.n++
}

// pop removes the first call.
func (q *callQueue) pop() *call {
	k := *q.at(0)
	*q.at(0) = nil
	q.head++
	q.n--
	return k
}

// unpush removes the last call.
func (q *callQueue) unpush() *call {
	q.n--
	k := *q.at(q.n)
	*q.at(q.n) = nil
	return k
}
