// Package leat defines the interfaces, errors and guarantees that its channel
// kinds share, and Select, which waits on any mix of them.
//
// The kinds are packages of their own.
//
//	you need                    kind        guarantee
//	hand work to one worker     mpsc        many senders, one receiver, FIFO; bounded (backpressure) or unbounded
//	hand work to many workers   mpmc        each value to exactly one receiver; capacity 0 is a rendezvous
//	tell everybody              broadcast   each receiver sees every value; a slow one learns exactly how many it
//	                                        missed, or makes senders wait if it asked to
//	know the latest             watch       one current value; receivers see the newest, never a backlog
//	one answer                  oneshot     one value, once
//
// A plain chan is the better choice if one goroutine sends, the same one closes
// the channel, and the reader reads to the end.
//
// # What every kind promises
//
// R1. A failed call has no effect. The value of a failed Send stays with the
// caller, and nobody will ever receive it.
//
// R2. The context comes first. If it is done already, a call fails at once with
// ctx.Err(), unwrapped. If it ends while the call waits, the call fails with
// ctx.Err(), unless the call has succeeded by then: a value in hand beats a
// cancelled context. If Done is closed and Err returns nil, which a context
// must not do, the error is context.Canceled.
//
// R3. Close never panics and never blocks. It is idempotent and may race with
// anything. Afterwards the handle's calls return ErrClosed. CloseWith is Close
// with a cause: where a call would return ErrClosed, it returns a
// *[ClosedError], which is both ErrClosed and the cause. A closed handle's own
// calls return its own cause, those of its clones ErrClosed.
//
// R4. The last sender handle to close ends the channel. Receivers drain the
// accepted values, then get ErrClosed. If sender handles were closed with a
// cause, they get the first one, whichever handle closes last. A handle that is
// dropped without Close is closed once the garbage collector finds it
// unreachable, and counted as leaked. That is a safety net.
//
// R5. A receiver's Close stops the senders: they get ErrClosed, and parked ones
// wake at once. Accepted values can still be drained, and a permit granted
// before stays good. If receiver handles were closed with a cause, senders get
// the first one. On mpmc the last receiver handle counts. On broadcast and
// watch, a receiver's Close concerns that receiver alone.
//
// R6. Try never lies. ErrFull and ErrEmpty mean that the channel was full or
// empty at some instant during the call. A Try call never overtakes a parked
// one.
//
// R7. Values are received in FIFO order per sender. Parked senders and parked
// receivers are served in FIFO order.
//
// R8. Each accepted value is received exactly once on mpsc, mpmc and oneshot.
// On broadcast, received + missed = sent for every receiver. On watch, a
// receiver sees the newest value.
//
// R9. The capacity is exact. Len is the number of values that were accepted and
// not yet received.
//
// R10. A value that was handed out is cleared from the channel, except those
// that a broadcast keeps for Replay, and the current value of a watch. After a
// burst, an unbounded channel returns to its idle size.
//
// R11. The core starts no goroutine. (ToChan must, and says so.) No lock is
// held while user code runs or while anything waits. Every wait is durably
// blocking in a testing/synctest bubble, also when the channel was made outside
// it.
//
// R12. Ready joins a native select without a goroutine: its channel is
// receivable when a value or the end is there. Then use TryRecv.
//
// R13. Misuse panics with the package's name and the fact: a capacity that is
// too small, a nil context, a nil or zero handle, two goroutines that receive
// from one receiver that is for one.
//
// R14. The core uses only sync and sync/atomic: no linkname, no assembly, no
// unsafe tricks. The race detector sees everything, and 32-bit builds work.
//
// R15. An operation that does not wait does not allocate. A broadcast Send may,
// amortized, and a watch Send does once. Select and SelectInOrder do not
// allocate when a case is ready or Default is chosen, the making of the cases
// included; a Select that waits allocates twice at most. A Send or Recv that
// waits does not allocate either, outside testing/synctest bubbles, with a
// cancellable context or without; the first waits of a handle do. An error
// value that carries something may be allocated.
//
// R16. Costs do not grow with bystanders. Subscribe, Close and Send of a lossy
// broadcast, and Clone and Close of any handle, take time that does not depend
// on the number of receivers, senders and waiters, apart from waking those that
// must be woken and the handle's own waiters.
//
// # How to think of it
//
// A handle is one end of a channel that some goroutine is responsible for. Each
// sending goroutine gets a handle of its own, by Clone, and closes it when it
// is done; nobody needs to know who is last. The receiver reads until
// ErrClosed. If it wants no more, it closes its end, and senders find out at
// their next Send, or by Done.
//
// Waiters form a FIFO queue. The goroutine that frees a slot also completes the
// first waiting Send, before any other sender can take the slot. A woken call
// has therefore already succeeded, and nobody starves.
//
// # What you owe
//
//   - Close each sender handle. The safety net of R4 is as late as the next
//     garbage collection.
//   - Receive from one goroutine at a time, unless the kind says otherwise, as
//     mpmc does. A second one panics when it would wait.
//   - Use or release each permit of Reserve.
//   - Pass a context. context.Background() waits without end, and is a little
//     faster than a context that can be cancelled.
//
// # Select
//
// [Select] waits for several operations, of any kind and on timers and native
// channels, and does exactly one. It waits in each channel's queue, in line
// with others, and the case that it chooses is done when it is chosen. [Select]
// is fair; [SelectInOrder] takes the first ready case in the order given.
//
// A receiver's Ready method joins a native select. FromChan, IntoChan and
// ToChan convert from and to native channels; Copy moves everything from one
// channel to another.
//
// # Tests
//
// In a testing/synctest bubble, only the bubble's own goroutines can end a wait
// inside it, as with native channels: a send from outside to a receiver that
// waits inside stops the process. The garbage collector finds a dropped handle
// outside of every bubble, and so wakes no goroutine inside one. The channel
// that Ready or Done returned in a bubble belongs to that bubble. A channel
// whose Ready or Done was asked for in one bubble cannot be used in another.
//
// Package leattest tests a kind of channel against this contract.
package leat
