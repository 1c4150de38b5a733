// Package watch provides a channel that holds the latest value. Anybody can
// read it, and a receiver can wait for a newer one than it has seen. Use it for
// configuration, leadership, progress and shutdown.
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
// The channel holds one value, the current one. A sender never waits: it
// replaces the value.
//
// # Skipping
//
// A receiver has no backlog. When it looks, it sees the newest value; older
// values that it did not see are skipped, and not counted. A new receiver
// treats the current value as already seen. To receive every value, use package
// broadcast.
//
// # Order
//
// All receivers see the same order, and none sees an older value after a newer
// one. A receiver that keeps receiving sees the last value.
//
// # Closing
//
// The channel ends when all sender handles are closed: a receiver that has not
// seen the last value gets it, and then leat.ErrClosed. Get still returns the
// last value. A receiver's Close affects only that receiver. Sending without a
// receiver is not an error.
//
// # Settling
//
// A receiver that must not act on each of many changes in a row waits with
// [Receiver.Settled] until they have come to rest.
//
// # Cancelling
//
// A Send that returns an error has not sent. A Recv, WaitFor or Settled that
// returns an error has seen nothing.
//
// # Memory and cost
//
// Reading is one atomic load, whatever senders do meanwhile. A send allocates
// memory for the value, takes one lock, and wakes the waiting receivers. A
// receive takes no lock if there is something to receive. The value is copied
// for each reader, so send a large value as a pointer, and treat it as
// read-only. A value is kept until it is replaced.
package watch
