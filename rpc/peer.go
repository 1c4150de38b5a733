package rpc

import (
	"context"
	"crypto/tls"
	"net"
)

// A Peer is the other end of a connection.
type Peer struct {
	Addr net.Addr

	// TLS is nil unless the connection is TLS. With mutual TLS (a ClientAuth of
	// tls.RequireAndVerifyClientCert in Server.TLSConfig),
	// TLS.VerifiedChains[0][0] is the client's certificate.
	TLS *tls.ConnectionState
}

type peerKey struct{}

// PeerOf returns the peer that sent the request handled with ctx. It reports
// false if ctx does not come from a Handler or a ServerInterceptor.
func PeerOf(ctx context.Context) (Peer, bool) {
	c, ok := ctx.Value(peerKey{}).(*conn)
	if !ok {
		return Peer{}, false
	}
	p := Peer{Addr: c.raw.RemoteAddr()}
	if t, ok := c.nc.(*tls.Conn); ok {
		state := t.ConnectionState()
		p.TLS = &state
	}
	return p, true
}
