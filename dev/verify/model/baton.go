//go:build modelcheck && !race

package model

import "iter"

// RaceEnabled reports whether the race detector watches.
const RaceEnabled = false

// A baton passes control between the checker and one goroutine of the run.
type baton struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
}

// start prepares f to run at the first resume.
func (b *baton) start(f func()) {
	b.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		b.yield = yield
		f()
	})
}

// resume lets the goroutine go on until it pauses or ends.
func (b *baton) resume() { b.next() }

// pause gives control back to the checker.
func (b *baton) pause() { b.yield(struct{}{}) }

// joined waits for the end of f.
func (b *baton) joined() {}

func raceErrors() int { return 0 }
