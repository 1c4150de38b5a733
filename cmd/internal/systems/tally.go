package systems

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/leat-go/leat/cmd/internal/program"
)

// A tally counts the outcomes of the values sent to one client. Each value sent
// is in exactly one of the first four.
type tally struct {
	acks       atomic.Int64
	refused    atomic.Int64 // answered with an error
	unanswered atomic.Int64
	missed     atomic.Int64 // overwritten before the client received them; only if it is lossy

	unprinted atomic.Int64 // answers that standard output did not take
	repeated  atomic.Int64 // pings sent again over another connection
}

func (t *tally) settled() int64 {
	return t.acks.Load() + t.refused.Load() + t.unanswered.Load() + t.missed.Load()
}

// An Account tells people how all values of a system ended.
type Account struct {
	Well, From string // the values that arrived, in words, and their receivers

	Missed, Refused, Unanswered, Unprinted, Lost, Repeated int64
}

// accountFor adds up the outcomes of the values sent to each client. sent
// returns their number. A value in no tally is lost. A value in two tallies
// counts as lost, too, so that the sum shows the mistake.
func accountFor(clients []*Client, sent func(*Client) int64) Account {
	var a Account
	var acks int64
	for _, c := range clients {
		t := &c.tally
		acks += t.acks.Load()
		a.Missed += t.missed.Load()
		a.Refused += t.refused.Load()
		a.Unanswered += t.unanswered.Load()
		a.Unprinted += t.unprinted.Load()
		a.Repeated += t.repeated.Load()
		n := sent(c) - t.settled()
		a.Lost += max(n, -n)
	}
	a.Well = program.Plural(acks, "Ack")
	a.From = " from " + program.Plural(int64(len(clients)), "client")
	return a
}

// each is the same number for every client.
func each(n int64) func(*Client) int64 { return func(*Client) int64 { return n } }

// complete reports whether there is nothing to complain of.
func (a Account) complete() bool { return a.Refused+a.Unanswered+a.Unprinted+a.Lost == 0 }

func (a Account) String() string {
	parts := []string{a.Well + a.From}
	add := func(n int64, what string) {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(a.Missed, "missed")
	add(a.Refused, "answered with an error")
	add(a.Unanswered, "not answered")
	add(a.Unprinted, "not printed")
	add(a.Lost, "lost")
	switch {
	case !a.complete():
	case a.Missed > 0:
		parts = append(parts, "none unaccounted for")
	default:
		parts = append(parts, "none lost")
	}
	if a.complete() && a.Repeated > 0 {
		parts = append(parts, program.Plural(a.Repeated, "ping")+" repeated over a new connection")
	}
	return strings.Join(parts, ", ")
}
