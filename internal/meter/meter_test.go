package meter_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/mpsc"
)

func stack() []uintptr {
	var pcs [8]uintptr
	return pcs[:runtime.Callers(1, pcs[:])]
}

// It fails if who called is looked for in the wrong frame.
func TestCallerSkipsLeat(t *testing.T) {
	// A loop's body is a closure of this function, called by code of mpsc's that the compiler may inline here.
	tx, rx := mpsc.New[int](1)
	if err := tx.TrySend(1); err != nil {
		t.Fatal(err)
	}
	for range rx.All(t.Context()) {
		if got := meter.Caller(stack()); !strings.Contains(got.Func, "TestCallerSkipsLeat") && !strings.HasSuffix(got.Func, ".stack") {
			t.Errorf("Caller found %+v, want this test", got)
		}
		break
	}
	tx.Close()
	if got := meter.Caller(nil); got != (meter.Place{}) {
		t.Errorf("Caller of an empty stack found %+v, want nothing", got)
	}
}

// It fails if a channel without a name is charged for being observable.
func TestUnnamedCostsNothing(t *testing.T) {
	var m meter.Meter
	if n := testing.AllocsPerRun(100, func() {
		if m.Stamp() != nil {
			t.Error("a channel without a name stamps its waits")
		}
		m.NoteDepth(1)
		m.NoteCloseLocked(meter.SenderClosed, true, nil)
	}); n != 0 {
		t.Errorf("a channel without a name allocates %v times", n)
	}
}
