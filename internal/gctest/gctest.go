// Package gctest lets tests wait for the garbage collector.
package gctest

import (
	"runtime"
	"testing"
	"time"
)

// Until collects garbage until done reports true, and fails t, saying what did not happen, if that takes longer than ten
// seconds of the real clock. Inside a testing/synctest bubble the clock stands still, and the test's own time-out is the bound.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("the garbage collector ran for ten seconds, and yet: not %s", what)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

// Live returns how many bytes are reachable.
func Live() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found unreachable was swept, and its cleanups have been queued
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
