package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/leat-go/leat/dev/bench/internal/figure"
)

// writeFigures draws the measurements into dir. It draws nothing that -run left
// out, and an older figure of that stays.
func writeFigures(dir, machine string, design, suite *measurement, wakers []*waker) ([]string, error) {
	var written []string
	write := func(name string, svg []byte) error {
		file := filepath.Join(dir, name)
		written = append(written, file)
		return os.WriteFile(file, svg, 0o644)
	}
	if bars := ratioBars(design); len(bars) > 0 {
		if err := write("bench-ratios.svg", figure.Bars("How many times as fast as native channels",
			machine+design.medians()+"; dashed: target, grey: slower than native", 0.1, bars)); err != nil {
			return written, err
		}
	}
	if bars := peerBars(design); len(bars) > 0 {
		if err := write("bench-peers.svg", figure.Bars("One value, in nanoseconds: leat, native channels, tokio, crossbeam",
			machine+design.medians()+"; shorter is faster", 10, bars)); err != nil {
			return written, err
		}
	}
	count := func(v float64) string { return fmt.Sprintf("%g", v) }
	for _, f := range []struct {
		file, title, axis string
		ticks             []int
		series            []curve
	}{
		{"bench-senders.svg", "One value sent and received, by number of senders (mpsc, capacity 1024)", "senders", senderSteps, []curve{
			{"native", "senders/ctx=background/", "native", 1}, {"leat", "senders/ctx=background/", "leat", 0},
			{"native, select on ctx", "senders/ctx=cancellable/", "native", 2}, {"leat, cancellable ctx", "senders/ctx=cancellable/", "leat", 3}}},
		{"bench-broadcast.svg", "One value sent to everybody, by number of receivers", "receivers", receiverSteps, []curve{
			{"native, a loop", "fanout/receivers=", "native", 1}, {"leat, every value received", "fanout/receivers=", "leat", 0},
			{"leat, lossy", "fanout/receivers=", "leat, lossy", 3}, {"cskr/pubsub", "fanout/receivers=", "cskr/pubsub", 2},
			{"dustin/go-broadcast", "fanout/receivers=", "dustin/go-broadcast", 5}}},
	} {
		var series []figure.Series
		for _, c := range f.series {
			if s := c.of(suite, f.ticks); len(s.X) > 1 {
				series = append(series, s)
			}
		}
		if len(series) == 0 {
			continue
		}
		svg := figure.Lines(f.title, machine+suite.medians(), figure.Axis{Name: f.axis, Ticks: floats(f.ticks), Format: count},
			figure.Axis{Name: "time a value", Format: nanoseconds}, series)
		if err := write(f.file, svg); err != nil {
			return written, err
		}
	}
	if len(wakers) > 0 {
		return written, write("bench-wakeup.svg", wakeFigure(wakers, machine))
	}
	return written, nil
}

func (m *measurement) medians() string { return fmt.Sprintf(", medians of %d rounds", m.rounds) }

func ratioBars(m *measurement) []figure.Bar {
	var bars []figure.Bar
	group := "" // the title of the row above those that begin with …
	for _, r := range rows {
		label, more := strings.CutPrefix(r.title, "… ")
		if !more {
			group, _, _ = strings.Cut(r.title, ",")
			group, _, _ = strings.Cut(group, ":")
		}
		o, ok := r.measure(m)
		if !ok || r.absolute || r.lowest || r.anchor == leastRing {
			continue
		}
		if more {
			label = group + ", " + label
		}
		bar := figure.Bar{Label: label, Value: o.ratio, Note: fmt.Sprintf("%.2f×", o.ratio), Mark: o.target}
		if o.ratio < 1 {
			bar.Colour = 1
		}
		bars = append(bars, bar)
	}
	return bars
}

// peerBars show each workload that a peer in Rust did too, by all who did it.
func peerBars(m *measurement) []figure.Bar {
	var bars []figure.Bar
	for _, w := range []struct{ workload, label string }{
		{"mpsc/ctx=background/cap=1024/senders=4", "mpsc, 4 senders"},
		{"mpmc/cap=1024/each=4", "mpmc, 4 and 4"},
		{"try", "TrySend, TryRecv"},
		{"pingpong/ctx=background", "ping-pong"},
		{"oneshot", "oneshot"},
		{"broadcast-lossy/receivers=10", "broadcast, lossy, to 10"},
	} {
		var own []figure.Bar
		rust := false
		for colour, who := range []string{"leat", "native", "tokio", "crossbeam"} {
			for _, r := range m.results {
				if r.workload == w.workload && r.contestant == who {
					ns := r.median()
					own = append(own, figure.Bar{Label: w.label + ": " + who, Value: ns, Note: nanoseconds(ns), Colour: colour})
					rust = rust || colour > 1
				}
			}
		}
		if rust {
			bars = append(bars, own...)
		}
	}
	return bars
}

// A curve is one contestant's results, in the workloads whose names are a
// prefix and a number.
type curve struct {
	name, prefix, contestant string
	colour                   int
}

func (c curve) of(m *measurement, steps []int) figure.Series {
	s := figure.Series{Name: c.name, Colour: c.colour}
	for _, step := range steps {
		for _, r := range m.results {
			if r.contestant == c.contestant && strings.HasPrefix(r.workload, c.prefix) && r.workload == c.prefix+fmt.Sprint(step) {
				s.X, s.Y = append(s.X, float64(step)), append(s.Y, r.median())
			}
		}
	}
	return s
}

func floats(v []int) []float64 {
	f := make([]float64, len(v))
	for i := range v {
		f[i] = float64(v[i])
	}
	return f
}

// wakeFigure has the share that took longer to the right: each line of the grid
// has one nine more.
func wakeFigure(all []*waker, machine string) []byte {
	percents := []float64{50, 75, 90, 95, 99, 99.5, 99.9}
	nines := func(p float64) float64 { return 100 / (100 - p) } // logarithmic in the share that took longer
	var series []figure.Series
	colours := map[string]int{"native, background": 1, "leat, background": 0, "native, cancellable": 2, "leat, cancellable": 3}
	for _, w := range all {
		s := figure.Series{Name: w.name, Colour: colours[w.name]}
		for _, p := range percents {
			s.X, s.Y = append(s.X, nines(p)), append(s.Y, float64(percentile(w.took, p)))
		}
		series = append(series, s)
	}
	ticks := []float64{nines(50), nines(90), nines(99), nines(99.9)}
	return figure.Lines("Wake-up of a receiver that waits", fmt.Sprintf("%s, %d samples each", machine, len(all[0].took)),
		figure.Axis{Name: "percentile", Ticks: ticks, Format: func(v float64) string { return fmt.Sprintf("p%.4g", 100-100/v) }},
		figure.Axis{Name: "from before Send until Recv has returned", Format: nanoseconds}, series)
}
