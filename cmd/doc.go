// Package cmd is the module of leat's programs. It is a module of its own so that what they need, a command line parser
// for one, is no requirement of those who import leat.
//
// The program is in [github.com/leat-go/leat/cmd/leat].
package cmd
