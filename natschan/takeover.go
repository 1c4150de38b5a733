package natschan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A Durable receiver takes over from an earlier one of its name without a
// lease, and both may be alive. It does so in four steps:
//
//  1. It marks the earlier one's consumer with its own id, as the heir. From
//     then on the earlier receiver cannot confirm its hold: see
//     confirmConsumer.
//  2. It waits for takeoverTime, unless the earlier receiver has closed. Then
//     the earlier receiver's hold has passed by that receiver's own clock, and
//     the server has its acknowledgements.
//  3. It makes its own consumer, after the last value that was acknowledged in
//     order.
//  4. It lists the consumers again, and goes on only if the earlier consumer is
//     there and bears its mark. Only then it deletes the earlier one.
//
// A hold costs nothing for each value: it is confirmed once in durableHold.
//
// If A and B take over from the same consumer, not both go on. A's consumer
// exists before A lists in step 4. If B's mark is older than that list, A sees
// that its own mark is gone, or that the consumer is, and gives up. Otherwise
// B, which lists after it has marked, sees A's consumer, and takes over from A.
// A receiver that makes its own consumer again goes through step 4, too, and
// gives up if its old consumer bears a mark.
//
// If A and B find no consumer, each lists after it has made its own. Whichever
// lists later sees the other's consumer, removes its own, and begins again.
const (
	metaMaker = "leat.maker" // of a Durable receiver's consumer: the id of that receiver
	metaHeir  = "leat.heir"  // the id of the receiver that takes over, or
	heirless  = "closed"     // the receiver has closed

	durableHold  = time.Second
	takeoverTime = 2 * durableHold // an acknowledgement has the second half to arrive
)

var errHeirsMeet = errors.New("natschan: another receiver of the name was made at the same time")

func heir(info *jetstream.ConsumerInfo) string { return info.Config.Metadata[metaHeir] }

// owns reports whether this receiver has made the consumer, or is its heir, and
// no other receiver takes it over. A receiver that got no answer when it made
// its consumer may own several.
func (r *receiver) owns(info *jetstream.ConsumerInfo) bool {
	return heir(info) == r.id || heir(info) == "" && info.Config.Metadata[metaMaker] == r.id
}

// namesakes returns the consumers of the receiver's durable name.
func (r *receiver) namesakes(ctx context.Context) (infos []*jetstream.ConsumerInfo, err error) {
	all, err := r.consumers(ctx)
	for _, info := range all {
		if info.Config.Metadata[metaDurable] == r.durable {
			infos = append(infos, info)
		}
	}
	return infos, err
}

// claimName returns the consumers of the receiver's durable name, whose values
// nobody else hands out any more. It returns ErrFenced if another receiver has
// taken the name over, or does.
func (r *receiver) claimName(ctx context.Context) (names []string, err error) {
	infos, err := r.namesakes(ctx)
	if r.isNew() && err == nil {
		infos, err = r.fence(ctx, infos)
	}
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		if !r.isNew() && !r.owns(info) {
			return nil, ErrFenced
		}
		names = append(names, info.Name)
	}
	if r.isNew() {
		r.inheritAll(infos)
	}
	return names, nil
}

// isNew reports whether the receiver has not had a consumer yet.
func (r *receiver) isNew() bool { return r.place.consumer == "" }

// fence marks the consumers of other receivers of the name, and waits until
// these hand out nothing more. It returns the consumers as they are then.
func (r *receiver) fence(
	ctx context.Context, infos []*jetstream.ConsumerInfo,
) (fenced []*jetstream.ConsumerInfo, err error) {
	marked := map[string]bool{}
	for {
		news, wait := false, time.Duration(0)
		for _, info := range infos {
			switch {
			case r.owns(info):
				continue
			case marked[info.Name] && heir(info) != heirless:
				return nil, ErrFenced // somebody has come later
			case heir(info) != heirless:
				wait = takeoverTime
			}
			if err := r.mark(ctx, info, r.id); err != nil {
				return nil, err
			}
			marked[info.Name], news = true, true
		}
		if !news {
			return infos, nil
		}
		if wait > 0 {
			err = pause(ctx, wait, nil)
		}
		if err == nil {
			infos, err = r.namesakes(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
}

// mark names the heir of a consumer, which may be gone already.
func (r *receiver) mark(ctx context.Context, info *jetstream.ConsumerInfo, heir string) error {
	cfg := info.Config
	cfg.Metadata = maps.Clone(cfg.Metadata) // not nil: it has the name
	cfg.Metadata[metaHeir] = heir
	_, err := r.stream.UpdateConsumer(ctx, cfg)
	gone := errors.Is(err, jetstream.ErrConsumerDoesNotExist) || errors.Is(err, jetstream.ErrConsumerNotFound)
	if err != nil && !gone {
		return fmt.Errorf("natschan: channel %s: take over the receiver %q: %w", r.ch.Name, r.durable, err)
	}
	return nil
}

// inheritAll goes on where the receivers of earlier consumers have stopped: at
// most one of them has got further than where its consumer began.
func (r *receiver) inheritAll(infos []*jetstream.ConsumerInfo) {
	var floor uint64
	for _, info := range infos {
		r.inherit(info)
		floor = max(floor, info.AckFloor.Stream)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(infos) > 0 {
		r.position.seq = floor
	}
}

// prevails is step 4 of taking over. It returns nil if the receiver, which has
// made a consumer in place of earlier ones, has the name.
func (r *receiver) prevails(ctx context.Context, earlier []string) error {
	infos, err := r.namesakes(ctx)
	if err != nil {
		return err
	}
	kept, strangers := 0, 0
	for _, info := range infos {
		switch is, was := r.owns(info), slices.Contains(earlier, info.Name); {
		case is && was:
			kept++
		case !is && !was:
			strangers++
		}
	}
	switch {
	case kept < len(earlier):
		return ErrFenced
	case strangers == 0 || r.isNew() && kept > 0: // strangers miss their mark, and give up
		return nil
	case r.isNew():
		return errHeirsMeet
	}
	return ErrFenced
}

// takeName makes the receiver's consumer in place of earlier ones of its name,
// and returns its name.
func (r *receiver) takeName(ctx context.Context, earlier []string) (string, error) {
	consumer, err := r.create(ctx)
	if err != nil {
		return "", err
	}
	if err := r.prevails(ctx, earlier); err != nil {
		own, cancel := bounded()
		defer cancel()
		r.remove(own, consumer)
		if errors.Is(err, errHeirsMeet) {
			pause(own, rand.N(lookPause), nil) // or all meet again
		}
		return "", err
	}
	r.removeAll(ctx, earlier) // they last: they hold on to what both need
	return consumer, nil
}

// release marks the consumer of a Durable receiver that closes. The next
// receiver of the name then need not wait. It has the server confirm an
// acknowledgement, so that the next receiver sees the earlier ones, too.
func (r *receiver) release(ctx context.Context) error {
	r.mu.Lock()
	consumer, last := r.place.consumer, r.place.acked
	r.mu.Unlock()
	if last != "" {
		r.request(last, ack) // if nobody answers, the consumer is gone, or the next exchange fails
	}
	c, err := r.stream.Consumer(ctx, consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err == nil && heir(c.CachedInfo()) == "" {
		err = r.mark(ctx, c.CachedInfo(), heirless)
	}
	if err != nil {
		return fmt.Errorf("natschan: closing a receiver of %s: %w", r.ch.Name, err)
	}
	return nil
}
