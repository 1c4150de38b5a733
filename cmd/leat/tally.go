package main

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// A tally is what came of the values sent to one client. Each value sent is in exactly one of the first four.
type tally struct {
	acks       atomic.Int64
	refused    atomic.Int64 // answered with an error
	unanswered atomic.Int64
	missed     atomic.Int64 // overwritten before the client came for them; only when it is lossy

	unprinted atomic.Int64 // answers that standard output did not take
	repeated  atomic.Int64 // pings sent again over another connection
}

func (t *tally) settled() int64 {
	return t.acks.Load() + t.refused.Load() + t.unanswered.Load() + t.missed.Load()
}

// An account is what came of all values that a system sent, for people.
type account struct {
	well, from string // what came well, in words, and from whom

	missed, refused, unanswered, unprinted, lost, repeated int64
}

// accountFor adds up what came of the values sent to each client, which were as many as sent says. A value that is in no tally is lost, and
// one that is in a tally too often is as wrong.
func accountFor(clients []*client, sent func(*client) int64) account {
	var a account
	var acks int64
	for _, c := range clients {
		t := &c.tally
		acks += t.acks.Load()
		a.missed += t.missed.Load()
		a.refused += t.refused.Load()
		a.unanswered += t.unanswered.Load()
		a.unprinted += t.unprinted.Load()
		a.repeated += t.repeated.Load()
		n := sent(c) - t.settled()
		a.lost += max(n, -n)
	}
	a.well = plural(acks, "Ack")
	a.from = " from " + plural(int64(len(clients)), "client")
	return a
}

// each is the same number for every client.
func each(n int64) func(*client) int64 { return func(*client) int64 { return n } }

// complete reports whether there is nothing to complain of.
func (a account) complete() bool { return a.refused+a.unanswered+a.unprinted+a.lost == 0 }

func (a account) String() string {
	parts := []string{a.well + a.from}
	add := func(n int64, what string) {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(a.missed, "missed")
	add(a.refused, "answered with an error")
	add(a.unanswered, "not answered")
	add(a.unprinted, "not printed")
	add(a.lost, "lost")
	switch {
	case !a.complete():
	case a.missed > 0:
		parts = append(parts, "none unaccounted for")
	default:
		parts = append(parts, "none lost")
	}
	if a.complete() && a.repeated > 0 {
		parts = append(parts, plural(a.repeated, "ping")+" repeated over a new connection")
	}
	return strings.Join(parts, ", ")
}

// conclude says what came of the values that a system sent, of so many that it was to send. It returns that as an error if
// not all were sent and came well.
func (p *process) conclude(total int, a account) error {
	if err := p.stopped(); err != nil {
		a.from = ""
		return fmt.Errorf("%w after %d of %d values; %v", err, p.sent.Load(), total, a)
	}
	if !a.complete() {
		return errors.New(a.String())
	}
	p.say("%v", a)
	return nil
}

func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
