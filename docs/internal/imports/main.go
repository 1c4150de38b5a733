// Imports draws which package imports which, as docs/figures/imports.svg:
//
//	go run ./docs/internal/imports
//
// The places of the boxes are given here, the arrows are read from the source. An arrow that others imply is left out: mpsc
// imports leat, and the way through internal/queue says so.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	module = "github.com/leat-go/leat"
	figure = "docs/figures/imports.svg"
)

type box struct {
	pkg    string
	says   string // what is in it
	x      int    // of its middle
	nested bool   // in a module of its own
}

// Each row imports from rows below it.
var rows = [][]box{
	{{"cmd/leat", "the program", 470, true}},
	{{"natschan", "channels on NATS", 80, true}, {"natsembed", "a server inside", 205, true}, {"rpc", "JSON over TCP", 330, false},
		{"inspect", "the live page", 830, false}},
	{{"mpmc", "many workers", 155, false}, {"mpsc", "one worker", 275, false}, {"watch", "the latest", 395, false},
		{"broadcast", "everybody", 515, false}, {"oneshot", "one answer", 635, false}, {"leattest", "conformance", 755, false}},
	{{"internal/queue", "mpsc and mpmc", 215, false}},
	{{".", "the contract, Select", 455, false}},
	{{"internal/fifo", "values in order", 215, false}, {"internal/park", "how anything waits", 455, false}},
	{{"internal/seam", "sync, or a model of it", 335, false}, {"internal/probe", "names and counts", 575, false}},
}

// leftOut says of a package that is not drawn why that is right, or "".
func leftOut(pkg string) string {
	switch first, _, _ := strings.Cut(pkg, "/"); {
	case slices.Contains([]string{"bench", "verify", "examples"}, first):
		return "it imports anything, and nothing imports it"
	case first == "docs":
		return "it makes these pages"
	case strings.HasSuffix(path.Dir(pkg), "test"), strings.HasSuffix(pkg, "test"):
		return "it is for tests"
	case pkg == "cmd":
		return "it holds the module's comment"
	}
	return ""
}

func main() {
	svg, err := draw(".")
	if err == nil {
		err = os.WriteFile(figure, svg, 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "imports:", err)
		os.Exit(1)
	}
}

// draw returns the figure of the repository in root.
func draw(root string) ([]byte, error) {
	imports, err := readImports(root)
	if err != nil {
		return nil, err
	}
	row := make(map[string]int)
	for i, boxes := range rows {
		for _, b := range boxes {
			if _, ok := imports[b.pkg]; !ok {
				return nil, fmt.Errorf("there is no package %s any more; take it out of the rows", b.pkg)
			}
			row[b.pkg] = i
		}
	}
	for pkg, deps := range imports {
		from, drawn := row[pkg]
		if !drawn {
			if leftOut(pkg) == "" {
				return nil, fmt.Errorf("package %s is new; give it a place in the rows", pkg)
			}
			delete(imports, pkg)
			continue
		}
		for _, dep := range deps {
			to, drawn := row[dep]
			if !drawn {
				return nil, fmt.Errorf("%s imports %s, which is not drawn: %s", pkg, dep, leftOut(dep))
			}
			if to <= from {
				return nil, fmt.Errorf("%s imports %s, which does not stand below it", pkg, dep)
			}
		}
	}
	return render(imports), nil
}

// readImports returns, for each package of the repository, which others of it it imports. Tests do not count.
func readImports(root string) (map[string][]string, error) {
	all := make(map[string][]string)
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != root && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		pkg, err := build.ImportDir(dir, 0)
		var none *build.NoGoError
		if errors.As(err, &none) || err == nil && len(pkg.GoFiles) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		all[name] = nil
		for _, imp := range pkg.Imports {
			if imp == module {
				all[name] = append(all[name], ".")
			} else if dep, ok := strings.CutPrefix(imp, module+"/"); ok {
				all[name] = append(all[name], dep)
			}
		}
		return nil
	})
	return all, err
}

// implied reports whether from reaches to by way of another import.
func implied(imports map[string][]string, from, to string) bool {
	var reaches func(pkg string) bool
	reaches = func(pkg string) bool {
		return slices.ContainsFunc(imports[pkg], func(dep string) bool { return dep == to || reaches(dep) })
	}
	return slices.ContainsFunc(imports[from], func(dep string) bool { return dep != to && reaches(dep) })
}

const (
	width, top, step, boxHeight = 900, 62, 78, 44
)

// wide is the width of a box of the row.
func wide(row int) int {
	if row < 3 {
		return 114 // several stand beside each other
	}
	return 138
}

func render(imports map[string][]string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="11" text-anchor="middle" role="img" aria-labelledby="t">
<title id="t">Which package imports which: every arrow points down, and no kind imports another.</title>
<style>
  .bg { fill: #ffffff } .ink { fill: #1f2933; font-size: 13px; font-weight: 600 } .dim { fill: #66727f } .line { stroke: #66727f; fill: none; stroke-width: 1.3 }
  .box { fill: #e8f1f8; stroke: #4a7fa5; stroke-width: 1.5 } .nested { fill: #fdf0d5; stroke: #c98a1b; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .bg { fill: #161b22 } .ink { fill: #e6edf3 } .dim { fill: #9aa7b4 } .line { stroke: #9aa7b4 } .box { fill: #1c2a38 } .nested { fill: #3a2f17 }
  }
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="dim"/></marker></defs>
<rect class="bg" width="%[1]d" height="%[2]d" rx="8"/>
`, width, top+len(rows)*step+6)
	type place struct{ row, x int }
	at := make(map[string]place)
	for i, boxes := range rows {
		for _, box := range boxes {
			at[box.pkg] = place{i, box.x}
		}
	}
	y := func(row int) int { return top + row*step }
	for _, from := range slices.Sorted(maps.Keys(imports)) {
		deps := slices.Sorted(slices.Values(imports[from]))
		for _, to := range deps {
			if implied(imports, from, to) {
				continue
			}
			f, t := at[from], at[to]
			start, end := y(f.row)+boxHeight, y(t.row)
			if t.row-f.row > 2 { // past boxes: down beside them, then in from the side
				side := wide(t.row) / 2
				if f.x < t.x {
					side = -side
				}
				fmt.Fprintf(&b, `<path class="line" d="M%d %dV%dH%d" marker-end="url(#a)"/>`+"\n", f.x, start, end+boxHeight/2, t.x+side)
				continue
			}
			fmt.Fprintf(&b, `<path class="line" d="M%d %dL%d %d" marker-end="url(#a)"/>`+"\n", f.x, start, t.x, end)
		}
	}
	for i, boxes := range rows {
		for _, box := range boxes {
			class, name := "box", box.pkg
			if box.nested {
				class = "nested"
			}
			if name == "." {
				name = "leat"
			}
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="5"/><text class="ink" x="%d" y="%d">%s</text><text class="dim" x="%[6]d" y="%[9]d">%s</text>`+"\n",
				class, box.x-wide(i)/2, y(i), wide(i), boxHeight, box.x, y(i)+19, name, y(i)+35, box.says)
		}
	}
	fmt.Fprintf(&b, `<g text-anchor="start"><rect class="box" x="24" y="20" width="16" height="12" rx="2"/><text class="dim" x="46" y="30">the module leat, which requires nothing</text>`+
		`<rect class="nested" x="300" y="20" width="16" height="12" rx="2"/><text class="dim" x="322" y="30">a module of its own</text></g>`+"\n</svg>\n")
	return b.Bytes()
}
