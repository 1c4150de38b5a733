package rpc_test

import (
	"encoding/json"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat/rpc"
)

// The peer writes six bytes and reads five. A server that waits for a seventh
// byte, or sends a sixth, fails.
func TestRawPeerPings(t *testing.T) {
	for _, h := range []rpc.Handler{nil, new(rpc.Mux)} {
		c := rawDial(t, serveTCP(t, &rpc.Server{Handler: h}))
		for range 3 {
			write(t, c, `"Ping"`)
			expect(t, c, `"Ack"`)
		}
		c.CloseWrite()
		expectEnd(t, c)
	}
}

// Each request and its exact answer, and whether the connection lives on: an
// answer in the wrong form, with another byte, or a connection that ends or
// lives wrongly, fails.
func TestWire(t *testing.T) {
	parse := func(text string) string { return `{"Error":{"code":"parse_error","message":"` + text + `"}}` }
	for _, test := range []struct {
		name, request, answer string
		dies                  bool
	}{
		{"bare", `"Ping"`, `"Ack"`, false},
		{"with parameters", `{"Echo":{"text":"hi"}}`, `{"Ack":{"text":"hi"}}`, false},
		{"HTML stays as it is", `{"Echo":{"text":"<&>"}}`, `{"Ack":{"text":"<&>"}}`, false},
		{"bare, with a result", `"Echo"`, `"Ack"`, false},
		{"null parameters", `{"Echo":null}`, `{"Ack":{"text":""}}`, false},
		{"Ping with parameters", `{"Ping":{}}`, `{"Ack":null}`, false},
		{"escaped name", `"\u0050ing"`, `"Ack"`, false},
		{"escaped name with parameters", "{ \"E\\u0063ho\" :\n{\"text\":\"}\"} }", `{"Ack":{"text":"}"}}`, false},
		{"failure", `{"Fail":{}}`, `{"Error":{"code":"failed","message":"it <failed>"}}`, false},
		{"bare failure", `"Fail"`, `"Error"`, false},
		{"unknown", `{"Nope":1}`, `{"Error":{"code":"unknown_method","message":"there is no method \"Nope\""}}`, false},
		{"bare unknown", `"Nope"`, `"Error"`, false},
		{"empty name", `""`, `"Error"`, false},
		{"bad parameters", `{"Fail":7}`, `{"Error":{"code":"bad_params","message":"json: cannot unmarshal number into Go value of type struct {}"}}`, false},
		{"no member", `{}`, `{"Error":{"code":"bad_request","message":"an object of 0 members, not of one"}}`, false},
		{"two members", `{"Ping":1,"Ping":2}`, `{"Error":{"code":"bad_request","message":"an object of 2 members, not of one"}}`, false},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", `"Error"`, true},
		{"number", `17`, `"Error"`, true},
		{"array", `["Ping"]`, `"Error"`, true},
		{"control byte in a string", "\"Pi\n", `"Error"`, true},
		{"broken object", `{"Echo"}`, parse(`unexpected byte \"}\" after a member's name, at byte 7`), true},
		{"broken object, at the first bad byte", `{x`, parse(`unexpected byte \"x\" where a member's name begins, at byte 1`), true},
		{"too long", `"` + strings.Repeat("x", 8000), `"Error"`, true},
		{"too long, with parameters", `{"Echo":{"text":"` + strings.Repeat("x", 8000), `{"Error":{"code":"too_large","message":"longer than 1000 bytes"}}`, true},
		{"too deep", `{"Echo":[[[[`, `{"Error":{"code":"too_deep","message":"nested deeper than 4 levels"}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := rawDial(t, serveTCP(t, &rpc.Server{Handler: echoMux(), MaxMessageBytes: 1000, MaxDepth: 4}))
			write(t, c, test.request)
			expect(t, c, test.answer)
			if test.dies {
				expectEnd(t, c)
				return
			}
			write(t, c, `"Ping"`)
			expect(t, c, `"Ack"`)
		})
	}
}

const (
	fiveRequests = "\"Ping\"\"Echo\"\n\t{\"Echo\":{\"text\":\"a \\\"}{\\u007d\"}}{\"Nope\":[1,{}]} \r\n \"Ping\""
	fiveAnswers  = `"Ack""Ack"{"Ack":{"text":"a \"}{}"}}{"Error":{"code":"unknown_method","message":"there is no method \"Nope\""}}"Ack"`
)

// Over a pipe a write of one byte is a read of one byte: a server that needs
// two at once, or one more, hangs or fails.
func TestSplitByteByByte(t *testing.T) {
	l, dialPipe := rpc.PipeListener()
	serve(t, &rpc.Server{Handler: echoMux()}, l)
	c, err := dialPipe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range fiveRequests {
			if _, err := c.Write([]byte{fiveRequests[i]}); err != nil {
				t.Errorf("byte %d: %v", i, err)
				return
			}
		}
	}()
	expect(t, c, fiveAnswers)
	<-written
}

// Several requests in one packet are answered each, in order; a server that
// drops those that came with the first one hangs.
func TestSeveralInOnePacket(t *testing.T) {
	c := rawDial(t, serveTCP(t, &rpc.Server{Handler: echoMux()}))
	write(t, c, strings.Repeat(fiveRequests, 100))
	expect(t, c, strings.Repeat(fiveAnswers, 100))
}

// A request that is cut off is not JSON: it is answered with an error and the
// connection ends, rather than hangs.
func TestHalfARequest(t *testing.T) {
	c := rawDial(t, serveTCP(t, new(rpc.Server)))
	write(t, c, `"Ping" "Pin`)
	c.CloseWrite()
	expect(t, c, `"Ack""Error"`)
	expectEnd(t, c)
}

// A peer that asks and ends its side, as in a shell's pipe, still gets its
// answer.
func TestHalfClosedPeerIsAnswered(t *testing.T) {
	c := rawDial(t, serveTCP(t, &rpc.Server{Handler: echoMux()}))
	write(t, c, "{\"Echo\":{\"text\":\"hi\"}}\n")
	c.CloseWrite()
	expect(t, c, `{"Ack":{"text":"hi"}}`)
	expectEnd(t, c)
}

// The refusal of a request reaches a peer that is still writing it: to close
// the connection with bytes unread would reset it.
func TestRefusalReachesAWriter(t *testing.T) {
	c := rawDial(t, serveTCP(t, new(rpc.Server)))
	go func() {
		c.Write([]byte(`"` + strings.Repeat("x", 4<<20))) // fails or not
	}()
	expect(t, c, `"Error"`)
}

// strictServer accepts exactly one JSON value per read, answers "Ack", and
// hangs up on anything else. It counts connections.
func strictServer(t *testing.T) (addr string, conns *atomic.Int32) {
	l := listen(t)
	conns = new(atomic.Int32)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			all.Go(func() {
				defer c.Close()
				strictConn(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String(), conns
}

func strictConn(c net.Conn) {
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		if !json.Valid(b) || b[0] == ' ' || b[n-1] == '\n' {
			return
		}
		if _, err := c.Write([]byte(`"Ack"`)); err != nil {
			return
		}
	}
}

// The strict server hangs up if a request is split, has a newline after it, or
// is joined by the next before it is answered. The calls then fail, or the
// count of connections shows it.
func TestClientAgainstStrictServer(t *testing.T) {
	addr, conns := strictServer(t)
	c := dial(t, addr, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := c.Ping(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if err := c.Call(t.Context(), "Echo", echo{"hi"}, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := conns.Load(); n != 1 {
		t.Errorf("the client needed %d connections, want 1: the server hung up on what it wrote", n)
	}
}
