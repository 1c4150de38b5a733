package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/rpc"
)

type Sum struct {
	Total int `json:"total"`
}

// A server on a port of its own, and a client of it.
func Example() {
	var mux rpc.Mux
	rpc.Handle(&mux, "Add", func(ctx context.Context, numbers []int) (Sum, error) {
		var s Sum
		for _, n := range numbers {
			s.Total += n
		}
		return s, nil
	})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &rpc.Server{Handler: &mux}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()

	ctx := context.Background()
	client, err := rpc.Dial(ctx, l.Addr().String(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var s Sum
	err = client.Call(ctx, "Add", []int{1, 2, 3}, &s)
	fmt.Println(s.Total, err)
	client.Close()

	fmt.Println(server.Shutdown(ctx))
	fmt.Println(<-done)
	// Output:
	// 6 <nil>
	// <nil>
	// rpc: server closed
}

// serveExample runs a server on a port of its own.
func serveExample(s *rpc.Server) (addr string, stop func() error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go s.Serve(l)
	return l.Addr().String(), s.Close
}

// "Ping" is the question whether the server is well. A program that knows
// better answers it itself.
func ExampleServer_health() {
	var mux rpc.Mux
	databaseIsUp := false
	rpc.Handle(&mux, "Ping", func(context.Context, struct{}) (struct{}, error) {
		if !databaseIsUp {
			return struct{}{}, &rpc.Error{Code: rpc.CodeUnavailable, Message: "the database is down"}
		}
		return struct{}{}, nil
	})
	client, stop := rpc.Local(&mux)
	defer stop()
	ctx := context.Background()
	fmt.Println(client.Ping(ctx))                          // bare: whether
	fmt.Println(client.Call(ctx, "Ping", struct{}{}, nil)) // with parameters: and why
	// Output:
	// rpc: the server answered with an error: failed
	// rpc: the server answered with an error: unavailable: the database is down
}

// A peer that knows nothing but JSON.
func ExampleServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := new(rpc.Server)
	go server.Serve(l)
	defer server.Close()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, `"Ping"`)
	answer := make([]byte, 100)
	n, err := conn.Read(answer)
	fmt.Println(string(answer[:n]), err)
	// Output: "Ack" <nil>
}

// The numbers of a server, as a metrics endpoint would show them. Here a server
// without a certificate fails each handshake.
func ExampleServer_Stats() {
	server := &rpc.Server{TLSConfig: new(tls.Config)}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go server.Serve(l)
	_, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	server.Shutdown(context.Background())
	stats := server.Stats()
	fmt.Println(err != nil, stats.Conns, stats.TLSHandshakeErrors, stats.BufferedBytes, stats.BufferWaits)
	// Output: true 0 1 0 0
}

// One function can answer every method.
func ExampleHandlerFunc() {
	client, stop := rpc.Local(rpc.HandlerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		return req.Method + " " + string(req.Params), nil
	}))
	defer stop()
	var said string
	err := client.Call(context.Background(), "Any", 17, &said)
	fmt.Println(said, err)
	// Output: Any 17 <nil>
}

// The error of a method reaches its caller with its code.
func ExampleHandle() {
	var mux rpc.Mux
	rpc.Handle(&mux, "Withdraw", func(ctx context.Context, amount int) (int, error) {
		if amount > 100 {
			return 0, &rpc.Error{Code: "too_poor", Message: "there are but 100"}
		}
		return 100 - amount, nil
	})
	client, stop := rpc.Local(&mux)
	defer stop()

	ctx := context.Background()
	var left int
	fmt.Println(client.Call(ctx, "Withdraw", 30, &left), left)

	err := client.Call(ctx, "Withdraw", 300, &left)
	var e *rpc.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, "-", e.Message)
	}
	fmt.Println(client.Call(ctx, "Withdraw", "all", &left))
	// Output:
	// <nil> 70
	// too_poor - there are but 100
	// rpc: the server answered with an error: bad_params: json: cannot unmarshal string into Go value of type int
}

// A channel drives a client: for each value one ping, until the channel ends.
func ExampleClient() {
	client, stop := rpc.Local(nil)
	defer stop()
	tx, rx := mpsc.New[int](32)
	ctx := context.Background()
	go func() {
		defer tx.Close()
		for i := range 3 {
			tx.Send(ctx, i)
		}
	}()
	for range rx.All(ctx) {
		if err := client.Ping(ctx); err != nil {
			fmt.Println("Error!", err)
			continue
		}
		fmt.Println("Ack")
	}
	// Output:
	// Ack
	// Ack
	// Ack
}

// What a failed call is, decides whether to call again.
func ExampleClient_Call() {
	client, stop := rpc.Local(nil)
	stop() // so that every call fails
	err := client.Call(context.Background(), "Charge", 100, nil)
	switch {
	case errors.Is(err, rpc.ErrNotSent):
		fmt.Println("safe to call again:", err)
	case errors.Is(err, rpc.ErrMaybeSent):
		fmt.Println("look before calling again:", err)
	}
	// Output: safe to call again: rpc: not sent: Charge: leat: channel closed
}

func ExampleLocal() {
	client, stop := rpc.Local(nil)
	defer stop()
	fmt.Println(client.Ping(context.Background()))
	// Output: <nil>
}

// A program's main loop: it serves until a signal stops it, answers what it has
// read, and ends.
func ExampleServer_ListenAndServe() {
	server := new(rpc.Server)
	stopped := make(chan error)
	time.AfterFunc(10*time.Millisecond, func() { stopped <- server.Shutdown(context.Background()) }) // in a program: on a signal
	if err := server.ListenAndServe("127.0.0.1:0"); !errors.Is(err, rpc.ErrServerClosed) {
		fmt.Println(err)
		return
	}
	fmt.Println("all answered:", <-stopped == nil)
	// Output: all answered: true
}
