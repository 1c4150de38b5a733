//go:build modelcheck

package model

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/leat-go/leat/internal/seam"
)

// A Run is one execution of a program: what the program makes its goroutines
// with.
type Run struct {
	x        *execution
	programs []goroutine
	checks   []func()
	afters   []func(string)
}

type goroutine struct {
	name string
	f    func()
}

// Go adds a goroutine, which starts when the program has returned.
func (r *Run) Go(name string, f func()) {
	if len(r.programs) == maxThreads {
		panic(fmt.Sprintf("model: more than %d goroutines", maxThreads))
	}
	r.programs = append(r.programs, goroutine{name, f})
}

// Check adds a check for the time when all goroutines have ended. f runs alone.
func (r *Run) Check(f func()) { r.checks = append(r.checks, f) }

// After adds a function that is called when the run has ended: with "", or with
// the failure.
func (r *Run) After(f func(end string)) { r.afters = append(r.afters, f) }

// Failf ends the run with a failure. It may be called in a goroutine of the run
// and in a check.
func (r *Run) Failf(format string, args ...any) { panic(reported(fmt.Sprintf(format, args...))) }

type reported string

// Choose returns each number below n in turn: the run is repeated for each of
// them.
func (r *Run) Choose(n int) int {
	return r.x.Step(seam.Step{Op: seam.OpRandom, N: n})
}

// Await receives from ch.
func (r *Run) Await(ch <-chan struct{}) {
	ch, _ = seam.Await(ch, nil)
	<-ch
}

// Drop does, in the calling goroutine, what the garbage collector would if it
// found handle unreachable.
func (r *Run) Drop(handle any) {
	r.x.Step(seam.Step{Op: opDrop, Handle: handle})
	if f := r.x.dropped(); f != nil {
		f()
	}
}

// AwaitTimer waits until somebody sets a timer, or has set one.
func (r *Run) AwaitTimer() { r.Await(r.x.timed) }

// Elapse has d pass, and calls, in the calling goroutine, the functions of all
// timers that were set, whether d is enough for them or not.
func (r *Run) Elapse(d time.Duration) {
	seam.Pass(d)
	r.x.Step(seam.Step{Op: opFire})
	for _, f := range r.x.fired() {
		f()
	}
}

// Begin marks that a call begins, and End that one has returned; they return
// the number of the step. The checker explores the order of a return and a
// later beginning.
func (r *Run) Begin() int { return r.x.Step(seam.Step{Op: opBegin}) }

// End is described with Begin.
func (r *Run) End() int { return r.x.Step(seam.Step{Op: opEnd}) }

// Context returns a context and the function that cancels it.
func (r *Run) Context() (context.Context, context.CancelFunc) {
	c := &cancelled{done: make(chan struct{})}
	return c, c.cancel
}

// cancelled is a context of which the checker sees each use.
type cancelled struct {
	done chan struct{}
	over seam.Bool
}

func (c *cancelled) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *cancelled) Done() <-chan struct{}       { return c.done }
func (c *cancelled) Value(any) any               { return nil }

func (c *cancelled) Err() error {
	if c.over.Load() {
		return context.Canceled
	}
	return nil
}

// cancel sets the error first and then closes the channel, as package context
// does. It is called once.
func (c *cancelled) cancel() {
	c.over.Store(true)
	seam.Close(c.done)
}

// address is what a handle is known by, whichever of its types it comes as.
func address(handle any) uintptr { return reflect.ValueOf(handle).Pointer() }
