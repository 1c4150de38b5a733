// Package broadcast is the channel for telling everybody: each receiver sees every value that is accepted after it subscribed,
// in the one order in which the channel accepted them.
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
// The channel keeps the last values, as many as its capacity, exactly. That is how far a receiver may be behind, and how far
// [Replay] reaches back. With the capacity leat.Unbounded it keeps each value until all receivers have had it: nobody misses a value, and
// no sender waits.
//
// # Lagging
//
// A sender does not wait for a receiver that is slow; it overwrites the oldest value. A receiver that comes too late for values
// gets a *leat.LaggedError that says how many are gone, and goes on with the oldest that is kept. What it received and what
// it missed is all that was sent. One receiver's lag is no other's.
//
// A receiver that subscribed as [Lossless] misses nothing: senders wait for it instead, in the order in which they came.
// Lossy and lossless receivers can share a channel. A receiver with [LosslessFor] is lossless until a sender has waited for it for a given
// time, and then lossy until it has caught up. So a dead receiver cannot stop the senders for good.
//
// # Snapshots
//
// TrySend and Subscribe never wait. So whoever keeps a state under a lock, sends each change under it, and subscribes and copies the state
// under it, gives each newcomer a copy and then every change after it, with no gap and nothing twice. (A lossless receiver makes TrySend
// refuse while it is behind; Send must not be called under a lock.)
//
// # Order
//
// All receivers see the same order. The values of one sender arrive in the order in which it sent them.
//
// # Numbers
//
// The values are numbered from 0 in the order of acceptance. A receiver that was away continues with [From] where its
// [Receiver.Next] stood, and learns exactly how many values are gone meanwhile. [Sender.Search] finds the number of a value by its content.
//
// # Closing
//
// The channel ends when all sender handles are closed: each receiver gets what it has before it, then leat.ErrClosed. The end
// takes no slot and evicts nothing. A receiver's Close concerns that receiver alone. To send without a receiver is no error.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv that returns an error other than a *leat.LaggedError has changed nothing.
//
// # Memory and cost
//
// A send takes one lock, whatever the number of receivers, and wakes those that wait. A receive takes no lock if there is something
// to receive. Each value is copied for each receiver, so large ones are better sent as pointers, to be treated as
// read-only. A value is kept until it is overwritten, also when all have received it, for Replay.
//
// In an unbounded channel a receive that frees a value takes the lock: each receive of the slowest receiver. A batch takes it once.
package broadcast
