package natschan

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A Kind is the kind of a channel; see the package of that name in leat.
type Kind int

// The kinds. (For oneshot, see [Request] and [NewOneshot].)
const (
	MPSC      Kind = 1 + iota // many senders, one receiver
	MPMC                      // many senders, each value to one of many receivers
	Broadcast                 // each receiver gets each value, or the number that it missed
	Watch                     // the latest value
)

var kindNames = [...]string{MPSC: "mpsc", MPMC: "mpmc", Broadcast: "broadcast", Watch: "watch"}

// String returns the name of the kind's package.
func (k Kind) String() string {
	if k < MPSC || k > Watch {
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kindNames[k]
}

// A Channel describes a channel on JetStream: its name, kind and limits. Both
// ends, in whatever processes, use the same description. The first one to come
// makes the stream that carries the channel. A later one with another
// description gets [ErrMismatch].
type Channel struct {
	// Name tells channels of one NATS account apart: letters, digits, - and _.
	// A closed channel keeps its name until [Delete].
	Name string

	// Kind is one of the kinds.
	Kind Kind

	// Capacity is how many values the channel holds: for MPSC and MPMC, values
	// sent and not yet acknowledged; for Broadcast, values kept for receivers
	// that lag. 0 is unbounded (only MPSC and MPMC). A Watch holds one value,
	// and ignores it.
	Capacity int

	// Lossless makes Send of a Broadcast wait for the slowest receiver, so that
	// no receiver misses a value. Otherwise a slow receiver learns how many it
	// missed.
	Lossless bool

	// Replicas is how many servers of a cluster hold each value. Zero: 1.
	Replicas int

	// Storage says where the servers hold values. Zero: in files. A channel in
	// memory is gone, like a closed one, when its server restarts.
	Storage jetstream.StorageType

	// Codec turns values into bytes and back. Zero: JSON.
	Codec Codec

	// Lease is how long a process that was cut off or crashed counts as
	// present. A sender keeps the channel open for so long (up to three times,
	// until a receiver has made sure), and an MPSC receiver keeps its place. It
	// is rounded up to seconds. Zero: 30 s. An idle sender or receiver asks the
	// server some things several times in its Lease, so that thousands of them
	// need a Lease of minutes.
	Lease time.Duration

	// AckWait is how long a Msg of RecvMsg may go unacknowledged before it is
	// given to a receiver again. Zero: 30 s.
	AckWait time.Duration

	found bool // by Find or List: it is opened if it is there, and never made
}

var (
	// ErrReceiverTaken means that an MPSC channel has a receiver already.
	ErrReceiverTaken = errors.New("natschan: the channel has a receiver already")

	// ErrFenced means that this receiver has lost its place: it was cut off or
	// stopped for so long that another one took over, another receiver of its
	// [Durable] name was made, or somebody deleted its consumer. A receiver
	// whose Lease has run out by its own clock hands out nothing that it has
	// buffered until the server has confirmed its place: it then has the values
	// redelivered, or returns ErrFenced. It has no effect on the channel any
	// more. Close it, and make a new one.
	ErrFenced = errors.New("natschan: the receiver has lost its place")

	// ErrUnknown means that a send was given up before the server had answered:
	// the value may have been stored, and may be received. The error is also
	// that which ended the wait, of the ctx or leat.ErrClosed.
	ErrUnknown = errors.New("natschan: the value may have been sent")

	// ErrResource means that a server or account has no more room, whatever the
	// channel's capacity: a JetStream limit is reached, or, if the error is
	// ErrUnknown as well, the server's disk is likely full or broken. The text
	// says which, and what an operator can do.
	ErrResource = errors.New("natschan: the server is out of resources")

	// ErrMismatch means that the channel exists with another description.
	ErrMismatch = errors.New("natschan: the channel exists with another description")

	// ErrNotFound means that there is no channel of that name: for [Find], and
	// for NewSender and NewReceiver of a Channel that Find has returned.
	ErrNotFound = errors.New("natschan: the channel does not exist")

	// ErrInUse means that [DeleteEnded] has not deleted the channel: it is not
	// closed, or has something left for a receiver. The text says which.
	ErrInUse = errors.New("natschan: the channel is in use")
)

// What an operator sees: streams LEAT_<name>, and LEAT_LEASES, in which each
// process that uses a channel has a message that expires. The subjects are all
// below "leat.": d for data, h for hints, l for leases.
const (
	streamPrefix = "LEAT_"
	leaseStream  = "LEAT_LEASES"

	metaKind     = "leat.kind"
	metaCapacity = "leat.capacity"
	metaLossless = "leat.lossless"
	metaDurable  = "leat.durable" // of a consumer
)

func (c *Channel) stream() string       { return streamPrefix + c.Name }
func (c *Channel) dataSubject() string  { return "leat.d." + c.Name }
func (c *Channel) spaceSubject() string { return "leat.h." + c.Name + ".space" }
func (c *Channel) endSubject() string   { return "leat.h." + c.Name + ".end" }

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// check refuses a description that cannot be, and fills in what zero stands
// for.
func (c *Channel) check() error {
	switch {
	case !validName.MatchString(c.Name):
		return fmt.Errorf("natschan: channel name %q; use letters, digits, - and _", c.Name)
	case streamPrefix+c.Name == leaseStream:
		return fmt.Errorf("natschan: the channel name %q is taken by natschan itself", c.Name)
	case c.Kind < MPSC || c.Kind > Watch:
		return fmt.Errorf("natschan: %v is not a kind of channel; use MPSC, MPMC, Broadcast or Watch", c.Kind)
	case c.Capacity < 0:
		return fmt.Errorf("natschan: capacity %d; use 1 or more, or 0 for an unbounded channel", c.Capacity)
	case c.Capacity == 0 && c.Kind == Broadcast:
		return errors.New("natschan: a Broadcast needs a capacity of 1 or more")
	case c.Lossless && c.Kind != Broadcast:
		return fmt.Errorf("natschan: Lossless is for a Broadcast; %v never loses a value", c.Kind)
	case c.Replicas < 0 || c.Lease < 0 || c.AckWait < 0:
		return errors.New("natschan: Replicas, Lease and AckWait must not be negative")
	}
	if c.Kind == Watch {
		c.Capacity = 1
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Codec == nil {
		c.Codec = JSON
	}
	if c.Lease == 0 {
		c.Lease = 30 * time.Second
	}
	c.Lease = (c.Lease + time.Second - 1).Truncate(time.Second) // the server counts leases in seconds
	if c.AckWait == 0 {
		c.AckWait = 30 * time.Second
	}
	return nil
}

// queue reports whether a value goes to one receiver.
func (c *Channel) queue() bool { return c.Kind == MPSC || c.Kind == MPMC }

// waits reports whether a sender can find no room.
func (c *Channel) waits() bool { return c.queue() && c.Capacity > 0 || c.Lossless }

func (c *Channel) config() jetstream.StreamConfig {
	cfg := jetstream.StreamConfig{
		Name:        c.stream(),
		Description: "leat channel " + c.Name,
		Subjects:    []string{c.dataSubject()},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		MaxMsgs:     -1,
		Storage:     c.Storage,
		Replicas:    c.Replicas,
		Duplicates:  2 * time.Minute,
		AllowDirect: true,

		AllowAtomicPublish: true,
		Metadata: map[string]string{
			metaKind:     c.Kind.String(),
			metaCapacity: strconv.Itoa(c.Capacity),
			metaLossless: strconv.FormatBool(c.Lossless),
		},
	}
	if c.Capacity > 0 {
		cfg.MaxMsgs = int64(c.Capacity)
	}
	switch {
	case c.queue():
		cfg.Retention, cfg.Discard = jetstream.WorkQueuePolicy, jetstream.DiscardNew
	case c.prunes():
		cfg.Discard = jetstream.DiscardNew
	case c.Lossless:
		cfg.Retention, cfg.Discard = jetstream.InterestPolicy, jetstream.DiscardNew
	}
	return cfg
}

// open returns the channel's stream. It makes the stream if there is none,
// except for a Channel that was found.
func (c *Channel) open(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := js.Stream(ctx, c.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if c.found {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, c.Name)
		}
		s, err = js.CreateStream(ctx, c.config())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // the other end was faster, with another description
			s, err = js.Stream(ctx, c.stream())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("natschan: channel %s: %w", c.Name, err)
	}
	if err := c.matches(s.CachedInfo().Config); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Channel) matches(have jetstream.StreamConfig) error {
	want := c.config()
	for what, key := range map[string]string{"kind": metaKind, "capacity": metaCapacity, "lossless": metaLossless} {
		if have.Metadata[key] != want.Metadata[key] {
			return fmt.Errorf("%w: %s has %s %q, not %q; delete it, or use another name", ErrMismatch, c.Name, what, have.Metadata[key], want.Metadata[key])
		}
	}
	if have.Storage != want.Storage || have.Replicas != want.Replicas {
		return fmt.Errorf("%w: %s has %d replicas in %v storage, not %d in %v; delete it, or use another name",
			ErrMismatch, c.Name, have.Replicas, have.Storage, want.Replicas, want.Storage)
	}
	if have.Retention != want.Retention {
		return fmt.Errorf("%w: %s has %v retention, not %v; an earlier version of natschan made it: "+
			"receive what it holds with that version, delete it, or use another name",
			ErrMismatch, c.Name, have.Retention, want.Retention)
	}
	return nil
}

// seal closes the channel for good: nothing more is accepted, and accepted
// values can still be received. Several processes may do it at the same time.
func (c *Channel) seal(ctx context.Context, js jetstream.JetStream) error {
	err := c.sealStream(ctx, js)
	for isSealedMeanwhile(err) && pause(ctx, lookPause, nil) == nil {
		err = c.sealStream(ctx, js)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = c.purgeLeases(ctx, js, "opened.>", 0) // a sender may have set it after the deletion
	} else if err == nil {
		err = js.Conn().Publish(c.endSubject(), nil)
	}
	if err != nil {
		return fmt.Errorf("natschan: closing %s: %w", c.Name, err)
	}
	return nil
}

// sealStream seals the stream, unless it is sealed.
func (c *Channel) sealStream(ctx context.Context, js jetstream.JetStream) error {
	s, err := js.Stream(ctx, c.stream())
	if err != nil || s.CachedInfo().Config.Sealed {
		return err
	}
	cfg := s.CachedInfo().Config
	if cfg.Replicas > 1 {
		cfg.MaxMsgSize = shutSize
		if err := shut(ctx, js, cfg); err != nil {
			return err
		}
	}
	cfg.Sealed = true
	_, err = js.UpdateStream(ctx, cfg)
	return err
}
