// Package program runs an example as its user does, for its test: built, as a
// process, with pipes and signals.
package program

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/leat-go/leat"
	testprogram "github.com/leat-go/leat/internal/testkit/program"
	"github.com/leat-go/leat/mpsc"
)

// No example takes this long, unless it hangs or does not stop.
const hang = time.Minute

var binary string

// Main builds the program in the current directory, runs the tests, and returns
// their exit code: it is what TestMain does.
func Main(m *testing.M) int { return testprogram.Main(m, &binary) }

// A Process is a run of the example.
type Process struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *mpsc.Receiver[string]
	ctx    context.Context // ends when the run takes too long
	seen   []string
	stderr bytes.Buffer
}

// Start runs the example with the arguments. When the test ends, so does the
// run.
func Start(t *testing.T, args ...string) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	p := &Process{t: t, cmd: exec.Command(binary, args...), ctx: ctx}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after a test that failed; otherwise the example has ended
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		cancel()
		if t.Failed() {
			t.Logf("arguments %q\nstandard error:\n%s", args, p.stderr.Bytes())
		}
	})
	tx, rx := mpsc.NewUnbounded[string]()
	p.lines = rx
	go read(stdout, tx)
	return p
}

// read sends the lines of r to tx, to the end of r.
func read(r io.Reader, tx *mpsc.Sender[string]) {
	defer tx.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		_ = tx.TrySend(lines.Text()) // has room
	}
}

// Line returns the next line of standard output. It fails the test if there is
// none.
func (p *Process) Line() string {
	p.t.Helper()
	line, err := p.next()
	if err != nil {
		p.t.Fatalf("%v; the example ended after it had said:\n%q", err, p.seen)
	}
	return line
}

func (p *Process) next() (string, error) {
	p.t.Helper()
	line, err := p.lines.Recv(p.ctx)
	if err == nil {
		p.seen = append(p.seen, line)
	} else if !errors.Is(err, leat.ErrClosed) {
		p.t.Fatalf("not ended after %v, and what it said is\n%q", hang, p.seen)
	}
	return line, err
}

// Until returns the first line to come that matches, and what its groups match.
func (p *Process) Until(pattern string) []string {
	p.t.Helper()
	for re := regexp.MustCompile(pattern); ; {
		if m := re.FindStringSubmatch(p.Line()); m != nil {
			return m
		}
	}
}

// Signal sends s to the example.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Ends waits for the example's end, checks its exit code, and returns all lines
// of its standard output.
func (p *Process) Ends(code int) []string {
	p.t.Helper()
	for {
		if _, err := p.next(); err != nil {
			break
		}
	}
	_ = p.cmd.Wait() // the exit code tells more
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d (%v), want %d", got, p.cmd.ProcessState, code)
	}
	return p.seen
}

// Stderr returns what the example wrote to standard error. It is called after
// Ends.
func (p *Process) Stderr() string { return p.stderr.String() }
