package meter

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"time"
	"weak"
)

// A Source is a named channel, as the registry sees it.
type Source interface {
	// FillSnapshot writes the channel's state into the snapshot. It holds the
	// channel's mutex for as long as the copy takes.
	FillSnapshot(*Snapshot)
}

// A lockedSource fills a snapshot while the caller holds its mutex.
type lockedSource interface{ FillSnapshotLocked(*Snapshot) }

// An entry is what the registry knows of one named channel, and keeps for a
// while after the channel is gone. It leads to the channel by a weak pointer
// only: neither the channel's memory nor its values live longer because
// somebody may look.
type entry struct {
	id       uint64
	kind     string
	name     string
	elem     string
	made     time.Time
	madeAt   []uintptr
	channel  func() Source // nil once the garbage collector has taken the channel
	lastSeen time.Time     // when the channel was found gone; guarded by registry.mu

	mu       sync.Mutex
	closes   int      // how many handles were closed
	last     Snapshot // as of the last look, or of the last close of a handle
	high     int      // the greatest known depth
	closedBy string   // what ended the channel
	closedAt []uintptr
	closed   time.Time
}

var registry struct {
	mu      sync.Mutex
	lastID  uint64
	entries []*entry // in the order of their ids
}

// KeepFor is how long the registry shows a channel that is gone. It shows at
// most keepMost such channels: a program that makes a named channel for each
// request must not grow by that.
const (
	KeepFor  = time.Minute
	keepMost = 1000
)

// Register makes c known, a channel of elements of type T that has a name. c
// embeds m.
func Register[T, C any, S interface {
	*C
	Source
}](c S, m *Meter) {
	w := weak.Make((*C)(c))
	e := &entry{
		kind: m.Kind, name: m.Name, elem: reflect.TypeFor[T]().String(),
		made: time.Now(), madeAt: callers(),
		channel: func() Source {
			if c := w.Value(); c != nil {
				return S(c)
			}
			return nil
		},
	}
	m.entry = e
	registry.mu.Lock()
	registry.lastID++
	e.id = registry.lastID
	registry.entries = append(registry.entries, e)
	full := len(registry.entries)&0x3ff == 0
	registry.mu.Unlock()
	if full {
		sweep(time.Now()) // also in a program that nobody looks at
	}
}

// sweep forgets channels that are gone for longer than KeepFor, and of the
// other channels that are gone the oldest above keepMost. It returns a copy of
// the rest.
func sweep(now time.Time) []*entry {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	gone := 0
	for _, e := range registry.entries {
		if e.channel() == nil {
			gone++
			if e.lastSeen.IsZero() {
				e.lastSeen = now
			}
		}
	}
	registry.entries = slices.DeleteFunc(registry.entries, func(e *entry) bool {
		if e.lastSeen.IsZero() || gone <= keepMost && now.Sub(e.lastSeen) < KeepFor {
			return false
		}
		gone--
		return true
	})
	return slices.Clone(registry.entries)
}

// Snapshots returns the state of each named channel, in the order in which the
// channels were made. A channel that is gone is among them for KeepFor.
func Snapshots() []Snapshot {
	now := time.Now()
	entries := sweep(now)
	all := make([]Snapshot, 0, len(entries))
	for _, e := range entries {
		all = append(all, e.snapshot())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// snapshot asks the channel. It holds no lock meanwhile that the channel's own
// goroutines could want.
func (e *entry) snapshot() Snapshot {
	c := e.channel()
	e.mu.Lock()
	before := e.closes
	e.mu.Unlock()
	var s Snapshot
	if c != nil {
		// Not with e.mu held: NoteCloseLocked takes it inside the channel's mutex.
		c.FillSnapshot(&s)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c != nil && e.closes == before { // otherwise NoteCloseLocked has kept a newer one
		e.keepLocked(s)
	}
	s = e.last
	s.Gone = c == nil
	if s.Gone {
		s.Senders, s.Receivers, s.Permits, s.Depth = 0, 0, 0, 0
		s.ParkedSenders, s.ParkedReceivers, s.Parked, s.Cursors = 0, 0, nil, nil
	}
	s.ID, s.Kind, s.Name, s.Elem = e.id, e.kind, e.name, e.elem
	s.Made, s.MadeAt = e.made, e.madeAt
	s.HighWater = e.high
	s.ClosedBy, s.ClosedAt, s.Closed = e.closedBy, e.closedAt, e.closed
	return s
}

// keepLocked makes s the last known snapshot.
func (e *entry) keepLocked(s Snapshot) {
	e.last = s
	e.high = max(e.high, s.Depth)
}
