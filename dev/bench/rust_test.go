package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// It fails if Rust is asked for another workload than its answer is taken for,
// also when -run has left some out.
func TestRustIsAskedForItsOwn(t *testing.T) {
	asked := ""
	all := withRust(designWorkloads(), func(workload, who string, n int) error { asked = workload + " " + who; return nil })
	for _, w := range slices.DeleteFunc(all, func(w workload) bool { return strings.HasPrefix(w.name, "batch") }) {
		for _, c := range w.contestants {
			if c.name == "tokio" || c.name == "crossbeam" {
				c.run(1)
				if want := w.name + " " + c.name; asked != want {
					t.Errorf("asked for %s, want %s", asked, want)
				}
			}
		}
	}
}

// It fails if a workload that went wrong in Rust, or an answer cut short, is
// taken for a time.
func TestRustAnswer(t *testing.T) {
	answers := json.NewDecoder(strings.NewReader("{\"ns\":48525778}\n{\"error\":\"received 1, want 2\"}\n{}\n{\"ns\":1"))
	for _, want := range []string{"", "received 1, want 2", "an answer without ns", "no answer: unexpected EOF"} {
		got := ""
		if err := readAnswer(answers); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// It fails if the table has a row that Rust did not do, leaves out one that it
// did, or sets leat against the slower of the two.
func TestRustTable(t *testing.T) {
	var m measurement
	m.results = append(m.results, measured("mpsc/ctx=background/cap=32/senders=1", 40, 10)...)
	m.results = append(m.results,
		&result{"mpsc/ctx=background/cap=32/senders=1", "tokio", []float64{50}, nil},
		&result{"mpsc/ctx=background/cap=32/senders=1", "crossbeam", []float64{20}, nil})
	m.results = append(m.results, measured("batch", 40, 10)...)
	m.results = append(m.results, &result{"broadcast-lossy/receivers=10", "leat", []float64{10}, nil},
		&result{"broadcast-lossy/receivers=10", "tokio", []float64{30}, nil})
	var b strings.Builder
	m.printRust(&b, "rustc")
	_, rows, _ := strings.Cut(b.String(), "--- |\n")
	if want := "| mpsc/ctx=background/cap=32/senders=1 | 40 ns | 10 ns | 50 ns | 20 ns | 2.00× |\n" +
		"| broadcast-lossy/receivers=10 |  | 10 ns | 30 ns |  | 3.00× |\n"; rows != want {
		t.Errorf("got rows\n%s\nwant\n%s", rows, want)
	}
}

// It fails if the Rust program does not build, does not know a workload that it
// is asked for, or loses a value in one.
func TestRust(t *testing.T) {
	if os.Getenv("LEAT_TEST_RUST") == "" {
		t.Skip("it takes half a minute to compile tokio; set LEAT_TEST_RUST=1")
	}
	if _, err := rustVersions(); err != nil {
		t.Skip(err)
	}
	p, err := startRust("rust")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, w := range withRust(designWorkloads(), func(workload, who string, n int) error {
		asked[who] = true
		return p.do(workload, who, n)
	}) {
		for _, c := range w.contestants {
			if !slices.Contains([]string{"tokio", "crossbeam"}, c.name) {
				continue
			}
			for _, n := range []int{1, 1000} {
				if err := c.run(n); err != nil {
					t.Errorf("%s, %s, %d operations: %v", w.name, c.name, n, err)
				}
			}
		}
	}
	if !asked["tokio"] || !asked["crossbeam"] {
		t.Errorf("asked %v, want tokio and crossbeam", asked)
	}
	if err := p.do("mpmc/cap=32/each=1", "tokio", 1); err == nil {
		t.Error("tokio did a workload that it has no channel for")
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	own := exec.Command("cargo", "test", "--quiet", "--release", "--offline", "--target-dir", "target")
	own.Dir = "rust"
	if out, err := own.CombinedOutput(); err != nil {
		t.Errorf("its own tests: %v\n%s", err, out)
	}
}
