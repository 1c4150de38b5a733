// Package mpsc provides a channel from many senders to one receiver, to hand
// work to one worker. Each value is received once, in the order in which the
// channel accepted it.
//
//	tx, rx := mpsc.New[Job](32)
//	for range 4 {
//		tx := tx.Clone()
//		go func() {
//			defer tx.Close()
//			…
//			if err := tx.Send(ctx, job); err != nil { // the worker is gone, or ctx has ended; job was not sent
//				return
//			}
//		}()
//	}
//	tx.Close()
//	for job := range rx.All(ctx) { // ends when all four are done, and all jobs received
//		…
//	}
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
// # Order
//
// The values of one sender arrive in the order in which it sent them. Senders
// that wait are served first come, first served; a call that comes later,
// TrySend among them, does not overtake them. SendMany keeps its place until
// all of its values are accepted. The values that TrySendMany sends stay
// together.
//
// # Closing
//
// The channel ends when all sender handles are closed: the receiver gets the
// rest, and then leat.ErrClosed. When the receiver closes, senders get
// leat.ErrClosed and Done is closed. The receiver may still take accepted
// values, by Recv, or by TryRecv until it returns an error. In both cases the
// end comes only when every permit is used or released. If another goroutine
// waits for something in a value, such as the answer of a oneshot, drain the
// values and answer.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error has
// not received. SendMany and TrySendMany return how many values were accepted.
//
// # Memory and cost
//
// An operation that does not wait takes one lock and allocates nothing. A
// bounded channel's memory grows to its capacity and stays; an unbounded one
// gives it back. A received value is not kept.
package mpsc
