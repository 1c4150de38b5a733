// Package contract holds what package leat promises and what the packages below
// it need: the errors and the options. Package leat exports them under the same
// names, as io/fs exports the errors of internal/oserror. So internal packages
// need not import the root of the module, and every import points down.
package contract

import (
	"errors"

	"github.com/leat-go/leat/internal/meter"
)

// The errors of every kind. Package leat documents them.
var (
	ErrClosed = errors.New("leat: channel closed")
	ErrFull   = errors.New("leat: channel full")
	ErrEmpty  = errors.New("leat: channel empty")
)

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
