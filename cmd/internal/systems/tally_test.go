package systems

import "testing"

// Finish says if the tallies do not add up. It fails if a value in no tally, or
// in two, makes "none lost".
func TestAccount(t *testing.T) {
	for _, c := range []struct {
		first, second int64
		want          string
		complete      bool
	}{
		{3, 3, "6 Acks from 2 clients, none lost", true},
		{3, 2, "5 Acks from 2 clients, 1 lost", false},
		{4, 2, "6 Acks from 2 clients, 2 lost", false},
	} {
		clients := []*Client{{}, {}}
		clients[0].tally.acks.Store(c.first)
		clients[1].tally.acks.Store(c.second)
		a := accountFor(clients, each(3))
		if a.String() != c.want || a.complete() != c.complete {
			t.Errorf("3 values to two clients, %d and %d Acks: %q, complete %v", c.first, c.second, a, a.complete())
		}
	}
}
