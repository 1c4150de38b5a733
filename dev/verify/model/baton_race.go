//go:build modelcheck && race

package model

import (
	"runtime"
	"sync"
)

// RaceEnabled reports whether the race detector watches.
const RaceEnabled = true

// A baton passes control between the checker and one goroutine of the run, out
// of the race detector's sight: otherwise it would take the checker's order for
// an order that the program made.
type baton struct {
	turn, back chan struct{}
	ended      sync.WaitGroup
}

// start prepares f to run at the first resume.
func (b *baton) start(f func()) {
	b.turn, b.back = make(chan struct{}), make(chan struct{})
	b.ended.Add(1)
	go func() {
		unseen(func() { <-b.turn })
		f()
		b.ended.Done()
		unseen(func() { b.back <- struct{}{} })
	}()
}

// resume lets the goroutine go on until it pauses or ends.
func (b *baton) resume() {
	unseen(func() {
		b.turn <- struct{}{}
		<-b.back
	})
}

// pause gives control back to the checker.
func (b *baton) pause() {
	unseen(func() {
		b.back <- struct{}{}
		<-b.turn
	})
}

// joined waits for the end of f, in sight of the race detector, so that checks
// may look at what f has written.
func (b *baton) joined() { b.ended.Wait() }

func unseen(f func()) {
	runtime.RaceDisable()
	f()
	runtime.RaceEnable()
}

func raceErrors() int { return runtime.RaceErrors() }
