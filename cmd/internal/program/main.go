package program

import (
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alexflint/go-arg"
)

// The exit codes of leat's programs.
const (
	ExitDone = iota
	ExitFailed
	ExitUsage
)

// Main runs the command that the arguments select, and returns the exit code.
// The grammar points to a struct, as go-arg reads it: a field with the tag
// arg:"subcommand" points to the struct of a command. A command has a Run
// method that takes a *Process, or commands of its own. Its Help method, if it
// has one, returns what its help says beside its flags. Main calls the Validate
// methods of the command, and of the groups of flags that it embeds, before
// Run. The help of the program itself is the description.
func Main(name, description string, grammar any, args []string) int {
	// A standard output that is gone must not kill the program silently: with
	// SIGPIPE ignored, the write fails instead.
	signal.Ignore(syscall.SIGPIPE)
	p := New(name, os.Stdout, os.Stderr)

	var common struct {
		Version bool `help:"Show the version and exit."`
	}
	parser, err := arg.NewParser(arg.Config{Program: name}, grammar, &common)
	if err != nil {
		panic(err)
	}
	err = parser.Parse(joinNegative(args))
	path := parser.SubcommandNames()
	command := parser.Subcommand()
	if command == nil {
		command = grammar
	}
	if err == arg.ErrHelp {
		var flags strings.Builder
		parser.WriteHelpForSubcommand(&flags, path...)
		if len(path) > 0 {
			description = describe(grammar, path, command)
		}
		return p.show(help(description, flags.String()))
	}
	if err == nil && common.Version {
		return p.show(version(name) + "\n")
	}

	run, isCommand := command.(interface{ Run(*Process) error })
	message := ""
	switch {
	case err != nil:
		message = goFunctions.Replace(err.Error())
		if !isCommand && strings.HasPrefix(message, "invalid subcommand") {
			message += "; " + choices(command)
		}
	case !isCommand:
		message = choices(command)
	default:
		if err := validate(reflect.ValueOf(command).Elem()); err != nil {
			message = fmt.Sprintf("%s: %v", strings.Join(path, " "), err)
		}
	}
	if message != "" {
		p.Say("%s (see %s --help)", message, strings.Join(append([]string{name}, path...), " "))
		return ExitUsage
	}
	if err := run.Run(p); err != nil {
		p.Say("%v", err)
		return ExitFailed
	}
	return ExitDone
}

// joinNegative returns the arguments with "--interval -1s" as "--interval=-1s",
// so that a negative value reaches its check. go-arg takes "-1s" for a flag.
func joinNegative(args []string) (joined []string) {
	for _, a := range args {
		last := len(joined) - 1
		if len(a) > 1 && a[0] == '-' && '0' <= a[1] && a[1] <= '9' &&
			last >= 0 && strings.HasPrefix(joined[last], "--") && !strings.Contains(joined[last], "=") {
			joined[last] += "=" + a
			continue
		}
		joined = append(joined, a)
	}
	return joined
}

// goFunctions removes from an error the names of the Go functions that found
// it.
var goFunctions = strings.NewReplacer("strconv.ParseInt: ", "", "strconv.ParseBool: ", "", "time: ", "")

// choices says which commands a command has.
func choices(command any) string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(command).Elem()) {
		if f.Tag.Get("arg") == "subcommand" {
			names = append(names, fmt.Sprintf("%q", strings.ToLower(f.Name)))
		}
	}
	return "expected one of " + strings.Join(names, ", ")
}

// validate calls the Validate methods of a command's groups, and its own.
func validate(command reflect.Value) error {
	for i := range command.NumField() {
		if command.Type().Field(i).Anonymous {
			if err := validate(command.Field(i)); err != nil {
				return err
			}
		}
	}
	if v, ok := command.Addr().Interface().(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
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
