// Package leat is the contract of channels that Go does not have: with many senders and a safe close, to everybody, with the
// latest value only, with no bound; each of them bounded in its waits by a context, and countable in its losses.
//
// This package states what all kinds promise, and selects over them. The kinds are packages of their own.
//
// # Which kind
//
// Choose by what must hold:
//
//	you need                    kind        promise
//	hand work to one worker     mpsc        many senders, one receiver, in order; bounded (senders wait) or unbounded
//	hand work to many workers   mpmc        each value to exactly one receiver; capacity 0 is a rendezvous
//	tell everybody              broadcast   each receiver sees every value; a slow one is told exactly how many it
//	                                        missed, or holds the senders back if it asked to
//	know the latest             watch       one current value; receivers see the newest, never a backlog
//	one answer                  oneshot     one value, once
//
// A native chan is the better choice where one goroutine sends, the same one closes, and nobody needs to know more: it is part
// of the language, and select over several of them is built in.
//
// # What every kind promises
//
//   - A call that returns an error moved nothing. The value of a failed Send stays with the caller, and nobody will ever
//     receive it, so trying again is always right.
//   - The context comes first. If it is done, a call fails with ctx.Err() before it does anything. If it ends while the
//     call waits, the call fails with ctx.Err(), unless it had succeeded by then: a value in hand beats a cancelled context.
//     If Done is closed and Err returns nil, which a context must not do, the error is context.Canceled.
//   - Close never panics, never waits, may be called again, and may race with anything. Afterwards there is ErrClosed.
//   - The channel ends when its last sender handle is closed. Receivers get what was accepted, then ErrClosed.
//   - A receiver's Close stops the senders of a channel that has no other receiver: ErrClosed, for waiting ones at once.
//     What was accepted can still be received.
//   - Try does not wait, and does not lie. ErrFull and ErrEmpty mean that the channel was full or empty at some instant during
//     the call, not that somebody else was faster. A Try overtakes nobody who waits.
//   - What one sender sends arrives in the order in which it sent. Waiting senders are served in the order in which they
//     came, and so are waiting receivers.
//   - Each accepted value is received exactly once, by one receiver; on broadcast, each receiver's received and missed values
//     together are all that was sent; on watch, a receiver sees the newest.
//   - The capacity is exact, and Len is what was accepted and not yet received.
//   - What was received is not kept: no slot holds on to a value, and an unbounded channel gives the memory of a burst back.
//   - No goroutine stands behind a channel or a timer. (ToChan starts one, and says so.)
//   - An operation that does not wait does not allocate, Select and the making of its cases included. (A broadcast or watch that
//     sends may, for its readers, who then need no lock.)
//
// # How to think of it
//
// A handle is an end of the channel that somebody is responsible for. Each goroutine that sends gets a handle of its own, by
// Clone, and closes it when it is done: nobody needs to know who is last. The one who receives reads until ErrClosed. If it
// wants no more, it closes its end, and the senders find out at their next Send, or by Done.
//
// Waiting is a queue. Who waits is served by whoever makes that possible: a receive moves the first waiting
// sender's value into the channel, before anybody else could take the room. That is why a woken call has always succeeded, and
// why nobody starves.
//
// # What you owe
//
//   - Close each sender handle. A handle that is dropped unclosed is closed when the garbage collector finds it, and counted as
//     leaked; that is a safety net, as late as the next collection, and not a way to live.
//   - Receive from one goroutine at a time, unless the kind says otherwise, as mpmc does. A second one panics when it would wait.
//   - Use or release each permit of Reserve.
//   - Pass a context. A nil one panics; context.Background() waits without end, and a little faster.
//
// # Select
//
// [Select] waits for several operations, of any kind and on timers and native channels, and does exactly one. It waits in each
// channel's queue, in line with others, and what it picks is done when it is picked: there is no readiness that
// turns out to be stale, and nothing to undo. [Select] is fair; [SelectInOrder] takes the first ready case in the order given.
//
// A receiver's Ready method returns a channel that can be received from when there is something to take. It joins a native
// select without a goroutine between, and without a value in flight that a lost race could drop. FromChan, IntoChan and
// ToChan convert from and to native channels; Copy moves everything from one channel to another.
//
// # Tests
//
// Every wait counts as durably blocked in a testing/synctest bubble, also on a channel that was made outside of it. As with
// native channels, only the bubble's own goroutines can end a wait inside of it: a send from outside to a
// receiver that waits inside stops the process. A dropped handle is found outside of every bubble, and so wakes nobody inside.
//
// What Ready or Done returns in a bubble belongs to that bubble; a channel whose Ready or Done was asked for in one bubble cannot be used in
// another.
//
// Package leattest tests a kind of channel against this contract.
package leat
