//go:build modelcheck

package kinds

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/verify/model"
	"github.com/leat-go/leat/verify/spec"
)

// A sender is what the handles of the kinds have in common, where they have it.
type sender interface {
	leat.Sender[rune]
}

type receiver interface {
	leat.Receiver[rune]
	Ready() <-chan struct{}
}

// A permit is one reserved slot.
type permit interface {
	Send(v rune) error
	Release()
}

// A channel is what one run's goroutines use: handle i is that of goroutine i.
type channel struct {
	tx                 []sender
	rx                 []receiver
	txID               []int // what the specification calls them
	rxID               []int
	senders, receivers uint32 // the sets of these
	reserve            func(tx sender, ctx context.Context) (permit, error)
	model              porcupine.Model
	cap                int
}

// A Case is a program for a kind.
type Case struct {
	Kind     string
	Capacity int
	Words    []string
	open     func(c *Case) *channel
}

// Name is what the case is called.
func (c *Case) Name() string {
	capacity := fmt.Sprint(c.Capacity)
	if c.Capacity == math.MaxInt {
		capacity = "unbounded"
	}
	return fmt.Sprintf("%s_%s/%s", c.Kind, capacity, strings.Join(c.Words, "_"))
}

const (
	sending   = "sStbpqxlLdueD"
	receiving = "rRynwzlLdgG"
)

// uses reports which goroutines need a handle that the letters use.
func (c *Case) uses(letters string) []bool {
	which := make([]bool, len(c.Words))
	for i, w := range c.Words {
		which[i] = strings.ContainsAny(w, letters)
	}
	return which
}

// judge remembers which histories are right: most runs have one that was seen before.
type judge struct {
	model porcupine.Model
	right map[string]bool
}

// Explore runs the case.
func (c *Case) Explore(o model.Options) model.Result {
	j := &judge{right: make(map[string]bool)}
	return model.Explore(o, func(r *model.Run) { c.program(r, j) })
}

// Replay runs the case by one schedule.
func (c *Case) Replay(o model.Options, schedule string) (*model.Failure, error) {
	j := &judge{right: make(map[string]bool)}
	return model.Replay(o, func(r *model.Run) { c.program(r, j) }, schedule)
}

// program sets up one run.
func (c *Case) program(r *model.Run, j *judge) {
	ch := c.open(c)
	ctx, cancel := r.Context()
	actors := make([]*actor, len(c.Words))
	for i, w := range c.Words {
		a := &actor{run: r, ch: ch, ctx: ctx, cancel: cancel, txID: ch.txID[i], rxID: ch.rxID[i], tx: ch.tx[i], rx: ch.rx[i], value: rune(10*i + 1)}
		actors[i] = a
		r.Go(fmt.Sprintf("%c:%s", 'A'+i, w), func() {
			for _, letter := range w {
				a.do(letter)
			}
			a.finish()
		})
	}
	r.Check(func() {
		var h spec.History
		for i, a := range actors {
			for _, e := range a.events {
				h.Add(i, e.begun, e.returned, e.calls...)
			}
		}
		key := h.String()
		if j.right[key] {
			return
		}
		if err := h.Check(ch.model, time.Minute, ""); err != nil {
			r.Failf("%v", err)
		}
		j.right[key] = true
	})
}

// An actor is one goroutine of a program.
type actor struct {
	run        *model.Run
	ch         *channel
	ctx        context.Context
	cancel     context.CancelFunc
	txID, rxID int
	tx         sender
	rx         receiver
	txClosed   bool
	rxClosed   bool
	value      rune
	events     []event
}

type event struct {
	begun, returned int64
	calls           []spec.Call
}

// call notes a call, with what it turned out to be.
func (a *actor) call(f func() []spec.Call) {
	begun := a.run.Begin()
	calls := f()
	a.events = append(a.events, event{int64(begun), int64(a.run.End()), calls})
}

func (a *actor) next() rune {
	a.value++
	return a.value - 1
}

func (a *actor) do(letter rune) {
	background := context.Background()
	switch letter {
	case 's':
		a.send(background, a.tx.Send)
	case 'S':
		a.send(a.ctx, a.tx.Send)
	case 't':
		a.send(nil, func(_ context.Context, v rune) error { return a.tx.TrySend(v) })
	case 'b':
		a.sendMany()
	case 'p', 'q':
		a.reserve(letter == 'p')
	case 'r':
		a.recv(background, a.rx.Recv)
	case 'R':
		a.recv(a.ctx, a.rx.Recv)
	case 'y':
		a.recv(nil, func(context.Context) (rune, error) { return a.rx.TryRecv() })
	case 'n':
		a.recvMany()
	case 'w':
		a.run.Await(a.rx.Ready())
		a.do('y')
	case 'l':
		a.choose(background, false)
	case 'L':
		a.choose(a.ctx, false)
	case 'd':
		a.choose(background, true)
	case 'g':
		a.call(func() []spec.Call {
			v := a.rx.(interface{ Get() rune }).Get()
			return []spec.Call{{Op: spec.Get, Value: v, Result: spec.OK}}
		})
	case 'u':
		a.update()
	case 'x':
		a.closeTx(func() { a.tx.Close() })
	case 'z':
		a.closeRx(func() { a.rx.Close() })
	case 'D':
		a.closeTx(func() { a.run.Drop(a.tx) })
	case 'G':
		a.closeRx(func() { a.run.Drop(a.rx) })
	case 'c':
		a.cancel()
	case 'e':
		a.run.Await(a.tx.(interface{ Done() <-chan struct{} }).Done())
	default:
		panic(fmt.Sprintf("kinds: a program with the letter %q", letter))
	}
}

