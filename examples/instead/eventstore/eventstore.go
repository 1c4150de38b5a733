// Package eventstore keeps the last events of each stream, so that a client
// that lost its connection can resume.
package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// ErrPurged is the error of After and Follow if an event after the index is not
// kept any more.
var ErrPurged = errors.New("eventstore: events purged")

// A Store may be used by any goroutine. Its zero value cannot be used: call
// New.
type Store struct {
	keep    int
	mu      sync.RWMutex
	streams map[string]map[string]*broadcast.Sender[[]byte] // by session and stream
}

// New returns a Store that keeps the last events of each stream, as many as
// keep.
func New(keep int) *Store {
	return &Store{keep: keep, streams: make(map[string]map[string]*broadcast.Sender[[]byte])}
}

// Open makes the stream, if it does not exist.
func (s *Store) Open(_ context.Context, session, stream string) error {
	s.open(session, stream)
	return nil
}

func (s *Store) open(session, stream string) *broadcast.Sender[[]byte] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[session] == nil {
		s.streams[session] = make(map[string]*broadcast.Sender[[]byte])
	}
	if s.streams[session][stream] == nil {
		s.streams[session][stream] = broadcast.New[[]byte](s.keep)
	}
	return s.streams[session][stream]
}

// Append adds an event to the stream. It never blocks, and wakes those who
// Follow.
func (s *Store) Append(_ context.Context, session, stream string, data []byte) error {
	return s.open(session, stream).TrySend(data)
}

// After returns the events after the index, as many as there are now. If one of
// them is not kept any more, it yields ErrPurged and no event.
func (s *Store) After(ctx context.Context, session, stream string, index int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rx, err := s.subscribe(session, stream, index)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rx.Close()
		events := make([][]byte, rx.Len())
		for n := 0; n < len(events); {
			got, err := rx.RecvMany(ctx, events[n:])
			if err != nil {
				yield(nil, purged(err))
				return
			}
			n += got
		}
		for _, data := range events {
			if !yield(data, nil) {
				return
			}
		}
	}
}

// Follow returns the events after the index, those that are there and those
// that come, in one order. It ends with ctx or the session, and with ErrPurged
// if the caller is slower than the store forgets.
func (s *Store) Follow(ctx context.Context, session, stream string, index int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rx, err := s.subscribe(session, stream, index)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rx.Close()
		for data, err := range leat.All(ctx, rx) {
			if !yield(data, purged(err)) || err != nil {
				return
			}
		}
	}
}

func (s *Store) subscribe(session, stream string, index int) (*broadcast.Receiver[[]byte], error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	events := s.streams[session][stream]
	if events == nil {
		return nil, fmt.Errorf("eventstore: session %q has no stream %q", session, stream)
	}
	return events.Subscribe(broadcast.From(uint64(index + 1))), nil
}

func purged(err error) error {
	if lag := (*leat.LaggedError)(nil); errors.As(err, &lag) {
		return fmt.Errorf("%w: %d", ErrPurged, lag.Missed)
	}
	return err
}

// SessionClosed ends the session with all its streams, and those who Follow
// them.
func (s *Store) SessionClosed(_ context.Context, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, events := range s.streams[session] {
		_ = events.Close()
	}
	delete(s.streams, session)
	return nil
}
