package meter

import (
	"cmp"
	"math/bits"
	"reflect"
	"runtime"
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

// A lockedSource answers while the caller holds its mutex.
type lockedSource interface {
	FillSnapshotLocked(*Snapshot)
	OpenHandlesLocked() int // senders and receivers that are not closed
}

// An entry is what the registry knows of one named channel, and keeps for a
// while after the channel is over. It leads to the channel by a weak pointer
// only: neither the channel's memory nor its values live longer because
// somebody may look.
//
// Reading a weak pointer makes the channel reachable for the collection that
// is under way. If each snapshot read the pointer of each channel, frequent
// snapshots would keep dead channels alive. So nobody reads the pointer of a
// channel that is over: its handles are closed and it is drained, or the
// garbage collector has taken it. If a channel has no open handle, but values
// or permits, fewer and fewer snapshots read its pointer.
type entry struct {
	id      uint64
	kind    string
	name    string
	elem    string
	made    time.Time
	madeAt  []uintptr
	channel func() Source // nil once the garbage collector has taken the channel

	// Guarded by registry.mu.
	index int       // in registry.live, or -1: the channel is over
	gone  bool      // the garbage collector has taken the channel
	shown time.Time // when a snapshot first found that the channel is over

	mu        sync.Mutex  // taken inside the channel's mutex
	closes    int         // how many handles were closed
	final     bool        // all handles are closed, and last is not older than that
	looks     uint        // snapshots since then, or since one found that a value was received
	last      Snapshot    // as of the last snapshot or, once final, of the last close; without slices
	high      int         // the greatest known depth
	closedBy  string      // what ended the channel, and its cause
	closed    time.Time   // when
	closedAt  [16]uintptr // where, if by Close: the first closedPCs of them
	closedPCs int

	senderCause, receiverCause string // the texts of the causes of the two sides
}

// The registry's mutex is taken inside a channel's mutex and inside no
// entry's. No other is taken while it is held.
var registry struct {
	mu     sync.Mutex
	lastID uint64
	live   []*entry // in no order
	over   []*entry // of channels that are over, the first that ended first
}

// KeepFor is how long the registry shows a channel that is over, from the first
// snapshot that finds it so. It shows at most keepMost such channels: a program
// that makes a named channel for each request must not grow by that.
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
	e.id, e.index = registry.lastID, len(registry.live)
	registry.live = append(registry.live, e)
	registry.mu.Unlock()
	runtime.AddCleanup((*C)(c), (*entry).collected, e)
}

// collected notes that the garbage collector has taken the channel.
func (e *entry) collected() {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	e.gone = true
	e.endLocked()
}

// end notes that the channel is over.
func (e *entry) end() {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	e.endLocked()
}

// endLocked moves e from the live entries to those that are over, if it is not
// there. It takes amortized constant time.
func (e *entry) endLocked() {
	if e.index < 0 {
		return
	}
	r := &registry
	last := len(r.live) - 1
	r.live[e.index] = r.live[last]
	r.live[e.index].index = e.index
	r.live[last] = nil
	r.live = r.live[:last]
	if cap(r.live) > 1024 && len(r.live) < cap(r.live)/4 {
		r.live = append(make([]*entry, 0, cap(r.live)/2), r.live...)
	}
	e.index = -1
	r.over = append(r.over, e)
	if len(r.over) > keepMost {
		r.over[0] = nil
		r.over = r.over[1:]
	}
}

// A sight is an entry with what registry.mu guards, copied.
type sight struct {
	*entry
	over, gone bool
}

// sights returns the channels for a snapshot, and forgets the channels that
// have been shown as over for KeepFor.
func sights(now time.Time) []sight {
	r := &registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.over) > 0 && !r.over[0].shown.IsZero() && now.Sub(r.over[0].shown) >= KeepFor {
		r.over[0] = nil
		r.over = r.over[1:]
	}
	all := make([]sight, 0, len(r.live)+len(r.over))
	for _, e := range r.over {
		if e.shown.IsZero() {
			e.shown = now
		}
		all = append(all, sight{e, true, e.gone})
	}
	for _, e := range r.live {
		all = append(all, sight{e, false, false})
	}
	return all
}

// Snapshots returns the state of each named channel, in the order in which the
// channels were made. A channel that is over is among them for KeepFor.
func Snapshots() []Snapshot {
	seen := sights(time.Now())
	all := make([]Snapshot, 0, len(seen))
	for _, s := range seen {
		all = append(all, s.snapshot())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// snapshot asks the channel, unless it is over. It holds no lock meanwhile that
// the channel's own goroutines could want.
func (e sight) snapshot() Snapshot {
	e.mu.Lock()
	before := e.closes
	ask := !e.over && (!e.final || bits.OnesCount(e.looks) <= 1) // at snapshots 0, 1, 2, 4, 8, …
	if e.final {
		e.looks++
	}
	e.mu.Unlock()
	var s Snapshot
	if ask {
		if c := e.channel(); c != nil {
			c.FillSnapshot(&s)
		} else {
			ask, e.gone = false, true // the cleanup has yet to run
		}
	}
	e.mu.Lock()
	switch {
	case !ask || e.final && e.closes != before: // the last close kept a newer one
		ask, s = false, e.last
	default:
		if e.final && s.Received != e.last.Received {
			e.looks = 0
		}
		e.keepLocked(&s)
	}
	if e.gone {
		s.Senders, s.Receivers, s.Permits, s.Depth, s.ParkedSenders, s.ParkedReceivers = 0, 0, 0, 0, 0, 0
	}
	over := ask && s.over()
	s.Gone = e.gone
	s.ID, s.Kind, s.Name, s.Elem = e.id, e.kind, e.name, e.elem
	s.Made, s.MadeAt = e.made, e.madeAt
	s.HighWater = e.high
	s.ClosedBy, s.ClosedAt, s.Closed = e.closedBy, e.closedAt[:e.closedPCs], e.closed
	e.mu.Unlock()
	if over {
		e.end()
	}
	return s
}

// over reports whether nothing can happen to the channel any more: no handle is
// open, no value is left for a closed receiver to drain, and no permit can send
// another.
func (s *Snapshot) over() bool {
	return s.Senders == 0 && s.Receivers == 0 && s.Permits == 0 && s.Depth == 0
}

// keepLocked makes s the last known snapshot.
func (e *entry) keepLocked(s *Snapshot) {
	e.last = *s
	e.last.Parked, e.last.Unlisted, e.last.Cursors = nil, 0, nil
	e.high = max(e.high, s.Depth)
}
