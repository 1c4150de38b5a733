package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/leat-go/leat/examples/internal/program"
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

var (
	stampLine   = regexp.MustCompile(`^stamp (\d+) is (\d+:\d+), hash ([0-9a-f]{16})…, by worker \d$`)
	refusedLine = regexp.MustCompile(`^stamp (\d+) was not accepted: leat: channel closed$`)
)

// checkStamps fails if lines say not exactly that stamps 1 to n were minted,
// each once and rightly.
func checkStamps(t *testing.T, lines []string, n, zeros int) {
	t.Helper()
	seen := make(map[string]bool)
	for _, line := range lines {
		m := stampLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(m[2])))
		if seen[m[1]] || !strings.HasPrefix(m[2], m[1]+":") || hash[:16] != m[3] || hash[:zeros] != strings.Repeat("0", zeros) {
			t.Errorf("%q: done before, or not a stamp", line)
		}
		seen[m[1]] = true
	}
	for job := 1; job <= n; job++ {
		if !seen[fmt.Sprint(job)] {
			t.Errorf("stamp %d was accepted, and is not there", job)
		}
	}
	if len(seen) != n {
		t.Errorf("%d stamps, want %d", len(seen), n)
	}
}

// It fails if work that has an end does not end the program, or not all of it
// is done.
func TestAllIsDone(t *testing.T) {
	p := program.Start(t, "-count", "50", "-zeros", "2")
	lines := p.Ends(0)
	checkStamps(t, lines, 50, 2)
	if last := lines[len(lines)-1]; last != "50 accepted, 50 done" {
		t.Errorf("the last line is %q", last)
	}
}

// It fails if Ctrl-C loses a job that was accepted, accepts another, does not
// tell who submits, or if the submitter runs ahead of the workers by more than
// there is room.
func TestInterrupt(t *testing.T) {
	p := program.Start(t, "-workers", "3", "-room", "4", "-zeros", "3")
	for range 5 {
		p.Until("^stamp .* is ")
	}
	p.Signal(os.Interrupt)
	lines := p.Ends(0)
	var accepted, done, refused, before int
	for i, line := range lines {
		if strings.HasPrefix(line, "interrupted: ") {
			before = i // at most so many were done
		}
		if m := refusedLine.FindStringSubmatch(line); m != nil {
			refused, _ = strconv.Atoi(m[1])
		}
	}
	if _, err := fmt.Sscanf(lines[len(lines)-1], "%d accepted, %d done", &accepted, &done); err != nil {
		t.Fatalf("the last line is %q", lines[len(lines)-1])
	}
	checkStamps(t, lines, accepted, 3)
	if done != accepted || refused != accepted+1 {
		t.Errorf("accepted %d, done %d, refused the %dth", accepted, done, refused)
	}
	// Accepted jobs that are not on the screen: four wait, each worker has one
	// in hand, one is in the results, main has one.
	if most := before + 4 + 3 + 1 + 1; accepted > most {
		t.Errorf("%d accepted when %d were done, want at most %d: the submitter does not wait", accepted, before, most)
	}
}

// It fails if a second Ctrl-C waits for jobs, here ones that take years.
func TestSecondInterrupt(t *testing.T) {
	p := program.Start(t, "-zeros", "60")
	p.Until("^8 jobs wait")
	p.Signal(os.Interrupt)
	p.Until("^interrupted: no more jobs are accepted")
	p.Signal(os.Interrupt)
	p.Until("^interrupted again")
	p.Ends(1)
}
