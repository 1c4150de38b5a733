package rpc

import (
	"context"
	"errors"
	"io"
	"net"
)

// QueueLength is how many calls a client queues before further ones wait to be
// queued.
const QueueLength = queueLength

// NewClient is Dial with another way to connect.
func NewClient(ctx context.Context, o *ClientOptions, dial func(context.Context) (net.Conn, error)) (*Client, error) {
	return newClient(ctx, "test", o, dial)
}

// PipeListener is the listener of Local, and its dial.
func PipeListener() (net.Listener, func(context.Context) (net.Conn, error)) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	return l, l.dial
}

// Scan reads one message from src. The end is how many bytes it took, and code
// is not empty if it is not a message.
func Scan(src io.Reader, maxBytes, maxDepth int) (name string, payload []byte, end int, code Code, err error) {
	counted := &countingReader{src: src}
	r := newReader(counted, maxBytes, maxDepth)
	m, err := r.next()
	var bad *wireError
	if errors.As(err, &bad) {
		code = bad.code
	}
	return string(m.name), m.payload, counted.n - (r.w - r.r), code, err
}

type countingReader struct {
	src io.Reader
	n   int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += n
	return n, err
}
