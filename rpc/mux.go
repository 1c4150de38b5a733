package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
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
// with its stack, and the connection lives on.
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
	mu      sync.RWMutex
	methods map[string]Handler
}

// Handle lets fn answer the requests for method. Parameters are decoded into an In as encoding/json does, and
// parameters that do not fit are answered with CodeBadParams without calling fn. A bare request calls
// fn with the zero In. Use struct{} for what is not there.
//
// Handle panics if method is empty, if fn is nil, or if the method has a handler already.
func Handle[In, Out any](m *Mux, method string, fn func(context.Context, In) (Out, error)) {
	if fn == nil {
		panic(fmt.Sprintf("rpc: nil function for method %q", method))
	}
	m.handle(method, HandlerFunc(func(ctx context.Context, req *Request) (any, error) {
		var in In
		if req.Params != nil {
			if err := json.Unmarshal(req.Params, &in); err != nil {
				return nil, &Error{Code: CodeBadParams, Message: err.Error()}
			}
		}
		return fn(ctx, in)
	}))
}

func (m *Mux) handle(method string, h Handler) {
	if method == "" {
		panic("rpc: empty method name")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.methods[method] != nil {
		panic(fmt.Sprintf("rpc: method %q is handled already", method))
	}
	if m.methods == nil {
		m.methods = make(map[string]Handler)
	}
	m.methods[method] = h
}

// ServeRPC implements Handler.
func (m *Mux) ServeRPC(ctx context.Context, req *Request) (any, error) {
	m.mu.RLock()
	h := m.methods[req.Method]
	m.mu.RUnlock()
	switch {
	case h != nil:
		return h.ServeRPC(ctx, req)
	case req.Method == "Ping":
		return nil, nil
	}
	return nil, &Error{Code: CodeUnknownMethod, Message: fmt.Sprintf("there is no method %q", req.Method)}
}
