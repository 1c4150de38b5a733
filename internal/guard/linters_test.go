package guard_test

import (
	"os"
	"strings"
	"testing"
)

// It fails if the page on linters shows another configuration than that which
// the examples are linted with.
func TestLintersPageShowsConfiguration(t *testing.T) {
	atRoot(t)
	config, err := os.ReadFile("examples/.golangci.yml")
	if err != nil {
		t.Skip("examples are not here: nested modules are in a clone, and not in the module as it is downloaded")
	}
	if !strings.Contains(readPage(t, "docs/linters.md"), "```yaml\n"+strings.ReplaceAll(string(config), "\r\n", "\n")+"```\n") {
		t.Error("docs/linters.md does not show examples/.golangci.yml")
	}
}
