package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/leat-go/leat"
)

// A process is what a command has of the program it runs in: the two streams, and the word to stop.
type process struct {
	*console
	out *output

	// ctx ends when no further value is to be sent, with the reason as its cause. What was accepted by
	// then is still seen to the end.
	ctx  context.Context
	stop context.CancelCauseFunc

	sent atomic.Int64 // values that the channel accepted
}

var errInterrupted = errors.New("interrupted")

func newProcess(stdout, stderr io.Writer) *process {
	p := &process{console: &console{w: stderr}}
	p.ctx, p.stop = context.WithCancelCause(context.Background())
	p.out = &output{w: stdout, failed: func(err error) {
		p.sayInTime("%v; stopping", err) // before the summary, which the main flow says when it is stopped
		p.stop(errOutput)
	}}
	return p
}

// send hands the values to tx, interval apart, until p is stopped.
func (p *process) send(tx leat.Sender[int], values iter.Seq[int], interval time.Duration) {
	for v := range values {
		if p.sent.Load() > 0 && !p.sleep(interval) {
			return
		}
		if err := tx.Send(p.ctx, v); err != nil {
			p.stop(err) // which has no effect if p is stopped already
			return
		}
		p.sent.Add(1)
	}
}

// sleep returns true after d, or false when p is stopped.
func (p *process) sleep(d time.Duration) bool {
	if d == 0 {
		return true // Send looks at ctx
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// stopped returns why p was stopped before its end, or nil.
func (p *process) stopped() error { return context.Cause(p.ctx) }

// obeySignals lets the first Ctrl-C or SIGTERM stop p, which begins what is announced, and the second one end the program at
// once, with what it leaves undone.
func (p *process) obeySignals(begins string, undone func() string) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		p.sayInTime("interrupted: %s; interrupt again to quit at once", begins) // before the summary, as above
		p.stop(errInterrupted)
		<-signals
		p.sayInTime("interrupted again, quitting at once: %s", undone())
		os.Exit(exitFailed)
	}()
}
