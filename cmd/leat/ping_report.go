package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/leat-go/leat/cmd/internal/program"
)

// A report is the outcome of a load, as --json prints it. Times are in
// microseconds.
type report struct {
	Addr    string  `json:"addr"`
	Clients int     `json:"clients"`
	Window  int     `json:"window"`
	Channel string  `json:"channel"`
	Rate    int     `json:"rate"`    // that was asked for, a second; 0 is a closed loop
	Seconds float64 `json:"seconds"` // that it took
	Stopped string  `json:"stopped,omitempty"`
	Acks    int64   `json:"acks"`
	PerSec  float64 `json:"acks_per_second"`
	Refused int64   `json:"answered_with_error"`
	Undone  int64   `json:"not_sent_in_time"` // due, but the clients did not get to them
	Error   string  `json:"first_error,omitempty"`
	Mean    float64 `json:"mean_us"`
	Min     float64 `json:"min_us"`
	Max     float64 `json:"max_us"`

	Unanswered  int64        `json:"not_answered"`
	Percentiles []percentile `json:"percentiles"`
	Histogram   []bucket     `json:"histogram"`
}

type percentile struct {
	Percentile float64 `json:"percentile"`
	Micros     float64 `json:"us"`
}

// A bucket is the pings that took from From to less than To.
type bucket struct {
	From  float64 `json:"from_us"`
	To    float64 `json:"to_us"`
	Count int64   `json:"count"`
}

var shownPercentiles = []float64{50, 75, 90, 99, 99.9, 99.99}

func (l *load) report() *report {
	all := l.record.sum()
	r := &report{
		Addr: l.cmd.Addr, Clients: l.cmd.Clients, Window: l.cmd.Window, Channel: l.cmd.Channel, Rate: l.cmd.Rate,
		Seconds: l.took.Seconds(), Acks: l.record.acks.Load(), Refused: l.record.refused.Load(),
		Unanswered: l.record.unanswered.Load(), Undone: l.record.undone.Load(), Error: l.record.firstError(),
	}
	if err := l.Stopped(); err != nil {
		r.Stopped = err.Error()
	}
	r.PerSec = float64(r.Acks) / r.Seconds
	if all.TotalCount() == 0 {
		return r
	}
	r.Mean, r.Min, r.Max = all.Mean()/1e3, micros(all.Min()), micros(all.Max())
	for _, p := range shownPercentiles {
		r.Percentiles = append(r.Percentiles, percentile{p, micros(all.ValueAtQuantile(p))})
	}
	// Buckets grow by the same ratio, from one nice bound to the next, so that
	// a tail of a second shows beside a body of 50 µs.
	for _, bar := range all.Distribution() {
		if bar.Count > 0 {
			r.count(micros(bar.From), bar.Count)
		}
	}
	return r
}

func micros(ns int64) float64 { return float64(ns) / 1e3 }

// Buckets of a decade begin at these times.
var bucketSteps = []float64{1, 1.5, 2, 3, 5, 7}

// count puts so many pings, of about that latency, into their bucket. They come
// in order.
func (r *report) count(us float64, n int64) {
	if k := len(r.Histogram); k > 0 && us < r.Histogram[k-1].To {
		r.Histogram[k-1].Count += n
		return
	}
	decade := math.Pow(10, math.Floor(math.Log10(us)))
	for from := range bucketSteps {
		b := bucket{bucketSteps[from] * decade, 10 * decade, n}
		if from+1 < len(bucketSteps) {
			b.To = bucketSteps[from+1] * decade
		}
		if us < b.To {
			r.Histogram = append(r.Histogram, b)
			return
		}
	}
}

// text is the report for people, or as JSON, without the last newline.
func (r *report) text(asJSON bool) string {
	if asJSON {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			panic(err) // numbers and strings always have a JSON form
		}
		return string(b)
	}
	var b strings.Builder
	loop := fmt.Sprintf("%d a second wanted", r.Rate)
	if r.Rate == 0 {
		loop = "each as soon as the last is answered"
	}
	fmt.Fprintf(&b, "%s from %s to %s, window %d, over %s; %s\n",
		program.Plural(r.Acks, "Ack"), program.Plural(int64(r.Clients), "client"), r.Addr, r.Window, r.Channel, loop)
	fmt.Fprintf(&b, "%.0f a second for %.1f s; %s", r.PerSec, r.Seconds, r.why())
	if len(r.Percentiles) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "\n\nlatency, from when a ping was due\n  min     %10s\n  mean    %10s\n", micro(r.Min), micro(r.Mean))
	for _, p := range r.Percentiles {
		fmt.Fprintf(&b, "  p%-6v %10s\n", p.Percentile, micro(p.Micros))
	}
	fmt.Fprintf(&b, "  max     %10s\n", micro(r.Max))
	most := int64(0)
	for _, h := range r.Histogram {
		most = max(most, h.Count)
	}
	for _, h := range r.Histogram {
		fmt.Fprintf(&b, "\n%10s  %s %d", micro(h.From), bar(float64(h.Count)/float64(most), 48), h.Count)
	}
	return b.String()
}

// why says what failed.
func (r *report) why() string {
	var parts []string
	for _, f := range []struct {
		n    int64
		what string
	}{
		{r.Refused, "answered with an error"},
		{r.Unanswered, "not answered"},
		{r.Undone, "due and not sent in time"},
	} {
		if f.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	if parts == nil {
		return "none failed"
	}
	s := strings.Join(parts, ", ")
	if r.Error != "" {
		s += " (" + r.Error + ")"
	}
	return s
}

// micro writes microseconds for people, to three digits.
func micro(us float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e6, "s"}, {1e3, "ms"}} {
		if us >= unit.size {
			return fmt.Sprintf("%.3g %s", us/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g µs", us)
}
