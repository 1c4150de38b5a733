package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const root = "../../.."

// It fails if the committed figure is not what the source imports, or if a package has no place in it.
func TestFigureIsCurrent(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "cmd")); err != nil {
		t.Skip("cmd is not here: nested modules are in a clone, and not in the module as it is downloaded")
	}
	want, err := draw(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, figure))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Errorf("%s is not what the source imports: go run ./docs/internal/imports", figure)
	}
}

// It fails if an arrow that others imply is drawn, or one that none implies is left out.
func TestImplied(t *testing.T) {
	imports := map[string][]string{"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}}
	for _, test := range []struct {
		from, to string
		want     bool
	}{{"a", "b", false}, {"a", "c", true}, {"a", "d", true}, {"b", "c", false}, {"c", "d", false}} {
		if got := implied(imports, test.from, test.to); got != test.want {
			t.Errorf("%s to %s: implied %v", test.from, test.to, got)
		}
	}
}
