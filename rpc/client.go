package rpc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/watch"
)

// ClientOptions configures a Client. A nil *ClientOptions and the zero value
// mean the defaults.
type ClientOptions struct {
	// Window is how many requests may be unanswered at once. Zero is 1: the
	// client writes one request, reads its answer, and only then writes the
	// next one, which is safe with every peer. A larger window pipelines, which
	// a Server supports: the client writes waiting requests together, as many
	// as the window has room for, and the server answers them together. A
	// request with no other before it is written at once. The server still
	// handles requests one after another. Dial panics if Window is negative.
	Window int

	// MaxMessageBytes is how long an answer may be. Zero is 1 MiB, and less
	// than zero means no limit. A longer answer ends the connection.
	MaxMessageBytes int

	// TLSConfig, unless nil, makes the connection TLS. An empty ServerName in
	// it stands for the host of the address.
	TLSConfig *tls.Config

	// DialTimeout is how long one attempt to connect may take, TLS included.
	// Zero is 10 seconds.
	DialTimeout time.Duration

	// MinBackoff and MaxBackoff bound the pause before an attempt to reconnect.
	// The pause is a random part of a time that begins with MinBackoff and
	// doubles with each attempt up to MaxBackoff. Zero is 50 milliseconds and 5
	// seconds.
	MinBackoff, MaxBackoff time.Duration

	// Logger gets a record when the connection is lost, and when there is one
	// again. Nil is slog.Default().
	Logger *slog.Logger

	// Interceptors wrap every call, the first one outermost.
	Interceptors []ClientInterceptor
}

const (
	defaultDialTimeout = 10 * time.Second
	defaultMinBackoff  = 50 * time.Millisecond
	defaultMaxBackoff  = 5 * time.Second

	queueLength = 1024 // calls that wait to be written; further ones wait to be queued, in order
)

// resolve returns the options with the defaults filled in.
func (o *ClientOptions) resolve() ClientOptions {
	var r ClientOptions
	if o != nil {
		r = *o
	}
	if r.Window < 0 {
		panic(fmt.Sprintf("rpc: negative ClientOptions.Window %d", r.Window))
	}
	r.Window = max(r.Window, 1)
	if r.DialTimeout <= 0 {
		r.DialTimeout = defaultDialTimeout
	}
	if r.MinBackoff <= 0 {
		r.MinBackoff = defaultMinBackoff
	}
	if r.MaxBackoff <= 0 {
		r.MaxBackoff = defaultMaxBackoff
	}
	r.MaxBackoff = max(r.MaxBackoff, r.MinBackoff)
	if r.Logger == nil {
		r.Logger = slog.Default()
	}
	return r
}

// Client calls the methods of one server. It uses one connection at a time, and
// replaces a lost one. Its methods may be called concurrently. Requests are
// written in the order of the calls.
//
// A Client owns goroutines. Close ends them.
type Client struct {
	opts  ClientOptions
	addr  string
	dial  func(context.Context) (net.Conn, error)
	call  CallFunc  // do, inside the interceptors
	calls sync.Pool // of *call; the client's own, so that a channel in it stays in its synctest bubble

	tx      leat.Sender[*call] // a nil call tells run to look at its link
	rx      callReceiver       // belongs to run
	ctx     context.Context    // ends with the client
	cancel  context.CancelCauseFunc
	stopped chan struct{} // closed when run has ended
	state   *watch.Sender[State]

	mu   sync.Mutex // guards the fields below, and parts of links and calls; not held during I/O or a wait
	down error      // why there is no connection; nil if there is one
}

// A callReceiver is what run needs of the *mpsc.Receiver of calls. A field of
// that type would have each package that knows Client compile all methods of a
// channel of calls, which can be a third of its compile time.
type callReceiver interface {
	RecvMany(ctx context.Context, buf []*call) (n int, err error)
	All(ctx context.Context) iter.Seq[*call]
	Len() int
	Close() error
}

// A call is one request on its way, and then its answer. Until done is
// signalled, the client's mutex guards everything but enc. After that the call
// belongs to the caller, and may be used again.
type call struct {
	state callState
	link  *link         // where it was written, if inFlight
	done  chan struct{} // signalled when finished, unless the caller has left; room for one
	buf   []byte        // the request, and later the payload of the answer
	enc   encoder       // the caller's

	kind      answerKind
	sent, err error // of unanswered: ErrNotSent or ErrMaybeSent, and why
}

type callState uint8

const (
	queued   callState = iota // no byte was written
	inFlight                  // may have been written
	finished                  // the other fields say how
	left                      // the caller's ctx ended before that
)

type answerKind uint8

const (
	unanswered  answerKind = iota
	bareAck                // "Ack"
	bareError              // "Error"
	taggedAck              // {"Ack":…}, and buf is …
	taggedError            // {"Error":…}, and buf is …
)

// Dial connects to the server at addr, a TCP address as for net.Dial, and
// returns a client. It blocks until it is connected, and returns an error if
// the first attempt fails or ctx ends before. Later the client reconnects by
// itself, and this ctx has no effect. A nil o means the defaults.
func Dial(ctx context.Context, addr string, o *ClientOptions) (*Client, error) {
	var d net.Dialer
	return newClient(ctx, addr, o, func(ctx context.Context) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", addr)
	})
}

func newClient(ctx context.Context, addr string, o *ClientOptions, dial func(context.Context) (net.Conn, error)) (*Client, error) {
	needContext(ctx)
	c := &Client{opts: o.resolve(), addr: addr, dial: dial, stopped: make(chan struct{})}
	c.calls.New = func() any { return &call{done: make(chan struct{}, 1)} }
	c.call = interceptCalls(c.do, c.opts.Interceptors)
	raw, nc, err := c.connect(ctx)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("rpc: %w; is the server running?", err)
	}
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.tx, c.rx = mpsc.New[*call](queueLength)
	c.state = watch.New(Connected)
	go c.run(newLink(c, raw, nc))
	return c, nil
}

