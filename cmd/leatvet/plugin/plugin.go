// Package plugin makes the checks of leatvet a linter of golangci-lint, by its
// module plugin system. A golangci-lint built with this package can enable the
// linter leatvet. docs/leatvet.md shows the two files that this
// takes.
package plugin

import (
	"fmt"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/leat-go/leat/cmd/leatvet/checks"
)

func init() { register.Plugin("leatvet", New) }

// Settings are what a .golangci.yml may set below
// linters.settings.custom.leatvet.settings.
type Settings struct {
	Checks []string `json:"checks"` // names of the checks to run; all if empty
	Tests  bool     `json:"tests"`  // check test files, too
}

// New returns the linter with the settings that golangci-lint read, of which
// there may be none. It returns an error for a setting that does not exist and
// for a check that does not.
func New(settings any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](settings)
	if err != nil {
		return nil, fmt.Errorf("leatvet: %w", err)
	}
	var l linter
	if len(s.Checks) == 0 {
		l.analyzers = checks.All()
	}
	for _, name := range s.Checks {
		a := find(name)
		if a == nil {
			return nil, fmt.Errorf("leatvet: there is no check %q", name)
		}
		l.analyzers = append(l.analyzers, a)
	}
	for _, a := range l.analyzers {
		if s.Tests && a.Flags.Lookup("tests") != nil {
			if err := a.Flags.Set("tests", "true"); err != nil {
				return nil, fmt.Errorf("leatvet: check test files by %s: %w", a.Name, err)
			}
		}
	}
	return l, nil
}

func find(name string) *analysis.Analyzer {
	for _, a := range checks.All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}

type linter struct{ analyzers []*analysis.Analyzer }

// BuildAnalyzers implements register.LinterPlugin.
func (l linter) BuildAnalyzers() ([]*analysis.Analyzer, error) { return l.analyzers, nil }

// GetLoadMode implements register.LinterPlugin.
func (linter) GetLoadMode() string { return register.LoadModeTypesInfo }
