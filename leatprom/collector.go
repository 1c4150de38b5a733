package leatprom

import (
	"strconv"
	"strings"

	"github.com/leat-go/leat/inspect"
	"github.com/prometheus/client_golang/prometheus"
)

// NewCollector returns a collector of the named channels of the process.
//
// Each sample has the labels channel, kind and id. Two channels of one name
// differ in their id. A channel that is over keeps its samples for a minute.
//
// Collect takes one inspect.Snapshot and never waits for a channel's users. It
// may be called concurrently. A registry accepts one such collector; all of
// them are alike.
func NewCollector() prometheus.Collector { return collector{} }

type collector struct{}

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	view := inspect.Snapshot()
	for i := range view.Channels {
		c := &view.Channels[i]
		labels := []string{strings.ToValidUTF8(c.Name, "\uFFFD"), c.Kind, strconv.FormatUint(c.ID, 10)}
		for _, f := range families {
			f.samples(c, func(value float64, more ...string) {
				ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, append(labels, more...)...)
			})
		}
	}
}

// A family is one metric, and how a channel yields its samples. The values
// after the channel's own labels are those of the family's other labels.
type family struct {
	desc    *prometheus.Desc
	kind    prometheus.ValueType
	samples func(c *inspect.Channel, emit func(value float64, labels ...string))
}

// codes are the values of the label code, so that a graph and an alert see
// zeros, too.
var codes = []inspect.Code{
	inspect.HoldsBack, inspect.Stuck, inspect.NoSender, inspect.Leaked, inspect.Missing, inspect.LagGrows,
}

// families are the metrics of package inspect. TestSameAsText compares them.
var families = []family{
	counter("leat_channel_accepted_total", "Values sent.",
		func(c *inspect.Channel) uint64 { return c.Accepted }),
	{
		describe("leat_channel_received_total",
			"Values received, by all receivers together; not of a watch, which does not count."),
		prometheus.CounterValue,
		func(c *inspect.Channel, emit func(float64, ...string)) {
			if c.Counted {
				emit(float64(c.Received))
			}
		},
	},
	counter("leat_channel_missed_total", "Values that receivers missed, together.",
		func(c *inspect.Channel) uint64 { return c.Missed }),
	counter("leat_evicted_total", "Values that ForceSend took out of the full channel.",
		func(c *inspect.Channel) uint64 { return c.Evicted }),
	counter("leat_channel_leaked_handles_total", "Handles dropped without Close.",
		func(c *inspect.Channel) uint64 { return c.Leaked }),
	gauge("leat_channel_depth", "Values accepted and not yet received, by the slowest receiver.",
		func(c *inspect.Channel) int { return c.Depth }),
	gauge("leat_channel_depth_high_water", "The greatest depth seen.",
		func(c *inspect.Channel) int { return c.HighWater }),
	{
		describe("leat_channel_capacity", "How many values the channel holds; absent if there is no bound."),
		prometheus.GaugeValue,
		func(c *inspect.Channel, emit func(float64, ...string)) {
			if c.Capacity >= 0 {
				emit(float64(c.Capacity))
			}
		},
	},
	gauge("leat_channel_senders", "Sender handles open.",
		func(c *inspect.Channel) int { return c.Senders }),
	gauge("leat_channel_receivers", "Receiver handles open.",
		func(c *inspect.Channel) int { return c.Receivers }),
	gauge("leat_channel_permits", "Permits neither used nor released.",
		func(c *inspect.Channel) int { return c.Permits }),
	{
		describe("leat_channel_parked", "Goroutines that wait, by end.", "end"),
		prometheus.GaugeValue,
		func(c *inspect.Channel, emit func(float64, ...string)) {
			emit(float64(c.ParkedSenders), "send")
			emit(float64(c.ParkedReceivers), "receive")
		},
	},
	{
		describe("leat_channel_lints", "Suspected problems, by code.", "code"),
		prometheus.GaugeValue,
		func(c *inspect.Channel, emit func(float64, ...string)) {
			n := make(map[inspect.Code]int)
			for _, l := range c.Lints {
				n[l.Code]++
			}
			for _, code := range codes {
				emit(float64(n[code]), string(code))
			}
		},
	},
	{
		describe("leat_receiver_lag", "Values accepted that a receiver has yet to see.", "receiver"),
		prometheus.GaugeValue,
		receivers(func(r *inspect.Receiver) uint64 { return r.Lag }),
	},
	{
		describe("leat_receiver_missed_total", "Values that a receiver missed.", "receiver"),
		prometheus.CounterValue,
		receivers(func(r *inspect.Receiver) uint64 { return r.Missed }),
	},
}

func describe(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"channel", "kind", "id"}, more...), nil)
}

// counter returns a family with one sample for each channel.
func counter(name, help string, value func(*inspect.Channel) uint64) family {
	return family{describe(name, help), prometheus.CounterValue,
		func(c *inspect.Channel, emit func(float64, ...string)) { emit(float64(value(c))) }}
}

// gauge returns a family with one sample for each channel.
func gauge(name, help string, value func(*inspect.Channel) int) family {
	return family{describe(name, help), prometheus.GaugeValue,
		func(c *inspect.Channel, emit func(float64, ...string)) { emit(float64(value(c))) }}
}

// receivers returns a family's samples: one for each receiver of a channel
// whose receivers each see every value.
func receivers(value func(*inspect.Receiver) uint64) func(*inspect.Channel, func(float64, ...string)) {
	return func(c *inspect.Channel, emit func(float64, ...string)) {
		for i := range c.Cursors {
			r := &c.Cursors[i]
			emit(float64(value(r)), strconv.FormatUint(r.ID, 10))
		}
	}
}
