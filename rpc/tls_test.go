package rpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/leat-go/leat/rpc"
)

// selfSigned returns the two sides' configuration for 127.0.0.1.
func selfSigned(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &tls.Config{RootCAs: roots}
}

// The same over TLS: byte for byte, with a name checked by default, a clean end, and no wait in Close.
func TestTLS(t *testing.T) {
	serverConfig, clientConfig := selfSigned(t)
	s := &rpc.Server{Handler: echoMux(), TLSConfig: serverConfig}
	addr := serveTCP(t, s)

	raw := tls.Client(rawDial(t, addr), &tls.Config{RootCAs: clientConfig.RootCAs, ServerName: "127.0.0.1"})
	write(t, raw, fiveRequests)
	expect(t, raw, fiveAnswers)

	c := dial(t, addr, &rpc.ClientOptions{TLSConfig: clientConfig})
	var out echo
	if err := c.Call(t.Context(), "Echo", echo{"hi"}, &out); err != nil || out.Text != "hi" {
		t.Errorf("got %q, %v", out.Text, err)
	}

	_, err := rpc.Dial(t.Context(), addr, &rpc.ClientOptions{TLSConfig: new(tls.Config)})
	hasText(t, err, "TLS handshake with "+addr, "certificate")

	silent := rawDial(t, addr) // never begins its handshake, and must not hold up Shutdown
	if err := s.Shutdown(within(t)); err != nil {
		t.Error(err)
	}
	expectEnd(t, raw)
	silent.Close()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A peer that speaks plain text to TLS, or never finishes its handshake, loses its connection.
func TestTLSHandshakeTimesOut(t *testing.T) {
	serverConfig, _ := selfSigned(t)
	addr := serveTCP(t, &rpc.Server{TLSConfig: serverConfig, IdleTimeout: 10 * time.Millisecond})
	expectEnd(t, rawDial(t, addr))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l := listen(t) // accepts, and says nothing
	start := time.Now()
	_, err := rpc.Dial(ctx, l.Addr().String(), &rpc.ClientOptions{TLSConfig: new(tls.Config), DialTimeout: 10 * time.Millisecond})
	isErr(t, err, context.DeadlineExceeded)
	if time.Since(start) >= patience {
		t.Error("DialTimeout did not bound the handshake")
	}
}
