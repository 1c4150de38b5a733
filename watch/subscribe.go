package watch

import (
	"github.com/leat-go/leat/internal/park"
)

// subscribe makes a receiver, which has seen the current value.
func (c *channel[T]) subscribe() *Receiver[T] {
	cur := &cursor{channel: c}
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
	r.guard.Watch(r, cur)
	return r
}
