package probe

import (
	"cmp"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"
)

// A Source is a named channel, as the registry looks at it.
type Source interface {
	// Fill writes down how the channel stands. It takes the channel's mutex, for as long as it takes to copy what is there.
	Fill(*Snapshot)
}

// A locked Source is asked for its last words while its mutex is held.
type locked interface{ FillLocked(*Snapshot) }

// An entry is what the registry knows of one named channel, and keeps for a while after the channel is gone. Nothing in it leads
// to the channel but a weak pointer: neither the channel's memory nor its values live longer because somebody may look.
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
	gaveUp   int      // how many handles were given up
	last     Snapshot // as of the last look, or the last handle that was given up
	high     int      // greatest depth known of
	closedBy string   // what ended the channel
	closedAt []uintptr
	closed   time.Time
}

var registry struct {
	mu      sync.Mutex
	lastID  uint64
	entries []*entry // in the order of their ids
}

// Keep is how long a channel that is gone is still shown, and keepMost how many such channels are at most: a program that makes a
// named channel for each request must not grow by that.
const (
	Keep     = time.Minute
	keepMost = 1000
)

// Register makes c, a channel of elements of type T that has been given a name, known. c embeds p.
func Register[T, C any, S interface {
	*C
	Source
}](c S, p *Channel) {
	w := weak.Make((*C)(c))
	e := &entry{
		kind: p.Kind, name: p.Name, elem: reflect.TypeFor[T]().String(),
		made: time.Now(), madeAt: callers(),
		channel: func() Source {
			if c := w.Value(); c != nil {
				return S(c)
			}
			return nil
		},
	}
	p.entry = e
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

// sweep forgets channels that are gone for longer than Keep, and of those that are not, the oldest above keepMost. It returns a copy of the rest.
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
		if e.lastSeen.IsZero() || gone <= keepMost && now.Sub(e.lastSeen) < Keep {
			return false
		}
		gone--
		return true
	})
	return slices.Clone(registry.entries)
}

// Look returns how each named channel stands, those that have ended within Keep among them, in the order in which they were made.
func Look() []Snapshot {
	now := time.Now()
	entries := sweep(now)
	all := make([]Snapshot, 0, len(entries))
	for _, e := range entries {
		all = append(all, e.look())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// look asks the channel, without holding anything that the channel's own goroutines could want.
func (e *entry) look() Snapshot {
	c := e.channel()
	e.mu.Lock()
	before := e.gaveUp
	e.mu.Unlock()
	var s Snapshot
	if c != nil {
		c.Fill(&s) // not with e.mu held: GaveUp takes it inside the channel's mutex
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c != nil && e.gaveUp == before { // otherwise what GaveUp has kept is newer
		e.keep(s)
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

// keep makes s the last that is known. e.mu is held.
func (e *entry) keep(s Snapshot) {
	e.last = s
	e.high = max(e.high, s.Depth)
}

// A handle that is given up.
const (
	SenderClosed    = "sender closed"
	ReceiverClosed  = "receiver closed"
	SenderDropped   = "sender dropped without Close"
	ReceiverDropped = "receiver dropped without Close"
)

// GaveUp notes, for a named channel, that a handle was given up, and how, and how the channel, c, stands after it: it may be the last that is
// seen of it. ended tells that this handle was the one that ended the channel. The channel's mutex is held.
func (c *Channel) GaveUp(how string, ended bool, source locked) {
	e := c.entry
	if e == nil {
		return
	}
	var s Snapshot
	source.FillLocked(&s)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gaveUp++
	e.keep(s)
	if ended && e.closedBy == "" {
		e.closedBy, e.closed = how, time.Now()
		if how == SenderClosed || how == ReceiverClosed {
			e.closedAt = callers()
		}
	}
}

// Named reports whether the channel can be looked at.
func (c *Channel) Named() bool { return c.entry != nil }

// A Wait tells since when a goroutine waits in a channel, and from where.
type Wait struct {
	Since time.Time
	From  []uintptr
}

// Wait notes that the calling goroutine is about to wait; it returns nil on a channel without a name.
func (c *Channel) Wait() *Wait {
	if c.entry == nil {
		return nil
	}
	return &Wait{Since: time.Now(), From: callers()}
}

// Filled notes that the channel holds n values, as a sender has found that must wait for room.
func (c *Channel) Filled(n int) {
	if c.entry == nil {
		return
	}
	c.entry.mu.Lock()
	c.entry.high = max(c.entry.high, n)
	c.entry.mu.Unlock()
}

// callers returns the stack above the function that calls its caller. Finding names for it is left to who looks.
func callers() []uintptr {
	var pcs [16]uintptr
	return slices.Clone(pcs[:runtime.Callers(3, pcs[:])])
}
