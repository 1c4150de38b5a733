package script

import (
	"math/rand/v2"
	"strings"
)

// Random makes up a program for a kind: so many goroutines with so many calls
// each, where the kind has that many ends. In it no call has to wait for ever,
// because every goroutine closes what it has.
func Random(r *rand.Rand, kind string, goroutines, calls int) *Program {
	k := Kinds[kind]
	p := &Program{Kind: kind, Capacity: k.Capacities[r.IntN(len(k.Capacities))]}
	single := strings.HasPrefix(kind, "mpsc") || kind == "oneshot" // one goroutine receives
	for i := range goroutines {
		letters := k.Letters
		if p.Capacity == 0 { // where Reserve panics, and a wait for Ready takes nothing
			letters = strings.NewReplacer("p", "", "q", "", "P", "", "Q", "", "w", "").Replace(letters)
		}
		both := i > 1 && !single && strings.ContainsAny(letters, "lLd") && r.IntN(3) == 0
		switch {
		case both && p.Capacity > 0: // Selects wait for nobody, because there is room or there is a value
			letters = only(letters, "tEyBNld")
		case i == 0 || i > 1 && !single && r.IntN(2) == 0:
			letters = only(letters, "rRynNaAmkhHiIwgfUVOFZz")
		default:
			letters = only(letters, "sStEbBpqPQjJuWXx")
		}
		var w strings.Builder
		for range calls {
			w.WriteByte(letters[r.IntN(len(letters))])
		}
		word := strings.TrimRight(w.String(), "xz")
		if word == "" { // the end has to have a goroutine all the same, which closes it
			word = letters[len(letters)-1:]
		}
		if i := strings.IndexAny(word, subscribing); i > 0 { // a subscribing goroutine begins without a receiver
			word = word[i:i+1] + word
		}
		p.Words = append(p.Words, word)
	}
	if kind == "oneshot" {
		p.Words = p.Words[:2]
	}
	p.Words = append(p.Words, "c")
	return p
}

// only returns those letters that are in set.
func only(letters, set string) string {
	return strings.Map(func(l rune) rune {
		if strings.ContainsRune(set, l) {
			return l
		}
		return -1
	}, letters)
}
