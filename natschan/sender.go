package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A Sender is a sending end of a channel. It keeps the promises of leat.Sender
// with the differences that the package comment lists. Its methods may be
// called concurrently; sends on one handle are done one after the other, so
// that they keep their order.
type Sender[T any] struct {
	*sender
}

// NewSender opens the sending end of the channel that ch describes. It makes
// the channel if there is none, except for a Channel that [Find] or [List] has
// returned, for which it returns [ErrNotFound]. It returns leat.ErrClosed if
// the channel was closed, [ErrMismatch] if it exists with another description,
// and [ErrResource] if a limit of the server forbids it. The connection of js
// is the caller's, and must live as long as the sender. The sender must be
// closed.
func NewSender[T any](ctx context.Context, js jetstream.JetStream, ch Channel) (*Sender[T], error) {
	f, err := newFamily(ctx, js, ch)
	if err != nil {
		return nil, explain(js.Conn(), err)
	}
	return &Sender[T]{f.handle()}, nil
}

// Send stores v, and blocks while there is no room. It returns nil when the
// channel's server (with replicas, a majority of them) has stored v. It returns
// leat.ErrClosed, or ctx.Err(). If ctx ends or the channel closes while the
// server is silent, the error is [ErrUnknown] as well. While there is no server
// Send tries again, with the same id, so that v is stored once.
//
// If a limit of the account or server is reached, Send returns [ErrResource] at
// once. A server whose disk is full does not say so: it is silent about what it
// cannot store, and answers everything else. Send then returns an error that is
// both [ErrResource] and [ErrUnknown], when ctx ends or after 30 s of this.
func (s *Sender[T]) Send(ctx context.Context, v T) error {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := s.family.encode(v)
	if err != nil {
		return err
	}
	return s.send(ctx, data)
}

// TrySend stores v if there is room, and does not wait for room: it returns
// leat.ErrFull if there is none. It is one exchange with the server. If no
// server answers for the channel, as while a cluster has no leader, it returns
// an error that is jetstream.ErrNoStreamResponse, and v was not stored. If a
// server is there but silent for some seconds, the error is [ErrUnknown].
func (s *Sender[T]) TrySend(v T) error {
	data, err := s.family.encode(v)
	if err != nil {
		return err
	}
	return s.trySend(data)
}

// SendMany sends vs in order, as Send does, and returns how many were stored
// and the error that stopped the rest. Up to 1000 values, but no more than the
// capacity, are stored at once or not at all. SendMany therefore blocks until
// there is room for that many. In files a batch costs some 2 ms, however small
// it is. Of a Watch only the last value matters, and only that is stored.
//
// SendMany encodes and measures all values first. If the codec refuses one of
// them, or one is larger than the server's max_payload (nats.ErrMaxPayload), it
// returns 0 and an error that names the value's index, and has sent nothing.
func (s *Sender[T]) SendMany(ctx context.Context, vs []T) (n int, err error) {
	if ctx == nil {
		panic("natschan: nil context")
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if s.family.ch.Kind == Watch && len(vs) > 0 {
		if err := s.Send(ctx, vs[len(vs)-1]); err != nil {
			return 0, err
		}
		return len(vs), nil
	}
	values := make([][]byte, len(vs))
	for i, v := range vs {
		if values[i], err = s.family.ch.Codec.Marshal(v); err != nil {
			return 0, fmt.Errorf("natschan: encode value %d of %d: %w", i, len(vs), err)
		}
	}
	return s.sendMany(ctx, values)
}

// Clone returns another handle of the same channel, without asking the server.
// The clone of a closed handle is closed.
func (s *Sender[T]) Clone() *Sender[T] {
	s.family.mu.Lock()
	defer s.family.mu.Unlock()
	if s.isClosed() {
		return s
	}
	return &Sender[T]{s.family.handle()}
}

// Close closes the handle. Sends that wait on it return leat.ErrClosed. The
// last handle of the last process closes the channel: then Close exchanges some
// messages with the server. If the server does not answer for some seconds,
// Close returns an error, and the channel ends when the Lease does. Further
// calls return nil.
func (s *Sender[T]) Close() error { return s.close() }

// A family is shared by the handles of one NewSender.
type family struct {
	ch    Channel
	js    jetstream.JetStream
	nc    *nats.Conn
	lease *lease

	mu      sync.Mutex
	handles int
	hints   []*nats.Subscription // when somebody has waited for room
	space   wake
	waiting atomic.Int32 // sends that found no room
	pruning sync.Mutex   // of a waiting send that removes values

	id     string // begins each message's
	next   atomic.Uint64
	stored []byte // begins the server's answer to a message that it has stored
}

func newFamily(ctx context.Context, js jetstream.JetStream, ch Channel) (*family, error) {
	js = patient(js)
	stream, err := ch.open(ctx, js)
	if err != nil {
		return nil, err
	}
	if isShut(stream.CachedInfo().Config) {
		return nil, fmt.Errorf("%w: %s; delete it to use the name again", leat.ErrClosed, ch.Name)
	}
	f := &family{ch: ch, js: js, nc: js.Conn(), id: nuid.Next(),
		stored: []byte(`{"stream":"` + ch.stream() + `","seq":`)}
	if f.lease, err = f.ch.join(ctx, js, sending, stream.CachedInfo().Created); err != nil {
		if isTimeout(err) {
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTimeout)
			defer cancel()
			if why := stalled(own, js, leaseStream); why != nil {
				err = fmt.Errorf("%w: %w", err, why)
			}
		}
		return nil, err
	}
	return f, nil
}

