// Package systems holds the parts that the systems of leat's programs share,
// whatever channel they use: the flow that sends values, the server, the
// clients that ping it for each value, and the account of all values.
package systems

import (
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/cmd/internal/program"
)

// A System is one run of a system.
type System struct {
	*program.Process
	Sent atomic.Int64 // values that the channel accepted
}

// New returns a System that runs in p.
func New(p *program.Process) *System { return &System{Process: p} }

// Send sends the values to tx, interval apart, until the process is stopped. An
// error of tx stops the process.
func (s *System) Send(tx leat.Sender[int], values iter.Seq[int], interval time.Duration) {
	for v := range values {
		if s.Sent.Load() > 0 && !s.Sleep(interval) {
			return
		}
		if err := tx.Send(s.Ctx, v); err != nil {
			s.Stop(err) // which has no effect if the process is stopped already
			return
		}
		s.Sent.Add(1)
	}
}

// Conclude says what came of the values that were sent, of so many that were to
// be sent. It returns that as an error unless all were sent and came well.
func (s *System) Conclude(total int, a Account) error {
	if err := s.Stopped(); err != nil {
		a.From = ""
		return fmt.Errorf("%w after %d of %d values; %v", err, s.Sent.Load(), total, a)
	}
	if !a.complete() {
		return errors.New(a.String())
	}
	s.Say("%v", a)
	return nil
}
