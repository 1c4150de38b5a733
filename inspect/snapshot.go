package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/leat-go/leat/internal/meter"
)

// A View is the state of all named channels of a process at one time. The page,
// snapshot.json, the metrics and leat top all show this and nothing else.
type View struct {
	Time     time.Time `json:"time"`
	Program  string    `json:"program"`  // base name of the executable
	PID      int       `json:"pid"`      // of the process
	Started  time.Time `json:"started"`  // when the process started to look; with PID, it tells two runs apart
	Channels []Channel `json:"channels"` // in the order in which they were made
}

// A Channel is the state of one named channel. Counts are totals since it was
// made.
type Channel struct {
	ID     uint64    `json:"id"`     // unique in the process, never used again
	Name   string    `json:"name"`   // as given to leat.Name
	Label  string    `json:"label"`  // Name, followed by the ID if another channel has the same name
	Kind   string    `json:"kind"`   // "mpsc", "mpmc", "broadcast", "watch", "oneshot"
	Type   string    `json:"type"`   // of the values
	Made   time.Time `json:"made"`   // when
	MadeAt Place     `json:"madeAt"` // and where
	State  State     `json:"state"`

	Closed   time.Time `json:"closed,omitzero"`    // when it ended; zero while it is open
	ClosedBy string    `json:"closedBy,omitempty"` // what ended it, with its cause: "receiver closed: disk full"
	ClosedAt Place     `json:"closedAt,omitzero"`  // where Close was called; empty for channels that close faster than 1,000 a second

	Capacity  int `json:"capacity"`  // -1 without bound, 0 a rendezvous
	Depth     int `json:"depth"`     // values accepted and not yet received; of several receivers that each see all, by the slowest
	HighWater int `json:"highWater"` // the greatest Depth found by a snapshot, or by a sender that had to wait

	Accepted uint64 `json:"accepted"` // values sent
	Received uint64 `json:"received"` // values received, by all receivers together
	Counted  bool   `json:"counted"`  // whether Received is known: a watch does not count its reads
	Missed   uint64 `json:"missed"`   // values that receivers reported as missed, together
	Evicted  uint64 `json:"evicted"`  // values that ForceSend took out; neither received nor missed
	Leaked   uint64 `json:"leaked"`   // handles dropped without Close, as far as the garbage collector has found them

	// Values in a second, over the last seconds; zero in the first snapshot.
	InRate     float64 `json:"inRate"`
	OutRate    float64 `json:"outRate"`
	MissedRate float64 `json:"missedRate"`

	Senders         int      `json:"senders"`         // handles open
	Receivers       int      `json:"receivers"`       // handles open
	Permits         int      `json:"permits"`         // granted by Reserve, and neither used nor released
	ParkedSenders   int      `json:"parkedSenders"`   // goroutines that wait in a send
	ParkedReceivers int      `json:"parkedReceivers"` // goroutines that wait in a receive, but not for Ready
	Parked          []Parked `json:"parked"`          // of both, the first 64, those that wait longest first

	// Cursors are the receivers of a broadcast or watch, at most 512. Those for
	// which senders must wait are among them.
	Cursors []Receiver `json:"cursors"`

	Lints []Lint `json:"lints"` // suspected problems, the worst first
}

// State tells where a channel is in its life.
type State string

// A channel is Open; Ended when nothing more is accepted, though it may be
// drained; Gone when the garbage collector has taken it.
const (
	Open  State = "open"
	Ended State = "ended"
	Gone  State = "gone"
)

// A Parked is a goroutine that waits in a channel.
type Parked struct {
	Op       string    `json:"op"` // the method: "Send", "Recv", "Select", …
	Sending  bool      `json:"sending"`
	Receiver uint64    `json:"receiver,omitempty"` // ID of the Receiver that it waits in, on broadcast and watch
	Since    time.Time `json:"since"`
	From     Place     `json:"from"` // the caller
}

