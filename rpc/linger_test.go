package rpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/rpc"
)

// A halfPipe is an end of net.Pipe that has CloseWrite, as TCP has. The other
// end does not notice.
type halfPipe struct{ net.Conn }

func (halfPipe) CloseWrite() error { return nil }

// A halfListener gives each connection that it accepts CloseWrite.
type halfListener struct{ net.Listener }

func (l halfListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return halfPipe{c}, err
}

// When Shutdown ends a connection, the system still sends the last answers. If
// the server has closed by then, and the peer writes another request, the
// system drops them. It fails if a server gives a peer that has just been
// answered no more time than one that has been silent for long.
func TestShutdownLingersAfterAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name           string
		silent, expect time.Duration
	}{
		{"answered just now", 0, 2 * time.Second},
		{"answered a second ago", time.Second, 2 * time.Second},
		{"silent for a minute", time.Minute, 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, dial := rpc.PipeListener()
				s := new(rpc.Server)
				ended := make(chan error, 1)
				go func() { ended <- s.Serve(halfListener{l}) }()
				near, err := dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer near.Close()
				go near.Write([]byte(`"Ping"`))
				answer := make([]byte, len(`"Ack"`))
				if _, err := io.ReadFull(near, answer); err != nil {
					t.Fatal(err)
				}
				<-time.After(c.silent)
				synctest.Wait()
				began := time.Now()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != c.expect {
					t.Errorf("Shutdown closed the connection after %v, want %v", took, c.expect)
				}
				<-ended
			})
		})
	}
}
