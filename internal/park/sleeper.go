package park

import (
	"time"

	"github.com/leat-go/leat/internal/seam"
)

// A sleeper is the part of a [Waiter] that blocks its goroutine and is woken.
//
// # One wait, one token
//
// A waker calls wake once in a wait, and only after it has taken the waiter out
// of its queue with the channel's mutex held. It does not put the waiter back:
// what PutBack puts back was not out of the queue while the mutex was free. So
// at most one token is sent for a wait. A wait ends in one of three ways:
//
//   - The goroutine receives the token. The waker does not touch the sleeper
//     after it has sent.
//   - The goroutine takes the waiter out of the queue itself, because its ctx
//     has ended. Then no waker has done so, and none will: no token is sent. If
//     it finds that a waker was faster, that waker sends the token, and the
//     goroutine receives it.
//   - The goroutine was served before it slept, and no token is sent.
//
// So when a wait is over, its token is received or was never sent, and no waker
// knows the sleeper. The next wait starts with an empty channel, and a send
// never finds the channel full.
//
// # Served before it sleeps
//
// A goroutine that lets others run before it sleeps is often served meanwhile.
// Then nobody need wake it. What tells is state, which only grows: it is round
// while the goroutine is awake, round+1 once it sleeps, and round+2 once it was
// served. The goroutine goes from round to round+1 by a compare-and-swap, and
// the waker swaps round+2 in. One of the two comes first. If it is the swap,
// the compare-and-swap fails, the goroutine does not sleep, and the waker,
// which has found round, sends nothing. If it is the compare-and-swap, the
// goroutine waits for the token, and the waker, which has found round+1, sends
// it. Either way state is now the round of the next wait. Only a goroutine that
// leaves its queue unserved has to set state back: no waker knows it then.
type sleeper struct {
	state   seam.Uint32 // if yields
	round   uint32      // written by the goroutine between two waits
	yields  bool        // in this wait: written before the waiter is in its queue
	bubbled bool        // in this wait: written before the waiter is in its queue
	habit   habit

	// token has capacity 1. It is empty while nobody waits. It is nil before
	// the first wait, and after one in a bubble.
	token chan struct{}
}

// begin begins a wait of the calling goroutine. soon tells whether it may
// yield, and the result whether it does. Then servedAfterYield follows.
func (s *sleeper) begin(soon bool) (yields bool) {
	s.yields = soon && s.habit.begin()
	if s.bubbled = InBubble(); s.bubbled || s.token == nil {
		s.token = make(chan struct{}, 1)
	}
	return s.yields
}

// servedAfterYield reports whether the waiter was served while the goroutine
// yielded. If not, the waker now knows that the goroutine sleeps.
func (s *sleeper) servedAfterYield() bool {
	served := s.state.Load() == s.round+2 || !s.state.CompareAndSwap(s.round, s.round+1)
	s.habit.end(served)
	if served {
		s.end()
	}
	return served
}

// wake wakes the goroutine, which was served. It does not read round after it
// has written state: the goroutine may be in its next wait then.
func (s *sleeper) wake() {
	if s.yields {
		round := s.round
		if s.state.Swap(round+2) == round {
			return
		}
	}
	seam.Send(s.token)
}

// receive blocks until the token comes, which a waker sends.
func (s *sleeper) receive() {
	token, _ := seam.Await(s.token, nil)
	<-token
	s.end()
}

// end ends a wait of a goroutine that was served.
func (s *sleeper) end() {
	if s.yields {
		s.round += 2
	}
	s.forgetBubble()
}

// leave ends a wait of a goroutine that was not served, and that has taken its
// waiter out of the queue.
func (s *sleeper) leave() {
	if s.yields {
		s.state.Store(s.round)
	}
	s.forgetBubble()
}

// forgetBubble forgets a channel that was made in a bubble.
func (s *sleeper) forgetBubble() {
	if s.bubbled {
		s.token = nil
	}
}

// A habit decides whether a goroutine lets others run before it sleeps, as a
// [Patience] does for a goroutine that is in no queue yet. One goroutine at a
// time uses it. Its zero value is ready.
type habit struct {
	skip     uint16        // waits to come that sleep at once
	failures uint8         // how often it was not served meanwhile, less how often it was
	slow     uint8         // how often in a row it took long, of the times that were looked at
	times    uint8         // how often in all
	since    time.Duration // when the present yield began, if it is looked at; or 0
}

// The other constants are those of Patience.
const (
	timedHabit = 32               // one in as many times is looked at: most are hardly longer than a read of the clock
	longHabit  = time.Microsecond // a wake-up costs a fraction of that
)

// begin reports whether the goroutine yields. Then end follows.
func (h *habit) begin() bool {
	if h.skip > 0 {
		h.skip--
		return false
	}
	if h.times++; h.times%timedHabit == 0 {
		h.since = seam.Now().Sub(start)
	}
	return true
}

// end notes that the goroutine has yielded, and whether it was served
// meanwhile.
func (h *habit) end(served bool) {
	if h.since != 0 {
		h.time(seam.Now().Sub(start) - h.since)
	}
	switch {
	case !served && h.failures == maxFailures:
		h.skip = max(h.skip, giveUp)
	case !served:
		h.failures++
	case h.failures > 0:
		h.failures--
	}
}

// time notes how long the yield took.
func (h *habit) time(took time.Duration) {
	h.since = 0
	switch h.slow++; {
	case took < longHabit:
		h.slow = 0
	case h.slow == maxSlow:
		h.slow, h.skip = 0, giveUpSlow
	}
}
