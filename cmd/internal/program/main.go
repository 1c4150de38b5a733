package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes of leat's programs.
const (
	ExitDone = iota
	ExitFailed
	ExitUsage
)

// Main runs the command that the arguments select, whose Run method takes a
// *Process, and returns the exit code. The commands are the fields of grammar,
// in kong's terms; the help begins with the description.
func Main(name, description string, grammar any, args []string) int {
	// A standard output that is gone must not kill the program silently: with
	// SIGPIPE ignored, the write fails instead.
	signal.Ignore(syscall.SIGPIPE)
	p := New(name, os.Stdout, os.Stderr)

	parser := kong.Must(grammar,
		kong.Name(name),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.WithHyphenPrefixedParameters(true), // so that "--count -5" reaches the check of its value
		kong.Vars{"version": version(name)},
	)
	ctx, err := parser.Parse(args)
	if err != nil {
		return p.usage(err)
	}
	if err := ctx.Run(p); err != nil {
		p.Say("%v", err)
		return ExitFailed
	}
	return ExitDone
}

// usage explains a command line that could not be parsed, and returns the exit
// code.
func (p *Process) usage(err error) int {
	var write *fs.PathError // of the help text; parsing opens no file
	if errors.As(err, &write) {
		p.Say("%v", outputError{err})
		return ExitFailed
	}
	command := p.name
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		command = parse.Context.Selected().FullPath()
	}
	p.Say("%v (see %s --help)", err, command)
	return ExitUsage
}

// version says what was built, as far as the build recorded it.
func version(name string) string {
	v, revision := "(unknown version)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		v = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = fmt.Sprintf("commit %.12s, ", s.Value)
			}
		}
	}
	return fmt.Sprintf("%s %s (%s%s, %s/%s)", name, v, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
