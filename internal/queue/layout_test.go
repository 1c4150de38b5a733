//go:build !modelcheck

package queue

import (
	"math/bits"
	"reflect"
	"testing"

	"github.com/leat-go/leat/internal/fifo"
)

// It fails if a channel has grown, so that the allocator does not align it any
// more, or if what senders write shares a pair of cache lines with what
// receivers write, or with what both read.
func TestLayout(t *testing.T) {
	if bits.UintSize != 64 {
		t.Skip("the layout is for 64-bit machines")
	}
	c := reflect.TypeFor[Channel[int]]()
	if c.Size() != 512 {
		t.Errorf("a Channel has %d bytes, want 512", c.Size())
	}
	pair := func(of reflect.Type, at uintptr, name string) uintptr {
		f, _ := of.FieldByName(name)
		return (at + f.Offset) / 128
	}
	values, _ := c.FieldByName("values")
	q := reflect.TypeFor[fifo.Queue[int]]()
	for name, got := range map[string]struct{ got, want uintptr }{
		"capacity":    {pair(c, 0, "capacity"), 0},
		"uncontended": {pair(c, 0, "uncontended"), 0},
		"many":        {pair(c, 0, "many"), 0},
		"Tail":        {pair(q, values.Offset, "Tail"), 1},
		"tailSeg":     {pair(q, values.Offset, "tailSeg"), 1},
		"Head":        {pair(q, values.Offset, "Head"), 2},
		"own":         {pair(q, values.Offset, "own"), 2},
	} {
		if got.got != got.want {
			t.Errorf("%s is in pair %d of cache lines, want %d", name, got.got, got.want)
		}
	}
}
