// Package rpc calls methods over TCP, as a sequence of JSON values. It is small
// enough to write a peer in any language from this page. It answers every
// request that it has read, and a failed call says whether the server may have
// executed it.
//
// # The wire
//
// A connection (TCP, or TLS over TCP) carries JSON values in each direction and
// nothing else: no length, no separator, no newline. White space between values
// is ignored. A value may be split over packets, and several may share one. A
// request names its method, as the externally tagged enums of Rust's serde do,
// and the answer has the form of the request:
//
//	request                        answer
//	"Ping"                         "Ack"
//	"Reload"                       "Error"
//	{"Echo":{"text":"hi"}}         {"Ack":{"text":"hi"}}
//	{"Nope":1}                     {"Error":{"code":"unknown_method","message":"there is no method \"Nope\""}}
//
// A bare string is a call without parameters. Its answer says only whether the
// call worked: the result, or the reason of a failure, is not sent.
// {"Reload":null} asks for both. Answers come in the order of the requests.
//
// A value ends where its grammar ends. The server answers the six bytes "Ping"
// as soon as it has the last quote, with exactly the five bytes "Ack". So a
// peer that can only write "Ping" and read "Ack" on a socket interoperates, as
// server or as client.
//
// The server answers everything else with an error, too:
//
//   - After an unknown method, parameters that do not fit, or an object that
//     does not have exactly one member, the connection stays open.
//   - After bytes that are not JSON, a value that is neither a string nor an
//     object, or a request that is too long, nested too deep or cut off, nobody
//     can know where the next request begins. The server answers at the first
//     byte that shows this, and then closes the connection.
//
// In the second case the answer has the form "Error" unless the request began
// with a brace.
//
// # Server
//
// A [Server] is used like an http.Server. A [Mux] finds the handler by the
// method, and [Handle] adds a typed function to it. "Ping" needs no handler.
//
// The server handles the requests of one connection in order, one at a time. It
// does not read the connection meanwhile, so TCP holds back a peer that sends
// faster than it is served, and other connections are not affected. Requests
// that were read together are handled by one goroutine and answered by one
// write. An answer waits at most 100 µs for the answers after it.
//
// The server limits everything that a peer can make it hold, with defaults: the
// length and depth of a request, the number of connections, the memory of
// requests and answers, how long a connection may be silent, and how long an
// answer may stay unread. See the fields of Server.
//
// Shutdown answers every request that was read, and then closes the
// connections, so that no executed request goes unanswered. Close cuts them at
// once.
//
// # Client
//
// A [Client] keeps one connection. If it loses the connection, it connects
// again in the background, with random pauses that grow, so that a server that
// comes back is not overrun. Meanwhile calls wait as long as their ctx allows.
//
// The client never sends a call twice by itself. If a call got no answer, its
// error matches [ErrNotSent] (calling again is safe) or [ErrMaybeSent] (the
// server may have executed it). An [*Error] is an answer. The client replaces
// an idle connection that the server has closed before a call needs it, but a
// request may cross with the closing; that is an ErrMaybeSent, too.
// [Client.State] is a watch that says whether there is a connection.
//
// By default the client writes one request, in one piece, and reads its answer
// before it writes the next one. That suits peers that expect one value per
// read. With a larger ClientOptions.Window, thousands of callers share a
// connection: waiting requests are written together, and no request waits for
// others to come.
//
// # Around a call
//
// A [ServerInterceptor] wraps the handler and a [ClientInterceptor] wraps the
// call, for logs, counts, permissions and retries. [PeerOf] tells a handler who
// called; with mutual TLS, by certificate. "Ping" asks whether a server is
// well; a program that knows better handles it itself.
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
// There are no streams, no deadlines or cancellation over the wire, no
// metadata, no compression and no load balancing. A request that has begun runs
// to its end. Use gRPC or Connect where these matter, and HTTP where browsers
// and proxies take part.
package rpc
