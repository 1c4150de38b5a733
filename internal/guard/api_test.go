package guard_test

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/leat-go/leat/internal/testkit/api"
)

// It fails if a package exports something else than its module's api.txt says.
func TestAPI(t *testing.T) {
	atRoot(t)
	api.Golden(t, "api.txt", public(t)...)
	for _, module := range []string{"leatprom", "natschan", "natsembed"} {
		if _, err := os.Stat(module); err != nil {
			t.Skipf("%s is not here: nested modules are in a clone, and not in the module as it is downloaded", module)
		}
		api.Golden(t, path.Join(module, "api.txt"), module)
	}
}

// It fails if something is exported without a doc comment, or without an
// Example that shows it.
func TestAPIIsShown(t *testing.T) {
	atRoot(t)
	api.Documented(t, public(t)...)
}

// It fails if an editor, which shows the first sentence of a doc comment, shows
// one that does not stand alone.
func TestFirstSentencesStandAlone(t *testing.T) {
	atRoot(t)
	api.FirstSentences(t, public(t)...)
	for _, module := range []string{"leatprom", "natschan", "natsembed"} {
		if _, err := os.Stat(module); err == nil { // it is in a clone, and not in the module as it is downloaded
			api.FirstSentences(t, module)
		}
	}
}

// public returns the directories of this module's packages that others may
// import, the root first.
func public(t *testing.T) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(sourceImports(t))), func(dir string) bool {
		return slices.Contains(strings.Split(path.Clean(dir), "/"), "internal")
	})
}
