// Package model is a model checker for the core of leat. It runs a small
// program again and again, one goroutine at a time, and decides before each
// step that another goroutine could notice who goes next: every operation of
// internal/seam, instrumented by the build tag modelcheck. So it tries the
// interleavings of the program one by one, in depth-first order, and a failed
// run can be repeated.
//
// # What the checker explores
//
// Go's atomics are sequentially consistent, so an interleaving of steps is all
// that can happen to a program without data races; built with the race
// detector, the checker reports those as well, because it hands the turn from
// goroutine to goroutine out of the detector's sight.
//
// Without a bound on preemptions every execution is covered, up to the order of
// steps that do not touch the same thing: dynamic partial-order reduction
// (Flanagan and Godefroid, 2005) with sleep sets.
//
// With a bound, a goroutine that could go on is interrupted at most so many
// times in one run. The reduction then has the conservative backtracking points
// of Coons, Musuvathi and McKinley (2013), and no sleep sets, which a bound
// makes unsound. It is a search for bugs, and no proof: what two independent
// steps leave open may need one interruption more in the order that is
// explored. The tests compare both with the search without reduction, on random
// programs: without a bound not one outcome may be missing, with one at most
// one in 200.
//
// # What the checker finds
//
// A deadlock: goroutines are left that wait, and nobody can let them go on; a
// lost wake-up ends as one. A panic. A data race. A run that does not end. And
// whatever the program itself reports when a run has ended, such as a history
// that is not linearizable, a value received twice or a waiter left in a queue.
//
// # Where it ends
//
// Time and native channels of values are not modelled. [Run.Drop] stands for
// the garbage collector. A goroutine that spins by Yield is let through a few
// times without anybody else's step, and then waits for one.
package model
