package figure

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// wellFormed fails if svg is not XML to its end, or holds a number that no viewer can draw.
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

// It fails if a name is not escaped, or a value at the edge of the scale has no place.
func TestBars(t *testing.T) {
	svg := Bars("a < b", "c & d", 0.1, []Bar{{Label: "<x>", Value: 12, Note: "12"}, {Label: "none", Value: 0, Mark: 1, Colour: 7}})
	wellFormed(t, svg)
	if !strings.Contains(string(svg), "&lt;x&gt;") {
		t.Errorf("the label is missing:\n%s", svg)
	}
}

// It fails if one point, or values that are all the same, leave the scale without a length; or if names lie over each other.
func TestLines(t *testing.T) {
	wellFormed(t, Lines("t", "s", Axis{Name: "x"}, Axis{Name: "y"}, []Series{{Name: "one", X: []float64{1}, Y: []float64{100}}}))
	same := []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{5, 5}}, {Name: "b", X: []float64{1, 2}, Y: []float64{5, 5}}}
	wellFormed(t, Lines("t", "s", Axis{Ticks: []float64{1, 2}}, Axis{}, same))
	if at := place(same, func(v float64) float64 { return v }); at[1]-at[0] < 12 {
		t.Errorf("the names stand at %v: one hides the other", at)
	}
}
