package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is the server's process when the program starts itself as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every system answers, in both halves, and the figures are drawn: a benchmark
// that broke with a change, or a version, fails. Its numbers mean nothing.
func TestEverySystemAnswers(t *testing.T) {
	c := config{duration: 20 * time.Millisecond, rounds: 1, window: 4, conns: []int{2}, svg: t.TempDir()}
	if err := c.run(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rpc-ping.svg", "rpc-pipelined.svg"} {
		text, err := os.ReadFile(filepath.Join(c.svg, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range systems {
			if s.only == 1 && name != "rpc-ping.svg" {
				continue
			}
			if !strings.Contains(string(text), s.name) {
				t.Errorf("%s does not show %s", name, s.name)
			}
		}
	}
}
