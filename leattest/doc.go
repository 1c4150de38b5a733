// Package leattest holds the promises of leat as tests that any channel can be put to: the kinds of this module, a
// transport that carries them between machines, or a kind of your own.
//
// # Promises
//
// [Run] tests a [Kind]: a name, a function that makes a fresh [Channel] of it, and [Features], which say what the kind claims.
// What it does not claim is skipped, and the skip says why. Each failure names the promise that broke and
// the rule of the contract that it comes from, beside what was seen.
//
// The name of a test begins with the rule that it tests: R4 is the rule of that
// number in the comment of package leat. Many tests were distilled from the test
// suites of tokio, crossbeam and Kotlin.
//
// # Intuition
//
// Most tests run in a testing/synctest bubble: there "it waits" is a fact that can be asserted, not a guess with a sleep. Each of
// them runs twice, on a channel made in the bubble and on one made outside of it. Tests of concurrency itself run
// outside, under load. A random one runs sequences of operations that do not wait on the kind and on a model, a mutex and a slice
// ([NewReference]), and wants every result equal; it prints the seed and the script of a difference, and [RunRandom] runs
// it again.
//
// What a handle can do beyond [leat.Sender] and [leat.Receiver] is found by asking it: see [BatchSender], [BatchReceiver],
// [TryBatchSender], [TryBatchReceiver], [BatchCollector], [ForceSender], [Lener], [Caper], [Readier], [Doner], [Counter], [Nexter] and [Ranger].
//
// # Obligations
//
// A Channel's handles carry int. New makes a channel that nobody else uses, with nothing in it. The suite closes each handle that it
// has got; New may register further cleanup with t. A kind without bubbles says so with [Features.Remote].
package leattest
