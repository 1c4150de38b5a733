//go:build modelcheck

package park

// waiters is how many there are in all queues. Only the model checker looks at
// it, and in its runs one goroutine goes at a time.
var waiters int

// queued notes how many waiters more stand in a queue. The race detector does
// not look: the checker's order is none that it knows.
//
//go:norace
func queued(n int) { waiters += n }

// Queued returns how many waiters stand in the queues of all channels.
//
//go:norace
func Queued() int { return waiters }
