// Package watch is the channel for knowing the latest: there is one current value, which anybody can read, and a receiver can wait for
// a newer one than it has seen. Configuration, leadership, progress and shutdown are such values.
//
//	tx := watch.New(config)
//	rx := tx.Subscribe()
//	go func() {
//		defer rx.Close()
//		for config := range rx.All(ctx) { // the current one first, then each newer one that is found
//			…
//		}
//	}()
//	tx.Send(ctx, newConfig)
//
// # Capacity
//
// The channel holds one value, the current one. A sender never waits: it replaces the value.
//
// # Skipping
//
// A receiver has no backlog. When it looks, it sees the newest value; what came and went since it last looked is skipped, and not
// counted. The value that is current when it subscribes counts as seen. Who needs every value uses broadcast.
//
// # Order
//
// All receivers see the same order, and none sees an older value after a newer one. A receiver that goes on looking sees the last
// value.
//
// # Closing
//
// The channel ends when all sender handles are closed: a receiver that has not seen the last value gets it, then leat.ErrClosed. The last
// value can be read by Get for ever. A receiver's Close concerns that receiver alone. To send without a receiver is no error.
//
// # Settling
//
// A receiver that must not act on each of many changes in a row waits with [Receiver.Settled] until they have come to rest.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv, WaitFor or Settled that returns an error has seen nothing.
//
// # Memory and cost
//
// To read is one atomic load, whatever senders do meanwhile. A send allocates the place of the value, takes one lock, and wakes the
// receivers that wait; a receive takes no lock if there is something to receive. The value is copied for each reader, so a
// large one is better sent as a pointer, to be treated as read-only. A value is kept until it is replaced.
package watch
