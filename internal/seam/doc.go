// Package seam is what the core synchronizes with: sync, sync/atomic and the
// few things of the runtime that decide which goroutine goes first. In a
// program its types are those of sync and sync/atomic themselves, and its
// functions are small enough to be inlined into what they stand for, so it
// costs nothing.
//
// With the build tag modelcheck they are instrumented: inside of a model
// checker's run (dev/verify/model) each of their operations first asks the
// checker, which lets one goroutine at a time go on and so decides on every
// interleaving. Outside of such a run, in the process that a checker's test
// builds, they do what they always do.
//
// What the core does without this package, the checker does not see: plain
// memory, the clock, and native channels of values. A step that other
// goroutines can notice therefore has to go through here; internal/guard tests
// that. The race detector, which the checker can be built with, then sees that
// plain memory is only used between such steps.
package seam
