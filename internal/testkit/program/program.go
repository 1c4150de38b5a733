// Package program builds the program under test, for tests that run it as a
// process.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// Main builds the program in the current directory, with -race if the tests
// are, puts the path of its binary into binary, runs the tests, and returns
// their exit code: it is what TestMain does.
func Main(m *testing.M, binary *string) int {
	dir, err := os.MkdirTemp("", "leat-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "program.exe")
	args := []string{"build", "-o", *binary}
	if UnderRace() {
		args = append(args, "-race")
		// By default a program that was built so sleeps for a second before it
		// ends.
		os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program under test: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// UnderRace reports whether the tests were built with -race.
func UnderRace() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}
