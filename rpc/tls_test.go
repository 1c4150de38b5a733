package rpc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
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

// The same over TLS: byte for byte, with a name checked by default, a clean
// end, and no wait in Close.
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

// With mutual TLS the server knows who calls, by the certificate. A caller
// with none, or another's, does not get in. It fails if a handler gets a wrong
// name, or if a stranger's call is answered.
func TestMutualTLS(t *testing.T) {
	serverConfig, clientConfig := selfSigned(t) // one certificate for both: each side trusts it alone
	strangerConfig, _ := selfSigned(t)
	serverConfig.ClientAuth = tls.RequireAndVerifyClientCert
	serverConfig.ClientCAs = clientConfig.RootCAs
	m := new(rpc.Mux)
	rpc.Handle(m, "WhoAmI", func(ctx context.Context, _ struct{}) (string, error) {
		peer, ok := rpc.PeerOf(ctx)
		if !ok || peer.TLS == nil {
			return "", errors.New("the handler does not know its peer")
		}
		return peer.TLS.VerifiedChains[0][0].SerialNumber.String() + " at " + peer.Addr.Network(), nil
	})
	addr := serveTCP(t, &rpc.Server{Handler: m, TLSConfig: serverConfig})

	known := clientConfig.Clone()
	known.Certificates = serverConfig.Certificates
	c := dial(t, addr, &rpc.ClientOptions{TLSConfig: known})
	var who string
	if err := c.Call(t.Context(), "WhoAmI", struct{}{}, &who); err != nil || who != "1 at tcp" {
		t.Errorf("the server knows the client as %q, %v", who, err)
	}

	stranger := clientConfig.Clone()
	stranger.Certificates = strangerConfig.Certificates
	for name, config := range map[string]*tls.Config{"nobody": clientConfig, "a stranger": stranger} {
		// In TLS 1.3 the client is done before the server has looked at its
		// certificate: it is the call that fails.
		c, err := rpc.Dial(t.Context(), addr, &rpc.ClientOptions{TLSConfig: config, Logger: quiet})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err = c.Ping(ctx)
			cancel()
			c.Close()
		}
		hasText(t, err, "certificate")
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s had to wait for the refusal", name)
		}
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("the good client beside them: %v", err)
	}
}

// Outside of a handler there is no peer; over plain TCP there is one without
// TLS.
func TestPeerOf(t *testing.T) {
	if _, ok := rpc.PeerOf(t.Context()); ok {
		t.Error("a ctx of the test has a peer")
	}
	m := new(rpc.Mux)
	rpc.Handle(m, "WhereAmI", func(ctx context.Context, _ struct{}) (string, error) {
		peer, _ := rpc.PeerOf(ctx)
		if peer.TLS != nil {
			t.Error("plain TCP has a TLS state")
		}
		return peer.Addr.String(), nil
	})
	c := rawDial(t, serveTCP(t, &rpc.Server{Handler: m}))
	write(t, c, `{"WhereAmI":{}}`)
	expect(t, c, `{"Ack":"`+c.LocalAddr().String()+`"}`)
}

// A peer that speaks plain text to TLS, or never finishes its handshake, loses
// its connection.
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

// A failed handshake is counted, and logged at the debug level. A port scanner
// must not fill the log: a record at a higher level fails.
func TestTLSHandshakeErrorsAreCounted(t *testing.T) {
	serverConfig, clientConfig := selfSigned(t)
	var log bytes.Buffer
	s := &rpc.Server{TLSConfig: serverConfig}
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	addr := serveTCP(t, s)
	const scanners = 3
	for range scanners {
		c := rawDial(t, addr)
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		io.Copy(io.Discard, c)
	}
	c := dial(t, addr, &rpc.ClientOptions{TLSConfig: clientConfig})
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if conns := s.Stats().Conns; conns < 1 {
		t.Errorf("Stats says %d connections, and one is open", conns)
	}
	c.Close()
	if err := s.Shutdown(within(t)); err != nil {
		t.Error(err)
	}
	if got := s.Stats(); got.TLSHandshakeErrors != scanners || got.Conns != 0 {
		t.Errorf("got %+v, want %d failed handshakes and no connections", got, scanners)
	}
	const record = `level=DEBUG msg="rpc: TLS handshake failed"`
	if n := strings.Count(log.String(), record); n != scanners || strings.Count(log.String(), "handshake failed") != n {
		t.Errorf("the log has %d records %s, want %d and no others:\n%s", n, record, scanners, log.String())
	}
}
