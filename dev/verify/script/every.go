package script

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Every returns all programs for a kind with this capacity that have two
// goroutines of one or two calls each, or three of one call; and with them,
// where a call has the program's ctx, a goroutine that cancels it. Programs in
// which a call would have to wait for ever, whatever the channel does, are left
// out, and those that use an end in a way that it does not allow.
func Every(kind string, capacity int) []*Program {
	var all []*Program
	add := func(words ...string) {
		p := &Program{Kind: kind, Capacity: capacity, Words: words}
		if p.legal() && p.ends() {
			if p.has("SRIJLW") {
				p.Words = append(slices.Clip(words), "c")
			}
			if kind == "patient" {
				p.Words = append(slices.Clip(p.Words), "T")
			}
			all = append(all, p)
		}
	}
	words := oneOrTwo(kind)
	for i, a := range words {
		for _, b := range words[i:] {
			add(a, b)
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) > 1 })
	for i, a := range words {
		for j, b := range words[i:] {
			for _, c := range words[i+j:] {
				add(a, b, c)
			}
		}
	}
	return all
}

// Sample returns a program of three goroutines of one or two calls each, of
// those that Every would have if it had them.
func Sample(r *rand.Rand, kind string, capacity int) *Program {
	words := oneOrTwo(kind)
	for {
		p := &Program{Kind: kind, Capacity: capacity}
		for range 3 {
			p.Words = append(p.Words, words[r.IntN(len(words))])
		}
		if p.legal() && p.ends() {
			if p.has("SRIJLW") {
				p.Words = append(p.Words, "c")
			}
			if kind == "patient" {
				p.Words = append(p.Words, "T")
			}
			return p
		}
	}
}

// oneOrTwo returns the words for a kind of one letter and of two.
func oneOrTwo(kind string) []string {
	letters := Kinds[kind].Letters + "DG"
	switch kind {
	case "mpsc", "mpsc2", "mpmc", "mpmc2", "oneshot": // their senders have a Done
		letters += "e"
	}
	var words []string
	for _, a := range letters {
		words = append(words, string(a))
		for _, b := range letters {
			words = append(words, string(a)+string(b))
		}
	}
	return slices.DeleteFunc(words, func(w string) bool {
		var ends int // the letters are of one end, or are Selects
		for _, set := range []string{senders, receivers, selects} {
			if strings.Trim(w, set) == "" {
				ends++
			}
		}
		first, last := w[:1], w[len(w)-1:]
		switch {
		case ends == 0,
			len(w) > 1 && strings.ContainsAny(first, "DG"),       // an unreachable handle makes no more calls
			len(w) > 1 && strings.ContainsAny(last, subscribing): // a subscribing goroutine has no receiver before
			return true
		}
		return false
	})
}

const (
	senders   = "sStEbBpqPQjJxXDeuW"
	receivers = "rRynNaAmkhHiIwzZgfG" + subscribing
	selects   = "tEyBNlLd"
)

func (p *Program) has(letters string) bool { return slices.Contains(p.uses(letters), true) }

// reservesNothing reports whether p calls Reserve on a channel of capacity 0,
// which panics.
func (p *Program) reservesNothing() bool { return p.Capacity == 0 && p.has("pqPQ") }

// legal reports whether no goroutine does what the ends do not allow: two that
// receive from the one receiver of a channel, one that uses a handle that
// another has dropped, and one that calls Reserve on a channel of capacity 0.
func (p *Program) legal() bool {
	if p.reservesNothing() {
		return false
	}
	rx, tx := 0, 0
	for i := range p.Words {
		if p.uses(receiving)[i] {
			rx++
		}
		if p.uses(sending)[i] {
			tx++
		}
	}
	switch p.Kind {
	case "mpsc", "mpsc2":
		return p.oneReceives() && !(rx > 1 && p.has("G"))
	case "oneshot":
		return p.oneReceives() && !(rx > 1 && p.has("G")) && !(tx > 1 && p.has("D"))
	}
	return true
}

func (p *Program) oneReceives() bool {
	n := 0
	for _, receives := range p.uses("rRynNaAmkiIwlLdG") {
		if receives {
			n++
		}
	}
	return n <= 1
}

// ends reports whether no call has to wait for ever.
func (p *Program) ends() bool {
	rx, tx := p.uses(receiving), p.uses(sending)
	if !slices.Contains(rx, true) || !slices.Contains(tx, true) {
		return false
	}
	switch {
	case p.has("e") && p.has("rRnaAmkiIwflL"):
		return false // both ends wait for the other to close
	case p.Capacity == 0 && p.has("l"):
		return false // a Select of both ends that is alone
	}
	return true
}
