// Package inspect lets people see into the channels of a running program: each channel that was given a name with leat.Name, how
// full it is, how fast it moves, who waits and since when, which receiver holds everybody back.
//
//	mux.Handle("/debug/leat/", inspect.Handler())
//
// # What it costs
//
// Channels without a name, nothing. A channel with one moves values as fast as any; only an operation that has to wait notes since when and from
// where. A look copies, for each channel, what the channel counts anyway, under the channel's own mutex and for no longer than that
// takes. No goroutine runs, nothing listens until the program mounts the handler, and a slow viewer holds up nobody but himself.
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
// The handler only reads, and it shows no value that goes through a channel. It does show names, types, and lines and functions of the
// program's source, as net/http/pprof does: mount it where that may be seen. See docs/inspect.md.
package inspect
