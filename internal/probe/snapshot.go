package probe

import (
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Snapshot is how one channel stood at one instant: plain numbers. What says "filled by the channel" is the channel's to write,
// in its Fill; the rest is the registry's.
type Snapshot struct {
	ID     uint64 // in the order of making; no two channels of a process have the same
	Kind   string
	Name   string
	Elem   string // the element type
	Made   time.Time
	MadeAt []uintptr
	Gone   bool // the garbage collector has taken the channel; the counts are its last

	HighWater int // the greatest Depth that a look or a sender that had to wait has found
	ClosedBy  string
	ClosedAt  []uintptr // empty if nobody called Close
	Closed    time.Time

	// Filled by the channel:

	Capacity  int    // -1 is without bound
	Depth     int    // accepted and not yet received; on broadcast and watch, by the slowest receiver
	Accepted  uint64 // values sent
	Received  uint64 // values received, by all receivers together
	Uncounted bool   // Received is not counted, because receiving takes no lock and there is nothing to derive it from
	Missed    uint64 // values that receivers were told that they missed, together
	Leaked    uint64 // handles dropped without Close
	Senders   int    // handles open
	Receivers int    // handles open
	Permits   int    // granted, and neither used nor released

	ParkedSenders   int
	ParkedReceivers int
	Parked          []Parked // of them the first, at most MaxParked
	Cursors         []Cursor // of receivers that each see every value, at most MaxCursors
}

// MaxParked and MaxCursors bound for how long a look can hold a channel's mutex.
const (
	MaxParked  = 64
	MaxCursors = 512
)

// A Parked is one operation that waits.
type Parked struct {
	Op       string // "Send", "Recv", "Select", …
	Sending  bool
	Receiver uint64 // the Cursor's ID, or 0
	Wait
}

// A Cursor is one receiver of a channel whose receivers each see every value.
type Cursor struct {
	ID       uint64 // 1 for the first that subscribed
	Lag      uint64 // values accepted that it has yet to see
	Received uint64
	Missed   uint64
	Lossless bool
	Parked   bool
}

// Park notes w as one that waits, if it was noted when it came to wait.
func (s *Snapshot) Park(w *Wait, op string, sending bool, receiver uint64) {
	if sending {
		s.ParkedSenders++
	} else {
		s.ParkedReceivers++
	}
	if w != nil && len(s.Parked) < MaxParked {
		s.Parked = append(s.Parked, Parked{op, sending, receiver, *w})
	}
}

// Place is a line of a program, for people.
type Place struct {
	Func string
	File string
	Line int
}

// own are the directories of this module that a user is not interested in when he asks who called.
var own = []string{".", "mpsc", "mpmc", "broadcast", "watch", "oneshot"}

// root is what the names of this module's files begin with. Files are looked at, and not functions, because a function's closure that was inlined
// bears the name of where it was inlined.
var root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/probe/snapshot.go")
}()

// isOwn reports whether a frame is leat's own or the runtime's.
func isOwn(f runtime.Frame) bool {
	file, ours := strings.CutPrefix(f.File, root)
	if !ours || strings.HasSuffix(file, "_test.go") {
		return strings.HasPrefix(f.Function, "runtime.")
	}
	return strings.HasPrefix(file, "internal/") || slices.Contains(own, path.Dir(file))
}

// Caller returns the first place in a stack that is not leat's own.
func Caller(stack []uintptr) Place {
	if len(stack) == 0 {
		return Place{}
	}
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if !isOwn(f) || !more {
			return Place{f.Function, f.File, f.Line}
		}
	}
}
