package natschan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A remote is a channel as the server has it: a stream, and its consumers.
type remote struct {
	ch     Channel
	js     jetstream.JetStream
	nc     *nats.Conn // of js
	stream jetstream.Stream
}

// info asks for the stream's state. (Info of a jetstream.Stream may not be
// called concurrently.)
func (r *remote) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	_, info, err := state(ctx, r.js, r.ch.stream())
	return info, err
}

// consumers asks for all consumers of the stream.
func (r *remote) consumers(ctx context.Context) ([]*jetstream.ConsumerInfo, error) {
	infos, err := consumersOf(ctx, r.stream)
	if err != nil {
		return nil, fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	return infos, nil
}

// consumersNamed asks for the consumers of a durable name.
func (r *remote) consumersNamed(ctx context.Context, durable string) (infos []*jetstream.ConsumerInfo, err error) {
	all, err := r.consumers(ctx)
	for _, info := range all {
		if info.Config.Metadata[metaDurable] == durable {
			infos = append(infos, info)
		}
	}
	return infos, err
}

// consumersOf asks for all consumers of a stream.
func consumersOf(ctx context.Context, s jetstream.Stream) ([]*jetstream.ConsumerInfo, error) {
	return repeat(ctx, readPatience, func(ctx context.Context) (infos []*jetstream.ConsumerInfo, err error) {
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			infos = append(infos, info)
		}
		return infos, list.Err()
	})
}

// remove deletes a consumer, which may be gone already.
func (r *remote) remove(ctx context.Context, consumer string) error {
	err := r.stream.DeleteConsumer(ctx, consumer)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("natschan: channel %s: %w", r.ch.Name, err)
	}
	return nil
}

// inOtherHands returns how many values the shared consumer has sent to
// receivers that have not acknowledged them. If it has other values, too, it
// returns 0. The stream's last value is last, which the leader of the
// consumer's replicas may have yet to learn. It counts a value as sent when it
// has asked the others for their agreement: then the value may be on its way to
// this receiver.
func (r *remote) inOtherHands(ctx context.Context, last uint64) (uint64, error) {
	for looks := 1; ; looks++ {
		c, err := r.stream.Consumer(ctx, sharedConsumer)
		if err != nil {
			return 0, err
		}
		info := c.CachedInfo()
		if info.NumPending > 0 || r.ch.Replicas > 1 && info.Delivered.Stream < last {
			return 0, nil
		}
		if info.NumAckPending == 0 || r.ch.Replicas == 1 || looks > 1 {
			return uint64(info.NumAckPending), nil
		}
		if err := pause(ctx, lookPause, nil); err != nil {
			return 0, err
		}
	}
}

// apiSubject returns the subject of a request to JetStream.
func apiSubject(js jetstream.JetStream, request string) string {
	o := js.Options()
	prefix := o.APIPrefix
	if prefix == "" {
		prefix = jetstream.DefaultAPIPrefix
		if o.Domain != "" {
			prefix = "$JS." + o.Domain + ".API."
		}
	}
	if prefix[len(prefix)-1] != '.' {
		prefix += "."
	}
	return prefix + request
}

// request makes a request to JetStream that the client library has no method
// for, or whose error it hides. It decodes the answer, which may be nil, or
// returns the *jetstream.APIError in it.
func request(ctx context.Context, js jetstream.JetStream, what string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	m, err := repeat(ctx, readPatience, func(ctx context.Context) (*nats.Msg, error) {
		m, err := js.Conn().RequestWithContext(ctx, apiSubject(js, what), body)
		if err != nil {
			return nil, err
		}
		var refusal struct{ Error *jetstream.APIError }
		if err := json.Unmarshal(m.Data, &refusal); err != nil {
			return nil, err
		}
		if refusal.Error != nil {
			return nil, refusal.Error
		}
		return m, nil
	})
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// nextSubject returns the subject of a request for values of a consumer.
func (r *remote) nextSubject(consumer string) string {
	return apiSubject(r.js, "CONSUMER.MSG.NEXT."+r.ch.stream()+"."+consumer)
}

// newest returns the newest value of the stream. Any server of a cluster
// answers, also one that does not have the newest value yet.
func (r *remote) newest(ctx context.Context) (*nats.Msg, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	least := uint64(0)
	if r.ch.Replicas > 1 && !r.ch.queue() && !r.ch.Lossless { // others forget acknowledged values
		info, err := r.info(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, leat.ErrClosed
		}
		if err != nil {
			return nil, r.getFailed(err)
		}
		least = info.State.LastSeq
	}
	for {
		m, err := r.newestOf(ctx)
		if err != nil && err != leat.ErrEmpty || sequence(m) >= least {
			return m, err
		}
		if err := pause(ctx, replicaPause, nil); err != nil {
			return nil, err
		}
	}
}

// sequence returns the sequence of a value that newestOf has returned, and 0 of
// none.
func sequence(m *nats.Msg) uint64 {
	if m == nil {
		return 0
	}
	seq, _ := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	return seq
}

// newestOf asks a server for the newest value that it holds. It has an inbox of
// its own, because the client's Request takes a value that looks like a status
// for one.
func (r *remote) newestOf(ctx context.Context) (*nats.Msg, error) {
	answer, inbox := make(chan *nats.Msg, 1), r.nc.NewInbox()
	sub, err := r.nc.ChanSubscribe(inbox, answer)
	if err != nil {
		return nil, r.getFailed(err)
	}
	defer sub.Unsubscribe()
	subject := apiSubject(r.js, "DIRECT.GET."+r.ch.stream()+"."+r.ch.dataSubject())
	if err := r.nc.PublishRequest(subject, inbox, nil); err != nil {
		return nil, r.getFailed(err)
	}
	select {
	case m := <-answer:
		if err := r.judgeNewest(ctx, m); err != nil {
			return nil, err
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// judgeNewest returns nil if the answer m is a value. The server adds the
// sequence to a value, and to nothing else.
func (r *remote) judgeNewest(ctx context.Context, m *nats.Msg) error {
	switch status := m.Header.Get("Status"); {
	case m.Header.Get(jetstream.SequenceHeader) != "":
		return nil
	case status == "404":
		return leat.ErrEmpty
	case status == "503" && gone(ctx, r.js, r.ch.stream()):
		return leat.ErrClosed
	default:
		return r.getFailed(fmt.Errorf("the server answers %s %s", status, m.Header.Get("Description")))
	}
}

func (r *remote) getFailed(err error) error {
	return fmt.Errorf("natschan: get the newest value of %s: %w", r.ch.Name, err)
}
