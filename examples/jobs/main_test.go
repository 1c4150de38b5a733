package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/leat-go/leat/examples/internal/program"
	"github.com/leat-go/leat/natsembed"
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// results returns what the workers said, sorted, and without who said it.
func results(lines []string) []string {
	var all []string
	for _, line := range lines {
		if m := regexp.MustCompile(`^worker \d+: (.*)`).FindStringSubmatch(line); m != nil {
			all = append(all, m[1])
		}
	}
	slices.Sort(all)
	return all
}

// wanted returns the results of n jobs.
func wanted(n int) []string {
	var all []string
	for i := range n {
		number := 1_000_000_000_039 + 2*uint64(i)
		all = append(all, fmt.Sprint(number, " ", factor(number)))
	}
	slices.Sort(all)
	return all
}

func checkResults(t *testing.T, where string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the workers say\n%s\nwant\n%s", where, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// It fails if the program does other work on another queue, loses a job or does
// one twice.
func TestOnlyTheConstructorDiffers(t *testing.T) {
	for _, where := range []string{"", "embedded"} {
		lines := program.Start(t, "-nats", where).Ends(0)
		checkResults(t, where, results(lines), wanted(20))
		if last := lines[len(lines)-1]; last != "the queue has ended: 20 jobs done here" {
			t.Errorf("%q: the last line is %q", where, last)
		}
	}
}

// It fails if the queue does not join processes, if one that has ended is not
// said to have, or if its name cannot be used again when it was removed.
func TestProcesses(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		submitter := program.Start(t, "-nats", s.URL(), "-workers", "0", "-submit", "30")
		worker := program.Start(t, "-nats", s.URL(), "-submit", "0")
		other := program.Start(t, "-nats", s.URL(), "-submit", "0", "-workers", "1")
		submitted := submitter.Ends(0)
		if !slices.Equal(submitted, []string{"all 30 jobs were accepted"}) {
			t.Errorf("the submitter says %q", submitted)
		}
		got := append(results(worker.Ends(0)), results(other.Ends(0))...)
		slices.Sort(got)
		checkResults(t, s.URL(), got, wanted(30))

		late := program.Start(t, "-nats", s.URL())
		if late.Ends(1); !strings.Contains(late.Stderr(), `cannot submit to queue "jobs": leat: channel closed: jobs; delete it to use the name again (by -remove;`) {
			t.Errorf("a late submitter says %q", late.Stderr())
		}
		program.Start(t, "-nats", s.URL(), "-remove").Ends(0)
	}
}

// It fails if an accepted job does not outlive the process that accepted it.
func TestOutlivesItsProcess(t *testing.T) {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	submitted := program.Start(t, "-nats", s.URL(), "-workers", "0", "-submit", "8").Ends(0)
	if !slices.Equal(submitted, []string{"all 8 jobs were accepted"}) {
		t.Errorf("the submitter says %q", submitted)
	}
	checkResults(t, "later", results(program.Start(t, "-nats", s.URL(), "-submit", "0").Ends(0)), wanted(8))
}

// It fails if a server that is not there is not said to be missing.
func TestNoServer(t *testing.T) {
	p := program.Start(t, "-nats", "nats://127.0.0.1:1")
	if p.Ends(1); !strings.Contains(p.Stderr(), "cannot connect to nats://127.0.0.1:1") {
		t.Errorf("it says %q", p.Stderr())
	}
}
