// Package inspect shows the channels of a running program: each channel that
// was given a name with leat.Name, how full it is, how fast it moves, which
// goroutines wait and since when, and which receiver holds the others back.
//
//	mux.Handle("/debug/leat/", inspect.Handler())
//
// # What it costs
//
// Channels without a name cost nothing. A channel with a name moves values as
// fast as any; only an operation that has to wait notes since when and from
// where it waits. A snapshot copies, for each channel, what the channel counts
// anyway. It holds the channel's own mutex for no longer than that takes. No
// goroutine runs, nothing listens until the program mounts the handler, and a
// slow viewer holds up nobody else.
//
// # What it holds on to
//
// Nothing. Channels are known by weak pointers, so that they are collected as
// if nobody looked. A channel is over when its handles are closed and it is
// drained, or when the garbage collector has taken it. Its counts are shown for
// a minute after that, of at most a thousand such channels.
//
// # Safety
//
// The handler only reads, and it shows no value that goes through a channel. It
// does show names, types, and lines and functions of the program's source, as
// net/http/pprof does: mount it where these may be seen. docs/inspect.md says
// how.
package inspect
