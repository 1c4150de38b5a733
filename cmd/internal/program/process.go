// Package program is what leat's programs have in common: how they read their
// command line, what they write where, and how they stop.
package program

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A Process is what a command has of the program it runs in: the two streams,
// and the signal to stop.
type Process struct {
	*Console
	Out *Output

	// Ctx ends when no further value is to be sent. Its cause is the reason.
	// Values accepted by then are still seen to the end.
	Ctx context.Context
	// Stop ends Ctx for a reason. Only the first call has an effect.
	Stop context.CancelCauseFunc
}

// ErrInterrupted is the reason for which a signal stops a Process.
var ErrInterrupted = errors.New("interrupted")

// New returns a Process of the program with that name.
func New(name string, stdout, stderr io.Writer) *Process {
	p := &Process{Console: &Console{name: name, w: stderr}}
	p.Ctx, p.Stop = context.WithCancelCause(context.Background())
	p.Out = &Output{w: stdout, failed: func(err error) {
		p.sayInTime("%v; stopping", err) // before the summary, which the main flow writes when it is stopped
		p.Stop(ErrOutput)
	}}
	return p
}

// Sleep returns true after d, or false when p is stopped. If d is 0 it returns
// true at once.
func (p *Process) Sleep(d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.Ctx.Done():
		return false
	}
}

// Stopped returns why p was stopped before its end, or nil.
func (p *Process) Stopped() error { return context.Cause(p.Ctx) }

// ObeySignals lets the first Ctrl-C or SIGTERM stop p, and says what that
// begins. The second one ends the program at once, and says what is left
// undone.
func (p *Process) ObeySignals(begins string, undone func() string) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		p.sayInTime("interrupted: %s; interrupt again to quit at once", begins) // before the summary, as above
		p.Stop(ErrInterrupted)
		<-signals
		p.sayInTime("interrupted again, quitting at once: %s", undone())
		os.Exit(ExitFailed)
	}()
}