// State says whether a [Client] has a connection at the moment.
type State uint8

const (
	Connecting State = iota // no connection: the client tries to connect, and calls wait
	Connected               // a connection, which may turn out to be lost
	Closed                  // the client is closed
)

// String returns "connecting", "connected" or "closed".
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// State returns a receiver of the client's state: Get returns it, Recv waits
// for a change. A state that lasts too short may be skipped. Close of the
// client makes Closed the last state, and then ends the receiver. The caller
// must close the receiver.
func (c *Client) State() *watch.Receiver[State] { return c.state.Subscribe() }

// Ping calls the method "Ping" without parameters: it sends `"Ping"` and
// expects `"Ack"`. Its errors are those of Call.
func (c *Client) Ping(ctx context.Context) error { return c.Call(ctx, "Ping", nil, nil) }

// Call calls a method and waits for the answer, and before that for a
// connection if there is none. Params, unless nil, is sent as encoding/json
// encodes it. The result is decoded into result, a pointer, unless that is nil.
// If both are nil, the request is the bare string, and the answer says only
// whether the call worked.
//
// If the answer is an error, Call returns it as an *Error. Otherwise its error
// is or wraps the reason, such as ctx.Err() or leat.ErrClosed, and says what
// happened to the request:
//
//   - errors.Is(err, ErrNotSent): no byte of it was written; calling again is
//     safe.
//   - errors.Is(err, ErrMaybeSent): it was written, in part or whole, and the
//     server may have executed it.
//   - Neither: the server executed it, but the result does not fit into result.
//
// When ctx ends, Call returns at once. If the request was written and no other
// caller waits for an answer on the connection, the client replaces the
// connection, so that a late or missing answer delays nobody. If others wait,
// it keeps the connection and drops the late answer.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	needContext(ctx)
	if method == "" {
		panic("rpc: empty method name")
	}
	return c.call(ctx, method, params, result)
}

// do is Call inside the interceptors.
func (c *Client) do(ctx context.Context, method string, params, result any) error {
	needContext(ctx)
	k := c.calls.Get().(*call)
	err := k.encode(method, params, result != nil)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		k.state = queued
		err = c.tx.Send(ctx, k)
	}
	if err != nil {
		c.calls.Put(k)
		return c.explain(ctx, &callError{method: method, sent: ErrNotSent, cause: err})
	}
	if end := ctx.Done(); end == nil {
		<-k.done
	} else {
		select {
		case <-k.done:
		case <-end:
			if sent := c.leave(k); sent != nil {
				return c.explain(ctx, &callError{method: method, sent: sent, cause: ctx.Err()})
			}
		}
	}
	err = k.result(method, result)
	if k.kind == unanswered {
		err = c.explain(ctx, &callError{method: method, sent: k.sent, cause: k.err})
	}
	k.release()
	c.calls.Put(k)
	return err
}

// explain adds to the error of a call that ended before it was sent why there
// is no connection.
func (c *Client) explain(ctx context.Context, e *callError) error {
	if e.sent == ErrNotSent && ctx.Err() != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		e.hint = c.down
	}
	return e
}

// encode makes the request for the wire.
func (k *call) encode(method string, params any, wantsResult bool) error {
	bare := params == nil && !wantsResult
	b := k.buf[:0]
	if !bare {
		b = append(b, '{')
	}
	if isPlain(method) {
		b = append(b, '"')
		b = append(b, method...)
		b = append(b, '"')
	} else {
		name, err := k.enc.encode(method)
		if err != nil {
			return err
		}
		b = append(b, name...)
	}
	if !bare {
		payload, err := k.enc.encode(params)
		if err != nil {
			return err
		}
		b = append(b, ':')
		b = append(b, payload...)
		b = append(b, '}')
	}
	k.buf = b
	return nil
}

// isPlain reports whether a JSON string contains s unchanged.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// result returns what the answer means for the caller.
func (k *call) result(method string, result any) error {
	switch k.kind {
	case bareError:
		return &Error{Code: CodeFailed}
	case taggedError:
		return decodeError(k.buf)
	case bareAck:
		if result != nil {
			return fmt.Errorf("rpc: call %s: the server answered without a result", method)
		}
	case taggedAck:
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(k.buf, result); err != nil {
			return fmt.Errorf("rpc: call %s: the server's result does not fit: %w", method, err)
		}
	}
	return nil
}

// release drops everything that the call refers to, before it is used again.
func (k *call) release() {
	k.kind, k.sent, k.err = unanswered, nil, nil
	if cap(k.buf) > keepBuffer {
		k.buf = nil
	}
}

// leave ends the wait of the caller of k, whose ctx has ended. It returns
// ErrNotSent or ErrMaybeSent, or nil if k was finished by then.
func (c *Client) leave(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch k.state {
	case queued:
		k.state = left
		return ErrNotSent
	case inFlight:
		k.state = left
		if k.link.callers--; k.link.callers == 0 {
			k.link.cut(errNobodyWaits)
		}
		return ErrMaybeSent
	}
	<-k.done // it is there
	return nil
}

// Close ends the client and its connection, and waits for its goroutines.
// Waiting and later calls fail with an error that wraps leat.ErrClosed, and
// ErrNotSent or ErrMaybeSent. Close returns nil. It may be called more than
// once, and concurrently with anything.
func (c *Client) Close() error {
	c.cancel(leat.ErrClosed)
	<-c.stopped
	return nil
}
