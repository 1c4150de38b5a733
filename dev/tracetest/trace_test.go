package tracetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/trace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// events returns what go tool trace reads in the execution trace of do. It
// fails if the regions of the trace are not properly nested, because go tool
// trace does.
func events(t *testing.T, do func()) []string {
	t.Helper()
	if trace.IsEnabled() {
		t.Skip("the tests are traced")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "trace"))
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Start(file); err != nil {
		t.Fatal(err)
	}
	do()
	trace.Stop()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "trace", "-d=parsed", file.Name()).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go tool trace: %v\n%s", err, exit.Stderr)
		}
		t.Skipf("the go command is not on PATH: %v", err)
	}
	return strings.Split(string(out), "\n")
}

// waits returns, for each region of that name, what its goroutine does from the
// region's begin to its end.
func waits(lines []string, region string) (found [][]string) {
	name := regexp.MustCompile(` G=(\d+) Region(Begin|End) .* Type="` + regexp.QuoteMeta(strings.ReplaceAll(region, `"`, `\"`)) + `"`)
	step := regexp.MustCompile(` StateTransition .* GoID=(\d+) (\S+)->(\S+) `)
	open := make(map[string][]string) // by goroutine
	for _, line := range lines {
		if m := name.FindStringSubmatch(line); m != nil {
			open[m[1]] = append(open[m[1]], m[2])
			if m[2] == "End" {
				found = append(found, open[m[1]])
				delete(open, m[1])
			}
		}
		if m := step.FindStringSubmatch(line); m != nil && open[m[1]] != nil {
			open[m[1]] = append(open[m[1]], m[3])
		}
	}
	return found
}

// It fails if the region of a wait does not begin before the goroutine parks
// and end after it was woken, however the wait ends.
func TestRegions(t *testing.T) {
	lines := events(t, func() {
		synctest.Test(t, func(t *testing.T) {
			tx, rx := mpsc.New[int](1, leat.Name("jobs"))
			defer rx.Close()
			defer tx.Close()
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				_, _ = rx.Recv(context.Background()) // ends by a value
				_, _ = rx.Recv(ctx)                  // ends by its context
				_, _ = leat.Select(context.Background(), leat.OnRecv(rx, func(int, error) {}))
			}()
			synctest.Wait()
			_ = tx.TrySend(1)
			synctest.Wait()
			cancel()
			synctest.Wait()
			_ = tx.TrySend(1)
		})
	})
	for region, want := range map[string]int{
		`leat receives from mpsc "jobs"`:          2,
		`leat selects: receives from mpsc "jobs"`: 1,
	} {
		found := waits(lines, region)
		if len(found) != want {
			t.Errorf("%d regions %s, want %d", len(found), region, want)
		}
		for _, steps := range found {
			if len(steps) < 5 || steps[0] != "Begin" || !slices.Contains(steps, "Waiting") || steps[len(steps)-2] != "Running" {
				t.Errorf("in a region %s the goroutine does %v; want Begin, Waiting, Runnable, Running, End", region, steps)
			}
		}
	}
}
