// Package rpc calls methods over TCP, as a sequence of JSON values. It is small, so that a peer in any language can be
// written from this page, and it keeps count: no request that was read goes unanswered, and a call that
// failed says whether it may have been executed.
//
// # The wire
//
// A connection, TCP or TLS over it, carries JSON values in each direction, and nothing else: no length, no separator, no newline.
// White space between values is passed over. Values may be split over packets, or share one. A request names its
// method, as the externally tagged enums of Rust's serde do, and is answered in the form in which it was asked:
//
//	request                        answer
//	"Ping"                         "Ack"
//	"Reload"                       "Error"
//	{"Echo":{"text":"hi"}}         {"Ack":{"text":"hi"}}
//	{"Nope":1}                     {"Error":{"code":"unknown_method","message":"there is no method \"Nope\""}}
//
// A bare string is a call without parameters, and learns only whether it worked: a result, or a reason, goes nowhere.
// {"Reload":null} asks for both. Answers come in the order of the requests.
//
// A value ends where its grammar ends. The six bytes "Ping" are answered as soon as the last quote is there, with the five
// bytes "Ack" and not one more. So a peer that knows nothing but to write "Ping" and read "Ack" on a socket
// interoperates, as server or as client.
//
// What is no request is answered with an error as well:
//
//   - an unknown method, parameters that do not fit, an object that has not exactly one member: the connection lives on;
//   - no JSON, a request too long or nested too deep, or cut off in the middle: where the next one would begin nobody
//     knows, so the server closes the connection behind the answer. It does so at the first byte that shows
//     it. A value that is neither string nor object counts among these.
//
// In the last case the answer has the form "Error" unless what came began with a brace.
//
// # Server
//
// A [Server] is used as an http.Server is. A [Mux] finds the handler by the method, [Handle] adds a typed function to it, and
// "Ping" is there without being added. Requests of one connection are handled in order, one at a time; while one is
// handled the connection is not read, so that a peer that sends faster than it is served is held back by
// TCP rather than queued in memory, and holds up no other connection. What was read together is handled without a goroutine
// for each, and answered with one write; an answer that is there waits at most 100 µs for those behind it. All that a peer can make the server hold is limited, with defaults:
// the length and depth of a request, the number of connections, the memory of requests and answers, the time it may be silent, and the time it may leave an
// answer unread. See the fields of Server.
//
// Shutdown answers every request that was read, and then closes: nothing that was executed goes unanswered. Close cuts.
//
// # Client
//
// A [Client] keeps one connection. When it is lost, the client connects again in the background, with pauses that grow and
// are random, so that a server that comes back is not trampled; calls wait for it as long as their ctx allows. A
// call is never sent twice by itself. Where a call got no answer, its error matches [ErrNotSent] (to call
// again is safe) or [ErrMaybeSent] (it may have been executed). An [*Error] is an answer. An idle connection that the
// server closes is replaced before it is needed, but a request may cross with the closing: that is an ErrMaybeSent too.
// [Client.State] tells, as a watch, whether there is a connection.
//
// By default one request is unanswered at a time, and each is written in one piece, which suits peers that expect one
// value per read. ClientOptions.Window lets more be under way, and thousands of callers share a connection: requests that wait are
// written together, and nobody waits for company.
//
// # Around a call
//
// A [ServerInterceptor] stands around the handler, a [ClientInterceptor] around the call, for logs, counts, permissions and retries.
// [PeerOf] tells a handler who called; with mutual TLS, by certificate. "Ping" is the question whether a server is well; a
// program that knows better handles it itself.
//
// So a channel drives a client in a plain loop:
//
//	for range rx.All(ctx) {
//		if err := c.Ping(ctx); err != nil {
//			log.Print(err)
//		}
//	}
//
// # When to use something else
//
// There are no streams, no deadlines or cancellation over the wire, no metadata, no compression, and no load
// balancing: a request that has begun runs to its end. Use gRPC or Connect where these matter, HTTP where browsers and proxies take
// part.
package rpc
