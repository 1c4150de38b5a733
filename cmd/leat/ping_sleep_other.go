//go:build !linux

package main

import "time"

// sleepShort sleeps for d.
func sleepShort(d time.Duration) { time.Sleep(d) }
