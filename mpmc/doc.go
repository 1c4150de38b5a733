// Package mpmc provides a channel from many senders to many receivers, to hand
// work to many workers. Each value is received once, by one of them, in the
// order in which the channel accepted it.
//
//	tx, rx := mpmc.New[Job](32)
//	for range 4 {
//		rx := rx.Clone()
//		go func() {
//			defer rx.Close()
//			for job := range rx.All(ctx) { // ends when the senders have closed, and all jobs are taken
//				…
//			}
//		}()
//	}
//	rx.Close() // the workers have theirs
//	err := tx.Send(ctx, job)
//	tx.Close()
//
// # Capacity
//
// A channel from [New] holds as many values as its capacity, exactly; permits
// count as values. When it is full, Send blocks. A channel from [NewUnbounded]
// always has room: use it only if something else bounds the number of values.
//
// [Sender.ForceSend] keeps the newest values instead of waiting: it evicts the
// oldest one from a full channel, and returns it.
//
// # Rendezvous
//
// A channel of capacity 0 holds nothing. Send waits until a receiver takes the
// value, Recv until a sender brings one; TrySend and TryRecv succeed only if a
// partner waits. TrySendMany hands one value to each waiting receiver, and
// TryRecvMany takes the values of waiting senders. Len is 0. There is no slot
// to reserve, so Reserve and TryReserve panic. In a leat.Select, a case never
// meets another case of the same Select.
//
// # Order
//
// The values of one sender are taken in the order in which it sent them.
// Senders that wait are served first come, first served, and so are receivers;
// a call that comes later, TrySend and TryRecv among them, does not overtake
// them. SendMany keeps its place until all of its values are accepted. The
// values that TrySendMany sends stay together. Receivers then work on their
// values at their own pace.
//
// # Closing
//
// The channel ends when all sender handles are closed: receivers get the rest,
// and then leat.ErrClosed. When all receiver handles are closed, senders get
// leat.ErrClosed and Done is closed. Accepted values can then still be taken
// with any of the closed handles, by Recv, or by TryRecv until it returns an
// error. In both cases the end comes only when every permit is used or
// released. Of several receivers, one that is closed gets leat.ErrClosed, and
// the others go on. So a pool whose workers share one handle stops as a whole
// by that handle's Close: new jobs are refused, and all workers drain the
// accepted ones.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error has
// not received. SendMany and TrySendMany say how many were accepted.
//
// # Memory and cost
//
// An operation that does not wait takes one lock and allocates nothing. A
// bounded channel's memory grows to its capacity and stays; an unbounded one
// gives it back. A received value is not kept.
package mpmc
