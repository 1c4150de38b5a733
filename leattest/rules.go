package leattest

// The rules of the contract, as a failure quotes them. Each is the beginning of
// the rule of that number in the comment of package leat, or a part of it.
const (
	rule1  = `R1: A failed call has no effect. The value of a failed Send stays with the caller, and nobody will ever receive it.`
	rule2  = `R2: The context comes first. If it is done already, a call fails at once with ctx.Err(), unwrapped.`
	rule3  = `R3: Close never panics and never blocks. It is idempotent and may race with anything. Afterwards the handle's calls return ErrClosed.`
	rule4  = `R4: The last sender handle to close ends the channel. Receivers drain the accepted values, then get ErrClosed.`
	rule4d = `R4: A handle that is dropped without Close is closed once the garbage collector finds it unreachable, and counted as leaked.`
	rule5  = `R5: A receiver's Close stops the senders: they get ErrClosed, and parked ones wake at once. Accepted values can still be drained, and a permit granted before stays good.`
	rule5b = `R5: On broadcast and watch, a receiver's Close concerns that receiver alone.`
	rule6  = `R6: Try never lies. ErrFull and ErrEmpty mean that the channel was full or empty at some instant during the call. A Try call never overtakes a parked one.`
	rule7  = `R7: Values are received in FIFO order per sender. Parked senders and parked receivers are served in FIFO order.`
	rule8  = `R8: Each accepted value is received exactly once on mpsc, mpmc and oneshot. On broadcast, received + missed = sent for every receiver.`
	rule9  = `R9: The capacity is exact. Len is the number of values that were accepted and not yet received.`
	rule10 = `R10: A value that was handed out is cleared from the channel, except those that a broadcast keeps for Replay, and the current value of a watch. After a burst, an unbounded channel returns to its idle size.`
	rule11 = `R11: The core starts no goroutine. (ToChan must, and says so.) No lock is held while user code runs or while anything waits. Every wait is durably blocking`
	rule12 = `R12: Ready joins a native select without a goroutine: its channel is receivable when a value or the end is there. Then use TryRecv.`
	rule13 = `R13: Misuse panics with the package's name and the fact`
)
