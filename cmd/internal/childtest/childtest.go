// Package childtest runs a program as a child process, with real sockets, pipes
// and signals, and checks what it prints.
package childtest

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

var (
	name   string // its name, before each line of its standard error
	binary string
)

// Main builds the program in the current directory, and runs the tests: it is
// what TestMain calls.
func Main(m *testing.M, programName string) {
	name = programName
	os.Exit(program.Main(m, &binary))
}

// Binary returns the path of the program.
func Binary() string { return binary }

// AnyPort is an address to listen on.
const AnyPort = "127.0.0.1:0"

// Acks returns what a system prints for n values that the server answered.
func Acks(n int) string { return strings.Repeat("Ack\n", n) }

// Hang is longer than a run takes, unless it hangs or does not stop.
const Hang = 20 * time.Second

// A Child is a run of the program.
type Child struct {
	t              *testing.T
	Cmd            *exec.Cmd
	Stdout, Stderr *Stream // empty if the test gave the child a file
}

// Start runs the program with the arguments.
func Start(t *testing.T, args ...string) *Child { return StartWith(t, nil, nil, args...) }

// StartWith is Start with a standard output, or standard error, of the
// caller's, unless they are nil.
func StartWith(t *testing.T, stdout, stderr *os.File, args ...string) *Child {
	t.Helper()
	c := &Child{t: t, Cmd: exec.Command(binary, args...)}
	var out, errs io.Reader = strings.NewReader(""), strings.NewReader("")
	var err error
	if stdout != nil {
		c.Cmd.Stdout = stdout
	} else if out, err = c.Cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if stderr != nil {
		c.Cmd.Stderr = stderr
	} else if errs, err = c.Cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after a test that failed; otherwise the child has ended
		c.Cmd.Process.Kill()
		c.Cmd.Wait()
		if t.Failed() {
			t.Logf("%s %s\nstandard error:\n%s", name, strings.Join(args, " "), tail(c.Stderr.Text()))
		}
	})
	c.Stdout, c.Stderr = newStream(t, out), newStream(t, errs)
	return c
}

func (c *Child) Signal(s os.Signal) {
	c.t.Helper()
	if err := c.Cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// Kill ends the child as a crash does, and waits until its sockets are free.
func (c *Child) Kill() {
	c.t.Helper()
	c.Signal(os.Kill)
	c.Ends(-1)
}

// Ends waits for the child's end, checks its exit code, and returns what it
// wrote.
func (c *Child) Ends(code int) (stdout, stderr string) {
	c.t.Helper()
	stdout, stderr = c.Stdout.Rest(c.t), c.Stderr.Rest(c.t)
	err := c.Cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	if got := c.Cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d (%v), want %d", got, c.Cmd.ProcessState, code)
	}
	return stdout, stderr
}

// A Stream takes the lines that a child writes.
type Stream struct {
	rx   *mpsc.Receiver[string]
	ctx  context.Context // ends when the run takes too long
	Seen bytes.Buffer    // received bytes; only the test uses it
}

func newStream(t *testing.T, r io.Reader) *Stream {
	ctx, cancel := context.WithTimeout(context.Background(), Hang)
	t.Cleanup(cancel)
	tx, rx := mpsc.NewUnbounded[string]()
	go func() {
		defer tx.Close()
		b := bufio.NewReader(r)
		for {
			line, err := b.ReadString('\n')
			if line != "" {
				_ = tx.TrySend(line) // has room
			}
			if err != nil {
				return
			}
		}
	}()
	return &Stream{rx: rx, ctx: ctx}
}

// Line returns the next line as it came, and the empty string at the end.
func (s *Stream) Line(t *testing.T) string {
	t.Helper()
	line, err := s.rx.Recv(s.ctx)
	if err != nil && !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("the program has not ended after %v; the end of what it wrote:\n%s", Hang, tail(s.Seen.String()))
	}
	s.Seen.WriteString(line)
	return line
}

// Until returns the first line that matches.
func (s *Stream) Until(t *testing.T, pattern string) string {
	t.Helper()
	for re := regexp.MustCompile(pattern); ; {
		line := s.Line(t)
		if line == "" {
			t.Fatalf("the program ended without a line that matches %q; the end of what it wrote:\n%s", pattern, tail(s.Seen.String()))
		}
		if re.MatchString(line) {
			return line
		}
	}
}

// Rest waits for the end, and returns all that came since the beginning.
func (s *Stream) Rest(t *testing.T) string {
	t.Helper()
	for s.Line(t) != "" {
	}
	return s.Seen.String()
}

// Text returns the output so far. It does not block.
func (s *Stream) Text() string {
	for {
		line, err := s.rx.TryRecv()
		if err != nil {
			return s.Seen.String()
		}
		s.Seen.WriteString(line)
	}
}

// tail returns the end of a text that may be long.
func tail(s string) string { return s[max(0, len(s)-2000):] }

// WantLine checks that text is one line of the program that matches.
func WantLine(t *testing.T, text, pattern string) []string {
	t.Helper()
	m := regexp.MustCompile("^" + regexp.QuoteMeta(name) + ": " + pattern + "\n$").FindStringSubmatch(text)
	if m == nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("standard error is\n%swant one line that matches %q", text, pattern)
	}
	return m
}

// WantLastLine checks the last line of text.
func WantLastLine(t *testing.T, text, pattern string) []string {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	return WantLine(t, lines[max(0, len(lines)-2)], pattern)
}

// Want checks that a text is as it should be.
func Want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n%swant\n%s", what, got, want)
	}
}

// WantHelp checks that a command's help teaches with an example, and names the
// flags: each with its value, and after a "=" its default, such as
// "--count COUNT=10".
func WantHelp(t *testing.T, command string, flags []string) {
	t.Helper()
	stdout, stderr := Start(t, append(strings.Fields(command), "--help")...).Ends(0)
	Want(t, "standard error", stderr, "")
	command = strings.TrimRight(name+" "+command, " ")
	for _, text := range []string{"Usage: " + command, "Example: ", "\n    $ " + command} {
		if !strings.Contains(stdout, text) {
			t.Errorf("the help lacks %q:\n%s", text, stdout)
		}
	}
	for _, flag := range flags {
		flag, value, _ := strings.Cut(flag, "=")
		pattern := `(?m)^  ` + regexp.QuoteMeta(flag) + `($|  )`
		if value != "" {
			pattern = `(?m)^  ` + regexp.QuoteMeta(flag) + `.*(\n {25}.*)*\[default: ` + regexp.QuoteMeta(value) + `\]$`
		}
		if !regexp.MustCompile(pattern).MatchString(stdout) {
			t.Errorf("the help lacks %q with default %q:\n%s", flag, value, stdout)
		}
	}
}
