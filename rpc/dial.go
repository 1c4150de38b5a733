package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// connect makes one attempt. It returns the TCP connection, and the connection
// to use: the same one, or TLS over it.
func (c *Client) connect(ctx context.Context) (raw, nc net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.DialTimeout)
	defer cancel()
	raw, err = c.dial(ctx)
	if err != nil || c.opts.TLSConfig == nil {
		return raw, raw, err
	}
	config := c.opts.TLSConfig
	if config.ServerName == "" {
		config = config.Clone()
		if config.ServerName, _, err = net.SplitHostPort(c.addr); err != nil {
			config.ServerName = c.addr
		}
	}
	t := tls.Client(raw, config)
	if err := t.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, fmt.Errorf("TLS handshake with %s: %w", c.addr, err)
	}
	return raw, t, nil
}

// reconnect connects again, with a pause before each attempt with a number of 0
// or more. It returns nil when the client is closed.
func (c *Client) reconnect(tries *int) *link {
	for ; ; *tries++ {
		if *tries >= 0 && !c.pause(*tries) {
			return nil
		}
		raw, nc, err := c.connect(c.ctx)
		if c.ctx.Err() != nil {
			if err == nil {
				raw.Close()
			}
			return nil
		}
		c.mu.Lock()
		c.down = err
		c.mu.Unlock()
		if err == nil {
			c.state.TrySend(Connected)
			c.opts.Logger.Info("rpc: connected again", "server", c.addr)
			*tries++
			return newLink(c, raw, nc)
		}
		c.opts.Logger.Debug("rpc: cannot connect", "server", c.addr, "err", err)
	}
}

// pause waits before attempt number n: a random part ("full jitter") of the
// least time, doubled n times. It returns false when the client is closed.
func (c *Client) pause(n int) bool {
	d := c.opts.MinBackoff
	for ; n > 0 && d < c.opts.MaxBackoff; n-- {
		d *= 2
	}
	t := time.NewTimer(rand.N(min(d, c.opts.MaxBackoff) + 1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
