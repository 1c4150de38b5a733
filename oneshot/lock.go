package oneshot

import "github.com/leat-go/leat/internal/seam"

// Lock locks the channel. While it is locked, word does not change but for the
// bit waiting, so that state is what Unlock finds. Mostly nothing has happened
// yet, and word is 0. Then state is 0, too, because it is what the last Unlock
// stored, if there was one. Lock is small enough to be inlined.
func (c *channel[T]) Lock() {
	if !c.word.CompareAndSwap(0, locked) {
		c.lockUsed()
	}
}

// lockUsed locks a channel whose word was not 0.
func (c *channel[T]) lockUsed() {
	if v := c.word.Load(); v&locked != 0 || !c.word.CompareAndSwap(v, v|locked) {
		c.lockHeld()
	}
	c.state = c.word.Load() &^ (locked | waiting)
}

// lockHeld locks a channel that was found locked, or whose word has just
// changed. The holder keeps the lock for some instructions: it never blocks and
// never calls user code meanwhile. Only if the operating system stops it does
// it take longer. So a goroutine that finds the channel locked sleeps until it
// is unlocked. Only one goroutine sleeps so; the others wait in aside for their
// turn. A goroutine that comes later need not wait for them.
//
// A sleeper is not forgotten. It sleeps only after it has set waiting in a word
// that was locked, by one compare-and-swap. The Swap of the Unlock that ends
// that lock comes later, and therefore finds the bit, and sleep made. It
// clears the bit and unlocks sleep, once for each time that the bit was set.
// Whether that comes before or after the sleeper locks sleep, the sleeper then
// has sleep locked, as it was before. (fifo.End is locked in the same way.)
//
// A claim changes only a word that is full, and so neither locked nor waited
// for.
func (c *channel[T]) lockHeld() {
	m := c.getMore()
	m.aside.Lock()
	if m.sleep == nil {
		m.sleep = new(seam.Mutex)
		m.sleep.Lock()
	}
	for {
		v := c.word.Load()
		if v&locked == 0 {
			if c.word.CompareAndSwap(v, v|locked) {
				break
			}
		} else if c.word.CompareAndSwap(v, v|waiting) {
			m.sleep.Lock()
		}
	}
	m.aside.Unlock()
}

// Unlock publishes the state, and unlocks the channel. It is just small enough
// to be inlined.
func (c *channel[T]) Unlock() {
	if int64(c.word.Swap(c.state)) < 0 { // waiting
		wake(&c.more)
	}
}

// wake wakes the goroutine that sleeps until the channel is unlocked. It is
// neither a part of Unlock nor generic, so that Unlock can be inlined.
//
//go:noinline
func wake(m *seam.Pointer[more]) { m.Load().sleep.Unlock() }
