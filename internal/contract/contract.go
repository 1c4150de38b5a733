// Package contract holds what package leat promises and what the packages below
// it need: the errors and the options. Package leat exports them under the same
// names, as io/fs exports the errors of internal/oserror. So internal packages
// need not import the root of the module, and every import points down.
package contract

import (
	"errors"

	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/seam"
)

// The errors of every kind. Package leat documents them.
var (
	ErrClosed = errors.New("leat: channel closed")
	ErrFull   = errors.New("leat: channel full")
	ErrEmpty  = error(new(emptyError))
)

// emptyError is the type of ErrEmpty alone, so that IsEmpty compares one
// pointer. To compare two errors of one type calls the runtime.
type emptyError struct{ _ byte }

func (*emptyError) Error() string { return "leat: channel empty" }

// IsEmpty reports whether err is ErrEmpty. T means nothing: a generic function
// is compiled where it is used, and inlined there, as in package seam.
func IsEmpty[T any](err error) bool {
	_, is := err.(*emptyError)
	return is
}

// A ClosedError says that a channel or handle was closed with a cause. Package
// leat documents it.
type ClosedError struct{ Cause error }

// Error returns the text of ErrClosed, followed by that of the cause.
func (e *ClosedError) Error() string {
	if e.Cause == nil {
		return ErrClosed.Error()
	}
	return ErrClosed.Error() + ": " + e.Cause.Error()
}

// Is reports whether target is ErrClosed.
func (e *ClosedError) Is(target error) bool { return target == ErrClosed }

// Unwrap returns the cause.
func (e *ClosedError) Unwrap() error { return e.Cause }

// NoCause is what a handle notes that was closed without a cause. A handle that
// is open notes nil, so that one word tells both. No caller gets it.
var NoCause = new(ClosedError)

// Closing returns what a handle notes that is closed with cause, which may be
// nil.
func Closing(cause error) *ClosedError {
	if cause == nil {
		return NoCause
	}
	return &ClosedError{cause}
}

// Closed returns the error of a call that fails because of a close that was
// noted as c. It is ErrClosed if there was no cause, or if c is nil.
func Closed(c *ClosedError) error {
	if c == nil || c == NoCause {
		return ErrClosed
	}
	return c
}

// First makes c the cause of a side of a channel, if it has a cause and is the
// first of that side that has. It reports whether it did.
func First(side **ClosedError, c *ClosedError) bool {
	if *side != nil || c == NoCause {
		return false
	}
	*side = c
	return true
}

// Option sets up a channel when it is made. No other package can implement it.
type Option interface{ set(*meter.Meter) }

// Name returns the option that gives the channel a name.
func Name(name string) Option { return nameOption(name) }

type nameOption string

func (n nameOption) set(m *meter.Meter) { m.Name = string(n) }

// Apply applies the options to m, in order. It skips a nil option.
func Apply(m *meter.Meter, opts []Option) {
	for _, o := range opts {
		if o != nil {
			o.set(m)
		}
	}
}

// A Loop notes why the last loop over the All of a receiver ended. Its zero
// value is that of a receiver without a loop. Its methods may be called
// concurrently, because several goroutines may loop over one handle.
type Loop struct{ err seam.Pointer[error] }

// Begin notes that a loop begins. If the loop is left by a break, nothing more
// is noted.
func (l *Loop) Begin() {
	if l.err.Load() != nil {
		l.err.Store(nil)
	}
}

// End notes that a loop ends because its receive returned err.
func (l *Loop) End(err error) {
	if err == ErrClosed {
		l.Begin()
		return
	}
	why := err
	l.err.Store(&why)
}

// Err returns why the last loop ended: nil after a plain close, or a break.
func (l *Loop) Err() error {
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}
