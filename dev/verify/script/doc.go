// Package script is small programs of several goroutines over one channel, with
// the facts about their calls.
//
// A program is written as one word per goroutine, one letter per call:
//
//	s S t b p q   Send, Send with the program's ctx, TrySend, SendMany of two, Reserve and Permit.Send, Reserve and Permit.Release
//	r R y n w     Recv, Recv with the program's ctx, TryRecv, RecvMany of two, wait for Ready and TryRecv
//	E             ForceSend
//	B N           TrySendMany of two, TryRecvMany of two
//	a A           RecvBatch of three, with an age that does not pass; the same with the program's ctx
//	m             RecvBatch of three, with an age that passes at any instant
//	P Q           TryReserve and Permit.Send, TryReserve and Permit.Release
//	U V O         Subscribe; with Replay of two; lossless if the channel's other receivers are not, and the other way round
//	F             Subscribe From number 1
//	T             time passes, so that the patience of receivers is over
//	W             WaitReceivers for none, with the program's ctx
//	g u f         Get and Update of a watch, WaitFor a value that is not the first
//	i I j J       Select of a receive, the same with ctx, of a send, the same with ctx
//	l L d         Select of a receive and a send, the same with ctx, the same with a Default
//	k             a loop over All until it ends, and Err
//	h H           Settled of a watch, after a time that passes at any instant; after one that does not pass
//	x z           close the sender, close the receiver
//	X Z           the same by CloseWith
//	c             cancel the program's ctx
//	D G           the garbage collector finds the sender unreachable, the receiver
//	e             wait for Done
//
// At capacity 0 Reserve and TryReserve panic, and so a program has no p, q, P
// or Q.
//
// A goroutine whose word has a U, V, O or F begins without a receiver; before
// it subscribes again it closes the one that it has.
//
// A goroutine closes its handles in the end, so that no other has a reason to
// wait for ever: every deadlock is a lost wake-up.
package script
