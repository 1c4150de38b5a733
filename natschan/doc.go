// Package natschan provides the channels of leat between processes and
// machines, on NATS JetStream: mpsc, mpmc, broadcast, watch, and oneshot as
// request and reply. Senders and receivers implement leat.Sender and
// leat.Receiver, and pass the same conformance suite.
//
//	ch := natschan.Channel{Name: "orders", Kind: natschan.MPSC, Capacity: 32}
//
//	tx, err := natschan.NewSender[Order](ctx, js, ch)   // in one process
//	err = tx.Send(ctx, order)
//
//	rx, err := natschan.NewReceiver[Order](ctx, js, ch) // in another
//	for order := range rx.All(ctx) { … }
//
// It needs nats-server 2.12 or later with JetStream: one of your own, or an
// embedded one (package natsembed).
//
// # Promises
//
// When Send has accepted a value, the server has stored it; with replicas, a
// majority of them has. The value is received at least once. It is received
// exactly once unless a process or server crashes, or a connection breaks, at
// the wrong moment. A bounded channel holds no more than its capacity: Send
// blocks for room, and TrySend returns leat.ErrFull. When the last sender has
// closed, receivers get the accepted values, and then leat.ErrClosed. A
// broadcast receiver learns exactly how many values it missed.
//
// A ctx ends each wait. While the server is away, Send and Recv wait for it. A
// Send that was interrupted sends its value again with the same id, and the
// server stores it once.
//
// # Differences from memory
//
//	in memory                              here
//	values are passed                      values are encoded: no pointers, channels or functions; at most the server's max_payload (1 MiB)
//	Send: it is in the channel             the server has it; on its disk, only if the server syncs always
//	a failed Send has no effect            so here, but for an error that is ErrUnknown: the server has not answered, and may have stored it
//	exactly once                           at least once. RecvMsg: acknowledged by the program, given again after a crash; Deliveries tells
//	                                       what may have been seen before. Recv: acknowledged on receipt, so a value in the hands of
//	                                       a process that crashes is lost
//	waiting senders are served in order    the first to try after a hint wins; a lost hint costs up to 200 ms. There is no capacity 0
//	FIFO per sender                        so here; a value that is redelivered after AckWait, or by Nak, comes late
//	one receiver of an mpsc                a lease: after a crash, the next may come when Lease has passed; a receiver that was away longer gets
//	                                       ErrFenced
//	one receiver of a durable name         the newest: it waits for two seconds after a crash, and an older one gets ErrFenced
//	a dropped sender is collected          a crashed one: its Lease ends, a receiver makes sure, and the channel closes (up to 3 Leases)
//	Close does not wait                    Close is some exchanges with the server, and may say that there is none; the end is for ever,
//	                                       across processes, until Delete
//	what nobody uses is collected          a channel stays until Delete or DeleteEnded; in memory storage it is gone with its server, and gives ErrClosed
//	Try does not wait                      Try is an exchange with the server: 20 to 200 µs, seconds if there is none
//	broadcast keeps capacity values        and each receiver up to Prefetch more, which it does not miss
//	receivers of an mpmc take in turn      so here with Prefetch(1), the default. With more, a value may wait in one receiver's buffer
//	                                       while another receiver waits, for up to AckWait
//	oneshot: a dropped sender is noticed   silence: use a ctx with a deadline
//	Select sends and receives              Select receives (OnRecv); it cannot send
//
// # Goroutines
//
// NewSender and NewReceiver each start one goroutine, which renews a lease or
// watches the connection, and Close ends it. The client library has goroutines
// of its own for their subscriptions.
//
// # Streams, consumers and permissions
//
// Each channel is a stream LEAT_<name> with the subject leat.d.<name>; its
// metadata describe the channel. LEAT_LEASES holds the leases of senders and
// receivers. A receiver is a consumer rx_<id>; all receivers of an MPMC channel
// share one, rx. These permissions are enough: publish to leat.>, $JS.API.>,
// $JS.ACK.> and, for a oneshot, _INBOX.>; subscribe to _INBOX.> and leat.h.>.
// If one is missing, the call returns an error that is
// nats.ErrPermissionViolation and names the subject, when the exchange has
// timed out.
package natschan
