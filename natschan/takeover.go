package natschan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A Durable receiver takes over from an earlier one of its name without a
// lease, and both may be alive. The name has a mark: a message in the stream of
// leases with the subject leat.l.<channel>.d.<name>, of which the server keeps
// the last one. The receiver whose mark it is has the name. A receiver takes
// over in four steps:
//
//  1. It replaces the mark by its own. From then on the earlier receiver cannot
//     confirm its hold.
//  2. It waits for takeoverTime, unless the earlier receiver has closed. Then
//     the earlier receiver's hold has passed by that receiver's own clock, and
//     the server has its acknowledgements.
//  3. It makes its own consumer, after the last value that was acknowledged in
//     order.
//  4. It asks whether the mark is still its own. If so, it deletes the earlier
//     consumers. Otherwise it deletes its own.
//
// A hold costs nothing for each value: it is confirmed once in durableHold.
//
// If A and B take over at the same time, not both go on. A's consumer exists
// before A asks in step 4. If B has set its mark before that, A gives up.
// Otherwise B, which lists the consumers after it has set its mark, sees A's,
// and takes over from A. B knows whose mark it has replaced, because the server
// takes a mark only from a receiver that has seen the last one. A receiver that
// makes its own consumer again goes through steps 3 and 4, too.
//
// A mark in the consumer's metadata would need no message. But nats-server
// 2.14.5 updates a consumer without the lock under which it lists consumers: a
// data race, which the race detector reports if the server is embedded.
const (
	metaMaker = "leat.maker" // of a Durable receiver's consumer: the id of that receiver

	durableHold  = time.Second
	takeoverTime = 2 * durableHold // an acknowledgement has the second half to arrive
)

// markSubject returns the subject of the mark of a durable name.
func (c *Channel) markSubject(durable string) string { return "leat.l." + c.Name + ".d." + durable }

// A mark is the last one of a durable name. Its text is the id of its receiver
// and, for people, which process that is. The id tells whose mark it is. Its
// number, which is that of the message, does not: numbers begin with 1 again
// when somebody has deleted the stream of leases.
type mark struct {
	number uint64 // 0 if there is none
	id     string // of its receiver, or empty if that has closed
}

// closed reports whether the last receiver of the name has closed.
func (m mark) closed() bool { return m.number != 0 && m.id == "" }

// owns reports whether the mark is the receiver's own.
func (r *receiver) owns(m mark) bool { return m.id == r.id }

// lastMark asks for the mark of the receiver's durable name. It asks the
// stream's leader, because a replica may be late. A server that has lost the
// majority takes itself for the leader for some seconds more, so that the
// answer may be out of date. The server does not replace a mark that is out of
// date, and currentMark makes sure.
func (r *receiver) lastMark(ctx context.Context) (m mark, err error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	var answer struct {
		Message struct {
			Seq  uint64
			Data []byte
		}
	}
	question := map[string]any{"last_by_subj": r.ch.markSubject(r.durable)}
	err = request(ctx, r.js, "STREAM.MSG.GET."+leaseStream, question, &answer)
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	id, _, _ := strings.Cut(string(answer.Message.Data), " ")
	return mark{answer.Message.Seq, id}, nil
}

// currentMark is lastMark, but if it returns the receiver's own mark, that was
// the last one at an instant during the call. If the stream of leases has
// replicas, currentMark replaces the mark by an equal one to find that out: it
// takes a majority to store it.
func (r *receiver) currentMark(ctx context.Context) (last mark, err error) {
	for {
		last, err = r.lastMark(ctx)
		if err != nil || !r.owns(last) || !r.replicated.Load() {
			return last, err
		}
		if err = r.setMark(ctx, last); !errors.Is(err, ErrFenced) {
			return last, err
		}
	}
}

// setMark makes the receiver's mark the last one. It returns ErrFenced if last
// is not the last mark any more.
func (r *receiver) setMark(ctx context.Context, last mark) error {
	return r.publishMark(ctx, last, r.id+" "+self(r.nc))
}

