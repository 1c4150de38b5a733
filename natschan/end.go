package natschan

import (
	"context"
	"errors"
	"fmt"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// look asks the server whether there is a value for this receiver, and whether
// there will be. It reports that the channel is empty, or finds the end.
//
// It finds the end only if the channel was sealed when the server looked. An
// earlier state says nothing about values that were stored between it and the
// seal.
func (r *receiver) look(ctx context.Context) (empty bool, err error) {
	sealed := r.sealedItself()
	info, err := r.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		r.finishDeleted()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var others uint64
	if r.shared && info.State.Msgs > 0 {
		if others, err = r.inOtherHands(ctx, info.State.LastSeq); err != nil {
			return false, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made = info.Created
	if !r.buffer.empty() || r.ending.over != nil {
		return false, nil
	}
	// A hint of the end may be late, and of an earlier channel of the name.
	r.ending.sealed = info.Config.Sealed || r.ending.closed && r.ending.sealed
	empty, drained := r.leftLocked(info.State, others)
	if drained && (sealed || info.Config.Sealed) {
		r.drainedLocked()
		return false, nil
	}
	return empty, nil
}

// sealedItself reports whether this receiver has closed the channel.
func (r *receiver) sealedItself() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending.closed && r.ending.sealed
}

// leftLocked reports whether the stream has nothing for the receiver now, and
// whether it will have nothing if nothing more is sent. Others is how many of
// its values other receivers have.
func (r *receiver) leftLocked(state jetstream.StreamState, others uint64) (empty, drained bool) {
	p := &r.position
	switch {
	case r.shared:
		return state.Msgs <= others, state.Msgs == 0
	case r.queue:
		empty = state.LastSeq <= p.seq || state.Msgs <= uint64(len(p.unsettled))
		if p.closed {
			return state.Msgs <= uint64(len(p.unsettled)), state.Msgs == 0
		}
		return empty, state.Msgs == 0 || empty && len(p.unsettled) == 0
	}
	empty = state.LastSeq <= p.seq
	return empty, empty && len(p.unsettled) == 0
}

// drainedLocked ends the receiver: the channel is closed and drained. With
// replicas, a send that was under way when the channel closed may still arrive,
// so that only the second time is the end.
func (r *receiver) drainedLocked() {
	if r.ch.Replicas > 1 && !r.ending.doubted {
		r.ending.doubted = true
		return
	}
	r.finishLocked(leat.ErrClosed)
}

// seal is called when somebody says that the channel was closed. It has look
// find out whether that is true.
func (r *receiver) seal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending.sealed = true
	r.events.all()
	r.kick()
}

// finish has each receive return err once the buffer is empty.
func (r *receiver) finish(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finishLocked(err)
}

func (r *receiver) finishLocked(err error) {
	if r.ending.over == nil {
		r.ending.over = err
	}
	r.buffer.gate.end()
	r.events.all()
}

func (r *receiver) close() (err error) {
	r.once.Do(func() {
		r.stop()
		ctx, cancel := bounded()
		defer cancel()
		if r.queue {
			err = r.closeQueue(ctx)
		} else {
			err = r.closeOwn(ctx)
		}
		if r.exclusive && err == nil {
			r.awaitAsked(ctx)
		}
		if !r.hangUpLater() {
			r.hangUp(ctx)
			r.hungUp()
		}
		r.requester.close()
	})
	return explain(r.nc, err)
}

// closeQueue gives up the receiver's lease, and closes the channel if no other
// receiver is left.
func (r *receiver) closeQueue(ctx context.Context) error {
	if r.mustRemake() { // attend was stopped on the way
		r.remake(ctx)
	}
	r.returnUnheld()
	left, err := r.lease.leave(ctx)
	last := !r.shared || err == nil && left.receivers == 0
	if err == nil && last {
		err = r.ch.seal(ctx, r.js)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending.closed, r.ending.hangsUp = true, r.exclusive
	r.position.close()
	if r.ahead.timer != nil {
		r.ahead.timer.Stop()
	}
	if last {
		r.ending.sealed = true
	} else {
		r.returnAllLocked()
		r.ending.over = leat.ErrClosed
	}
	r.buffer.gate.end()
	r.events.all()
	return err
}

// returnUnheld returns the buffer if it may be another receiver's.
func (r *receiver) returnUnheld() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.buffer.empty() && !r.holdsLocked() {
		r.returnAllLocked()
	}
}

// returnAllLocked has the server redeliver the buffered values.
func (r *receiver) returnAllLocked() {
	for _, d := range r.buffer.clear() {
		r.returnLocked(d)
	}
}

// closeOwn ends this receiver alone. A Durable one keeps its consumer.
func (r *receiver) closeOwn(ctx context.Context) error {
	r.mu.Lock()
	r.ending.closed = true
	r.buffer.clear()
	r.finishLocked(leat.ErrClosed)
	r.mu.Unlock()
	if r.resumes {
		return r.release(ctx)
	}
	err := r.stream.DeleteConsumer(ctx, r.place.consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("natschan: closing a receiver of %s: %w", r.ch.Name, err)
	}
	if r.ch.Lossless {
		return r.nc.Publish(r.ch.spaceSubject(), nil) // it may have been the slowest
	}
	return nil
}

// awaitAsked returns when the values that a sealed channel still has are here,
// or are not asked for. A value for a request whose inbox has gone is sent to
// nobody first, and then comes after later ones.
func (r *receiver) awaitAsked(ctx context.Context) {
	var backoff backoff
	for {
		info, err := r.info(ctx)
		if err != nil {
			return
		}
		r.mu.Lock()
		here := uint64(len(r.buffer.values) + len(r.position.unsettled))
		arrived := r.demand.asked == 0 || r.place.lost || r.ending.over != nil || info.State.Msgs <= here
		changed := r.events.changed()
		r.mu.Unlock()
		if arrived || pause(ctx, backoff.next(), changed) != nil {
			return
		}
	}
}

// hungUp lets the calls of a closed receiver ask for single values: no value
// arrives any more that was asked for before.
func (r *receiver) hungUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending.hangsUp = false
	r.events.all()
}

// hangUp ends the subscriptions, and waits for the messages that the server
// sent before it knew. These are kept, or returned.
func (r *receiver) hangUp(ctx context.Context) {
	for _, sub := range []*nats.Subscription{r.inbox, r.ends} {
		ended := sub.StatusChanged(nats.SubscriptionClosed)
		if sub.Drain() != nil {
			continue // the connection is closed
		}
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}
