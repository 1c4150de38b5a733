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

	// Params holds the parameters as they were sent. It is nil if the request
	// is a bare string. Then the answer says only whether the handler
	// succeeded, and its result is dropped.
	Params json.RawMessage
}

// A Handler answers requests. The server encodes the result as JSON, and
// answers an error as [Error] says. The ctx ends when Close closes the server,
// and with the connection. Shutdown does not end it before the answer is
// written. The server does not notice earlier that the peer has gone.
//
// The server calls ServeRPC concurrently for different connections. It answers
// a panic with CodeInternal and logs the stack, and the connection stays open.
// It does the same for a call of runtime.Goexit.
type Handler interface {
	ServeRPC(ctx context.Context, req *Request) (result any, err error)
}

// HandlerFunc makes a function a Handler.
type HandlerFunc func(ctx context.Context, req *Request) (result any, err error)

// ServeRPC calls f.
func (f HandlerFunc) ServeRPC(ctx context.Context, req *Request) (any, error) { return f(ctx, req) }

// Mux is a Handler that finds the handler by the request's method, and answers
// CodeUnknownMethod if it has none. It has a method "Ping" that does nothing
// from the start; Handle may replace it once.
//
// The zero value is ready for use. Its methods, and Handle, may be called
// concurrently. A Mux must not be copied.
type Mux struct {
	mu      sync.Mutex // held while a method is added
	methods atomic.Pointer[map[string]method]
}

// A method is a handler whose Params belong to the server, so it must not keep
// them. It calls parsed, unless that is nil, once it no longer needs them.
type method func(ctx context.Context, params json.RawMessage, parsed func()) (result any, err error)

// Handle makes fn answer the requests for method. It decodes the parameters
// into an In as encoding/json does, and answers CodeBadParams without calling
// fn if they do not fit. For a bare request it calls fn with the zero In. Use
// struct{} for missing parameters or results.
//
// Handle panics if method is empty, if fn is nil, or if the method already has
// a handler. It may be called concurrently, also while a server uses the Mux.
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

// find returns the method of that name. It returns nil if there is none, or if
// it is the built-in Ping, which isPing says.
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
