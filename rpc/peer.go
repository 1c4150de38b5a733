package rpc

import (
	"context"
	"crypto/tls"
	"net"
)

// A Peer is who is at the other end of a connection.
type Peer struct {
	Addr net.Addr

	// TLS is nil unless the connection is TLS. With mutual TLS, which is Server.TLSConfig with a ClientAuth of
	// tls.RequireAndVerifyClientCert, TLS.VerifiedChains[0][0] is the certificate that the client showed.
	TLS *tls.ConnectionState
}

type peerKey struct{}

// PeerOf returns who sent the request that is being handled with ctx. It reports false if ctx is not that of a Handler or of a
// ServerInterceptor.
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
