package meter

import (
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Snapshot is the state of one channel at one instant: plain numbers. The
// channel writes the fields below "Filled by the channel"; the registry writes
// the others.
type Snapshot struct {
	ID     uint64 // in the order of making; unique in the process
	Kind   string
	Name   string
	Elem   string // the element type
	Made   time.Time
	MadeAt []uintptr
	Gone   bool // the garbage collector has taken the channel; the counts are its last

	HighWater int // the greatest Depth found by a snapshot or by a sender that had to wait
	ClosedBy  string
	ClosedAt  []uintptr // empty if nobody called Close
	Closed    time.Time

	// Filled by the channel:

	Capacity  int    // -1 is without bound
	Depth     int    // accepted and not yet received; on broadcast and watch, by the slowest receiver
	Accepted  uint64 // values sent
	Received  uint64 // values received, by all receivers together
	Uncounted bool   // Received is not counted: receiving takes no lock, and nothing else tells the number
	Missed    uint64 // values that receivers missed, by all receivers together
	Evicted   uint64 // values that ForceSend took out of the full channel, and returned
	Leaked    uint64 // handles dropped without Close
	Senders   int    // open handles
	Receivers int    // open handles
	Permits   int    // granted, and neither used nor released

	ParkedSenders   int
	ParkedReceivers int
	Parked          []Parked // the first waiting operations, at most MaxParked
	Unlisted        int      // how many more have a Stamp

	// Cursors are those of receivers that each see every value, at most
	// MaxCursors. Those for which senders must wait are among them.
	Cursors []Cursor
}

// MaxParked and MaxCursors bound how long a snapshot can hold a channel's
// mutex.
const (
	MaxParked  = 64
	MaxCursors = 512
)

// A Parked is one waiting operation.
type Parked struct {
	Op       string // "Send", "Recv", "Select", …
	Sending  bool
	Receiver uint64 // the Cursor's ID, or 0
	Stamp
}

// A Cursor is one receiver of a channel whose receivers each see every value.
type Cursor struct {
	ID       uint64 // 1 for the first that subscribed
	Lag      uint64 // accepted values that it has yet to see
	Received uint64
	Missed   uint64
	Lossless bool // senders wait for it now
	Parked   bool

	// Of a broadcast receiver that subscribed with LosslessFor:

	Patience    time.Duration // for so long senders wait for it; else 0
	WaitedSince time.Time     // when senders began to wait for it; zero while none waits
	Lapsed      bool          // senders gave up on it, until it has received everything
}

// AddParked counts a waiting operation, and lists it if it has a Stamp.
func (s *Snapshot) AddParked(w *Stamp, op string, sending bool, receiver uint64) {
	if sending {
		s.ParkedSenders++
	} else {
		s.ParkedReceivers++
	}
	s.list(w, Parked{Op: op, Sending: sending, Receiver: receiver})
}

// AddWaiting lists an operation that waits for neither room nor a value, if it
// has a Stamp. It is counted as neither a sender nor a receiver.
func (s *Snapshot) AddWaiting(w *Stamp, op string) {
	s.list(w, Parked{Op: op})
}

// list lists p, with the Stamp w, if there is one.
func (s *Snapshot) list(w *Stamp, p Parked) {
	switch {
	case w == nil:
	case len(s.Parked) == MaxParked:
		s.Unlisted++
	default:
		p.Stamp = *w
		s.Parked = append(s.Parked, p)
	}
}

// Place is a line of a program, for people.
type Place struct {
	Func string
	File string
	Line int
}

// own are the directories of this module whose lines a user does not look for
// in a stack.
var own = []string{".", "mpsc", "mpmc", "broadcast", "watch", "oneshot"}

// root begins the file names of this module. isOwn decides by file, not by
// function: an inlined closure bears the name of the function that it was
// inlined into.
var root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/meter/snapshot.go")
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

// CallerFrames returns the places in a stack from Caller's on.
func CallerFrames(stack []uintptr) []Place {
	if len(stack) == 0 {
		return nil
	}
	var places []Place
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if len(places) > 0 && f.Function != "runtime.goexit" || !isOwn(f) || len(places) == 0 && !more {
			places = append(places, Place{f.Function, f.File, f.Line})
		}
		if !more {
			return places
		}
	}
}
