package queue

import (
	"path"
	"runtime"
	"strings"
)

// channel returns the handle's channel.
func (s *Tx[T]) channel() *Channel[T] {
	if s.c == nil {
		panic(notMade())
	}
	return s.c
}

// channel returns the handle's channel.
func (r *Rx[T]) channel() *Channel[T] {
	if r.c == nil {
		panic(notMade())
	}
	return r.c
}

// notMade returns the text of the panic for a zero handle, which has no channel
// and does not know its kind. The stack does: the first function outside of
// this package is a method of the handle, such as mpsc.(*Sender[...]).Send.
func notMade() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		name, _, _ := strings.Cut(f.Function, "[")
		kind, handle, _ := strings.Cut(path.Base(name), ".(*")
		if kind == "queue" && more {
			continue
		}
		maker := "New"
		if handle == "Permit" {
			maker = "Reserve"
		}
		return kind + ": nil or zero " + handle + "; use one that " + maker + " returned"
	}
}
