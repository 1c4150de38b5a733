package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/program"
	"github.com/leat-go/leat/mpsc"
)

// The tests run the real program as a child process, with real sockets, pipes and signals.

var leatBinary string

func TestMain(m *testing.M) { os.Exit(program.Main(m, &leatBinary)) }

// No run of the program takes this long, unless it hangs or does not stop.
const hang = 20 * time.Second

// A child is a run of the program.
type child struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *stream // empty if the test gave the child a file
}

// start runs leat with the arguments.
func start(t *testing.T, args ...string) *child { return startWith(t, nil, nil, args...) }

// startWith is start with a standard output, or standard error, of the caller's, unless they are nil.
func startWith(t *testing.T, stdout, stderr *os.File, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(leatBinary, args...)}
	var out, errs io.Reader = strings.NewReader(""), strings.NewReader("")
	var err error
	if stdout != nil {
		c.cmd.Stdout = stdout
	} else if out, err = c.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if stderr != nil {
		c.cmd.Stderr = stderr
	} else if errs, err = c.cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after a test that failed; otherwise the child has ended
		c.cmd.Process.Kill()
		c.cmd.Wait()
		if t.Failed() {
			t.Logf("leat %s\nstandard error:\n%s", strings.Join(args, " "), tail(c.stderr.text()))
		}
	})
	c.stdout, c.stderr = newStream(t, out), newStream(t, errs)
	return c
}

// system returns the arguments that run a system, which may bring flags of its own, with more flags.
func system(name string, flags ...string) []string {
	return append(append([]string{"run"}, strings.Fields(name)...), flags...)
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// kill ends the child as a crash does, and waits until its sockets are free.
func (c *child) kill() {
	c.t.Helper()
	c.signal(os.Kill)
	c.ends(-1)
}

// ends waits for the child's end, checks its exit code, and returns what it wrote.
func (c *child) ends(code int) (stdout, stderr string) {
	c.t.Helper()
	stdout, stderr = c.stdout.rest(c.t), c.stderr.rest(c.t)
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d (%v), want %d", got, c.cmd.ProcessState, code)
	}
	return stdout, stderr
}

// A stream takes the lines that a child writes.
type stream struct {
	rx   *mpsc.Receiver[string]
	ctx  context.Context // ends when the run takes too long
	seen bytes.Buffer    // what was received; the test's own
}

func newStream(t *testing.T, r io.Reader) *stream {
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	t.Cleanup(cancel)
	tx, rx := mpsc.NewUnbounded[string]()
	go func() {
		defer tx.Close()
		b := bufio.NewReader(r)
		for {
			line, err := b.ReadString('\n')
			if line != "" {
				tx.TrySend(line) // has room
			}
			if err != nil {
				return
			}
		}
	}()
	return &stream{rx: rx, ctx: ctx}
}

// line returns the next line as it came, and the empty string at the end.
func (s *stream) line(t *testing.T) string {
	t.Helper()
	line, err := s.rx.Recv(s.ctx)
	if err != nil && !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("the program has not ended after %v; the end of what it wrote:\n%s", hang, tail(s.seen.String()))
	}
	s.seen.WriteString(line)
	return line
}

// until returns the first line that matches.
func (s *stream) until(t *testing.T, pattern string) string {
	t.Helper()
	for re := regexp.MustCompile(pattern); ; {
		line := s.line(t)
		if line == "" {
			t.Fatalf("the program ended without a line that matches %q; the end of what it wrote:\n%s", pattern, tail(s.seen.String()))
		}
		if re.MatchString(line) {
			return line
		}
	}
}

// rest waits for the end, and returns all that came since the beginning.
func (s *stream) rest(t *testing.T) string {
	t.Helper()
	for s.line(t) != "" {
	}
	return s.seen.String()
}

// text returns what came, without a wait.
func (s *stream) text() string {
	for {
		line, err := s.rx.TryRecv()
		if err != nil {
			return s.seen.String()
		}
		s.seen.WriteString(line)
	}
}

// tail returns the end of a text that may be long.
func tail(s string) string { return s[max(0, len(s)-2000):] }

// wantLine checks that text consists of a line that matches, alone.
func wantLine(t *testing.T, text, pattern string) []string {
	t.Helper()
	m := regexp.MustCompile("^leat: " + pattern + "\n$").FindStringSubmatch(text)
	if m == nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("standard error is\n%swant one line that matches %q", text, pattern)
	}
	return m
}

// wantLastLine checks the last line of text.
func wantLastLine(t *testing.T, text, pattern string) []string {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	return wantLine(t, lines[max(0, len(lines)-2)], pattern)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n%swant\n%s", what, got, want)
	}
}
