package main

import (
	"strings"
	"testing"

	"github.com/leat-go/leat/cmd/internal/childtest"
)

// The tests run the real program as a child process, with real sockets, pipes
// and signals.

func TestMain(m *testing.M) { childtest.Main(m, "leat") }

// system returns the arguments that run a system, which may bring flags of its
// own, with more flags.
func system(name string, flags ...string) []string {
	return append(append([]string{"run"}, strings.Fields(name)...), flags...)
}
