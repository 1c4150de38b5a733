package park

import (
	"runtime/debug"
	"strings"
	"time"
)

// InBubble reports whether the calling goroutine runs in a testing/synctest
// bubble. A bubble's clock starts at the beginning of the year 2000, before any
// process did. Outside, time.Since reads the monotonic clock, which never runs
// backwards. (A test that lets a bubble's clock pass the real date is not
// recognized: it may see its process killed by a dropped handle.)
//
// Reading the clock costs 25 ns and more, at each wait. Only a test binary has
// bubbles, because synctest.Test needs a *testing.T. So in a program that the
// go command has built, and not as a test, InBubble does not read the clock.
func InBubble() bool { return mayHaveBubbles && time.Since(start) < 0 }

var start = time.Now()

// mayHaveBubbles is a constant of the process: a binary does not become another
// one. It is not the flag test.v, which testing registers only when the
// program starts, and which must not be looked up while another goroutine
// registers flags.
var mayHaveBubbles = func() bool {
	info, ok := debug.ReadBuildInfo()
	return !ok || isTest(info)
}()

// isTest reports whether the build information may be that of a test binary.
// The go command names a test's main package after the tested one, with ".test"
// at the end. Another build tool may write less, or nothing: then it may be a
// test.
func isTest(info *debug.BuildInfo) bool {
	byGoCommand := false
	for _, s := range info.Settings {
		byGoCommand = byGoCommand || s.Key == "-compiler"
	}
	return !byGoCommand || info.Path == "" || strings.HasSuffix(info.Path, ".test")
}
