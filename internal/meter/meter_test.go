package meter_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/mpsc"
)

func stack() []uintptr {
	var pcs [8]uintptr
	return pcs[:runtime.Callers(1, pcs[:])]
}

// It fails if the caller is looked for in the wrong frame.
func TestCallerSkipsLeat(t *testing.T) {
	// A loop's body is a closure of this function, called by code of mpsc's
	// that the compiler may inline here.
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
		if m.Stamp("waits on") != nil {
			t.Error("a channel without a name stamps its waits")
		}
		m.NoteDepth(1)
		m.NoteCloseLocked(meter.SenderClosed, true, nil)
	}); n != 0 {
		t.Errorf("a channel without a name allocates %v times", n)
	}
}

// It fails if the place of a Close is missing in a program that closes few
// channels, or is looked for at every Close in one that closes many.
func TestPlaceOfCloseIsLimited(t *testing.T) {
	const many = 2000
	synctest.Test(t, func(t *testing.T) {
		name := func(batch string) leat.Option { return leat.Name("TestPlaceOfCloseIsLimited " + batch) }
		for range many {
			tx, rx := mpsc.New[int](1, name("many"))
			tx.Close()
			rx.Close()
		}
		<-time.After(time.Second)
		tx, rx := mpsc.New[int](1, name("one"))
		tx.Close()
		rx.Close()

		places := make(map[string]int)
		for _, s := range meter.Snapshots() {
			if len(s.ClosedAt) > 0 {
				places[s.Name]++
			}
		}
		if n := places["TestPlaceOfCloseIsLimited many"]; n > 0 {
			t.Errorf("%d of the last 1000 of %d channels closed in one second have a place, want none", n, many)
		}
		if places["TestPlaceOfCloseIsLimited one"] != 1 {
			t.Error("the channel that was closed a second later has no place")
		}
	})
}