// A Receiver is one receiver of a channel whose receivers each see every value.
type Receiver struct {
	ID       uint64 `json:"id"`       // 1 for the channel's first
	Lag      uint64 `json:"lag"`      // values accepted that it has yet to see; on watch, versions
	Received uint64 `json:"received"` // not counted on watch
	Missed   uint64 `json:"missed"`
	Lossless bool   `json:"lossless"` // senders wait for it, rather than that it misses a value; not while it is Lapsed
	Parked   bool   `json:"parked"`   // it waits for a value

	// Policy says how it subscribed to a broadcast. It is empty on watch, and
	// on an unbounded broadcast, where no sender waits and no receiver misses.
	Policy Policy `json:"policy,omitempty"`

	// Of a receiver with the policy LosslessFor. Between two values that it
	// receives, senders wait for it from WaitedSince until Patience has passed.
	// Then it is Lapsed: it is treated as lossy until it has received every
	// accepted value.
	Patience    time.Duration `json:"patienceNs,omitempty"` // the argument of LosslessFor
	WaitedSince time.Time     `json:"waitedSince,omitzero"` // zero while no sender waits for it
	Lapsed      bool          `json:"lapsed,omitempty"`
}

// A Policy says what happens when a receiver of a broadcast does not keep up.
type Policy string

const (
	// Lossy: senders overwrite what the receiver has not received.
	Lossy Policy = "lossy"

	// Lossless: senders wait for the receiver.
	Lossless Policy = "lossless"

	// LosslessFor: senders wait for the receiver, but not for longer than its
	// Patience.
	LosslessFor Policy = "lossless-for"
)

// A Place is a line of a program.
type Place struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// String returns the place as directory/file.go:line, which is short and mostly
// enough to find it.
func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	file := p.File
	if dir, base := filepath.Split(filepath.ToSlash(file)); dir != "" {
		file = filepath.Base(dir) + "/" + base
	}
	return file + ":" + strconv.Itoa(p.Line)
}

func place(stack []uintptr) Place { return Place(meter.Caller(stack)) }

var (
	mu      sync.Mutex // held while a snapshot is taken, so that many viewers cost no more than one
	past    = map[uint64]*history{}
	latest  View
	encoded []byte // latest as JSON, or nil; never written to once it is made
	started = time.Now()
)

// Snapshot returns the state of all named channels. It never waits for a
// channel's users, and may be called by any goroutine. Rates and some lints
// come from a comparison with what this process has seen before, so the first
// View has none.
func Snapshot() View {
	mu.Lock()
	defer mu.Unlock()
	latest, encoded = lookLocked(time.Now()), nil
	return latest
}

// Vars returns the View that Snapshot returns, or another viewer's that is at
// most 50 ms old when Vars is called. It is a function for package expvar:
//
//	expvar.Publish("leat", expvar.Func(inspect.Vars))
//
// Then /debug/vars shows the named channels beside memstats. Package inspect
// does not publish them itself, because to import expvar registers a handler
// at the default mux. The caller must not change what the View points to. Vars
// never waits for a channel's users, and may be called concurrently.
func Vars() any { return shared() }

// fresh is for how long a snapshot serves other viewers.
const fresh = 50 * time.Millisecond

// shared is Snapshot, or what another viewer has seen just now. The result must
// not be changed.
func shared() View {
	asked := time.Now()
	mu.Lock()
	defer mu.Unlock()
	refreshLocked(asked)
	return latest
}

// sharedJSON returns shared as a line of JSON, which is encoded once for all
// viewers. The caller must not change it.
func sharedJSON() []byte {
	asked := time.Now()
	mu.Lock()
	defer mu.Unlock()
	refreshLocked(asked)
	if encoded == nil {
		var b bytes.Buffer
		json.NewEncoder(&b).Encode(latest)
		encoded = b.Bytes()
	}
	return encoded
}

// refreshLocked takes a new snapshot for a viewer that asked for one at asked,
// unless the latest began less than fresh before that, or later. It does not
// matter how long ago that was: when a snapshot takes long, the viewers that
// asked before it began, or less than fresh after that, share it, and those
// that asked later share the next. Otherwise each would take its own, one after
// the other.
func refreshLocked(asked time.Time) {
	now := time.Now() // before latest.Time if that is the time of a testing/synctest bubble
	if latest.Time.After(now) || asked.Sub(latest.Time) >= fresh {
		latest, encoded = lookLocked(now), nil
	}
}

