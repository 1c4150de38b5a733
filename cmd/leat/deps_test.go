package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The first command of a newcomer compiles this program. It fails if NATS,
// which takes longer to compile than all else together, is linked into it
// again.
func TestLinksNoNATS(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for pkg := range strings.Lines(string(out)) {
		if strings.Contains(pkg, "nats") {
			t.Errorf("leat links %s", pkg)
		}
	}
}
