package watch

import (
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// subscribe makes a receiver, which has seen the current value.
func (c *channel[T]) subscribe() *Receiver[T] {
	cur := new(cursor)
	var wk wakes
	c.mu.Lock()
	cur.seen.Store(c.current.Load().n)
	c.subs++
	cur.id = c.subs
	c.receivers.Add(cur)
	c.counting.Changed(c.receivers.Len(), &wk.count, false)
	c.mu.Unlock()
	wk.run()
	r := &Receiver[T]{c: c, cur: cur}
	park.InitRecv(&r.recvArms, (*recvEnd[T])(r))
	r.cleanup = seam.AddCleanup(r, dropped[T].close, dropped[T]{c, cur})
	return r
}
