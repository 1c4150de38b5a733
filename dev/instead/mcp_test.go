package instead

import (
	"errors"
	"strconv"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/leat-go/leat/examples/instead/eventstore"
)

var (
	_ mcp.EventStore = (*eventstore.Store)(nil)
	_ mcp.EventStore = (*mcp.MemoryEventStore)(nil)
)

func originalStore(maxBytes int) *mcp.MemoryEventStore {
	s := mcp.NewMemoryEventStore(nil)
	s.SetMaxBytes(maxBytes)
	return s
}

func appendAll(t testing.TB, s mcp.EventStore, session string, n int) {
	t.Helper()
	if err := s.Open(t.Context(), session, "a"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := s.Append(t.Context(), session, "a", strconv.AppendInt(nil, int64(i), 10)); err != nil {
			t.Fatal(err)
		}
	}
}

func after(t testing.TB, s mcp.EventStore, session string, index int) (n int, err error) {
	t.Helper()
	for _, err := range s.After(t.Context(), session, "a", index) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A session has one event, and another has many. In the original the bound is
// one for all, so the quiet session cannot resume.
func TestMCPBusySession(t *testing.T) {
	for _, c := range []struct {
		name  string
		store mcp.EventStore
		lost  error
	}{
		{"MemoryEventStore", originalStore(1000), mcp.ErrEventsPurged},
		{"leat", eventstore.New(100), nil},
	} {
		appendAll(t, c.store, "quiet", 1)
		appendAll(t, c.store, "busy", 1000)
		if n, err := after(t, c.store, "quiet", -1); !errors.Is(err, c.lost) || err == nil && n != 1 {
			t.Errorf("%s: the quiet session gets %d events and %v; docs/instead.md says %v", c.name, n, err, c.lost)
		}
	}
}

// Both stores do the same to a client that resumes, for kept events and for
// lost ones.
func TestMCPSameContract(t *testing.T) {
	for name, s := range map[string]mcp.EventStore{"MemoryEventStore": originalStore(4), "leat": eventstore.New(5)} {
		appendAll(t, s, "s", 10) // one byte each
		for index, want := range map[int]int{4: 5, 7: 2, 9: 0} {
			if n, err := after(t, s, "s", index); n != want || err != nil {
				t.Errorf("%s: after %d: %d events, %v; want %d", name, index, n, err, want)
			}
		}
		if n, err := after(t, s, "s", 3); n != 0 || err == nil {
			t.Errorf("%s: %d events after one that is gone, %v", name, n, err)
		}
		if err := s.SessionClosed(t.Context(), "s"); err != nil {
			t.Error(err)
		}
		if _, err := after(t, s, "s", 9); err == nil {
			t.Errorf("%s: a closed session has events", name)
		}
	}
}

// An iteration appends an event and resumes with the last ten.
func BenchmarkMCP(b *testing.B) {
	for name, s := range map[string]mcp.EventStore{"MemoryEventStore": originalStore(100 * 8), "leat": eventstore.New(100)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			appendAll(b, s, name, 20)
			data, got := make([]byte, 8), 0
			for i := range b.N {
				_ = s.Append(b.Context(), name, "a", data)
				n, err := after(b, s, name, i+20-10)
				if err != nil {
					b.Fatal(err)
				}
				got += n
			}
			if got != 10*b.N {
				b.Fatalf("%d events, want %d", got, 10*b.N)
			}
			b.ReportMetric(float64(got)/float64(b.N), "delivered/op")
			_ = s.SessionClosed(b.Context(), name)
		})
	}
}
