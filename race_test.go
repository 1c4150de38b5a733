//go:build race

package leat_test

// raceEnabled reports whether the race detector watches.
const raceEnabled = true
