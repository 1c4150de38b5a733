package natschan

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// In a cluster the servers agree on a change within a millisecond or so, and
// not all of them know it at once. This file has what natschan does about that.
// What it costs, it costs only if the stream has replicas.

// replicaPause is how long to wait before the servers are asked again for
// something that they need a moment to agree on.
const replicaPause = 2 * time.Millisecond

// state returns a stream and its state, as the leader of its replicas has it.
// Another server may have neither the newest values nor the newest removals,
// but know already that the stream is sealed: by its answer a channel would
// have ended, and the values would be lost.
func state(
	ctx context.Context, js jetstream.JetStream, name string, opts ...jetstream.StreamInfoOpt,
) (jetstream.Stream, *jetstream.StreamInfo, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	for wait := replicaPause; ; wait = min(2*wait, lookPause) {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		info := s.CachedInfo()
		if len(opts) > 0 {
			if info, err = s.Info(ctx, opts...); err != nil {
				return nil, nil, err
			}
		}
		if fromLeader(info) {
			return s, info, nil
		}
		if err := pause(ctx, wait, nil); err != nil {
			return nil, nil, fmt.Errorf("natschan: the leader of the stream %s does not answer: %w", name, err)
		}
	}
}

// fromLeader reports whether the leader of the stream's replicas has answered.
// A server that is to lead a young stream answers, too, until the leader is
// elected and for 10 s more. An answer names the leader, and those replicas
// that are not the server that answers.
func fromLeader(info *jetstream.StreamInfo) bool {
	if info.Config.Replicas <= 1 {
		return true
	}
	c := info.Cluster
	return c != nil && c.Leader != "" && len(c.Replicas) > 0 &&
		!slices.ContainsFunc(c.Replicas, func(p *jetstream.PeerInfo) bool { return p.Name == c.Leader })
}

// shutSize is the max_msg_size of a stream with replicas that is about to be
// sealed. Each value is larger, because it has an id.
const shutSize = 1

// shut gives a stream with replicas the description cfg, by which it refuses
// further values for their size. It returns when the leader has stored all
// values that it had taken before.
//
// A seal does not do that. The leader checks whether the stream is sealed when
// a value arrives, and stores the value when a majority has agreed. If the
// stream is sealed in between, receivers may see that the channel is closed and
// drained, and then the value comes, and its Send succeeds.
//
// To know that all values are stored, shut deletes a message that does not
// exist. The servers do that, and answer, after everything that the leader has
// proposed to them before. A sealed stream takes no such request.
//
// If the process crashes before it seals the stream, senders see a closed
// channel, and the last of them to close seals it.
func shut(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) error {
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		return err
	}
	noMessage := map[string]any{"seq": uint64(math.MaxInt64), "no_erase": true}
	err := request(ctx, js, "STREAM.MSG.DELETE."+cfg.Name, noMessage, nil)
	if hasCode(err, codeNoSequence, codeDeleteFailed) {
		return nil
	}
	return err
}

// isShut reports whether a stream takes no further values.
func isShut(cfg jetstream.StreamConfig) bool { return cfg.Sealed || cfg.MaxMsgSize == shutSize }

// judge is the function of that name. With replicas it also tells a channel
// that is about to be sealed from a value that is too large.
func (f *family) judge(ctx context.Context, err error) (verdict, error) {
	if err != nil && f.ch.Replicas > 1 && hasCode(err, codeMessageTooLarge) {
		s, failed := f.js.Stream(ctx, f.ch.stream())
		if failed == nil && isShut(s.CachedInfo().Config) {
			return closed, leat.ErrClosed
		}
	}
	return judge(err)
}

// grace is how long a Send whose ctx has ended waits for the answer: longer
// where the server that answers must hear from others first.
func (f *family) grace() time.Duration {
	if f.ch.Replicas > 1 {
		return 4 * graceTimeout
	}
	return graceTimeout
}

// inProcess reports whether err is the refusal of a message id that the server
// has proposed to the others, and that is not stored yet.
func inProcess(err error) bool {
	return hasCode(err, codeIDInProcess)
}

// awaitAgreement publishes msgs again until the servers have agreed on an
// earlier attempt, of which err is the refusal. Then they answer as they would
// have answered that one.
func (s *sender) awaitAgreement(ctx context.Context, msgs []*nats.Msg, patience time.Duration, err error) error {
	own, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause(own, replicaPause, nil) == nil {
		if err = s.publishOnce(own, msgs, patience); !inProcess(err) {
			break
		}
	}
	return err
}

// roomComes reports whether the receivers have acknowledged so many values that
// there must be room soon, although the stream is full. The servers confirm an
// acknowledgement when a majority has it, and remove the value after that.
// Where they do not remove it, roomComes does.
func (f *family) roomComes(ctx context.Context) bool {
	if f.ch.Replicas == 1 {
		return false
	}
	if f.ch.prunes() {
		return f.prune(ctx, 1)
	}
	s, info, err := state(ctx, f.js, f.ch.stream())
	if err != nil {
		return false
	}
	consumers, err := consumersOf(ctx, s)
	if err != nil {
		return false
	}
	if len(consumers) == 0 {
		return info.State.Msgs < uint64(f.ch.Capacity)
	}
	for _, c := range consumers {
		if c.NumPending+uint64(c.NumAckPending) >= uint64(f.ch.Capacity) {
			return false
		}
	}
	return true
}

// hangUpLater leaves the subscriptions of a closed MPMC receiver until the
// server has forgotten its requests, and reports whether it does. The consumer
// may be on another server than the connection. That server learns late that
// the inbox is gone: values that it sends there would come again only after
// AckWait. On an MPSC channel Close has waited for them: see awaitAsked.
func (r *receiver) hangUpLater() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shared || r.demand.asked == 0 || r.nc.ConnectedClusterName() == "" {
		return false
	}
	time.AfterFunc(r.patience(), func() {
		r.inbox.Unsubscribe()
		r.ends.Unsubscribe()
		r.hungUp()
	})
	return true
}
