package main

import (
	"context"
	"io"
	"net"
	netrpc "net/rpc"
	"net/rpc/jsonrpc"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/leat-go/leat/rpc"
)

// The servers, each of which listens on a free port, and lives as long as the
// process.
var servers = map[string]func() (addr string, err error){
	"leat":   func() (string, error) { return listen(func(l net.Listener) { new(rpc.Server).Serve(l) }) },
	"hand":   func() (string, error) { return listen(each(handConn)) },
	"netrpc": netrpcServer,
	"jrpc2":  func() (string, error) { return listen(each(jrpc2Conn)) },
	"grpc":   grpcServer,
}

func listen(serve func(net.Listener)) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go serve(l)
	return l.Addr().String(), nil
}

// each serves every connection in a goroutine of its own.
func each(conn func(net.Conn)) func(net.Listener) {
	return func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go conn(c)
		}
	}
}

const (
	ping = `"Ping"`
	ack  = `"Ack"`
)

// handConn is the least that answers a ping in Go: no limits, no timeouts, no
// other request, no parser.
func handConn(c net.Conn) {
	defer c.Close()
	buf := make([]byte, len(ping))
	answer := []byte(ack)
	for {
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != ping {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// Health is the service of net/rpc.
type Health struct{}

// Ping answers true.
func (Health) Ping(_ struct{}, ok *bool) error {
	*ok = true
	return nil
}

func netrpcServer() (string, error) {
	s := netrpc.NewServer()
	if err := s.Register(Health{}); err != nil {
		return "", err
	}
	return listen(each(func(c net.Conn) { s.ServeCodec(jsonrpc.NewServerCodec(c)) }))
}

func jrpc2Conn(c net.Conn) {
	methods := handler.Map{"Ping": handler.New(func(context.Context) (bool, error) { return true, nil })}
	jrpc2.NewServer(methods, nil).Start(channel.Line(c, c)).Wait()
}

// gRPC's own health check is its ping.
func grpcServer() (string, error) {
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	return listen(func(l net.Listener) { s.Serve(l) })
}
