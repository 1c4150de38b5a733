package natschan

import (
	"time"

	"github.com/nats-io/nats.go"
)

// A delivery is a value that arrived.
type delivery struct {
	msg        *nats.Msg
	seq        uint64 // in the stream
	deliveries int
	at         time.Time // when it arrived
	old        bool      // no call that goes on asked for it, so that there may be newer ones
}

// A buffer holds the values that have arrived and were not handed out, in
// order. Its gate, which is what Ready returns, is open while there is one.
type buffer struct {
	values []*delivery
	gate   gate
}

func (b *buffer) empty() bool      { return len(b.values) == 0 }
func (b *buffer) first() *delivery { return b.values[0] }

// signal opens or closes the gate. The program may have received from the gate
// meanwhile, so it is also for a buffer that has not changed.
func (b *buffer) signal() { b.gate.set(len(b.values) > 0) }

func (b *buffer) put(d *delivery) {
	b.values = append(b.values, d)
	b.signal()
}

// replace puts d in the place of an earlier delivery of the same value, and
// reports whether there was one.
func (b *buffer) replace(d *delivery) bool {
	for i, earlier := range b.values {
		if earlier.seq == d.seq {
			b.values[i] = d
			return true
		}
	}
	return false
}

func (b *buffer) pop() *delivery {
	d := b.values[0]
	b.values[0] = nil
	if b.values = b.values[1:]; len(b.values) == 0 {
		b.values = nil
	}
	return d
}

// clear removes all values, and returns them.
func (b *buffer) clear() []*delivery {
	all := b.values
	b.values = nil
	b.signal()
	return all
}
