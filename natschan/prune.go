package natschan

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// The stream of a lossless Broadcast keeps a value until every receiver has
// acknowledged it. On one server JetStream does that: interest retention. With
// replicas, interest retention loses values. A server that comes back, and is
// sent the cluster's state at once, deletes old consumers before it makes new
// ones. If it has no consumer in between, it removes all values of the stream,
// by itself. When it leads the stream later, the values are lost.
// TestClusterLosesWhatNobodyAcknowledged in dev/natstest shows it.
//
// So with replicas the stream has limits retention, which removes nothing, and
// senders prune it. A sender that finds no room asks how far each consumer has
// acknowledged, and has the servers remove the values up to the slowest. The
// servers agree on a removal as they agree on a value. A
// closed channel is not pruned, because nobody looks for room in it.
//
// No value is removed that a receiver needs:
//
//   - A consumer answers how far its receiver has acknowledged. The answer may
//     be old, or of a new leader that has yet to learn something. Then it says
//     less.
//   - So a removal that comes late removes less than it could. Any number of
//     senders may prune at the same time, and crash at any point.
//   - The leader of the cluster lists the consumers. If one of them does not
//     answer, nothing is removed. Nor is it if the leader of the stream counts
//     more: the list is then of a server that has lost the lead, and does not
//     know it yet.
//   - A receiver that makes its consumer again has the old one until the new one
//     is there. The new one begins where the old one has acknowledged, or later.
//   - A list may be older than the consumer of a new receiver. The sender has
//     asked for the stream's last value before it asked for the list, and
//     removes nothing after that value. The new receiver begins after the last
//     value that there is when its consumer is in the list: see beginAfterAll.

// prunes reports whether senders remove the values that all receivers have
// acknowledged.
func (c *Channel) prunes() bool { return c.Lossless && c.Replicas > 1 }

// prune removes the values that every receiver has acknowledged, and reports
// whether there is more room than before, or room for n values, since another
// sender may have removed them. It waits while a consumer is being made or
// deleted, but not for long: one may have no leader.
func (f *family) prune(ctx context.Context, n int) bool {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	stream, info, consumers, err := awaitAllConsumers(ctx, f.js, f.ch.stream())
	if err != nil {
		return false
	}
	last := min(info.State.LastSeq, acknowledgedByAll(consumers))
	if info.State.Msgs == 0 || last < info.State.FirstSeq {
		return info.State.Msgs+uint64(n) <= uint64(f.ch.Capacity)
	}
	return stream.Purge(ctx, jetstream.WithPurgeSequence(last+1)) == nil
}

// acknowledgedByAll returns the sequence up to which every consumer has
// acknowledged.
func acknowledgedByAll(consumers []*jetstream.ConsumerInfo) uint64 {
	last := uint64(math.MaxUint64)
	for _, c := range consumers {
		last = min(last, acknowledgedBy(c))
	}
	return last
}

// acknowledgedBy returns the sequence up to which a consumer needs nothing. The
// AckFloor of a replicated consumer is 0 until something is acknowledged,
// wherever it begins.
func acknowledgedBy(c *jetstream.ConsumerInfo) uint64 {
	return max(c.AckFloor.Stream, max(c.Config.OptStartSeq, 1)-1)
}

// A consumerList is what the servers say about the consumers of a stream.
type consumerList struct {
	known    []*jetstream.ConsumerInfo
	missing  []string // those whose leader has not answered
	complete bool     // the leader of the stream knows no others
}

// listConsumers asks for all consumers of a stream, of whose leader's answer
// info is.
func listConsumers(
	ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo,
) (list consumerList, err error) {
	for {
		var page struct {
			Total     int
			Consumers []*jetstream.ConsumerInfo
			Missing   []string
		}
		listed := len(list.known) + len(list.missing)
		question := map[string]any{"offset": listed}
		if err := request(ctx, js, "CONSUMER.LIST."+info.Config.Name, question, &page); err != nil {
			return list, err
		}
		list.known = append(list.known, page.Consumers...)
		list.missing = append(list.missing, page.Missing...)
		if now := len(list.known) + len(list.missing); now >= page.Total || now == listed {
			list.complete = now == page.Total && now >= info.State.Consumers
			return list, nil
		}
	}
}

// has reports whether a consumer is in the list.
func (l *consumerList) has(name string) bool {
	return slices.Contains(l.missing, name) ||
		slices.ContainsFunc(l.known, func(c *jetstream.ConsumerInfo) bool { return c.Name == name })
}

// allConsumers returns what all consumers of a stream say. It returns an error
// if one of them does not answer now, or if one is being made or deleted.
func allConsumers(
	ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo,
) ([]*jetstream.ConsumerInfo, error) {
	list, err := listConsumers(ctx, js, info)
	if err == nil && (!list.complete || len(list.missing) > 0) {
		err = fmt.Errorf("natschan: not all consumers of %s answer", info.Config.Name)
	}
	return list.known, err
}

// awaitAllConsumers returns a stream, its state, and what all of its consumers
// said after that, as soon as all of them answer.
func awaitAllConsumers(
	ctx context.Context, js jetstream.JetStream, name string,
) (jetstream.Stream, *jetstream.StreamInfo, []*jetstream.ConsumerInfo, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	for wait := replicaPause; ; wait = min(2*wait, lookPause) {
		s, info, err := state(ctx, js, name)
		if err != nil {
			return nil, nil, nil, err
		}
		all, err := allConsumers(ctx, js, info)
		if err == nil || pause(ctx, wait, nil) != nil {
			return s, info, all, err
		}
	}
}

// beginAfterAll has a new receiver begin after the last value that there is
// when every list of consumers has the receiver's own. A value before that may
// have been removed, or may be removed yet. With Replay, such values are
// received as long as they are there.
func (r *receiver) beginAfterAll(ctx context.Context) error {
	ctx, cancel := inTime(ctx)
	defer cancel()
	if err := r.awaitListed(ctx); err != nil {
		return fmt.Errorf("natschan: channel %s: wait until the cluster knows the receiver: %w", r.ch.Name, err)
	}
	info, err := r.info(ctx)
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	last := info.State.LastSeq
	r.mu.Lock()
	r.position.early = last
	again := r.replay == 0 && last > r.position.seq
	if again {
		r.position.seq = last
	}
	r.mu.Unlock()
	if again { // or senders would wait for values that are not for this receiver
		return r.claim(ctx)
	}
	return nil
}

// awaitListed waits until the list of consumers has the receiver's.
func (r *receiver) awaitListed(ctx context.Context) error {
	for wait := replicaPause; ; wait = min(2*wait, lookPause) {
		info, err := r.info(ctx)
		if err != nil {
			return err
		}
		list, err := listConsumers(ctx, r.js, info)
		if err != nil {
			return err
		}
		if list.complete && list.has(r.place.consumer) {
			return nil
		}
		if err := pause(ctx, wait, nil); err != nil {
			return err
		}
	}
}
