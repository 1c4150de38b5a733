package natschan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Info describes a channel and its use at one moment.
type Info struct {
	Channel            // as Find returns it
	Closed      bool   // nothing more can be sent
	Len         uint64 // values that the server holds, but not those that all receivers of a lossless Broadcast have had
	Bytes       uint64 // the size of all that the server holds
	Sent        uint64 // values sent since the channel was made
	Senders     int    // calls of NewSender whose handles are not closed
	Receivers   int    // receivers that are not closed; of an MPMC channel, those that wait
	InFlight    uint64 // values that receivers have got or prefetched, and not acknowledged
	Redelivered uint64 // of these, values that were delivered before

	// Owner names the receiver of an MPSC channel: the name of its NATS
	// connection (nats.Name), or else its program, process and host. It is
	// empty if there is no receiver, and for other kinds.
	Owner string

	// OwnerAge is how long ago the owner renewed its lease, by the server's
	// clock. An owner in good health renews it three times in Channel.Lease.
	OwnerAge time.Duration
}

// List returns the channels of the account, in the order in which the server
// has them. It asks the server about each channel, so it takes longer with
// many. The counts of one channel are read at different instants.
//
// List may be called concurrently. It returns an error that wraps ctx.Err() if
// ctx ends.
func List(ctx context.Context, js jetstream.JetStream) ([]Info, error) {
	js = patient(js)
	all, err := repeat(ctx, readPatience, func(ctx context.Context) (all []Info, err error) {
		list := js.ListStreams(ctx)
		for s := range list.Info() {
			if info, ok := describe(s); ok {
				all = append(all, info)
			}
		}
		return all, list.Err()
	})
	failed := func(err error) error {
		return explain(js.Conn(), fmt.Errorf("natschan: list channels: %w", err))
	}
	if err != nil {
		return nil, failed(err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	leases, err := allLeases(ctx, js)
	if err != nil {
		return nil, failed(err)
	}
	for i := range all {
		if err := all[i].addUse(ctx, js, leases); err != nil {
			return nil, failed(err)
		}
	}
	return all, nil
}

// A leaseList is the stream of leases, and the subjects of all leases in it, by
// the channel's name.
type leaseList struct {
	stream jetstream.Stream // nil if there is none
	by     map[string][]string
}

func allLeases(ctx context.Context, js jetstream.JetStream) (leaseList, error) {
	s, subjects, err := leaseSubjects(ctx, js, "leat.l.>")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return leaseList{}, nil
	}
	by := make(map[string][]string)
	for subject := range subjects {
		if name, _, ok := strings.Cut(strings.TrimPrefix(subject, "leat.l."), "."); ok {
			by[name] = append(by[name], subject)
		}
	}
	return leaseList{s, by}, err
}

// addUse adds the users of the channel, and the values under way. A channel
// that was deleted meanwhile stays as it was described.
func (i *Info) addUse(ctx context.Context, js jetstream.JetStream, leases leaseList) error {
	own := leases.by[i.Name]
	p := countLeases(i.Name, slices.Values(own))
	i.Senders = p.senders
	if i.queue() {
		i.Receivers = p.receivers
	}
	s, err := js.Stream(ctx, i.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	infos, err := consumersOf(ctx, s)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if i.prunes() {
		i.Len = i.kept(infos)
	}
	owner := ""
	for _, c := range infos {
		i.InFlight += uint64(c.NumAckPending)
		i.Redelivered += uint64(c.NumRedelivered)
		if lease := c.Config.Metadata[metaLease]; i.Kind == MPSC && slices.Contains(own, lease) {
			owner = lease
		}
	}
	if owner == "" {
		return nil
	}
	return i.addOwner(ctx, leases.stream, owner)
}

// kept returns how many of the values that the server holds some receiver has
// not acknowledged, if senders prune the channel.
func (i *Info) kept(consumers []*jetstream.ConsumerInfo) uint64 {
	return i.Sent - min(i.Sent, max(acknowledgedByAll(consumers), i.Sent-i.Len))
}

// addOwner adds whose lease that is, unless it has just run out.
func (i *Info) addOwner(ctx context.Context, leases jetstream.Stream, lease string) error {
	m, err := leases.GetLastMsgForSubject(ctx, lease)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i.Owner = string(m.Data)
	i.OwnerAge = max(0, leases.CachedInfo().TimeStamp.Sub(m.Time))
	return nil
}

// Find returns the description of a channel that exists. It makes nothing. Pass
// the result to [NewSender] or [NewReceiver] to use a channel without making
// it: if the channel is deleted meanwhile, they return [ErrNotFound].
//
// Codec, Lease and AckWait are zero, because each process chooses its own; set
// them before use. (The Codec must be the same at both ends.) A closed channel
// is found until it is deleted.
//
// Find returns ErrNotFound if there is no such channel, and [ErrMismatch] if
// the stream of that name is not a channel of this package.
func Find(ctx context.Context, js jetstream.JetStream, name string) (Channel, error) {
	info, err := find(ctx, js, name)
	if err != nil {
		return Channel{}, err
	}
	return info.Channel, nil
}

func find(ctx context.Context, js jetstream.JetStream, name string) (Info, error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	js = patient(js)
	ch := Channel{Name: name, Kind: MPSC}
	if err := ch.check(); err != nil {
		return Info{}, err
	}
	_, s, err := state(ctx, js, ch.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Info{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return Info{}, explain(js.Conn(), fmt.Errorf("natschan: find channel %q: %w", name, err))
	}
	info, ok := describe(s)
	if !ok || info.Kind == 0 {
		return Info{}, fmt.Errorf("%w: the stream %s was not made by this version of natschan", ErrMismatch, ch.stream())
	}
	return info, nil
}

// describe reads from a stream which channel it carries, if it does.
func describe(s *jetstream.StreamInfo) (info Info, ok bool) {
	name, ours := strings.CutPrefix(s.Config.Name, streamPrefix)
	if !ours || s.Config.Metadata[metaKind] == "" {
		return info, false
	}
	info.Name, info.found = name, true
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

// Delete removes a channel with everything that it holds. Its senders and
// receivers get leat.ErrClosed. Nothing else removes a channel, except
// [DeleteEnded]. Deleting a channel that does not exist is not an error. If
// another process makes a channel of that name again while Delete runs, Delete
// leaves the leases of the new channel alone.
func Delete(ctx context.Context, js jetstream.JetStream, name string) error {
	js = patient(js)
	ch := Channel{Name: name, Kind: MPSC}
	if err := ch.check(); err != nil {
		return err
	}
	if err := ch.deleteStream(ctx, js, ">"); err != nil {
		return explain(js.Conn(), fmt.Errorf("natschan: deleting %s: %w", name, err))
	}
	return nil
}

// deleteStream deletes the channel's stream, and the leases whose subject goes
// on with which after the channel's name.
func (c *Channel) deleteStream(ctx context.Context, js jetstream.JetStream, which string) error {
	last, err := lastLease(ctx, js)
	if err != nil {
		return err
	}
	if err := js.DeleteStream(ctx, c.stream()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := c.purgeLeases(ctx, js, which, last); err != nil {
		return err
	}
	return js.Conn().Publish(c.endSubject(), nil) // waiting receivers check the channel
}

// lastLease returns the sequence of the newest message in the stream of leases,
// or 0 if there is none.
func lastLease(ctx context.Context, js jetstream.JetStream) (uint64, error) {
	s, err := js.Stream(ctx, leaseStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

// purgeLeases removes leases of a deleted channel: those whose subject goes on
// with which after the channel's name. It removes them up to the sequence last,
// which was the newest before the channel's stream was deleted. If nobody has
// made the stream again, it removes newer leases, too.
//
// It spares the leases of the next channel of that name, because a sender or
// receiver takes its lease after it has opened the channel's stream. So a lease
// up to last is of the deleted channel, and so is one that is older than an
// instant at which there was no stream.
//
// If somebody has made the stream again, a lease stays that a user of the
// deleted channel took just before the deletion. A sender's or receiver's own
// lease expires. The message "opened" goes when that sender closes. If its
// process crashes first, "opened" and a durable name's mark last until the next
// channel of that name is deleted.
func (c *Channel) purgeLeases(ctx context.Context, js jetstream.JetStream, which string, last uint64) error {
	s, err := js.Stream(ctx, leaseStream)
	if err == nil {
		if gone(ctx, js, c.stream()) { // after the description of s
			last = s.CachedInfo().State.LastSeq
		}
		if last == 0 {
			return nil
		}
		err = s.Purge(ctx, jetstream.WithPurgeSubject("leat.l."+c.Name+"."+which), jetstream.WithPurgeSequence(last+1))
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}

// DeleteEnded deletes a channel that nobody needs any more: it is closed, no
// sender is open, and receivers have got everything. Otherwise it deletes
// nothing, and returns [ErrInUse] with the reason. A channel that does not
// exist is not an error.
//
// Received means: of an MPSC, MPMC or lossless Broadcast, that every value was
// acknowledged; of another Broadcast or a Watch, that every receiver has
// closed, and that no Durable position has values left. A process that has
// crashed counts as present until its Lease is over, a crashed receiver for up
// to three.
//
// Several processes may call DeleteEnded at the same time, and others may make
// the channel again: only a channel that has ended is deleted. That is not so
// for [Delete].
func DeleteEnded(ctx context.Context, js jetstream.JetStream, name string) error {
	js = patient(js)
	info, err := find(ctx, js, name)
	if err == nil {
		err = info.deleteEnded(ctx, js)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// deletingTime is how long the right to delete an ended channel lasts. Its
// owner stops after half of it.
const deletingTime = 20 * time.Second

// deleteEnded deletes the channel if it has ended. JetStream deletes a stream
// by its name: if two did this at once, one of them could delete what a third
// has made after the other's deletion. So the owner of a message in the stream
// of leases has the right alone, and checks the channel after it has got the
// right. A process that makes the channel again must wait for the deletion,
// because a sealed stream cannot be opened.
func (c *Channel) deleteEnded(ctx context.Context, js jetstream.JetStream) error {
	failed := func(err error) error {
		return explain(js.Conn(), fmt.Errorf("natschan: delete ended channel %q: %w", c.Name, err))
	}
	s, err := leases(ctx, js, c.Replicas)
	if err != nil {
		return failed(err)
	}
	subject := "leat.l." + c.Name + ".deleting"
	_, err = js.Publish(ctx, subject, nil, jetstream.WithMsgID(nuid.Next()),
		jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithMsgTTL(deletingTime))
	if isOutdated(err) {
		return fmt.Errorf("%w: another DeleteEnded of %s is under way", ErrInUse, c.Name)
	}
	if err != nil {
		return failed(err)
	}
	defer func() {
		own, cancel := bounded()
		defer cancel()
		s.Purge(own, jetstream.WithPurgeSubject(subject)) // or it expires
	}()
	ctx, cancel := context.WithTimeout(ctx, deletingTime/2)
	defer cancel()
	if err := c.ended(ctx, js); err != nil {
		return err
	}
	// Two things outlive their users: see join and takeover.go. "opened" goes
	// first, while there is no other channel of the name. Marks go last,
	// because an open receiver sets a lost one again.
	if err := s.Purge(ctx, jetstream.WithPurgeSubject("leat.l."+c.Name+".opened.>")); err != nil {
		return failed(err)
	}
	if err := c.deleteStream(ctx, js, "d.>"); err != nil {
		return failed(err)
	}
	return nil
}

// ended returns nil if the channel is closed and drained. That is for good:
// nothing enters a sealed stream, except values that were on their way there,
// and whose sender has not closed.
func (c *Channel) ended(ctx context.Context, js jetstream.JetStream) error {
	inUse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s "+format, append([]any{ErrInUse, c.Name}, args...)...)
	}
	failed := func(err error) error {
		return fmt.Errorf("natschan: delete ended channel %q: %w", c.Name, err)
	}
	p, err := c.present(ctx, js)
	if err != nil {
		return failed(err)
	}
	now, err := find(ctx, js, c.Name) // after the senders: the last one closes the channel, and then is gone
	if err != nil {
		return err
	}
	switch {
	case !now.Closed:
		return inUse("is not closed")
	case p.senders > 0:
		return inUse("has %d open senders", p.senders)
	case now.queue() || now.Lossless && !now.prunes():
		if now.Len > 0 {
			return inUse("holds %d values that are not acknowledged", now.Len)
		}
		return nil
	}
	s, err := js.Stream(ctx, c.stream())
	if err != nil {
		return failed(err)
	}
	var infos []*jetstream.ConsumerInfo
	if now.prunes() { // none of them may be missing
		_, _, infos, err = awaitAllConsumers(ctx, js, c.stream())
	} else {
		infos, err = consumersOf(ctx, s)
	}
	if err != nil {
		return failed(err)
	}
	for _, r := range infos {
		durable, left := r.Config.Metadata[metaDurable], r.NumPending+uint64(r.NumAckPending)
		switch {
		case durable == "" && !now.Lossless:
			return inUse("has a receiver that is not closed")
		case durable == "" && left > 0:
			return inUse("holds %d values that a receiver has not acknowledged", left)
		case left > 0:
			return inUse("has %d values left for the durable receiver %q", left, durable)
		}
	}
	return nil
}

// Forget removes the position of a Durable receiver of a channel, which its
// Close keeps. Forgetting an unknown one is not an error.
func Forget(ctx context.Context, js jetstream.JetStream, name, durable string) error {
	js = patient(js)
	ch := Channel{Name: name, Kind: Broadcast, Capacity: 1}
	if err := ch.check(); err != nil {
		return err
	}
	if err := checkDurable(durable); err != nil { // a wildcard would forget others
		return err
	}
	s, err := js.Stream(ctx, ch.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) { // somebody deleted it without Delete
		if err = ch.purgeLeases(ctx, js, "d."+durable, 0); err == nil {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("natschan: channel %s: %w", name, err)
	}
	r := remote{ch: ch, stream: s}
	infos, err := r.consumersNamed(ctx, durable)
	if err != nil {
		return err
	}
	for _, c := range infos {
		if err := r.remove(ctx, c.Name); err != nil {
			return err
		}
	}
	leases, err := js.Stream(ctx, leaseStream)
	if err == nil {
		err = leases.Purge(ctx, jetstream.WithPurgeSubject(ch.markSubject(durable)))
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("natschan: channel %s: forget %q: %w", name, durable, err)
	}
	return js.Conn().Publish(ch.spaceSubject(), nil)
}
