package main

import (
	"syscall"
	"time"
)

// sleepShort sleeps for d, which is short, and is late by a twentieth of a
// millisecond. A timer of Go's may be late by one: the runtime waits for timers
// in epoll_wait, which counts in milliseconds.
func sleepShort(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&t, nil) // an early end, by a signal, is looked after by the caller
}
