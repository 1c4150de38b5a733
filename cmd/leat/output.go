package main

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

// output is standard output: the systems' own lines, each written whole, at once, in one piece. After a line that could not be
// written none is tried. Its lock is for writing, and held for nothing else.
type output struct {
	failed func(error) // called once

	mu  sync.Mutex
	w   io.Writer
	err error
}

// print writes a line, and returns whether it did.
func (o *output) print(line string) bool {
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

var errOutput = errors.New("standard output failed")

type outputError struct{ err error }

func (e outputError) Error() string {
	return fmt.Sprintf("cannot write to standard output: %v", reason(e.err))
}

// console is standard error: lines for people.
type console struct {
	mu    sync.Mutex
	w     io.Writer
	shown bool // the last line is one to be overwritten
}

// Back to the beginning of the line, and clear it.
const clearLine = "\r\x1b[K"

// overwrite shows a line, on a terminal, in place of the one that it showed last; an empty one ends that.
func (c *console) overwrite(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.w, clearLine+line)
	c.shown = line != ""
}

// say writes a line, whatever the arguments contain. One that cannot be written has nowhere else to go.
func (c *console) say(format string, args ...any) {
	line := printable(fmt.Sprintf("leat: "+format, args...), mostLine) + "\n"
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown {
		line = clearLine + line
		c.shown = false
	}
	io.WriteString(c.w, line)
}

// A standard error that nobody reads must not hold up a program that is told to quit.
const lastWords = time.Second

// sayInTime is say, but does not wait long to be heard.
func (c *console) sayInTime(format string, args ...any) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		c.say(format, args...)
	}()
	select {
	case <-said:
	case <-time.After(lastWords):
	}
}

// reason returns what is at the bottom of an error of the system, without what the line about it says already.
func reason(err error) error {
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
