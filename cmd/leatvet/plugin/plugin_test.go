package plugin_test

import (
	"strings"
	"testing"

	"github.com/golangci/plugin-module-register/register"

	"github.com/leat-go/leat/cmd/leatvet/checks"
	_ "github.com/leat-go/leat/cmd/leatvet/plugin"
)

// names returns the checks that golangci-lint runs with these settings.
func names(t *testing.T, settings any) (string, error) {
	t.Helper()
	make, err := register.GetPlugin("leatvet")
	if err != nil {
		t.Fatal(err)
	}
	linter, err := make(settings)
	if err != nil {
		return "", err
	}
	if mode := linter.GetLoadMode(); mode != register.LoadModeTypesInfo {
		t.Errorf("load mode %s; the checks need types", mode)
	}
	analyzers, err := linter.BuildAnalyzers()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range analyzers {
		all = append(all, a.Name)
	}
	return strings.Join(all, " "), nil
}

// It fails if the linter runs other checks than its settings say, or takes a
// mistake in them for a setting.
func TestSettings(t *testing.T) {
	type list = []any
	for _, c := range []struct {
		settings    any
		want, fails string
	}{
		{nil, "leatclose leatreceiver leaterr leatclone leatwrap", ""},
		{map[string]any{}, "leatclose leatreceiver leaterr leatclone leatwrap", ""},
		{map[string]any{"checks": list{"leaterr", "leatclone"}}, "leaterr leatclone", ""},
		{map[string]any{"checks": list{"errcheck"}}, "", `no check "errcheck"`},
		{map[string]any{"test": true}, "", `unknown field "test"`},
	} {
		got, err := names(t, c.settings)
		if got != c.want || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("with %v it runs %q, error %v; want %q, error %q", c.settings, got, err, c.want, c.fails)
		}
	}
}

// It fails if the setting tests does not reach the checks.
func TestTestsSetting(t *testing.T) {
	if _, err := names(t, map[string]any{"tests": true}); err != nil {
		t.Fatal(err)
	}
	for _, a := range checks.All() {
		if f := a.Flags.Lookup("tests"); f != nil {
			if f.Value.String() != "true" {
				t.Errorf("%s does not check test files", a.Name)
			}
			if err := f.Value.Set("false"); err != nil {
				t.Fatal(err)
			}
		}
	}
}
