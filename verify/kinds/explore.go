//go:build modelcheck

package kinds

import (
	"fmt"
	"time"

	"github.com/leat-go/leat/verify/model"
	"github.com/leat-go/leat/verify/script"
)

// Model is p as package model runs it. A run fails if its history is none of the specification's.
func Model(p *script.Program) func(*model.Run) {
	right := make(map[string]bool) // histories, of which most runs have one that was seen before
	return func(r *model.Run) {
		ctx, cancel := r.Context()
		play := p.Start(script.World{
			Begin:   func() int64 { return int64(r.Begin()) },
			End:     func() int64 { return int64(r.End()) },
			Await:   r.Await,
			Drop:    r.Drop,
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
