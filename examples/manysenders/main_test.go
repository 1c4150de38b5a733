package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/leat-go/leat/examples/internal/program"
)

func TestMain(m *testing.M) {
	// Under the race detector the example reports the race that it shows, a
	// close beside a send, and would end with a code of its own.
	os.Setenv("GORACE", "exitcode=0")
	os.Exit(program.Main(m))
}

// tree makes directories in directories, each with files, and more of them than
// a channel has room for.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for a := range 5 {
		for b := range 4 {
			dir := filepath.Join(root, fmt.Sprint(a), fmt.Sprint(b))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for file := range 10 {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(file)), make([]byte, 100), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return root
}

// It fails if a way misses a file or counts one twice, if leat leaves a walker
// behind or panics, or if a native channel no longer fails as native.go says.
func TestManySenders(t *testing.T) {
	lines := program.Start(t, "-root", tree(t), "-first", "3").Ends(0)
	want := []string{
		`read to the end:`,
		`  leat  +200 files, 20 KB; every walker is done`,
		`  native, WaitGroup  +200 files, 20 KB; every walker is done`,
		`  native, reader closes  +200 files, 20 KB; every walker is done`,
		`leave after 3 files:`,
		`  leat  +3 files, 0 KB; every walker is done`,
		`  native, WaitGroup  +3 files, 0 KB; [1-9]\d* walkers wait for ever, and so does the closer`,
		`  native, reader closes  +3 files, 0 KB; [1-9]\d* walkers panicked: send on closed channel`,
	}
	if !slices.EqualFunc(lines, want, func(line, want string) bool { return regexp.MustCompile("^" + want + "$").MatchString(line) }) {
		t.Errorf("it says\n%q\nwant\n%q", lines, want)
	}
}
