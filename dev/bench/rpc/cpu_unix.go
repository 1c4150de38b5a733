//go:build unix

package main

import "syscall"

// cpuTime returns the nanoseconds of processor time that the process has used.
func cpuTime() int64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}
