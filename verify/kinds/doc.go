// Package kinds is the models of leat's channels: small programs of a few goroutines with a few calls each, of which package model, with the
// build tag modelcheck, tries every interleaving, and package spec judges every history.
//
// A program is written as one word per goroutine, one letter per call:
//
//	s S t b p q   Send, Send with the run's ctx, TrySend, SendMany of two, Reserve and Permit.Send, Reserve and Permit.Release
//	r R y n w     Recv, Recv with the run's ctx, TryRecv, RecvMany of two, wait for Ready and TryRecv
//	g u           Get and Update of a watch
//	l L d         Select of a receive and a send, the same with ctx, the same with a Default
//	x z           close the sender, close the receiver
//	c             cancel the run's ctx
//	D G           the garbage collector finds the sender unreachable, the receiver
//	e             wait for Done
//
// A goroutine closes its handles in the end, so that no other has a reason to wait for ever: every deadlock is a lost wake-up.
package kinds
