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
// there will be. It finds the end only if the channel was sealed when the server
// looked: what is known of an earlier state says nothing about values that were
// stored between it and the seal.
func (r *receiver) look(ctx context.Context) (empty bool, err error) {
	r.mu.Lock()
	sealed := r.closed && r.sealed // by this receiver
	r.mu.Unlock()
	info, err := r.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		r.finish(fmt.Errorf("%w: the stream of %s was deleted", leat.ErrClosed, r.ch.Name))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var ackPending uint64
	if r.shared && info.State.Msgs > 0 {
		c, err := r.stream.Consumer(ctx, sharedConsumer)
		if err != nil {
			return false, err
		}
		if n := c.CachedInfo(); n.NumPending == 0 {
			ackPending = uint64(n.NumAckPending)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buf) > 0 || r.over != nil {
		return false, nil
	}
	r.sealed = info.Config.Sealed || r.closed && r.sealed // a word of the end may be late, of a channel that had the name before
	state, ended := info.State, false
	switch {
	case r.shared:
		empty, ended = state.Msgs <= ackPending, state.Msgs == 0
	case r.queue:
		empty = state.LastSeq <= r.seq || state.Msgs <= uint64(len(r.unsettled))
		ended = state.Msgs == 0 || empty && len(r.unsettled) == 0
	default:
		empty = state.LastSeq <= r.seq
		ended = empty && len(r.unsettled) == 0
	}
	if !(sealed || info.Config.Sealed) || !ended {
		return empty, nil
	}
	if r.ch.Replicas > 1 && !r.doubted { // a send that was under way when the channel closed may still arrive
		r.doubted = true
		return false, nil
	}
	r.finishLocked(leat.ErrClosed)
	return false, nil
}

// info asks for the stream's state. (Info of a jetstream.Stream may not be called concurrently.)
func (r *receiver) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	s, err := r.js.Stream(ctx, r.ch.stream())
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

// seal is called when somebody says that the channel was closed: look sees whether it was.
func (r *receiver) seal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealed = true
	r.events.all()
	r.kick()
}

// finish lets all receives return err once buf is empty.
func (r *receiver) finish(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finishLocked(err)
}

func (r *receiver) finishLocked(err error) {
	if r.over == nil {
		r.over = err
	}
	r.gate.end()
	r.events.all()
}

func (r *receiver) close() (err error) {
	r.closing.Do(func() {
		r.cancel()
		<-r.done
		ctx, cancel := bounded()
		defer cancel()
		if r.queue {
			err = r.closeQueue(ctx)
		} else {
			err = r.closeOwn(ctx)
		}
		r.hangUp(ctx)
	})
	return explain(r.nc, err)
}

// hangUp ends the subscriptions, and waits for what the server sent before it knew: that is kept, or given back.
func (r *receiver) hangUp(ctx context.Context) {
	for _, sub := range r.subs {
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

func (r *receiver) closeQueue(ctx context.Context) error {
	r.mu.Lock()
	if len(r.buf) > 0 && !r.holdsLocked() {
		r.returnLocked()
	}
	r.mu.Unlock()
	left, err := r.lease.leave(ctx)
	last := !r.shared || err == nil && left.receivers == 0
	if err == nil && last {
		err = r.ch.seal(ctx, r.js)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed = true; last {
		r.sealed = true
	} else {
		r.returnLocked()
		r.over = leat.ErrClosed
	}
	r.gate.end()
	r.events.all()
	return err
}

// returnLocked has the server redeliver what is buffered.
func (r *receiver) returnLocked() {
	for _, d := range r.buf {
		r.nc.Publish(d.msg.Reply, []byte("-NAK"))
	}
	r.buf = nil
}

func (r *receiver) closeOwn(ctx context.Context) error {
	r.mu.Lock()
	r.closed, r.buf = true, nil
	r.finishLocked(leat.ErrClosed)
	r.mu.Unlock()
	if r.durable {
		return nil
	}
	err := r.stream.DeleteConsumer(ctx, r.consumer)
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
