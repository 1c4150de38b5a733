package figure

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// wellFormed fails if svg is not XML to its end, or holds a number that no
// viewer can draw.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(string(svg), bad) {
			t.Errorf("the figure holds %s:\n%s", bad, svg)
		}
	}
}

// It fails if a name is not escaped, a value at the edge of the scale has no
// place, or a long label begins outside of the figure.
func TestBars(t *testing.T) {
	svg := Bars("a < b", "c & d", 0.1, []Bar{{Label: "<x>", Value: 12, Note: "12"}, {Label: "none", Value: 0, Mark: 1, Colour: 7}})
	wellFormed(t, svg)
	if !strings.Contains(string(svg), "&lt;x&gt;") {
		t.Errorf("the label is missing:\n%s", svg)
	}
	long := strings.Repeat("x", 80)
	svg = Bars("t", "s", 0.1, []Bar{{Label: long, Value: 1}})
	end := regexp.MustCompile(`x="(\d+)" y="\d+" text-anchor="end">x`).FindSubmatch(svg)
	if end == nil {
		t.Fatalf("the label is missing:\n%s", svg)
	}
	if at, _ := strconv.Atoi(string(end[1])); at < 80*7 {
		t.Errorf("a label of 80 characters ends at %d", at)
	}
}

// It fails if a heading is not escaped, if bars lie over each other or over the
// edge, or if a chart of zeros divides by zero.
func TestGroups(t *testing.T) {
	bars := []Bar{{Label: "a", Value: 5, Note: "5"}, {Label: "<b>", Value: 10, Note: "10", Colour: 1}}
	svg := Groups("a < b", "c & d", []Group{{"one & only", bars}, {"two", bars[:1]}})
	wellFormed(t, svg)
	for _, want := range []string{"one &amp; only", "&lt;b&gt;"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("%q is missing:\n%s", want, svg)
		}
	}
	rect := regexp.MustCompile(`<rect class="f\d" x="(\d+)" y="(\d+)" width="([\d.]+)" height="(\d+)"`)
	var widths []float64
	bottom := 0.0
	for _, m := range rect.FindAllStringSubmatch(string(svg), -1) {
		var n [4]float64
		for i := range n {
			n[i], _ = strconv.ParseFloat(m[i+1], 64)
		}
		if n[1] < bottom || n[0]+n[2] > 860 {
			t.Errorf("a bar at %v lies over another that ends at %v, or over the edge", n, bottom)
		}
		bottom, widths = n[1]+n[3], append(widths, n[2])
	}
	if len(widths) != 3 || widths[1] != 2*widths[0] || widths[2] != widths[0] {
		t.Errorf("bars of 5, 10 and 5 are %v wide", widths)
	}
	wellFormed(t, Groups("t", "s", []Group{{"zero", []Bar{{}}}}))
}

// It fails if one point, or values that are all the same, leave the scale
// without a length; or if names lie over each other.
func TestLines(t *testing.T) {
	wellFormed(t, Lines("t", "s", Axis{Name: "x"}, Axis{Name: "y"}, []Series{{Name: "one", X: []float64{1}, Y: []float64{100}}}))
	same := []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{5, 5}}, {Name: "b", X: []float64{1, 2}, Y: []float64{5, 5}}}
	wellFormed(t, Lines("t", "s", Axis{Ticks: []float64{1, 2}}, Axis{}, same))
	if at := place(same, func(v float64) float64 { return v }); at[1]-at[0] < 12 {
		t.Errorf("the names stand at %v: one hides the other", at)
	}
}