// publishMark replaces the mark last by one with another text, which is empty
// if the receiver has closed.
func (r *receiver) publishMark(ctx context.Context, last mark, text string) error {
	_, err := r.js.Publish(ctx, r.ch.markSubject(r.durable), []byte(text),
		jetstream.WithMsgID(nuid.Next()), jetstream.WithExpectLastSequencePerSubject(last.number))
	if isOutdated(err) {
		return ErrFenced
	}
	return err
}

// hasName returns ErrFenced if the mark is not the receiver's own.
func (r *receiver) hasName(ctx context.Context) error {
	last, err := r.currentMark(ctx)
	if err != nil {
		return fmt.Errorf("natschan: channel %s: ask for the durable name %q: %w", r.ch.Name, r.durable, err)
	}
	if !r.owns(last) {
		return ErrFenced
	}
	return nil
}

// claimName takes the durable name, or makes sure that the receiver still has
// it. It returns the consumers that the new one replaces, when no other
// receiver hands out their values any more. It returns ErrFenced if another
// receiver takes the name over.
func (r *receiver) claimName(ctx context.Context) (names []string, err error) {
	if err := r.takeName(ctx); err != nil {
		return nil, err
	}
	infos, err := r.namesakes(ctx)
	if err != nil {
		return nil, err
	}
	isNew := r.place.consumer == ""
	for _, info := range infos {
		if isNew || info.Config.Metadata[metaMaker] == r.id {
			names = append(names, info.Name)
		}
	}
	if isNew {
		r.inheritAll(infos)
	}
	return names, nil
}

// takeName sets the receiver's mark, and returns when no other receiver hands
// out values of the name any more. A receiver that has its mark keeps it.
func (r *receiver) takeName(ctx context.Context) error {
	failed := func(err error) error {
		if errors.Is(err, ErrFenced) {
			return err
		}
		return fmt.Errorf("natschan: channel %s: take the durable name %q: %w", r.ch.Name, r.durable, err)
	}
	s, err := leases(ctx, r.js, r.ch.Replicas)
	if err != nil {
		return err
	}
	r.noteReplicas(s)
	if r.place.consumer != "" {
		if _, err := r.info(ctx); err != nil { // or a deleted channel would get a mark again
			return failed(err)
		}
		if err := r.keepMark(ctx); err != nil {
			return failed(err)
		}
		return nil
	}
	last, err := r.replaceMark(ctx)
	if err != nil {
		return failed(err)
	}
	if last.closed() {
		return nil
	}
	earlier, err := r.namesakes(ctx)
	if err == nil && (last.number != 0 || len(earlier) > 0) {
		err = pause(ctx, takeoverTime, nil)
	}
	if err != nil {
		return failed(err)
	}
	return r.hasName(ctx)
}

// noteReplicas notes whether the stream of leases has replicas, which another
// channel may have added.
func (r *receiver) noteReplicas(leases jetstream.Stream) {
	r.replicated.Store(leases.CachedInfo().Config.Replicas > 1)
}

// replaceMark sets the first mark of the receiver, and returns the mark that it
// has replaced.
func (r *receiver) replaceMark(ctx context.Context) (last mark, err error) {
	for {
		if last, err = r.lastMark(ctx); err != nil {
			return last, err
		}
		if err = r.setMark(ctx, last); !errors.Is(err, ErrFenced) { // else others are faster
			return last, err
		}
	}
}

// keepMark makes sure that the mark is the receiver's own. If somebody has
// deleted it, with the stream of leases, for example, keepMark sets it again.
func (r *receiver) keepMark(ctx context.Context) error {
	switch last, err := r.lastMark(ctx); {
	case err != nil:
		return err
	case last.number == 0:
		return r.setMark(ctx, last)
	case !r.owns(last):
		return ErrFenced
	}
	return nil
}

// dropMarks removes the marks of the durable name if the channel was deleted:
// the receiver may have set its mark after the deletion. If that fails, Forget
// can remove it.
func (r *receiver) dropMarks() {
	if !r.resumes {
		return
	}
	ctx, cancel := bounded()
	defer cancel()
	r.ch.purgeLeases(ctx, r.js, "d."+r.durable, 0)
}

