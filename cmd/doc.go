// Package cmd is the module of leat's programs. It is a module of its own so
// that a program that imports leat does not require what these programs need,
// such as a command line parser.
//
// The programs are [github.com/leat-go/leat/cmd/leat] and
// [github.com/leat-go/leat/cmd/leat-nats], which has the same systems with the
// channel on NATS JetStream, and [github.com/leat-go/leat/cmd/leatvet], which
// finds misuse of handles. The first two are separate so that the first one
// links no NATS server, which takes as long to compile as all else.
package cmd
