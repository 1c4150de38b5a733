package natschan

import (
	"context"
	"runtime"
	"time"

	"github.com/leat-go/leat"
)

// A call is one call of receive.
type call struct {
	try      bool          // it does not wait for a value, but for the server
	more     bool          // it has values already: a gap is left to the next call
	patience time.Duration // for which the server may wait for a value
	asked    bool          // it has just asked
	empty    bool          // the server has nothing, and what it sent before is about to arrive
	backoff  backoff
	changed  <-chan struct{} // closed when there is something new
}

// A step is what a call has to do before it can go on.
type step int

const (
	handOut step = iota // it has a value
	confirm             // the server must confirm the receiver's place
	refresh             // the buffered value may be outdated
	drain               // nobody asks ahead: the receiver is closed
	check               // the server must say whether there is a value
	wait
)

// receive returns the next value, which is not acknowledged yet.
func (r *receiver) receive(ctx context.Context, c call) (*delivery, error) {
	r.enter(&c)
	defer r.leave()
	for {
		d, next, err := r.advance(&c)
		switch next {
		case handOut:
			return d, err
		case confirm:
			err = r.confirm(ctx)
		case refresh:
			if err = r.refresh(ctx); err != nil && c.more {
				r.deferError(err) // the gap is counted, and the call has values
				err = errNoMore
			}
		case drain:
			err = r.drain(ctx, &c)
		case check:
			err = r.await(ctx, &c)
		case wait:
			letArrive()
			err = pause(ctx, 0, c.changed)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *receiver) enter(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demand.callers++
	r.demand.calls++
	if !c.try || !r.shared { // else the values that it asks for could go to others
		c.patience = r.patience()
	}
}

func (r *receiver) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demand.callers--
}

// letArrive lets other goroutines run, before a call waits: the client's, which
// bring values, and what answers the client. More values are there then, and
// cost one wait. A wait costs more than some turns with nothing to run. Over
// net.Pipe, in process, a receiver that keeps up with the server needs this to
// receive as fast as by hand.
func letArrive() {
	for range 3 {
		runtime.Gosched()
	}
}

// advance takes a value or an error, if there is one. Otherwise it asks for
// values, and returns what the call has to do next.
func (r *receiver) advance(c *call) (*delivery, step, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.deferred) > 0:
		return nil, handOut, r.deferredLocked(c)
	case r.buffer.empty():
	case !r.holdsLocked():
		return nil, confirm, nil
	case c.more && r.gapNextLocked():
		return nil, handOut, errNoMore
	case r.newestOnly && r.buffer.first().old:
		return nil, refresh, nil
	}
	if d, err := r.takeLocked(); d != nil || err != nil {
		return d, handOut, err
	}
	if c.empty && !r.demand.probing {
		return nil, handOut, leat.ErrEmpty
	}
	if !c.empty {
		r.askForLocked(c)
	}
	c.changed = r.events.changed()
	switch {
	case c.empty:
		return nil, wait, nil
	case r.ending.closed && !(r.ending.hangsUp && r.demand.asked > 0 && !r.place.lost):
		return nil, drain, nil // not earlier, or values would overtake those under way
	case (c.try || r.ending.sealed) && !r.demand.answering:
		return nil, check, nil
	}
	return nil, wait, nil
}

// askForLocked asks for values on behalf of a call. A Try on a shared consumer
// takes turns: first the consumer answers that it has none, then the stream
// says why.
func (r *receiver) askForLocked(c *call) {
	if c.asked {
		c.asked = false
		return
	}
	r.askLocked(c.patience)
	c.patience = max(c.patience, lookPause) // a consumer that had nothing at once may be wrong: see pullRequest
	c.asked = c.try && r.shared
}

// await asks the server whether there is a value, and waits a while before it
// is worth trying again.
func (r *receiver) await(ctx context.Context, c *call) error {
	if err := r.lookFor(ctx, c); err != nil || c.empty {
		return err
	}
	return pause(ctx, c.backoff.next(), c.changed)
}

// lookFor is look on behalf of a call. A Try gets an error: ErrEmpty, or why
// the server does not say. Other calls try again. If what the server counts as
// sent to receivers may be on its way to this one, lookFor sets c.empty, and a
// Try waits for the answer to a probe.
func (r *receiver) lookFor(ctx context.Context, c *call) error {
	empty, err := r.look(ctx)
	switch {
	case c.try && err != nil:
		return err
	case c.try && empty:
		if c.empty = r.probe(); !c.empty {
			return leat.ErrEmpty
		}
	}
	return nil
}

// drain asks for one value of a queue that this receiver has closed: first for
// a value that is there, then for one that comes.
func (r *receiver) drain(ctx context.Context, c *call) error {
	if got, err := r.pullOne(ctx, 0); got || err != nil {
		return err
	}
	patience := c.backoff.next()
	if err := r.lookFor(ctx, c); err != nil {
		return err
	}
	_, err := r.pullOne(ctx, patience)
	return err
}

// How long to wait before the server is asked again for something that it does
// not report by itself, such as the last acknowledgement of another receiver:
// at first, and at most.
const (
	lookPause    = 20 * time.Millisecond
	maxLookPause = time.Second
)

// A backoff is how long to wait next. Zero is ready to use.
type backoff time.Duration

// next returns lookPause, then twice as long each time, up to maxLookPause.
func (b *backoff) next() time.Duration {
	*b = min(max(*b*2, backoff(lookPause)), backoff(maxLookPause))
	return time.Duration(*b)
}

// pause waits until changed is closed, until d is over unless d is 0, or until
// ctx ends.
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
