// Package probe holds what is known about a channel besides its values: what it is called, and what is counted
// about it that the channel does not need for its own work. Channels with a name can be looked at: see Look.
package probe

import "sync/atomic"

// Channel describes one channel. Its zero value is that of a channel without a name.
type Channel struct {
	Kind string // the package that made it: "mpsc", "broadcast", …
	Name string // given by leat.Name, or empty

	// Leaked counts the handles that were dropped without Close and found by the garbage collector.
	Leaked atomic.Uint64

	entry *entry // nil without a name
}

// String returns the kind, with the name behind it if there is one: the beginning of each panic's text.
func (c *Channel) String() string {
	if c.Name == "" {
		return c.Kind
	}
	return c.Kind + ` "` + c.Name + `"`
}

// An Option sets up a Channel; leat.Option is one.
type Option interface{ Set(*Channel) }

// Apply sets up c, in order. A nil option is skipped.
func Apply[O Option](c *Channel, opts []O) {
	for _, o := range opts {
		if any(o) != nil {
			o.Set(c)
		}
	}
}
