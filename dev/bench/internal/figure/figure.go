// Package figure draws charts as SVG: readable on light and on dark pages, with
// nothing but text, lines and boxes in them.
package figure

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"unicode/utf8"
)

const style = `<style>text{fill:#222}.t{font-size:16px;font-weight:600}.s{fill:#5c6670}.g{stroke:#d0d5db}.h{font-weight:600}.w{stroke:#c92a2a;stroke-dasharray:4 3}
.f0{fill:#0b7285}.f1{fill:#9aa5b1}.f2{fill:#b7791f}.f3{fill:#6741d9}.f4{fill:#2b8a3e}.f5{fill:#c2255c}
.l0{stroke:#0b7285}.l1{stroke:#868e96}.l2{stroke:#b7791f}.l3{stroke:#6741d9}.l4{stroke:#2b8a3e}.l5{stroke:#c2255c}.l{fill:none;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.s{fill:#a0a8b0}.g{stroke:#3b424a}.w{stroke:#ff8787}
.f0{fill:#3bc9db}.f1{fill:#6b7785}.f2{fill:#fcc419}.f3{fill:#b197fc}.f4{fill:#69db7c}.f5{fill:#faa2c1}
.l0{stroke:#3bc9db}.l1{stroke:#868e96}.l2{stroke:#fcc419}.l3{stroke:#b197fc}.l4{stroke:#69db7c}.l5{stroke:#faa2c1}}</style>
`

// colours is how many series have a colour of their own.
const colours = 6

func begin(b *bytes.Buffer, width, height int, title, subtitle string) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img">`+"\n", width, height)
	b.WriteString(style)
	fmt.Fprintf(b, `<title>%s</title><text class="t" x="16" y="26">%[1]s</text><text class="s" x="16" y="46">%s</text>`+"\n",
		html.EscapeString(title), html.EscapeString(subtitle))
}

// A Bar is a length with a label before it and a note after it. Colour 0 is for
// the subject of the chart, 1 for its anchor.
type Bar struct {
	Label  string
	Value  float64
	Note   string
	Colour int
	Mark   float64 // a line across the bar at this value; 0 for none
}

