package meter

import (
	"context"
	"runtime/trace"
	"strconv"
)

// Tracing reports whether the execution of the program is traced (see package
// runtime/trace). It costs one load.
func Tracing() bool { return trace.IsEnabled() }

// Label says what the goroutine does, and on which channel: a phrase such as
// `receives from mpsc "jobs"`.
func (s *Stamp) Label() string {
	return s.Does + " " + s.on.kind + " " + strconv.Quote(s.on.name)
}

// BeginRegion begins a region of the execution trace, in which the calling
// goroutine waits; the same goroutine calls End on the result. The region
// belongs to no task: to look for the task of a ctx calls the ctx, which may be
// the user's code, and the caller of BeginRegion may hold a channel's mutex.
func BeginRegion(label string) *trace.Region {
	return trace.StartRegion(context.Background(), "leat "+label)
}
