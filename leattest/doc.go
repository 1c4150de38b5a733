// Package leattest holds the promises of leat as tests that any channel can be
// put to: the kinds of this module, a transport that carries them between
// machines, or a kind of your own.
//
// # Promises
//
// [Run] tests a [Kind]: a name, a function that makes a fresh [Channel] of it,
// and [Features], which list its claims. A test of something that the kind does
// not claim is skipped, and the skip says why. Each failure names the broken
// promise, its rule in the contract, and the observation.
//
// The name of a test begins with the rule that it tests: R4 is the rule of that
// number in the comment of package leat. Many tests were distilled from the
// test suites of tokio, crossbeam and Kotlin.
//
// # Intuition
//
// Most tests run in a testing/synctest bubble: there a test can assert that a
// call waits, and need not guess with a sleep. Each of them runs twice, on a
// channel made in the bubble and on one made outside. Tests of concurrency
// itself run outside, under load. A random test runs sequences of operations
// that do not block on the kind and on a model, a mutex and a slice
// ([NewReference]), and compares every result. It prints the seed and the
// script of a difference, and [RunRandom] runs them again.
//
// # Optional methods
//
// The suite also tests these methods, if the handles have them:
//
//	sender        SendMany(ctx, []int) (n int, err error); TrySendMany([]int) (n int, err error)
//	              ForceSend(int) (evicted int, full bool, err error); CloseWith(cause error) error
//	              Done() <-chan struct{}; Len() int; Cap() int; Next() uint64
//	              Receivers() int; WaitReceivers(ctx, func(n int) bool) (int, error)
//	receiver      RecvMany(ctx, []int) (n int, err error); TryRecvMany([]int) (n int, err error)
//	              RecvBatch(ctx, []int, maxAge time.Duration) (n int, err error)
//	              All(ctx) iter.Seq[int], or iter.Seq2[int, uint64] with the missed values; Err() error
//	              Ready() <-chan struct{}; Len() int; Cap() int; Next() uint64; CloseWith(cause error) error
//	              Settled(ctx, quiet, atMost time.Duration) (int, error)
//
// They have the meaning that the kinds of this module give them.
//
// # Obligations
//
// A Channel's handles carry int. New makes a channel that nobody else uses,
// with nothing in it. The suite closes each handle that it has got; New may
// register further cleanup with t. A kind without bubbles says so with
// [Features.Remote].
package leattest
