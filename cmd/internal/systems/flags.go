package systems

import (
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
)

// The flags that systems share: a command embeds the groups that concern it,
// and each group checks its own values.

// PaceFlags say what to send, and when.
type PaceFlags struct {
	Count    int           `default:"10" help:"How many values to send, before the closing one if the system has one."`
	Interval time.Duration `default:"1s" help:"Time between two values; 0 is none."`
}

// Validate checks the values, for program.Main.
func (f *PaceFlags) Validate() error {
	if f.Interval < 0 {
		return fmt.Errorf("--interval must be 0 or longer, is %v", f.Interval)
	}
	return between("count", f.Count, 1_000_000_000)
}

// Values returns the values that a system sends: 1 as often as asked for, then
// the end.
func (f *PaceFlags) Values(end ...int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for range f.Count {
			if !yield(1) {
				return
			}
		}
		for _, v := range end {
			if !yield(v) {
				return
			}
		}
	}
}

// CapacityFlags describe the channel.
type CapacityFlags struct {
	Capacity int `default:"32" help:"How many values the channel holds."`
}

// Validate checks the values, for program.Main.
func (f *CapacityFlags) Validate() error { return between("capacity", f.Capacity, 1<<24) }

// ClientsFlags describe the receiving side of a channel that has many.
type ClientsFlags struct {
	Clients int `default:"10" help:"How many clients subscribe, each with its own connection."`
}

// Validate checks the values, for program.Main.
func (f *ClientsFlags) Validate() error { return between("clients", f.Clients, 100_000) }

// ServerFlags say where the clients find their server.
type ServerFlags struct {
	Addr     string        `default:"127.0.0.1:8123" help:"Address of the server."`
	External bool          `help:"Use the server that listens at the address already, rather than starting one."`
	Patience time.Duration `default:"30s" help:"How long a client waits for one answer, reconnecting if need be, before it gives up."`
}

// Validate checks the values, for program.Main.
func (f *ServerFlags) Validate() error {
	if f.Patience <= 0 {
		return fmt.Errorf("--patience must be longer than 0, is %v", f.Patience)
	}
	return CheckAddr("addr", f.Addr)
}

// between checks a number that is to be at least 1. The upper bound is where
// the machine would fail in its own words.
func between(flag string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("--%s must be between 1 and %d, is %d", flag, most, n)
	}
	return nil
}

// CheckChoice checks a value that must be one of a few.
func CheckChoice(flag, value string, choices ...string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("--%s must be one of \"%s\" but got %q", flag, strings.Join(choices, `","`), value)
	}
	return nil
}

// CheckAddr checks the syntax of an address, and does not use it.
func CheckAddr(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--%s %q is not an address: %w; give host:port, such as 127.0.0.1:8123", flag, addr, program.Reason(err))
	}
	return nil
}
