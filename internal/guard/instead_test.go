package guard_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/leat-go/leat/internal/testkit/lines"
)

// It fails if docs/instead.md gives another number of lines for a package than
// it has, or leaves one out, or if fewer than six need less than half of the
// original's lines once all are there.
func TestInsteadLines(t *testing.T) {
	atRoot(t)
	if _, err := os.Stat("examples"); err != nil {
		t.Skip("examples is not here: nested modules are in a clone, and not in the module as it is downloaded")
	}
	text := readPage(t, "docs/instead.md")
	rows := regexp.MustCompile(`(?m)^\|.*\(\.\./examples/instead/(\w+)\).* \| (\d+) \| (\d+) \|`).FindAllStringSubmatch(text, -1)
	listed, half := make(map[string]bool), 0
	for _, row := range rows {
		name := row[1]
		theirs, _ := strconv.Atoi(row[2])
		ours, _ := strconv.Atoi(row[3])
		listed[name] = true
		got := goLines(t, "examples/instead/"+name)
		if _, err := os.Stat("dev/instead/" + name); err == nil { // where it meets a dependency
			got += goLines(t, "dev/instead/"+name)
		}
		if ours != got {
			t.Errorf("docs/instead.md says that %s has %d lines; it has %d", name, ours, got)
		}
		if 2*got < theirs {
			half++
		}
	}
	dirs, err := os.ReadDir("examples/instead")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if !listed[dir.Name()] {
			t.Errorf("docs/instead.md has no row for examples/instead/%s", dir.Name())
		}
	}
	if half < 6 {
		t.Errorf("%d packages have less than half of the original's lines", half)
	}
}

// goLines counts the lines of a directory's Go files that have code on them,
// tests left out.
func goLines(t *testing.T, dir string) (n int) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += lines.Count(src)
	}
	return n
}
