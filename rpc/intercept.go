package rpc

import "context"

// A ServerInterceptor wraps the Handler of a Server. It sees every request,
// also those for unknown methods. It calls next to continue, or answers itself,
// and may pass values on in ctx. A panic passes through it on its way to the
// server. It is called concurrently, and must keep the rules of [Handler].
type ServerInterceptor func(ctx context.Context, req *Request, next Handler) (result any, err error)

// A CallFunc does what [Client.Call] does, or the part of it that follows a
// [ClientInterceptor].
type CallFunc func(ctx context.Context, method string, params, result any) error

// A ClientInterceptor wraps the calls of a Client. It sees every call; Ping is
// a call without parameters. It calls next once to continue, again to retry, or
// not at all. The errors of next are those of Client.Call. It is called
// concurrently.
type ClientInterceptor func(ctx context.Context, method string, params, result any, next CallFunc) error

// interceptRequests returns h with the interceptors around it, the first one
// outermost.
func interceptRequests(h Handler, all []ServerInterceptor) Handler {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == nil {
			panic("rpc: nil interceptor")
		}
		outer, next := all[i], h
		h = HandlerFunc(func(ctx context.Context, req *Request) (any, error) { return outer(ctx, req, next) })
	}
	return h
}

// interceptCalls returns call with the interceptors around it, the first one
// outermost.
func interceptCalls(call CallFunc, all []ClientInterceptor) CallFunc {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == nil {
			panic("rpc: nil interceptor")
		}
		outer, next := all[i], call
		call = func(ctx context.Context, method string, params, result any) error {
			return outer(ctx, method, params, result, next)
		}
	}
	return call
}
