package leat

import "github.com/leat-go/leat/internal/meter"

// Option sets up a channel when it is made. The options are those of this package: no other package can make one.
type Option interface {
	// Set applies the option. It is for the kinds, not for users.
	Set(*meter.Meter)
}

type nameOption string

func (n nameOption) Set(p *meter.Meter) { p.Name = string(n) }

// Name gives the channel a name for people: it stands in the text of panics and, where the program looks into its
// channels, on that page. Names need not be unique. A channel without a name costs nothing to
// observe and is not shown.
func Name(name string) Option { return nameOption(name) }
