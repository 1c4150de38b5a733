package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	rustDir    = "dev/bench/rust"            // our program, from the root of the repository
	rustCrates = "/usr/share/cargo/registry" // where Debian's packages put what it is made of
)

// rustPeers says who in Rust does which workloads of the table: those whose
// names begin so.
var rustPeers = []struct {
	prefix string
	who    []string
	least  int // operations in a run
}{
	{"mpsc/ctx=background/", []string{"tokio", "crossbeam"}, manyThreads},
	{"try", []string{"tokio", "crossbeam"}, 0},
	{"pingpong/ctx=background", []string{"tokio", "crossbeam"}, 0},
	{"broadcast-lossy/", []string{"tokio"}, 0},
	{"watch/get", []string{"tokio"}, 0},
	{"oneshot", []string{"tokio"}, 0},
	{"mpmc/", []string{"crossbeam"}, manyThreads},
}

// manyThreads is so many operations that making 128 threads for them, a few
// milliseconds, does not count for much.
const manyThreads = 500_000

// withRust adds them, so that they take turns with native and leat. tokio's
// broadcast waits for no receiver: it has a workload of its own.
func withRust(all []workload, do func(workload, who string, n int) error) []workload {
	for _, r := range []int{10, 100} {
		all = append(all, workload{name: fmt.Sprintf("broadcast-lossy/receivers=%d", r), contestants: []contestant{
			{"leat", func(n int) error { return lossyFanOut(fanOutCapacity, r, n) }}}})
	}
	for i, w := range all {
		for _, p := range rustPeers {
			if !strings.HasPrefix(w.name, p.prefix) {
				continue
			}
			all[i].least = max(w.least, p.least)
			for _, who := range p.who {
				all[i].contestants = append(all[i].contestants, contestant{who, func(n int) error { return do(w.name, who, n) }})
			}
		}
	}
	return all
}

// rustVersions returns the versions of the compiler and the crates. Its error
// names the first that is missing.
func rustVersions() (versions string, err error) {
	out, err := exec.Command("rustc", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("no Rust: %w", err)
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		return "", fmt.Errorf("no Rust: %w", err)
	}
	versions = strings.TrimSpace(string(out))
	for _, crate := range []string{"tokio", "crossbeam-channel"} {
		found, _ := filepath.Glob(filepath.Join(rustCrates, crate+"-[0-9]*"))
		if found == nil {
			return "", fmt.Errorf("%s is not installed; on Debian: apt-get install librust-tokio-dev librust-crossbeam-channel-dev", crate)
		}
		versions += ", " + filepath.Base(found[0])
	}
	return versions, nil
}

// A rustProgram is our program, running: it does what a line says, and answers
// with a line. A run's time has the way there and back in it.
type rustProgram struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

// startRust builds the program in dir and starts it, with as many threads as Go
// has.
func startRust(dir string) (*rustProgram, error) {
	build := exec.Command("cargo", "build", "--quiet", "--release", "--offline", "--target-dir", "target")
	build.Dir, build.Stderr = dir, os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building %s, from the root of the repository: %w", dir, err)
	}
	p := &rustProgram{cmd: exec.Command(filepath.Join(dir, "target", "release", "leat-bench-rust"), fmt.Sprint(runtime.GOMAXPROCS(0)))}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.answers = in, json.NewDecoder(out)
	return p, p.cmd.Start()
}

func (p *rustProgram) do(workload, who string, n int) error {
	if _, err := fmt.Fprintln(p.in, workload, who, n); err != nil {
		return err
	}
	return readAnswer(p.answers)
}

// readAnswer reads one line, and returns the error in it, if any.
func readAnswer(from *json.Decoder) error {
	var a struct {
		Nanoseconds *int64 `json:"ns"`
		Error       string `json:"error"`
	}
	switch err := from.Decode(&a); {
	case err != nil:
		return fmt.Errorf("no answer: %w", err)
	case a.Error != "":
		return errors.New(a.Error)
	case a.Nanoseconds == nil:
		return errors.New("an answer without ns")
	}
	return nil
}

// stop ends the program: it has nothing left to read.
func (p *rustProgram) stop() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// printRust writes a row for each workload that Rust did.
func (m *measurement) printRust(w io.Writer, versions string) {
	var rows []string
	row := map[string]map[string]*result{}
	for _, r := range m.results {
		if row[r.workload] == nil {
			row[r.workload] = map[string]*result{}
			rows = append(rows, r.workload)
		}
		row[r.workload][r.contestant] = r
	}
	rows = slices.DeleteFunc(rows, func(name string) bool { return row[name]["tokio"] == nil && row[name]["crossbeam"] == nil })
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\nBeside Rust (%s, %d threads for tokio), of the same rounds; the ratio is the time of the faster of the two, divided by leat's:\n\n",
		versions, runtime.GOMAXPROCS(0))
	fmt.Fprintln(w, "| workload | native | leat | tokio | crossbeam | ratio |\n| --- | --- | --- | --- | --- | --- |")
	for _, name := range rows {
		shown := func(who string) string {
			if row[name][who] == nil {
				return ""
			}
			return nanoseconds(row[name][who].median())
		}
		faster := math.Inf(1)
		for _, who := range []string{"tokio", "crossbeam"} {
			if r := row[name][who]; r != nil {
				faster = min(faster, r.median())
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.2f× |\n", name, shown("native"), shown("leat"), shown("tokio"), shown("crossbeam"),
			faster/row[name]["leat"].median())
	}
}
