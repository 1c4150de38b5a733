package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
)

// Request is one request, as a Handler gets it.
type Request struct {
	Method string

	// Params holds the parameters as they came. It is nil when the request is a bare string: then only whether the
	// handler succeeded is answered, and its result goes nowhere.
	Params json.RawMessage
}

// A Handler answers requests. The result is encoded as JSON; an error is answered as [Error] says. The ctx ends when the
// server is closed with Close, and with the connection. Shutdown lets it live until the answer is written; that the
// peer has gone is not noticed before.
//
// The server calls ServeRPC concurrently for different connections. A panic is answered as CodeInternal and logged
// with its stack, and the connection lives on. A call of runtime.Goexit is
// answered and logged in the same way.
type Handler interface {
	ServeRPC(ctx context.Context, req *Request) (result any, err error)
}

// HandlerFunc makes a function a Handler.
type HandlerFunc func(ctx context.Context, req *Request) (result any, err error)

// ServeRPC calls f.
func (f HandlerFunc) ServeRPC(ctx context.Context, req *Request) (any, error) { return f(ctx, req) }

// Mux is a Handler that finds the handler by the request's method, and answers CodeUnknownMethod when it has none. A method
// "Ping" that does nothing is there from the start; Handle may replace it once.
//
// The zero value is ready for use. Its methods, and Handle, may be called concurrently. A Mux must not be copied.
type Mux struct {
	mu      sync.Mutex // held by who adds a method
	methods atomic.Pointer[map[string]method]
}

// A method is a handler whose Params belong to the server: it keeps nothing of them.
// It calls parsed, if there are any, once it needs them no more.
type method func(ctx context.Context, params json.RawMessage, parsed func()) (result any, err error)

// Handle lets fn answer the requests for method. Parameters are decoded into an In as encoding/json does, and
// parameters that do not fit are answered with CodeBadParams without calling fn. A bare request calls
// fn with the zero In. Use struct{} for what is not there.
//
// Handle panics if method is empty, if fn is nil, or if the method has a handler already.
func Handle[In, Out any](m *Mux, method string, fn func(context.Context, In) (Out, error)) {
	if fn == nil {
		panic(fmt.Sprintf("rpc: nil function for method %q", method))
	}
	m.handle(method, func(ctx context.Context, params json.RawMessage, parsed func()) (any, error) {
		var in In
		if params != nil {
			err := json.Unmarshal(params, &in)
			parsed()
			if err != nil {
				return nil, &Error{Code: CodeBadParams, Message: err.Error()}
			}
		}
		return fn(ctx, in)
	})
}

func (m *Mux) handle(name string, h method) {
	if name == "" {
		panic("rpc: empty method name")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	methods := make(map[string]method)
	if old := m.methods.Load(); old != nil {
		maps.Copy(methods, *old)
	}
	if methods[name] != nil {
		panic(fmt.Sprintf("rpc: method %q is handled already", name))
	}
	methods[name] = h
	m.methods.Store(&methods)
}

// find returns the method of that name. If it returns nil, that is a method which there is not, or the Ping that does nothing.
func (m *Mux) find(name []byte) (h method, isPing bool) {
	if methods := m.methods.Load(); methods != nil {
		h = (*methods)[string(name)]
	}
	return h, h == nil && string(name) == "Ping"
}

// ServeRPC implements Handler.
func (m *Mux) ServeRPC(ctx context.Context, req *Request) (any, error) {
	switch h, isPing := m.find([]byte(req.Method)); {
	case h != nil:
		return h(ctx, req.Params, func() {})
	case isPing:
		return nil, nil
	}
	return nil, unknownMethod(req.Method)
}

func unknownMethod(name string) *Error {
	return &Error{Code: CodeUnknownMethod, Message: fmt.Sprintf("there is no method %q", name)}
}
