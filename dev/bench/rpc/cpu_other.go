//go:build !unix

package main

// cpuTime is 0: processor time is measured on Unix alone.
func cpuTime() int64 { return 0 }
