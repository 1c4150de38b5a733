package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	netrpc "net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/leat-go/leat/rpc"
)

// loop calls in so many goroutines for each connection until ctx ends, and
// returns how many calls were answered.
func loop(ctx context.Context, calls []func(context.Context) error, window int, ready func(), start <-chan struct{}) (int64, error) {
	var total atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for _, call := range calls {
		ctx, cancel := context.WithCancel(ctx) // of the connection, so that not all callers of all connections meet at one
		defer cancel()
		for range window {
			all.Go(func() {
				<-start
				n, err := callOn(ctx, call)
				if total.Add(n); err != nil {
					failed.Store(&err)
				}
			})
		}
	}
	ready()
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return total.Load(), nil
}

// callOn calls until ctx ends.
func callOn(ctx context.Context, call func(context.Context) error) (n int64, err error) {
	for ; ctx.Err() == nil; n++ {
		if err := call(ctx); err != nil {
			if ctx.Err() != nil {
				err = nil
			}
			return n, err
		}
	}
	return n, nil
}

// connect makes n connections, and returns a function that closes them.
func connect[C any](n int, dial func() (C, error), closeOne func(C)) ([]C, func(), error) {
	var conns []C
	closeAll := func() {
		for _, c := range conns {
			closeOne(c)
		}
	}
	for range n {
		c, err := dial()
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return conns, closeAll, nil
}

// handClient writes a window of pings in one write, and reads as many answers,
// in one goroutine for each connection.
func handClient(ctx context.Context, addr string, n, window int, ready func(), start <-chan struct{}) (int64, error) {
	conns, closeAll, err := connect(n, func() (net.Conn, error) { return net.Dial("tcp", addr) }, func(c net.Conn) { c.Close() })
	if err != nil {
		return 0, err
	}
	defer closeAll()
	var calls []func(context.Context) error
	for _, c := range conns {
		pings, answers := []byte(strings.Repeat(ping, window)), make([]byte, len(ack)*window)
		calls = append(calls, func(context.Context) error {
			if _, err := c.Write(pings); err != nil {
				return err
			}
			_, err := io.ReadFull(c, answers)
			return err
		})
	}
	rounds, err := loop(ctx, calls, 1, ready, start)
	return rounds * int64(window), err
}

func leatClient(ctx context.Context, addr string, n, window int, ready func(), start <-chan struct{}) (int64, error) {
	conns, closeAll, err := connect(n, func() (*rpc.Client, error) {
		return rpc.Dial(ctx, addr, &rpc.ClientOptions{Window: window, Logger: slog.New(slog.DiscardHandler)})
	}, func(c *rpc.Client) { c.Close() })
	if err != nil {
		return 0, err
	}
	defer closeAll()
	var calls []func(context.Context) error
	for _, c := range conns {
		calls = append(calls, c.Ping)
	}
	return loop(ctx, calls, window, ready, start)
}

func grpcClient(ctx context.Context, addr string, n, window int, ready func(), start <-chan struct{}) (int64, error) {
	conns, closeAll, err := connect(n, func() (*grpc.ClientConn, error) {
		return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}, func(c *grpc.ClientConn) { c.Close() })
	if err != nil {
		return 0, err
	}
	defer closeAll()
	var calls []func(context.Context) error
	for _, c := range conns {
		h, request := healthpb.NewHealthClient(c), new(healthpb.HealthCheckRequest)
		check := func(ctx context.Context) error {
			_, err := h.Check(ctx, request)
			return err
		}
		if err := check(ctx); err != nil { // it connects with the first call
			return 0, err
		}
		calls = append(calls, check)
	}
	return loop(ctx, calls, window, ready, start)
}

func jrpc2Client(ctx context.Context, addr string, n, window int, ready func(), start <-chan struct{}) (int64, error) {
	conns, closeAll, err := connect(n, func() (*jrpc2.Client, error) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		return jrpc2.NewClient(channel.Line(c, c), nil), nil
	}, func(c *jrpc2.Client) { c.Close() })
	if err != nil {
		return 0, err
	}
	defer closeAll()
	var calls []func(context.Context) error
	for _, c := range conns {
		calls = append(calls, func(ctx context.Context) error {
			_, err := c.Call(ctx, "Ping", nil)
			return err
		})
	}
	return loop(ctx, calls, window, ready, start)
}

// net/rpc knows no ctx: the last calls are waited for.
func netrpcClient(ctx context.Context, addr string, n, window int, ready func(), start <-chan struct{}) (int64, error) {
	conns, closeAll, err := connect(n, func() (*netrpc.Client, error) { return jsonrpc.Dial("tcp", addr) },
		func(c *netrpc.Client) { c.Close() })
	if err != nil {
		return 0, err
	}
	defer closeAll()
	var calls []func(context.Context) error
	for _, c := range conns {
		calls = append(calls, func(context.Context) error {
			var ok bool
			if err := c.Call("Health.Ping", struct{}{}, &ok); err != nil || !ok {
				return fmt.Errorf("answered %v, %w", ok, err)
			}
			return nil
		})
	}
	return loop(ctx, calls, window, ready, start)
}
