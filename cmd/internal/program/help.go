package program

import (
	"io"
	"os"
	"reflect"
	"strings"
)

// describe returns what the list of commands says about the command at a path,
// and after it what the command says about itself.
func describe(grammar any, path []string, command any) string {
	t := reflect.TypeOf(grammar).Elem()
	summary := ""
	for _, name := range path {
		f, _ := t.FieldByNameFunc(func(field string) bool { return strings.ToLower(field) == name })
		summary, t = f.Tag.Get("help"), f.Type.Elem()
	}
	if h, ok := command.(interface{ Help() string }); ok {
		summary += "\n\n" + h.Help()
	}
	return summary
}

// help puts the flags, as go-arg describes them, between a description and its
// examples.
func help(description, flags string) string {
	i := strings.Index(description, "Example: ")
	if i < 0 {
		i = len(description)
	}
	return strings.TrimSpace(description[:i]) + "\n\n" + wrap(flags) + "\n" + strings.TrimSpace(description[i:]) + "\n"
}

// wrap breaks long lines, as go-arg does not: before a bracket if there is one,
// or between words. It aligns the rest with go-arg's second column.
func wrap(text string) string {
	const indent, width = 25, 100
	var b strings.Builder
	for line := range strings.Lines(text) {
		for len(line) > width {
			i := strings.LastIndex(line[:width], " [")
			if i <= indent {
				i = strings.LastIndex(line[:width], " ")
			}
			if i <= indent {
				break
			}
			b.WriteString(line[:i] + "\n")
			line = strings.Repeat(" ", indent) + line[i+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// show writes a text that was asked for, and returns the exit code.
func (p *Process) show(text string) int {
	if _, err := io.WriteString(os.Stdout, text); err != nil {
		p.Say("%v", outputError{err})
		return ExitFailed
	}
	return ExitDone
}
