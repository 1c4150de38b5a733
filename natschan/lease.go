package natschan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// serverTimeout is how long Close and background work wait for the server.
const serverTimeout = 5 * time.Second

// A lease tells everybody that somebody is there: a message in the stream
// LEAT_LEASES that its owner renews, and that the server removes when it has
// not been for the channel's Lease. The subject is
// leat.l.<channel>.<role>.<id>. A message without end tells that there has been
// a sender: see openedSubject. Another one for each durable name tells who has
// that name: see takeover.go.
type lease struct {
	ch      *Channel
	js      jetstream.JetStream
	subject string
	who     string // the message's text, for people
	stop    context.CancelFunc
	done    chan struct{}

	mu    sync.Mutex
	until time.Time // the server keeps the lease at least until then
	term  int       // changes when the lease may have run out in between
}

type role string

const (
	sending   role = "s"
	receiving role = "r"
)

// leases returns the stream of leases, and makes it, or adds replicas to it, if
// need be.
func leases(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.Stream, error) {
	cfg := jetstream.StreamConfig{
		Name:              leaseStream,
		Description:       "who uses which leat channel",
		Subjects:          []string{"leat.l.>"},
		MaxMsgsPerSubject: 1,
		AllowMsgTTL:       true,
		AllowDirect:       true,
		Replicas:          replicas,
	}
	s, err := js.Stream(ctx, leaseStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if s, err = js.CreateStream(ctx, cfg); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = js.Stream(ctx, leaseStream)
		}
	}
	if err == nil && s.CachedInfo().Config.Replicas < replicas {
		s, err = js.UpdateStream(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("natschan: the stream of leases: %w", err)
	}
	return s, nil
}

// openedSubject returns the subject of the message that tells that the channel
// has had a sender. It names the stream by the time when it was made: a sender
// may set the message when the channel has just been deleted, and then it says
// nothing about the next channel of that name.
func (c *Channel) openedSubject(made time.Time) string {
	return "leat.l." + c.Name + ".opened." + strconv.FormatInt(made.UnixNano(), 36)
}

// join takes a lease of a user of the channel's stream, which was made at that
// time, and renews it until leave.
func (c *Channel) join(ctx context.Context, js jetstream.JetStream, r role, made time.Time) (*lease, error) {
	if _, err := leases(ctx, js, c.Replicas); err != nil {
		return nil, err
	}
	l := &lease{
		ch: c, js: js, subject: fmt.Sprintf("leat.l.%s.%s.%s", c.Name, r, nuid.Next()),
		who: self(js.Conn()), done: make(chan struct{}),
	}
	if err := l.renew(ctx); err != nil {
		return nil, fmt.Errorf("natschan: channel %s: taking a lease: %w", c.Name, err)
	}
	if r == sending { // after the lease: this without a lease of a sender means that all are gone
		if _, err := js.Publish(ctx, c.openedSubject(made), nil); err != nil {
			return nil, fmt.Errorf("natschan: channel %s: %w", c.Name, err)
		}
	}
	background, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(background)
	return l, nil
}

// renew asks the server to keep the lease for another Lease. The server counts
// from an instant after the call began. So the lease has not run out before
// until, and has not run out at all if the answer came before the last until.
func (l *lease) renew(ctx context.Context) error {
	began := time.Now()
	if _, err := l.js.Publish(ctx, l.subject, []byte(l.who), jetstream.WithMsgTTL(l.ch.Lease)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if passed(l.until) {
		l.term++
	}
	l.until = began.Add(l.ch.Lease)
	return nil
}

// holds returns the term of the lease, and whether it has not run out. While it
// holds, and the term stays the same, nobody else has seen it run out.
func (l *lease) holds() (term int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, !passed(l.until)
}

// passed reports whether t has passed by one of the two clocks: the monotonic
// one, which goes on while a process is stopped, and the wall clock, which goes
// on while the machine sleeps. If the wall clock is set, a lease may seem to
// have run out; then its owner asks the server.
func passed(t time.Time) bool {
	now := time.Now()
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// keep renews the lease, thrice in its time, and more often while that fails.
func (l *lease) keep(ctx context.Context) {
	defer close(l.done)
	timer := time.NewTimer(l.ch.Lease / 3)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		attempt, cancel := context.WithTimeout(ctx, l.ch.Lease/3)
		err := l.renew(attempt)
		cancel()
		if err != nil {
			timer.Reset(min(l.ch.Lease/10, time.Second))
		} else {
			timer.Reset(l.ch.Lease / 3)
		}
	}
}

// self says to people which process this is.
func self(nc *nats.Conn) string {
	if nc.Opts.Name != "" {
		return nc.Opts.Name
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s[%d]@%s", filepath.Base(os.Args[0]), os.Getpid(), host)
}

// leave gives the lease up, and returns who is left. If that fails, the lease
// ends by itself.
func (l *lease) leave(ctx context.Context) (present, error) {
	l.stop()
	<-l.done
	s, err := leases(ctx, l.js, l.ch.Replicas)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(l.subject))
	}
	if err != nil {
		return present{}, fmt.Errorf("natschan: closing %s: %w", l.ch.Name, err)
	}
	return l.ch.present(ctx, l.js)
}

// present says who uses a channel.
type present struct {
	opened             []string // the subjects by which there are, or were, senders
	senders, receivers int
}

func (c *Channel) present(ctx context.Context, js jetstream.JetStream) (present, error) {
	subjects, err := c.leaseSubjects(ctx, js)
	return countLeases(c.Name, maps.Keys(subjects)), err
}

// countLeases counts the leases of a channel by their roles.
func countLeases(name string, subjects iter.Seq[string]) (p present) {
	for subject := range subjects {
		switch what, _, _ := strings.Cut(strings.TrimPrefix(subject, "leat.l."+name+"."), "."); what {
		case "opened":
			p.opened = append(p.opened, subject)
		case string(sending):
			p.senders++
		case string(receiving):
			p.receivers++
		}
	}
	return p
}

// leaseSubjects returns the subjects of all leases of the channel, each with
// how many messages it has: at least one.
func (c *Channel) leaseSubjects(ctx context.Context, js jetstream.JetStream) (map[string]uint64, error) {
	_, live, err := leaseSubjects(ctx, js, "leat.l."+c.Name+".>")
	if err != nil {
		return nil, fmt.Errorf("natschan: the stream of leases: %w", err)
	}
	return live, nil
}

// leaseSubjects returns the stream of leases, and the subjects in it that match
// the filter.
func leaseSubjects(
	ctx context.Context, js jetstream.JetStream, filter string,
) (jetstream.Stream, map[string]uint64, error) {
	s, info, err := state(ctx, js, leaseStream, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, nil, err
	}
	return s, info.State.Subjects, nil
}

// A wake is a condition that any number of goroutines can select on: changed
// returns a channel that is closed at the next call of all.
type wake struct {
	mu sync.Mutex
	ch chan struct{}
}

func (w *wake) changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ch == nil {
		w.ch = make(chan struct{})
	}
	return w.ch
}

func (w *wake) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ch != nil {
		close(w.ch)
		w.ch = nil
	}
}

// bounded returns a context for work that must be done although the caller's
// has ended.
func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), serverTimeout)
}

// inTime returns ctx, with a deadline if it has none. The caller calls cancel.
func inTime(ctx context.Context) (own context.Context, cancel context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, serverTimeout)
}

// subscribed makes sure that the server knows the subscriptions made so far.
func subscribed(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := inTime(ctx)
	defer cancel()
	return nc.FlushWithContext(ctx)
}
