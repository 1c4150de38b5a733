package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// A child is a process of this program's own that faults are done to.
type child struct {
	cmd  *exec.Cmd
	addr string
	in   io.WriteCloser
	out  *bufio.Reader
	log  lockedBuffer // its standard error
}

func startChild(name string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, append([]string{name}, args...)...)}
	c.cmd.Stderr = &c.log
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("%s did not start: %w\n%s", name, err, c.log.String())
	}
	c.addr = strings.TrimSpace(line)
	return c, nil
}

// stats returns the child's goroutines, the memory that its Go runtime has in
// use, and what the system counts for it.
func (c *child) stats() (goroutines int, inUse, resident uint64, err error) {
	fmt.Fprintln(c.in)
	_, err = fmt.Fscanln(c.out, &goroutines, &inUse, &resident)
	return goroutines, inUse, resident, err
}

// terminate sends SIGTERM, and returns how many requests the child says it has
// handled.
func (c *child) terminate() (handled int64, err error) {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if _, err := fmt.Fscanf(c.out, "handled %d\n", &handled); err != nil {
		return 0, fmt.Errorf("the server did not end in good order: %w\n%s", err, c.log.String())
	}
	c.stop()
	return handled, nil
}

func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait()
}

// A lockedBuffer may be written to while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