// Bars draws bars under each other, on a logarithmic scale that begins at low.
// A dashed line stands where the value is one, if the scale has it.
func Bars(title, subtitle string, low float64, bars []Bar) []byte {
	const length, right, head, step, char = 440, 130, 66, 24, 7.2 // char is how wide a character is, in a wide font
	high, longest := low*10, 0
	for _, bar := range bars {
		high, longest = max(high, bar.Value, bar.Mark), max(longest, utf8.RuneCountInString(bar.Label))
	}
	left := 16 + int(math.Ceil(float64(longest)*char))
	width := left + length + right
	x := func(v float64) float64 {
		return float64(left) + math.Log(max(v, low)/low)/math.Log(high/low)*length
	}
	height := head + len(bars)*step + 40
	var b bytes.Buffer
	begin(&b, width, height, title, subtitle)
	for v := math.Pow(10, math.Ceil(math.Log10(low))); v <= high; v *= 10 {
		fmt.Fprintf(&b, `<line class="g" x1="%.1f" x2="%[1]f" y1="%d" y2="%d"/><text class="s" x="%.1[1]f" y="%[4]d" text-anchor="middle">%[5]g</text>`+"\n",
			x(v), head-6, height-34, height-18, v)
	}
	for i, bar := range bars {
		y := head + i*step
		drawBar(&b, bar, left, y+3, x(bar.Value)-float64(left), step-8)
		end := x(bar.Value)
		if bar.Mark > 0 {
			fmt.Fprintf(&b, `<line class="w" x1="%.1f" x2="%[1]f" y1="%d" y2="%d"/>`, x(bar.Mark), y, y+step-2)
			if m := x(bar.Mark); m > end && m < end+70 {
				end = m
			}
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", end+6, y+14, html.EscapeString(bar.Note))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// A Group is bars under a heading. Their marks are not drawn.
type Group struct {
	Title string
	Bars  []Bar
}

// Groups draws groups of bars under each other, on a linear scale that begins
// at 0 and has no axis: each bar's note says its value.
func Groups(title, subtitle string, groups []Group) []byte {
	const width, left, right, head, step, gap = 860, 210, 90, 66, 18, 26
	high, height := 0.0, head
	for _, g := range groups {
		height += (len(g.Bars)+1)*step + gap
		for _, bar := range g.Bars {
			high = max(high, bar.Value)
		}
	}
	if high == 0 {
		high = 1
	}
	var b bytes.Buffer
	begin(&b, width, height, title, subtitle)
	y := head
	for _, g := range groups {
		fmt.Fprintf(&b, `<text class="h" x="16" y="%d">%s</text>`+"\n", y+13, html.EscapeString(g.Title))
		y += step + 4
		for _, bar := range g.Bars {
			length := bar.Value / high * (width - left - right)
			drawBar(&b, bar, left, y+2, length, step-4)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", left+length+6, y+13, html.EscapeString(bar.Note))
			y += step
		}
		y += gap - 4
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawBar draws a bar that begins at left, and its label before it.
func drawBar(b *bytes.Buffer, bar Bar, left, top int, length float64, height int) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="f%d" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`,
		left-8, top+11, html.EscapeString(bar.Label), bar.Colour%colours, left, top, max(length, 1), height)
}

// A Series is a line through points, in the order given.
type Series struct {
	Name   string
	X, Y   []float64
	Colour int
}

// An Axis is named, and writes its values by Format; Ticks are the values that
// are written, or nil for powers of ten.
type Axis struct {
	Name   string
	Ticks  []float64
	Format func(float64) string
}

func (a Axis) format(v float64) string {
	if a.Format == nil {
		return fmt.Sprintf("%g", v)
	}
	return a.Format(v)
}

// Lines draws series over each other, both axes logarithmic, with each line's
// name at its end.
func Lines(title, subtitle string, xAxis, yAxis Axis, series []Series) []byte {
	const width, height, left, right, top, bottom = 860, 460, 84, 190, 88, 58
	xLow, xHigh, yLow, yHigh := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, s := range series {
		for i := range s.X {
			xLow, xHigh = min(xLow, s.X[i]), max(xHigh, s.X[i])
			yLow, yHigh = min(yLow, s.Y[i]), max(yHigh, s.Y[i])
		}
	}
	yLow, yHigh = math.Pow(10, math.Floor(math.Log10(yLow))), math.Pow(10, math.Ceil(math.Log10(yHigh)))
	if yLow == yHigh {
		yHigh *= 10
	}
	if xLow == xHigh {
		xHigh *= 10
	}
	x := func(v float64) float64 { return left + math.Log(v/xLow)/math.Log(xHigh/xLow)*(width-left-right) }
	y := func(v float64) float64 {
		return height - bottom - math.Log(v/yLow)/math.Log(yHigh/yLow)*(height-top-bottom)
	}
	var b bytes.Buffer
	begin(&b, width, height, title, subtitle)
	for v := yLow; v <= yHigh*1.001; v *= 10 {
		fmt.Fprintf(&b, `<line class="g" x1="%d" x2="%d" y1="%.1f" y2="%[3]f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y(v), left-8, y(v)+4, html.EscapeString(yAxis.format(v)))
	}
	for _, v := range xAxis.Ticks {
		fmt.Fprintf(&b, `<line class="g" x1="%.1f" x2="%[1]f" y1="%d" y2="%d"/><text x="%.1[1]f" y="%[4]d" text-anchor="middle">%[5]s</text>`+"\n",
			x(v), top, height-bottom, height-bottom+18, html.EscapeString(xAxis.format(v)))
	}
	fmt.Fprintf(&b, `<text class="s" x="%d" y="%d" text-anchor="middle">%s</text><text class="s" x="%d" y="%d">%s</text>`+"\n",
		(left+width-right)/2, height-14, html.EscapeString(xAxis.Name), 16, top-16, html.EscapeString(yAxis.Name))
	names := place(series, y)
	for i, s := range series {
		points := ""
		for j := range s.X {
			points += fmt.Sprintf("%.1f,%.1f ", x(s.X[j]), y(s.Y[j]))
		}
		fmt.Fprintf(&b, `<polyline class="l l%d" points="%s"/>`, s.Colour%colours, points)
		for j := range s.X {
			fmt.Fprintf(&b, `<circle class="f%d" cx="%.1f" cy="%.1f" r="3"/>`, s.Colour%colours, x(s.X[j]), y(s.Y[j]))
		}
		fmt.Fprintf(&b, `<text class="f%d h" x="%d" y="%.1f">%s</text>`+"\n", s.Colour%colours, width-right+10, names[i], html.EscapeString(s.Name))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// place returns a height for each series' name: where its line ends, or as near
// as the names above leave room.
func place(series []Series, y func(float64) float64) []float64 {
	const lineHeight = 15
	at := make([]float64, len(series))
	done := make([]bool, len(series))
	above := 0.0
	for range series {
		next := -1
		for i, s := range series {
			if !done[i] && (next < 0 || s.Y[len(s.Y)-1] > series[next].Y[len(series[next].Y)-1]) {
				next = i
			}
		}
		at[next] = max(y(series[next].Y[len(series[next].Y)-1])+4, above+lineHeight)
		above, done[next] = at[next], true
	}
	return at
}
