package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/rpc"
)

// The first interceptor is the outermost, on both sides; each sees all calls,
// unknown methods and Ping among them, and may answer itself. If one is
// passed over, or in the wrong place, the trace changes.
func TestInterceptors(t *testing.T) {
	var trace []string // written and read in turns: one call is under way at a time
	onServer := func(name string) rpc.ServerInterceptor {
		return func(ctx context.Context, req *rpc.Request, next rpc.Handler) (any, error) {
			trace = append(trace, name+" "+req.Method)
			if name == "s2" && req.Method == "Forbidden" {
				return nil, &rpc.Error{Code: "forbidden"}
			}
			return next.ServeRPC(ctx, req)
		}
	}
	onClient := func(name string) rpc.ClientInterceptor {
		return func(ctx context.Context, method string, params, result any, next rpc.CallFunc) error {
			trace = append(trace, name+" "+method)
			return next(ctx, method, params, result)
		}
	}
	s := &rpc.Server{Handler: echoMux(), Interceptors: []rpc.ServerInterceptor{onServer("s1"), onServer("s2")}}
	c := dial(t, serveTCP(t, s), &rpc.ClientOptions{Interceptors: []rpc.ClientInterceptor{onClient("c1"), onClient("c2")}})
	var out echo
	for _, call := range []struct {
		method string
		params any
		result any
		code   rpc.Code
	}{
		{"Ping", nil, nil, ""},
		{"Echo", echo{"hi"}, &out, ""},
		{"Nope", echo{}, nil, rpc.CodeUnknownMethod},
		{"Forbidden", echo{}, nil, "forbidden"},
	} {
		trace = nil
		err := c.Call(t.Context(), call.method, call.params, call.result)
		var e *rpc.Error
		if errors.As(err, &e) && e.Code != call.code || e == nil && (call.code != "" || err != nil) {
			t.Errorf("%s: got %v, want code %q", call.method, err, call.code)
		}
		want := strings.ReplaceAll("c1 M, c2 M, s1 M, s2 M", "M", call.method)
		if got := strings.Join(trace, ", "); got != want {
			t.Errorf("the call went through %s, want %s", got, want)
		}
	}
	if out.Text != "hi" {
		t.Errorf("the result is %q", out.Text)
	}
}

// A panic of an interceptor is the server's affair, as that of a handler.
func TestInterceptorPanics(t *testing.T) {
	addr := serveTCP(t, &rpc.Server{Interceptors: []rpc.ServerInterceptor{func(context.Context, *rpc.Request, rpc.Handler) (any, error) {
		panic("spilt milk")
	}}})
	c := rawDial(t, addr)
	write(t, c, `{"Ping":{}}`)
	expect(t, c, `{"Error":{"code":"internal","message":"the method panicked"}}`)
}

// A nil interceptor would fail at the first request; it fails where it was
// given.
func TestNilInterceptor(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a nil interceptor is taken")
		}
	}()
	rpc.Dial(t.Context(), serveTCP(t, new(rpc.Server)), &rpc.ClientOptions{Interceptors: []rpc.ClientInterceptor{nil}})
}

// The log says who called what, how long it took, and how it ended.
func ExampleServerInterceptor() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logged := func(ctx context.Context, req *rpc.Request, next rpc.Handler) (any, error) {
		start := time.Now()
		result, err := next.ServeRPC(ctx, req)
		peer, _ := rpc.PeerOf(ctx)
		log.Info("served", "method", req.Method, "peer", peer.Addr.Network(), "took", time.Since(start), "err", err)
		return result, err
	}
	server := &rpc.Server{Interceptors: []rpc.ServerInterceptor{logged}}
	addr, stop := serveExample(server)
	defer stop()
	client, err := rpc.Dial(context.Background(), addr, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.Ping(context.Background())
	// Output: level=INFO msg=served method=Ping peer=tcp err=<nil>
}

// A call that was certainly not sent is made again, three times in all.
func ExampleClientInterceptor() {
	again := func(ctx context.Context, method string, params, result any, next rpc.CallFunc) error {
		err := next(ctx, method, params, result)
		for range 2 {
			if !errors.Is(err, rpc.ErrNotSent) || ctx.Err() != nil {
				break
			}
			err = next(ctx, method, params, result)
		}
		return err
	}
	addr, stop := serveExample(new(rpc.Server))
	defer stop()
	client, err := rpc.Dial(context.Background(), addr, &rpc.ClientOptions{Interceptors: []rpc.ClientInterceptor{again}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Ping(context.Background()))
	// Output: <nil>
}

// withoutTime leaves out of a log what differs each time.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}