// lookLocked takes a snapshot of all named channels.
func lookLocked(now time.Time) View {
	states := meter.Snapshots()
	s := View{
		Time: now, Program: filepath.Base(os.Args[0]), PID: os.Getpid(), Started: started,
		Channels: make([]Channel, len(states)),
	}
	names := make(map[string]int, len(states))
	for i := range states {
		names[states[i].Name]++
	}
	kept := make(map[uint64]*history, len(states))
	for i := range states {
		c := &s.Channels[i]
		*c = describe(&states[i])
		if names[c.Name] > 1 {
			c.Label += " #" + strconv.FormatUint(c.ID, 10)
		}
		h := past[c.ID]
		if h == nil {
			h = new(history)
		}
		kept[c.ID] = h
		h.add(now, c)
		h.rates(c)
		h.lint(now, c)
	}
	past = kept
	return s
}

// describe says for people what the channel has said.
func describe(p *meter.Snapshot) Channel {
	c := Channel{
		ID: p.ID, Name: p.Name, Label: p.Name, Kind: p.Kind, Type: p.Elem, Made: p.Made, MadeAt: place(p.MadeAt), State: Open,
		Closed: p.Closed, ClosedBy: printable(p.ClosedBy), ClosedAt: place(p.ClosedAt),
		Capacity: p.Capacity, Depth: p.Depth, HighWater: p.HighWater,
		Accepted: p.Accepted, Received: p.Received, Counted: !p.Uncounted,
		Missed: p.Missed, Evicted: p.Evicted, Leaked: p.Leaked,
		Senders: p.Senders, Receivers: p.Receivers, Permits: p.Permits, ParkedSenders: p.ParkedSenders, ParkedReceivers: p.ParkedReceivers,
		Parked: make([]Parked, len(p.Parked)), Cursors: make([]Receiver, len(p.Cursors)), Lints: []Lint{},
	}
	switch {
	case p.Gone:
		c.State = Gone
	case p.ClosedBy != "":
		c.State = Ended
	}
	for i, w := range p.Parked {
		c.Parked[i] = Parked{Op: w.Op, Sending: w.Sending, Receiver: w.Receiver, Since: w.Since, From: place(w.From)}
	}
	slices.SortStableFunc(c.Parked, func(a, b Parked) int { return a.Since.Compare(b.Since) })
	for i, r := range p.Cursors {
		c.Cursors[i] = Receiver{
			ID: r.ID, Lag: r.Lag, Received: r.Received, Missed: r.Missed, Lossless: r.Lossless, Parked: r.Parked,
			Policy: policyOf(p, &r), Patience: r.Patience, WaitedSince: r.WaitedSince, Lapsed: r.Lapsed,
		}
	}
	slices.SortFunc(c.Cursors, func(a, b Receiver) int { return cmp.Compare(a.ID, b.ID) })
	return c
}

// policyOf returns the policy of a receiver of p.
func policyOf(p *meter.Snapshot, r *meter.Cursor) Policy {
	switch {
	case p.Kind != "broadcast" || p.Capacity < 0:
		return ""
	case r.Patience > 0:
		return LosslessFor
	case r.Lossless:
		return Lossless
	}
	return Lossy
}

// printable returns text, which may come from anywhere, as one line to be
// shown: white space becomes a space, and every other unprintable character
// U+FFFD.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

// full reports whether senders must wait.
func (c *Channel) full() bool {
	if c.Kind == "broadcast" {
		return slices.ContainsFunc(c.Cursors, c.holdsBack)
	}
	return c.Capacity > 0 && c.Depth >= c.Capacity
}

// holdsBack reports whether senders must wait for r.
func (c *Channel) holdsBack(r Receiver) bool {
	return r.Lossless && c.Capacity > 0 && int(r.Lag) >= c.Capacity
}
