package fanout_test

import (
	"math/rand/v2"
	"testing"

	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/park"
)

type cursor struct {
	place  fanout.Place
	open   bool
	opened int
}

func (c *cursor) At() *fanout.Place { return &c.place }

func (c *cursor) OpenGate(final, gc bool) bool {
	if gc && !final {
		return false
	}
	c.opened++
	return true
}

// It fails if a cursor is lost or kept when others leave the lists, in any
// order, or if its gate is opened other than once after it was armed.
func TestLists(t *testing.T) {
	var list fanout.List[*cursor]
	var waiting fanout.Waiting[*cursor]
	var wk park.Wakes
	var all []*cursor // those on list
	armed := make(map[*cursor]bool)
	random := rand.New(rand.NewPCG(1, 2))
	for step := range 10_000 {
		switch c := new(cursor); {
		case len(all) == 0 || random.IntN(4) == 0:
			c.open = true
			list.Add(c)
			all = append(all, c)
		case random.IntN(3) == 0:
			i := random.IntN(len(all))
			c = all[i]
			all = append(all[:i], all[i+1:]...)
			c.open = false
			list.Remove(c)
			waiting.Leave(c, &wk)
			delete(armed, c)
		case random.IntN(50) == 0:
			gc := random.IntN(2) == 0
			waiting.Notify(&wk, false, gc)
			for c := range armed {
				if want := 1; !gc && c.opened != want || gc && c.opened != 0 {
					t.Fatalf("step %d: the gate was opened %d times, gc %v", step, c.opened, gc)
				}
				if !gc {
					c.opened = 0
					delete(armed, c)
				}
			}
		default:
			c = all[random.IntN(len(all))]
			waiting.Arm(c)
			armed[c] = true
		}
		if list.Len() != len(all) || waiting.None() != (len(armed) == 0) {
			t.Fatalf("step %d: %d cursors, want %d; none armed %v, want %d", step, list.Len(), len(all), waiting.None(), len(armed))
		}
		for _, c := range list.All() {
			if !c.open {
				t.Fatalf("step %d: a cursor that has left is on the list", step)
			}
			if c.opened != 0 {
				t.Fatalf("step %d: a gate that was not armed was opened", step)
			}
		}
	}
}