func (f *family) encode(v any) ([]byte, error) {
	data, err := f.ch.Codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("natschan: encode value: %w", err)
	}
	return data, nil
}

// handle makes a handle. The family's mutex is held, or nobody else has it yet.
func (f *family) handle() *sender {
	f.handles++
	return &sender{family: f, requester: newRequester(f.nc), turn: make(chan struct{}, 1), closed: make(chan struct{})}
}

// A sender is a Sender without its type.
type sender struct {
	family    *family
	requester requester
	turn      chan struct{} // holds a token while somebody publishes
	once      sync.Once
	closed    chan struct{}
}

func (s *sender) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// acquire takes the turn. It waits only for the call that has it, which its own
// ctx ends.
func (s *sender) acquire(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	default:
		select {
		case s.turn <- struct{}{}:
		case <-s.closed:
			return leat.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.isClosed() {
		<-s.turn
		return leat.ErrClosed
	}
	return nil
}

func (s *sender) release() { <-s.turn }

// message makes a message with an id of its own.
func (f *family) message(data []byte) *nats.Msg {
	id := append(append(make([]byte, 0, 48), f.id...), '.')
	id = strconv.AppendUint(id, f.next.Add(1), 10)
	m := nats.NewMsg(f.ch.dataSubject())
	m.Data = data
	m.Header[jetstream.MsgIDHeader] = []string{string(id)}
	return m
}

func (s *sender) send(ctx context.Context, data []byte) error {
	return s.sendBatch(ctx, []*nats.Msg{s.family.message(data)})
}

func (s *sender) trySend(data []byte) error {
	if s.isClosed() {
		return leat.ErrClosed
	}
	if s.family.waiting.Load() > 0 {
		return leat.ErrFull // the next room is for a waiting sender
	}
	ctx, cancel := bounded()
	defer cancel()
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	msgs := []*nats.Msg{s.family.message(data)}
	err := s.publish(ctx, msgs, serverTimeout)
	what, answer := s.family.judge(ctx, err)
	for what == full && s.family.roomComes(ctx) && pause(ctx, replicaPause, nil) == nil {
		err = s.publish(ctx, msgs, serverTimeout)
		what, answer = s.family.judge(ctx, err)
	}
	if what != unclear {
		return answer
	}
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if s.family.gone(ctx) {
			return leat.ErrClosed
		}
		return fmt.Errorf("natschan: send to %q: %w", s.family.ch.Name, err)
	}
	err = explain(s.family.nc, fmt.Errorf("natschan: %w", err))
	if isTimeout(err) {
		if why := s.family.stalled(); why != nil {
			err = fmt.Errorf("%w: %w", err, why)
		}
	}
	return unknown(err)
}

// The server takes no larger batch.
const maxBatch = 1000

func (s *sender) sendMany(ctx context.Context, values [][]byte) (n int, err error) {
	if s.isClosed() {
		return 0, leat.ErrClosed
	}
	batches, err := s.family.batches(values)
	if err != nil {
		return 0, err
	}
	for _, batch := range batches {
		if err := s.sendBatch(ctx, batch); err != nil {
			return n, err
		}
		n += len(batch)
	}
	return n, nil
}

// headerRoom is more than the headers of a message in a batch can take.
const headerRoom = 512

// batches returns the messages that carry values, in batches of one or more.
// It returns an error that is nats.ErrMaxPayload if the server would not take
// one of them. A batch that stops in the middle would stay with the server for
// 10 s, and the server keeps no more than 50 for a stream.
func (f *family) batches(values [][]byte) (batches [][]*nats.Msg, err error) {
	most := maxBatch
	if f.ch.waits() {
		most = min(most, f.ch.Capacity)
	}
	limit := f.nc.MaxPayload()
	for start := 0; start < len(values); start += most {
		batch := make([]*nats.Msg, min(len(values)-start, most))
		for i := range batch {
			m := f.message(values[start+i])
			if len(batch) > 1 {
				m.Header["Nats-Batch-Id"] = []string{f.id} // of each attempt its own, of this length
				m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
				if i == len(batch)-1 {
					m.Header["Nats-Batch-Commit"] = []string{"1"}
				}
			}
			if int64(len(m.Data)) > limit-headerRoom {
				if size := int64(m.Size() - len(m.Subject)); size > limit {
					return nil, fmt.Errorf("natschan: send value %d of %d: %d bytes with headers, the server takes %d: %w",
						start+i, len(values), size, limit, nats.ErrMaxPayload)
				}
			}
			batch[i] = m
		}
		batches = append(batches, batch)
	}
	return batches, nil
}

// sendBatch stores all messages or none.
func (s *sender) sendBatch(ctx context.Context, batch []*nats.Msg) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	return s.persist(ctx, batch)
}

func (s *sender) close() error {
	var err error
	s.once.Do(func() {
		f := s.family
		f.mu.Lock()
		close(s.closed)
		f.handles--
		last := f.handles == 0
		f.mu.Unlock()
		s.requester.close()
		if last {
			err = f.end()
		}
	})
	return err
}

// end gives up the lease, and closes the channel if nobody else has one.
func (f *family) end() error {
	f.mu.Lock()
	for _, sub := range f.hints {
		sub.Unsubscribe()
	}
	f.mu.Unlock()
	ctx, cancel := bounded()
	defer cancel()
	left, err := f.lease.leave(ctx)
	if err == nil && left.senders == 0 {
		err = f.ch.seal(ctx, f.js)
	}
	return explain(f.nc, err)
}
