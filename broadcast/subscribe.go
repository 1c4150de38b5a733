package broadcast

import "strconv"

// SubscribeOption sets up one receiver: see [Sender.Subscribe].
type SubscribeOption interface{ set(*subscription) }

type subscription struct {
	replay   uint64
	lossless bool
}

// Replay lets the receiver start with up to n values that the channel still keeps: the last n accepted before it
// subscribed, or as many as there are. The channel keeps as many as its capacity. A
// negative n panics.
func Replay(n int) SubscribeOption {
	if n < 0 {
		panic("broadcast: Replay of " + strconv.Itoa(n) + " values; it must not be negative")
	}
	return replayOption(n)
}

// Lossless lets the receiver never miss a value: while it has as many values before it as the capacity, Send waits
// for it and TrySend returns ErrFull. A lossless receiver that nobody reads from stops the senders until it is closed. Lossy
// and lossless receivers can be on one channel.
func Lossless() SubscribeOption { return losslessOption{} }

type replayOption uint64

func (n replayOption) set(s *subscription) { s.replay = uint64(n) }

type losslessOption struct{}

func (losslessOption) set(s *subscription) { s.lossless = true }
