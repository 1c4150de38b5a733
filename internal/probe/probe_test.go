package probe_test

import (
	"runtime"
	"testing"

	"github.com/leat-go/leat/internal/probe"
)

func stack() []uintptr {
	var pcs [8]uintptr
	return pcs[:runtime.Callers(1, pcs[:])]
}

// It fails if a place is looked for in the wrong function, or a name with type arguments or a dot in its path is cut at the wrong dot.
func TestCallerSkipsLeat(t *testing.T) {
	// This test's package is below internal, and so leat's own: the first caller that is not is the testing package.
	if got := probe.Caller(stack()); got.Func != "testing.tRunner" || got.Line == 0 {
		t.Errorf("Caller found %+v, want testing.tRunner", got)
	}
	if got := probe.Caller(nil); got != (probe.Place{}) {
		t.Errorf("Caller of an empty stack found %+v, want nothing", got)
	}
}

// It fails if a channel without a name is charged for being observable.
func TestUnnamedCostsNothing(t *testing.T) {
	var c probe.Channel
	if n := testing.AllocsPerRun(100, func() {
		if c.Wait() != nil {
			t.Error("a channel without a name notes its waits")
		}
		c.Filled(1)
		c.GaveUp(probe.SenderClosed, true, nil)
	}); n != 0 {
		t.Errorf("a channel without a name allocates %v times", n)
	}
}
