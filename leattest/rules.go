package leattest

// The rules of the contract, as a failure quotes them.
const (
	rule1  = `rule 1, "A failed call moved nothing. The value stays with the caller; nobody will ever receive it."`
	rule2  = `rule 2, "A ctx already done fails at entry with ctx.Err(), unwrapped. While waiting, a value in hand beats a cancelled ctx."`
	rule3  = `rule 3, "Close never panics, never blocks, is idempotent, and may race with anything. After it: ErrClosed."`
	rule4  = `rule 4, "The last sender handle to close ends the channel: receivers drain what was accepted, then get ErrClosed."`
	rule4d = `rule 4, "A handle that was dropped without Close closes itself once the garbage collector finds it unreachable."`
	rule5  = `rule 5, "A receiver's Close stops the senders; what was already accepted can still be drained by it, and a permit granted before stays good."`
	rule5b = `rule 5, "On a broadcast, a receiver's Close concerns that receiver alone."`
	rule6  = `rule 6, "Try never lies. ErrEmpty and ErrFull mean empty and full. A Try never overtakes a parked waiter."`
	rule7  = `rule 7, "FIFO: per sender on every kind; parked senders and parked receivers are served in order."`
	rule8  = `rule 8, "Exactly once; on a broadcast, received + missed = sent for every receiver, always."`
	rule9  = `rule 9, "Capacity is exact; Len is what was accepted and not yet received."`
	rule10 = `rule 10, "What is handed out is cleared; after a burst an unbounded channel returns to its idle size."`
	rule11 = `rule 11, "No goroutine is started by the core, no lock is held while user code runs or while anything waits; every wait is durably blocking."`
	rule12 = `rule 12, "Ready joins native select: receivable when a value or the end is there to take; then use TryRecv."`
	rule13 = `rule 13, "Misuse by the programmer panics with the package's name and the fact."`
)
