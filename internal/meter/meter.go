// Package meter keeps the facts about a channel that the channel does not need
// for its own work: its kind and name, the text that begins its panics, and
// counts. A registry of the named channels makes them observable: see
// Snapshots.
package meter

import (
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Meter describes one channel, which embeds it. The zero value is that of a
// channel without a name.
type Meter struct {
	_ [0]func() // as in leak.Guard

	Kind string // the package of the channel: "mpsc", "broadcast", …
	Name string // given by leat.Name, or empty

	// Leaked counts the handles that were dropped without Close and found by
	// the garbage collector.
	Leaked atomic.Uint64

	entry *entry // nil without a name
}

// String returns the kind, followed by the name if there is one. The text of
// each panic begins with it.
func (m *Meter) String() string {
	if m.Name == "" {
		return m.Kind
	}
	return m.Kind + ` "` + m.Name + `"`
}

// NilContext panics, for a call whose ctx is nil. The caller compares: a
// function that did would not be inlined into the generic methods that call it.
func (m *Meter) NilContext() {
	panic(m.String() + ": nil context; use context.Background() to wait without end")
}

// Named reports whether the registry knows the channel.
func (m *Meter) Named() bool { return m.entry != nil }

// A Stamp records when and where a goroutine began to wait, and on what.
type Stamp struct {
	Since time.Time
	From  []uintptr
	Does  string // what the goroutine does to the channel, such as "receives from"
	on    *entry
}

// Stamp returns a Stamp of the calling goroutine, which is about to wait. It
// returns nil on a channel without a name.
func (m *Meter) Stamp(does string) *Stamp {
	if m.entry == nil {
		return nil
	}
	return &Stamp{Since: time.Now(), From: callers(), Does: does, on: m.entry}
}

// NoteDepth records that the channel holds n values. A sender calls it before
// it waits for room.
func (m *Meter) NoteDepth(n int) {
	if m.entry == nil {
		return
	}
	m.entry.mu.Lock()
	m.entry.high = max(m.entry.high, n)
	m.entry.mu.Unlock()
}

// How a handle was closed.
const (
	SenderClosed    = "sender closed"
	ReceiverClosed  = "receiver closed"
	SenderDropped   = "sender dropped without Close"
	ReceiverDropped = "receiver dropped without Close"
)

// NoteCloseLocked records how a handle of the channel, source, was closed.
// ended means that this close ended the channel, with the cause, if any, that
// was noted for this side. If no handle is open after it, NoteCloseLocked also
// keeps the state of the channel, which may be the last that anybody sees.
// While a handle is open, a snapshot can ask the channel. The caller holds the
// channel's mutex. On a channel without a name it does nothing.
func (m *Meter) NoteCloseLocked(how string, ended bool, source lockedSource) {
	e := m.entry
	if e == nil {
		return
	}
	e.mu.Lock()
	e.closes++
	if ended && e.closedBy == "" {
		e.closedBy, e.closed = how, time.Now()
		if text := *e.cause(how); text != "" {
			e.closedBy += ": " + text
		}
		if (how == SenderClosed || how == ReceiverClosed) && stacks.take(e.closed) {
			e.closedPCs = runtime.Callers(2, e.closedAt[:])
		}
	}
	over := false
	if source.OpenHandlesLocked() == 0 {
		e.final, e.last = true, Snapshot{}
		source.FillSnapshotLocked(&e.last)
		e.keepLocked(&e.last)
		over = e.last.over()
	}
	e.mu.Unlock()
	if over {
		e.end()
	}
}

// CauseText returns the text of the cause that a handle is about to be closed
// with, for NoteCauseLocked. It calls the user's code, so the caller holds no
// lock. On a channel without a name it returns "" and calls nothing.
func (m *Meter) CauseText(cause error) string {
	if m.entry == nil || cause == nil {
		return ""
	}
	return textOf(cause)
}

// textOf returns what cause says, not at length, also if its Error panics.
func textOf(cause error) (text string) {
	defer func() {
		if recover() != nil {
			text = "a cause whose Error method panics"
		}
	}()
	text = cause.Error()
	if len(text) > mostCauseText {
		text = strings.ToValidUTF8(text[:mostCauseText], "") + "…"
	}
	return text
}

// mostCauseText bounds how many bytes the registry keeps of a cause.
const mostCauseText = 200

// NoteCauseLocked records the text of the cause that the peers of a side get
// when the channel ends by it. how is SenderClosed or ReceiverClosed. The
// caller holds the channel's mutex.
func (m *Meter) NoteCauseLocked(how, text string) {
	if m.entry == nil {
		return
	}
	m.entry.mu.Lock()
	*m.entry.cause(how) = text
	m.entry.mu.Unlock()
}

// cause returns where the cause of the side that how is about is kept.
func (e *entry) cause(how string) *string {
	if how == SenderClosed || how == SenderDropped {
		return &e.senderCause
	}
	return &e.receiverCause
}

// stacks limits how often NoteCloseLocked looks where a channel was closed,
// which costs more than the rest of a Close. A program that closes more named
// channels in a second than the registry shows gets no place for the others.
var stacks budget

// A budget allows keepMost uses in each second, or a few more while a second
// begins.
type budget struct{ second, used atomic.Int64 }

// take reports whether one more use is allowed at the time now.
func (b *budget) take(now time.Time) bool {
	if s := now.Unix(); b.second.Load() != s {
		b.used.Store(0)
		b.second.Store(s)
	}
	return b.used.Add(1) <= keepMost
}

// callers returns the stack above the function that calls its caller. The
// reader of a snapshot looks up the names.
func callers() []uintptr {
	var pcs [16]uintptr
	return slices.Clone(pcs[:runtime.Callers(3, pcs[:])])
}