func (a *actor) send(ctx context.Context, f func(context.Context, rune) error) {
	v := a.next()
	a.call(func() []spec.Call {
		err := f(ctx, v)
		return spec.Sends(a.ch.cap, a.txID, accepted(err), err, v)
	})
}

func accepted(err error) int {
	if err == nil {
		return 1
	}
	return 0
}

func (a *actor) sendMany() {
	vs := []rune{a.next(), a.next()}
	a.call(func() []spec.Call {
		n, err := a.tx.(interface {
			SendMany(context.Context, []rune) (int, error)
		}).SendMany(context.Background(), vs)
		return spec.Sends(a.ch.cap, a.txID, n, err, vs...)
	})
}

func (a *actor) reserve(use bool) {
	var p permit
	a.call(func() []spec.Call {
		var err error
		p, err = a.ch.reserve(a.tx, context.Background())
		result, _ := spec.Result(err)
		return []spec.Call{{Op: spec.Reserve, Handle: a.txID, Result: result}}
	})
	if a.events[len(a.events)-1].calls[0].Result != spec.OK {
		return
	}
	a.call(func() []spec.Call {
		if !use {
			p.Release()
			return []spec.Call{{Op: spec.Release, Handle: a.txID, Result: spec.OK}}
		}
		v := a.next()
		result, _ := spec.Result(p.Send(v))
		return []spec.Call{{Op: spec.Redeem, Handle: a.txID, Value: v, Result: result}}
	})
}

func (a *actor) recv(ctx context.Context, f func(context.Context) (rune, error)) {
	a.call(func() []spec.Call {
		v, err := f(ctx)
		return spec.Recvs(a.rxID, err, v)
	})
}

func (a *actor) recvMany() {
	a.call(func() []spec.Call {
		buf := make([]rune, 2)
		n, err := a.rx.(interface {
			RecvMany(context.Context, []rune) (int, error)
		}).RecvMany(context.Background(), buf)
		return spec.Recvs(a.rxID, err, buf[:n]...)
	})
}

func (a *actor) choose(ctx context.Context, fallback bool) {
	v := a.next()
	a.call(func() []spec.Call {
		var calls []spec.Call
		cases := []leat.Case{
			leat.OnRecv(leat.Receiver[rune](a.rx), func(v rune, err error) { calls = spec.Recvs(a.rxID, err, v) }),
			leat.OnSend(leat.Sender[rune](a.tx), v, func(err error) { calls = spec.Sends(a.ch.cap, a.txID, accepted(err), err, v) }),
		}
		if fallback {
			cases = append(cases, leat.Default(func() {
				calls = []spec.Call{
					{Op: spec.Recv, Handle: a.rxID, Result: spec.Empty},
					{Op: spec.Send, Handle: a.txID, Value: v, Result: spec.Full},
				}
			}))
		}
		leat.Select(ctx, cases...)
		return calls
	})
}

func (a *actor) update() {
	a.call(func() []spec.Call {
		ok := a.tx.(interface{ Update(func(*rune) bool) bool }).Update(func(v *rune) bool {
			*v++
			return true
		})
		if !ok {
			return []spec.Call{{Op: spec.Add, Handle: a.txID, Value: 1, Result: spec.Closed}}
		}
		return []spec.Call{{Op: spec.Add, Handle: a.txID, Value: 1, Result: spec.OK}}
	})
}

func (a *actor) closeTx(f func()) {
	a.txClosed = true
	a.call(func() []spec.Call {
		f()
		return []spec.Call{{Op: spec.CloseTx, Handle: a.txID, Result: spec.OK}}
	})
}

func (a *actor) closeRx(f func()) {
	a.rxClosed = true
	a.call(func() []spec.Call {
		f()
		return []spec.Call{{Op: spec.CloseRx, Handle: a.rxID, Result: spec.OK}}
	})
}

// finish closes what the actor has not closed.
func (a *actor) finish() {
	if a.tx != nil && !a.txClosed {
		a.do('x')
	}
	if a.rx != nil && !a.rxClosed {
		a.do('z')
	}
}
