//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// raiseFiles lets the process open as many files as it may, which must be n or
// more.
func raiseFiles(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if uint64(limit.Max) < n {
		return fmt.Errorf("only %d files may be open here", limit.Max)
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// limitFiles lets the process open n files and no more.
func limitFiles(n uint64) error {
	var limit syscall.Rlimit
	setLimit(&limit.Cur, n)
	setLimit(&limit.Max, n)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// setLimit sets a limit, which is signed on FreeBSD.
func setLimit[L ~int64 | ~uint64](limit *L, n uint64) { *limit = L(n) }

// freeze stops a process until thaw lets it go on.
func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
func thaw(p *os.Process) error   { return p.Signal(syscall.SIGCONT) }
