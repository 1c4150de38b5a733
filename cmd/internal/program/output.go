package program

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

// Output is standard output. Each line is written at once and in one piece.
// After the first line that cannot be written, no other is tried.
type Output struct {
	failed func(error) // called once

	mu  sync.Mutex // held during a write
	w   io.Writer
	err error
}

// Print writes a line, and returns whether it did.
func (o *Output) Print(line string) bool {
	o.mu.Lock()
	if o.err != nil {
		o.mu.Unlock()
		return false
	}
	_, err := io.WriteString(o.w, line+"\n")
	o.err = err
	o.mu.Unlock()
	if err != nil {
		o.failed(outputError{err})
	}
	return err == nil
}

// ErrOutput is the reason for which an Output that fails stops a Process.
var ErrOutput = errors.New("standard output failed")

type outputError struct{ err error }

func (e outputError) Error() string {
	return fmt.Sprintf("cannot write to standard output: %v", Reason(e.err))
}

// Console is standard error: lines for people. Its zero value cannot be used.
type Console struct {
	name string // of the program, before each line

	mu    sync.Mutex
	w     io.Writer
	shown bool // the last line is one to be overwritten
}

// ClearLine goes back to the beginning of a terminal's line, and clears it.
const ClearLine = "\r\x1b[K"

// overwrite shows a line, on a terminal, in place of the one that it showed
// last. An empty line ends that.
func (c *Console) overwrite(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.w, ClearLine+line)
	c.shown = line != ""
}

// Say writes a line, whatever the arguments contain. It ignores errors: there
// is nowhere else to report them.
func (c *Console) Say(format string, args ...any) {
	line := Printable(fmt.Sprintf(c.name+": "+format, args...), MostLine) + "\n"
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown {
		line = ClearLine + line
		c.shown = false
	}
	io.WriteString(c.w, line)
}

// LastWords is how long a program that is to quit may wait for others: for
// somebody to read its standard error, or for a last answer.
const LastWords = time.Second

// sayInTime is Say, but waits no longer than LastWords.
func (c *Console) sayInTime(format string, args ...any) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		c.Say(format, args...)
	}()
	select {
	case <-said:
	case <-time.After(LastWords):
	}
}

// Reason returns the innermost error of an error of the system, without the
// operation and the address, which the line about it has already.
func Reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var addr *net.AddrError
	if errors.As(err, &addr) {
		return errors.New(addr.Err)
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}
