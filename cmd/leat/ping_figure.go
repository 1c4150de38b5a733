package main

import (
	"bytes"
	"fmt"
	"html"
	"math"

	"github.com/leat-go/leat/cmd/internal/program"
)

// svgText returns text as it may stand in SVG.
func svgText(text string) string { return html.EscapeString(program.Printable(text, program.MostLine)) }

// figure draws the percentiles: how many nines of the pings, to the right, took
// how long, upwards; both logarithmic.
func (r *report) figure() []byte {
	const width, height, left, right, top, bottom = 760, 420, 80, 24, 64, 52
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img">`+"\n", width, height)
	fmt.Fprint(&b, `<style>text{fill:#222}.t{font-size:16px;font-weight:600}.g{stroke:#d0d5db}.l{fill:none;stroke:#0b7285;stroke-width:2}.p{fill:#0b7285}
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.g{stroke:#3b424a}.l{stroke:#3bc9db}.p{fill:#3bc9db}}</style>`+"\n")
	title := fmt.Sprintf("leat ping %s: latency of %s", r.Addr, program.Plural(r.Acks, "Ack"))
	fmt.Fprintf(&b, `<title>%s</title><text class="t" x="16" y="26">%[1]s</text>`+"\n", svgText(title))
	what := fmt.Sprintf("%s, window %d, over %s; %.0f a second for %.1f s; %s", program.Plural(int64(r.Clients), "client"), r.Window, r.Channel,
		r.PerSec, r.Seconds, r.why())
	fmt.Fprintf(&b, `<text x="16" y="46">%s</text>`+"\n", svgText(what))
	if len(r.Percentiles) == 0 {
		fmt.Fprint(&b, "</svg>\n")
		return b.Bytes()
	}

	low, high := math.Floor(math.Log10(r.Min)), math.Ceil(math.Log10(r.Max))
	high = max(high, low+1)
	x := func(percent float64) float64 { // 50 to 99.99 by the share that took longer
		nines := -math.Log10(1 - percent/100)
		return left + (nines-math.Log10(2))/(4-math.Log10(2))*(width-left-right)
	}
	y := func(us float64) float64 {
		return height - bottom - (math.Log10(us)-low)/(high-low)*(height-top-bottom)
	}
	for d := low; d <= high; d++ {
		us := math.Pow(10, d)
		fmt.Fprintf(&b, `<line class="g" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y(us), y(us), left-8, y(us)+4, micro(us))
	}
	points := ""
	for _, p := range r.Percentiles {
		points += fmt.Sprintf("%.1f,%.1f ", x(p.Percentile), y(p.Micros))
	}
	fmt.Fprintf(&b, `<polyline class="l" points="%s"/>`+"\n", points)
	for i, p := range r.Percentiles {
		anchor, dx := "middle", 0
		if i == len(r.Percentiles)-1 {
			anchor, dx = "end", 10
		}
		fmt.Fprintf(&b, `<circle class="p" cx="%.1f" cy="%.1f" r="4"/><text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`,
			x(p.Percentile), y(p.Micros), x(p.Percentile)+float64(dx), y(p.Micros)-10, anchor, micro(p.Micros))
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s">p%v</text>`+"\n", x(p.Percentile)+float64(dx), height-bottom+20, anchor, p.Percentile)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">max %s, mean %s; counted from when a ping was due</text>`+"\n", left, height-10, micro(r.Max), micro(r.Mean))
	fmt.Fprint(&b, "</svg>\n")
	return b.Bytes()
}
