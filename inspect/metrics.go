package inspect

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A metric is one family of the Prometheus text format, and how a channel
// yields its samples.
type metric struct {
	name, kind, help string
	samples          func(c *Channel, emit func(value uint64, labels ...string))
}

func one(value func(c *Channel) uint64) func(*Channel, func(uint64, ...string)) {
	return func(c *Channel, emit func(uint64, ...string)) { emit(value(c)) }
}

var metrics = []metric{
	{"leat_channel_accepted_total", "counter", "Values sent.", one(func(c *Channel) uint64 { return c.Accepted })},
	{"leat_channel_received_total", "counter", "Values received, by all receivers together; not of a watch, which does not count.",
		func(c *Channel, emit func(uint64, ...string)) {
			if c.Counted {
				emit(c.Received)
			}
		}},
	{"leat_channel_missed_total", "counter", "Values that receivers missed, together.", one(func(c *Channel) uint64 { return c.Missed })},
	{"leat_evicted_total", "counter", "Values that ForceSend took out of the full channel.", one(func(c *Channel) uint64 { return c.Evicted })},
	{"leat_channel_leaked_handles_total", "counter", "Handles dropped without Close.", one(func(c *Channel) uint64 { return c.Leaked })},
	{"leat_channel_depth", "gauge", "Values accepted and not yet received, by the slowest receiver.", one(func(c *Channel) uint64 { return uint64(c.Depth) })},
	{"leat_channel_depth_high_water", "gauge", "The greatest depth seen.", one(func(c *Channel) uint64 { return uint64(c.HighWater) })},
	{"leat_channel_capacity", "gauge", "How many values the channel holds; absent if there is no bound.",
		func(c *Channel, emit func(uint64, ...string)) {
			if c.Capacity >= 0 {
				emit(uint64(c.Capacity))
			}
		}},
	{"leat_channel_senders", "gauge", "Sender handles open.", one(func(c *Channel) uint64 { return uint64(c.Senders) })},
	{"leat_channel_receivers", "gauge", "Receiver handles open.", one(func(c *Channel) uint64 { return uint64(c.Receivers) })},
	{"leat_channel_permits", "gauge", "Permits neither used nor released.", one(func(c *Channel) uint64 { return uint64(c.Permits) })},
	{"leat_channel_parked", "gauge", "Goroutines that wait, by end.",
		func(c *Channel, emit func(uint64, ...string)) {
			emit(uint64(c.ParkedSenders), "end", "send")
			emit(uint64(c.ParkedReceivers), "end", "receive")
		}},
	{"leat_channel_lints", "gauge", "Suspected problems, by code.",
		func(c *Channel, emit func(uint64, ...string)) {
			n := make(map[Code]uint64)
			for _, l := range c.Lints {
				n[l.Code]++
			}
			for _, code := range severity { // all, so that an alert sees zeros, too
				emit(n[code], "code", string(code))
			}
		}},
	{"leat_receiver_lag", "gauge", "Values accepted that a receiver has yet to see.", receivers(func(r *Receiver) uint64 { return r.Lag })},
	{"leat_receiver_missed_total", "counter", "Values that a receiver missed.", receivers(func(r *Receiver) uint64 { return r.Missed })},
}

func receivers(value func(*Receiver) uint64) func(*Channel, func(uint64, ...string)) {
	return func(c *Channel, emit func(uint64, ...string)) {
		for i := range c.Cursors {
			emit(value(&c.Cursors[i]), "receiver", fmt.Sprint(c.Cursors[i].ID))
		}
	}
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// writeMetrics writes v in the Prometheus text format. Each sample has the
// labels channel, kind and id; two channels of one name differ in their id.
func writeMetrics(w io.Writer, v View) error {
	b := bufio.NewWriter(w)
	for _, m := range metrics {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for i := range v.Channels {
			c := &v.Channels[i]
			m.samples(c, func(value uint64, labels ...string) {
				fmt.Fprintf(b, `%s{channel="%s",kind="%s",id="%d"`, m.name, escapeLabel.Replace(strings.ToValidUTF8(c.Name, "\uFFFD")), c.Kind, c.ID)
				for l := 0; l < len(labels); l += 2 {
					fmt.Fprintf(b, `,%s="%s"`, labels[l], labels[l+1])
				}
				fmt.Fprintf(b, "} %d\n", value)
			})
		}
	}
	return b.Flush()
}
