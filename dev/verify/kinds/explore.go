//go:build modelcheck

package kinds

import (
	"fmt"
	"time"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/script"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/ring"
	"github.com/leat-go/leat/internal/seam"
)

// Model is p as package model runs it. A run fails if its history is none of
// the specification's, or if a waiter stands in a queue while no call is under
// way.
func Model(p *script.Program) func(*model.Run) {
	ring.SegmentSize = 1 // a broadcast of capacity 2 grows, and
	if p.Capacity == 3 {
		ring.SegmentSize = 2 // one of 3 ends with a short segment
	}
	right := make(map[string]bool) // histories, of which most runs have one that was seen before
	return func(r *model.Run) {
		seam.Timers = p.Ages()
		r.After(func(string) { seam.Timers = false })
		calls := calls{left: park.Queued()}
		ctx, cancel := r.Context()
		play := p.Start(script.World{
			Begin: func() int64 {
				at := int64(r.Begin())
				calls.begin()
				return at
			},
			End: func() int64 {
				at := int64(r.End())
				if n := calls.end(); n > 0 {
					r.Failf("no call is under way, and %d waiters stand in queues", n)
				}
				return at
			},
			Await:   r.Await,
			Drop:    r.Drop,
			Elapse:  r.Elapse,
			Context: ctx,
			Cancel:  cancel,
		})
		for i, a := range play.Actors {
			r.Go(fmt.Sprintf("%c:%s", 'A'+i, a.Word), a.Run)
		}
		r.Check(func() {
			h := play.History()
			key := h.String()
			if right[key] {
				return
			}
			if err := h.Check(play.Model(), time.Minute, ""); err != nil {
				r.Failf("%v", err)
			}
			right[key] = true
		})
	}
}

// calls counts how many are under way, out of the race detector's sight: the
// checker lets one goroutine go at a time.
type calls struct {
	n    int
	left int // waiters that were there before
}

//go:norace
func (c *calls) begin() { c.n++ }

// end returns how many waiters stand in queues, if nobody is left who may wait
// there.
//
//go:norace
func (c *calls) end() int {
	if c.n--; c.n > 0 {
		return 0
	}
	return park.Queued() - c.left
}