// confirmName asks the server whether the receiver still has the name, and
// begins a new hold if so.
func (r *receiver) confirmName(ctx context.Context) error {
	h := hold{until: time.Now().Add(durableHold)}
	last, err := r.currentMark(ctx)
	ended := errors.Is(err, nats.ErrConnectionClosed)
	if err != nil && !ended {
		return pause(ctx, lookPause, nil)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case ended || last.number == 0:
		r.dropLocked() // attend finds out why
	case !r.owns(last):
		r.buffer.clear()
		r.finishLocked(ErrFenced)
	default:
		r.place.held = h
	}
	return ctx.Err()
}

// namesakes returns the consumers of the receiver's durable name.
func (r *receiver) namesakes(ctx context.Context) ([]*jetstream.ConsumerInfo, error) {
	return r.consumersNamed(ctx, r.durable)
}

// inheritAll goes on where the receivers of earlier consumers have stopped: at
// most one of them has got further than where its consumer began. A replicated
// consumer has an AckFloor of 0 until something is acknowledged.
func (r *receiver) inheritAll(infos []*jetstream.ConsumerInfo) {
	var floor uint64
	for _, info := range infos {
		r.inherit(info)
		floor = max(floor, info.AckFloor.Stream, max(info.Config.OptStartSeq, 1)-1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(infos) > 0 {
		r.position.seq, r.inherits = floor, true
	}
}

// succeed makes the consumer of a Durable receiver in place of earlier ones,
// and returns its name.
func (r *receiver) succeed(ctx context.Context, earlier []string) (string, error) {
	consumer, err := r.create(ctx)
	if err != nil {
		return "", err
	}
	if err := r.hasName(ctx); err != nil {
		r.discard([]string{consumer})
		return "", err
	}
	r.discard(earlier) // they last: they hold on to what both need
	r.swept = 0
	return consumer, nil
}

// discard deletes consumers, also when the caller's ctx ends. What it cannot
// delete is left to sweep.
func (r *receiver) discard(consumers []string) {
	ctx, cancel := bounded()
	defer cancel()
	r.removeAll(ctx, consumers)
}

// sweep deletes what discard could not delete, here or in another process:
// every consumer of the durable name but the receiver's own. The server keeps
// such a consumer for good, and the senders of a Lossless channel wait for it.
// attend calls sweep in each of its rounds. To cost little, sweep lists the
// consumers only if their number is not the one that it has found to be right.
//
// It deletes no consumer that is in use. Another receiver sets its mark before
// it makes its consumer. So if sweep sees the consumer first, and then the
// receiver's own mark, the mark of the other one was replaced.
func (r *receiver) sweep(ctx context.Context) {
	r.mu.Lock()
	out := r.place.lost || r.ending.over != nil
	r.mu.Unlock()
	if out {
		return
	}
	info, err := r.info(ctx)
	if err != nil || info.State.Consumers == r.swept {
		return
	}
	infos, err := r.namesakes(ctx)
	if err != nil {
		return
	}
	var left []string
	for _, info := range infos {
		if info.Name != r.place.consumer {
			left = append(left, info.Name)
		}
	}
	if len(left) == 0 {
		r.swept = info.State.Consumers
	} else if r.hasName(ctx) == nil {
		r.discard(left)
	}
}

// release marks the name of a Durable receiver that closes. The next receiver
// of the name then need not wait. It has the server confirm an acknowledgement,
// so that the next receiver sees the earlier ones, too.
func (r *receiver) release(ctx context.Context) error {
	r.mu.Lock()
	acked := r.place.acked
	r.mu.Unlock()
	if acked != "" {
		r.request(acked, ack) // if nobody answers, the consumer is gone, or the next exchange fails
	}
	if err := r.freeName(ctx); err != nil {
		return fmt.Errorf("natschan: closing a receiver of %s: %w", r.ch.Name, err)
	}
	if gone(ctx, r.js, r.ch.stream()) {
		r.dropMarks()
	}
	return nil
}

// freeName marks the name as one whose last receiver has closed, unless the
// mark is not the receiver's own. A call that has not returned may be replacing
// the mark by an equal one.
func (r *receiver) freeName(ctx context.Context) error {
	for {
		last, err := r.lastMark(ctx)
		if err != nil || !r.owns(last) {
			return err
		}
		if err = r.publishMark(ctx, last, ""); !errors.Is(err, ErrFenced) {
			return err
		}
	}
}
