package rpc_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/rpc"
)

// It fails if the state does not follow the connection: lost, there again,
// closed, and then the end.
func TestState(t *testing.T) {
	l := listen(t)
	first := &rpc.Server{Logger: quiet}
	served := make(chan error, 1)
	go func() { served <- first.Serve(l) }()
	c := dial(t, l.Addr().String(), &rpc.ClientOptions{Logger: quiet})
	state := c.State()
	defer state.Close()
	if got := state.Get(); got != rpc.Connected {
		t.Errorf("state after Dial is %v", got)
	}
	next := func(want rpc.State) {
		t.Helper()
		if got, err := state.Recv(t.Context()); got != want || err != nil {
			t.Fatalf("the next state is %v, %v; want %v", got, err, want)
		}
	}
	first.Close()
	<-served
	next(rpc.Connecting)
	l, err := net.Listen("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	serve(t, new(rpc.Server), l)
	next(rpc.Connected)
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("Ping when connected again: %v", err)
	}
	c.Close()
	next(rpc.Closed)
	if _, err := state.Recv(t.Context()); !errors.Is(err, leat.ErrClosed) {
		t.Errorf("after Closed: %v, want ErrClosed", err)
	}
	if got := c.State().Get(); got != rpc.Closed {
		t.Errorf("the state of a closed client is %v", got)
	}
}

func ExampleClient_State() {
	c, stop := rpc.Local(nil)
	state := c.State()
	defer state.Close()
	fmt.Println(state.Get(), state.Get() == rpc.Connected)
	stop()
	fmt.Println(state.Get(), state.Get() == rpc.Closed)
	// Output:
	// connected true
	// closed true
}
