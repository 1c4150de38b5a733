package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Info is what there is to know of a channel.
type Info struct {
	Channel          // Lease, AckWait and Codec are not known
	Closed    bool   // nothing more can be sent
	Len       uint64 // values that the server holds
	Bytes     uint64 // and how large they are
	Sent      uint64 // values sent since the channel was made
	Senders   int    // processes, or rather calls of NewSender, that have not closed
	Receivers int    // receivers, but those of an MPMC channel that wait nowhere
}

// List returns the channels of the account, in the order in which the server has them.
func List(ctx context.Context, js jetstream.JetStream) ([]Info, error) {
	list := js.ListStreams(ctx)
	var all []Info
	for s := range list.Info() {
		if info, ok := describe(s); ok {
			all = append(all, info)
		}
	}
	if err := list.Err(); err != nil {
		return nil, explain(js.Conn(), fmt.Errorf("natschan: listing channels: %w", err))
	}
	for i := range all {
		p, err := all[i].present(ctx, js)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
		all[i].Senders = p.senders
		if all[i].queue() {
			all[i].Receivers = p.receivers
		}
	}
	return all, nil
}

// describe reads from a stream which channel it carries, if it does.
func describe(s *jetstream.StreamInfo) (info Info, ok bool) {
	name, ours := strings.CutPrefix(s.Config.Name, streamPrefix)
	if !ours || s.Config.Metadata[metaKind] == "" {
		return info, false
	}
	info.Name = name
	for k, kind := range kindNames {
		if kind == s.Config.Metadata[metaKind] && kind != "" {
			info.Kind = Kind(k)
		}
	}
	info.Capacity, _ = strconv.Atoi(s.Config.Metadata[metaCapacity])
	info.Lossless = s.Config.Metadata[metaLossless] == "true"
	info.Replicas, info.Storage = s.Config.Replicas, s.Config.Storage
	info.Closed = s.Config.Sealed
	info.Len, info.Bytes, info.Sent = s.State.Msgs, s.State.Bytes, s.State.LastSeq
	info.Receivers = s.State.Consumers
	return info, true
}

// Delete removes a channel, with what it holds. Who still uses it gets leat.ErrClosed. Nothing else ever removes a channel: it is for
// whoever knows that it has served. A channel that does not exist is no error.
func Delete(ctx context.Context, js jetstream.JetStream, name string) error {
	ch := Channel{Name: name, Kind: MPSC}
	if err := ch.check(); err != nil {
		return err
	}
	if err := js.DeleteStream(ctx, ch.stream()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return explain(js.Conn(), fmt.Errorf("natschan: deleting %s: %w", name, err))
	}
	s, err := js.Stream(ctx, leaseStream)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject("leat.l."+name+".>"))
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("natschan: deleting %s: %w", name, err)
	}
	if err := js.Conn().Publish(ch.endSubject(), nil); err != nil { // whoever waits looks what is the matter
		return fmt.Errorf("natschan: deleting %s: %w", name, err)
	}
	return nil
}

// Forget removes the position of a Durable receiver of a channel, which its Close keeps. One that is unknown is no error.
func Forget(ctx context.Context, js jetstream.JetStream, name, durable string) error {
	ch := Channel{Name: name, Kind: Broadcast}
	s, err := js.Stream(ctx, ch.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", name, err)
	}
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Metadata[metaDurable] == durable {
			if err := s.DeleteConsumer(ctx, c.Name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return fmt.Errorf("natschan: channel %s: %w", name, err)
			}
		}
	}
	if err := list.Err(); err != nil {
		return fmt.Errorf("natschan: channel %s: %w", name, err)
	}
	return js.Conn().Publish(ch.spaceSubject(), nil)
}
