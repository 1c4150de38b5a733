// Package instead compares the packages of examples/instead with the originals,
// where a module can import these. Each test of a difference runs on both: it
// fails if ours does what it should not, and if the original no longer does.
// docs/instead.md says the same in words.
package instead
