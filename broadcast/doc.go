// Package broadcast provides a channel from senders to any number of
// subscribers. Each receiver gets every value that is accepted after it
// subscribed, in the one order in which the channel accepted them.
//
//	tx := broadcast.New[Event](64)
//	rx := tx.Subscribe()
//	go func() {
//		defer rx.Close()
//		for event, missed := range rx.All(ctx) {
//			if missed > 0 {
//				log.Printf("fell behind: %d events missed", missed)
//			}
//			…
//		}
//	}()
//	tx.Send(ctx, event)
//
// # Capacity
//
// The channel keeps exactly the last capacity values. That is how far a
// receiver may lag, and how far [Replay] reaches back. With the capacity
// leat.Unbounded it keeps each value until all receivers have had it: no
// receiver misses a value, and no sender waits.
//
// # Lagging
//
// A sender does not wait for a slow receiver: it overwrites the oldest value. A
// receiver that comes too late for some values gets a *leat.LaggedError with
// their number, and continues at the oldest kept value. For each receiver,
// received and missed values are together all accepted ones. A lag does not
// affect other receivers.
//
// A receiver that subscribed as [Lossless] misses nothing: senders wait for it,
// in the order in which they came. Lossy and lossless receivers can share a
// channel. A receiver with [LosslessFor] is lossless until a sender has waited
// for it for a given time, and then lossy until it has caught up. So a dead
// receiver cannot stop the senders for good.
//
// # Snapshots
//
// TrySend and Subscribe never block, so they may be called under the lock that
// guards a state. A program that sends each change under it, and also
// subscribes and copies the state under it, gives each new subscriber a copy
// and then every later change, with no gap and no repetition. (A lossless
// receiver that lags makes TrySend return ErrFull. Send must not be called
// under a lock.)
//
// # Order
//
// All receivers see the same order. The values of one sender arrive in the
// order in which it sent them.
//
// # Numbers
//
// The values are numbered from 0 in the order of acceptance. A receiver that
// was away continues with [From] where its [Receiver.Next] stood, and learns
// exactly how many values are gone meanwhile. [Sender.Search] finds the number
// of a value by its content.
//
// # Closing
//
// The channel ends when all sender handles are closed: each receiver gets the
// values that it has yet to receive, and then leat.ErrClosed. The end takes no
// slot and evicts nothing. A receiver's Close affects only that receiver.
// Sending without a receiver is not an error.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error other
// than a *leat.LaggedError has changed nothing.
//
// # Memory and cost
//
// A send takes one lock, whatever the number of receivers, and wakes the
// waiting ones. A receive takes no lock if there is something to receive. Each
// value is copied for each receiver, so send large values as pointers, and
// treat them as read-only. A value is kept until it is overwritten, also after
// all have received it, for Replay.
//
// In an unbounded channel a receive that frees a value takes the lock: each
// receive of the slowest receiver. A batch takes it once.
package broadcast
