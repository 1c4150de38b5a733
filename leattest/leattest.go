package leattest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/leat-go/leat"
)

// A Kind is a kind of channel as the suite sees it.
type Kind struct {
	// Name stands in the names of the tests: "mpsc", "mpsc_unbounded".
	Name string

	// New makes a fresh, empty channel. Capacity is at least 1, or 0 where
	// Features.Rendezvous is claimed; a kind that has no capacity ignores it.
	// New may be called from any goroutine, in and outside of a
	// testing/synctest bubble, and calls t's methods only to report failures
	// and for cleanup.
	New func(t testing.TB, capacity int) Channel

	Features Features

	// Broken names tests that the kind is known not to pass yet, like
	// "R3_close_races_with_everything", each with the reason that its skip then
	// gives. It is for defects, not for promises that the kind does not make:
	// those are Features. Run panics if there is no test of that name, or no
	// reason.
	Broken map[string]string
}

// A Channel is one channel and the ways to get at it.
type Channel struct {
	// Sender is the first sender handle, and Receiver the first receiver, there
	// before anything is sent.
	Sender   leat.Sender[int]
	Receiver leat.Receiver[int]

	// Clone makes a further sender handle. The suite calls it only while Sender
	// is open. Nil if there can be one only.
	Clone func() leat.Sender[int]

	// Subscribe makes a further receiver: one that shares the values with the
	// others, or one that sees each value from now on, as Features say. The
	// suite calls it only while Sender and Receiver are open. Nil if there can
	// be one only.
	Subscribe func() leat.Receiver[int]

	// From makes a further receiver that starts at value number n, or at the
	// end if there are not so many. Nil if the kind does not number its values.
	// It needs Broadcast.
	From func(n uint64) leat.Receiver[int]

	// LosslessFor makes a further receiver, of values from now on, for which a
	// sender waits at most d. Then the receiver counts as lossy until it has
	// received everything. The suite closes Receiver and those of Subscribe
	// before a sender waits. Nil if the kind has no such receivers. It needs
	// Broadcast and a capacity.
	LosslessFor func(d time.Duration) leat.Receiver[int]

	// Listen makes a further receiver, as Subscribe does, by means of rx, a
	// receiver that may be closed. Nil if a receiver cannot make another one.
	Listen func(rx leat.Receiver[int]) leat.Receiver[int]

	// Reserve takes a permit on Sender. Nil if the kind has no permits. The
	// permit counts only if the error is nil. A channel of capacity 0 has no
	// slot to reserve: there Reserve panics.
	Reserve func(ctx context.Context) (Permit, error)

	// TryReserve is Reserve without blocking. Nil if the kind has none.
	TryReserve func() (Permit, error)
}

// Features say what a kind claims. The zero value is a bounded queue: values of
// an exact capacity wait for a receiver, each goes to one receiver, and a
// sender that finds no room waits.
type Features struct {
	// Unbounded says that there is always room.
	Unbounded bool

	// Rendezvous says that capacity 0 is possible: a sender hands its value
	// over to a receiver.
	Rendezvous bool

	// Broadcast says that each receiver sees every value sent since it
	// subscribed, and that its Close concerns it alone. A sender waits for the
	// slowest receiver, unless Lossy is claimed.
	Broadcast bool

	// Lossy says that a sender never waits: a receiver that lags by more than
	// the capacity misses the oldest values, and gets their number in a
	// *leat.LaggedError. It needs Broadcast.
	Lossy bool

	// Latest says that the channel keeps only the newest value, for all
	// receivers. Each receiver gets it once, and overwritten values are not
	// counted. A sender never waits, and a new receiver has nothing to receive
	// until a value is sent.
	Latest bool

	// OneValue says that the channel takes one value in its life; a second send
	// is ErrClosed.
	OneValue bool

	// SingleReceiver says that one goroutine at a time may wait in a receiver,
	// and that a second one panics.
	SingleReceiver bool

	// AutoClose says that a handle that was dropped is closed once the garbage
	// collector finds it.
	AutoClose bool

	// Native says that calls wait on a native channel that New makes. Such a
	// wait is durably blocking in a testing/synctest bubble only if New was
	// called in that bubble, so tests on a channel made outside are skipped.
	Native bool

	// Remote says that something outside of the process takes part, so that
	// calls take a while, and no testing/synctest bubble is possible: tests
	// that need one are skipped, loads are smaller, and waits have a generous
	// deadline in real time.
	Remote bool
}

// Run tests that k keeps the contract of leat, as far as its Features claim it,
// in subtests of a test named k.Name.
func Run(t *testing.T, k Kind) {
	t.Helper()
	k.check()
	cases := slices.Concat(orderCases, contextCases, closeCases, causeCases, capacityCases, lengthCases, fairnessCases, batchCases, collectCases, forceCases, permitCases,
		readyCases, selectCases, broadcastCases, receiversCases, settledCases, lagCases, patienceCases, numberCases, rendezvousCases, leakCases, loadCases, reentryCases, misuseCases, randomCases)
	for name, why := range k.Broken {
		if why == "" || !slices.ContainsFunc(cases, func(c testcase) bool { return c.name == name }) {
			panic("leattest: Broken names " + name + ", which has to be a test, and say why")
		}
	}
	t.Run(k.Name, func(t *testing.T) {
		p := &plan{kind: k, can: discover(k.Features, k.New(t, 1))}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { p.run(t, &c) })
		}
	})
}

// check panics if k makes no sense.
func (k *Kind) check() {
	f := k.Features
	switch {
	case k.Name == "" || k.New == nil:
		panic("leattest: a Kind needs a Name and New")
	case f.Lossy && !f.Broadcast:
		panic("leattest: Lossy needs Broadcast")
	case f.Unbounded && (f.Rendezvous || f.Lossy):
		panic("leattest: Unbounded excludes Rendezvous and Lossy")
	case f.Latest && (f.Unbounded || f.Rendezvous || f.Broadcast || f.OneValue):
		panic("leattest: Latest excludes Unbounded, Rendezvous, Broadcast and OneValue")
	case f.OneValue && (f.Unbounded || f.Rendezvous || f.Broadcast):
		panic("leattest: OneValue excludes Unbounded, Rendezvous and Broadcast")
	}
}

// mayWait reports whether a sender of the kind can find no room.
func (f Features) mayWait() bool { return !f.Unbounded && !f.Lossy && !f.Latest && !f.OneValue }

// everyone reports whether each receiver gets its own copy, and closes for
// itself alone.
func (f Features) everyone() bool { return f.Broadcast || f.Latest }

// backlog reports whether several values can be on their way.
func (f Features) backlog() bool { return !f.Latest && !f.OneValue }
