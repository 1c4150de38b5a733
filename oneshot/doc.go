// Package oneshot provides a channel for one answer: one value, sent once and
// received once. A request carries it for the reply.
//
//	type Request struct {
//		…
//		Reply *oneshot.Sender[Answer]
//	}
//
//	tx, rx := oneshot.New[Answer]()
//	requests.Send(ctx, Request{…, tx})
//	answer, err := rx.Recv(ctx) // ErrClosed: no answer will come
//
// # Capacity
//
// The channel takes one value in its life. A sender never waits, and a second
// send gets leat.ErrClosed.
//
// # Closing
//
// A sender that closes without a value, or is dropped, ends the receiver's wait
// with leat.ErrClosed. When the receiver closes, a send returns leat.ErrClosed,
// and Done is closed, so that the sender can stop working on the answer. A
// value that was sent before can still be received. After the value was sent
// and received, neither end needs a Close.
//
// Each end can close with a cause, which the other end gets with
// leat.ErrClosed: see [Sender.CloseWith]. So a oneshot is a future that ends
// with a value or an error.
//
// A request that stays in a queue holds its Sender, and its caller waits. A
// server that stops must drain the queue, and close the Senders in it.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error has
// not received, and may be called again.
//
// # Memory and cost
//
// An operation that does not wait allocates nothing. A send takes one lock, and
// a receive of a value that is there takes none. New allocates twice. A
// received value is not kept.
//
// The garbage collector finds a dropped Sender, so no receiver waits for ever.
// It finds a dropped Receiver only if the channel has a name: see
// [Receiver.Close].
package oneshot
