// Package mpsc is the channel for handing work to one worker: many senders, one receiver, each value received once, in the order
// in which the channel accepted it.
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
// A channel from [New] holds as many values as its capacity, exactly; permits count as values. When it is full, Send
// waits. A channel from [NewUnbounded] has always room: choose it only where something else bounds what is sent.
//
// [Sender.ForceSend] keeps the newest values instead of waiting: it evicts the oldest one from a full channel, and returns it.
//
// # Order
//
// The values of one sender arrive in the order in which it sent them. Senders that wait are served first come, first served; a
// call that comes later, TrySend among them, does not overtake them. SendMany keeps its place until all of its values are
// accepted. The values that TrySendMany sends stay together.
//
// # Closing
//
// The channel ends when all sender handles are closed: the receiver gets the rest, then leat.ErrClosed. When the
// receiver closes, senders get leat.ErrClosed and Done is closed; the receiver may still take what was accepted, by Recv, or by
// TryRecv until it returns an error. In both cases the end comes only when every permit is used or released. If values carry
// something that somebody waits for, such as the sender of a oneshot, drain them, and answer.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error has not received. SendMany and
// TrySendMany say how many were accepted.
//
// # Memory and cost
//
// An operation that does not wait takes one lock and allocates nothing. A bounded channel's memory grows to its capacity and
// stays; an unbounded one gives it back. A received value is not kept.
package mpsc
