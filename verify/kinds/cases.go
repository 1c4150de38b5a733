//go:build modelcheck

package kinds

import (
	"strings"

	"github.com/leat-go/leat/verify/script"
)

// Cases are the programs of all kinds.
func Cases() []*script.Program {
	var all []*script.Program
	add := func(kind string, capacities []int, programs string) {
		for _, capacity := range capacities {
			for _, p := range strings.Split(strings.TrimSpace(programs), "\n") {
				all = append(all, &script.Program{Kind: kind, Capacity: capacity, Words: strings.Fields(p)})
			}
		}
	}
	queues := []int{1, 2, script.Unbounded}
	both := `
		ss rr
		tt yy
		st ry
		ts rr
		ss zr
		ssx rrr
		b n
		b rr
		s s rr
		t s r
		s s z
		S rr c
		S S c
		S z c
		s Rr c
		p r
		ps rr
		q s rr
		p z
		pt ry
		ss w
		t ww
		se z
		D r
		sD rr
		s s y
	`
	add("mpsc", queues, both)
	add("mpmc", append([]int{0}, queues...), both)
	more := `
		s r r
		t r r
		ss r r
		x r r
		s r z
		s R r c
		b r r
		b n n
		l r
		l s
		l l
		L s c
		L r c
		d s
		d r
		d t y
		l b
		s w w
		s zw w
		s rG
	`
	add("mpmc", []int{0, 1, 2, script.Unbounded}, more)
	add("oneshot", []int{1}, `
		s r
		t y
		s z
		x r
		s R c
		sx rr
		S r c
		ss ry
		s w
		D r
		s G
		se r
		e z
		s ry z
		l
	`)
	add("broadcast", []int{2}, `ssss yy y`)
	add("broadcast", []int{1, 2}, `
		ss rr
		sss rr
		sss ry
		tt yy
		s s rr
		s r r
		sx rr
		ss z
		ss rz
		s Rr c
		b rr
		b n
		sss n
		ss w
		s ww
		l r
		d s
		D r
		sD rr
		s rG
	`)
	add("lossless", []int{1, 2}, `
		ss rr
		sss rr
		tt yy
		ts yr
		s s rr
		s s yz
		ss r r
		ss z
		ss rz
		S s r c
		Ss ry c
		b rr
		b n
		b rz
		sss n
		ss ww
		ss rG
		l r
		s t yy
	`)
	add("watch", []int{1}, `
		ss rr
		tt yy
		u u rr
		us ry
		s r r
		ss gr
		s Rr c
		sx rr
		s z
		s rz
		s ww
		s s w
		x r
		D r
		l r
		s u g
	`)
	return all
}
