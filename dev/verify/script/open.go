package script

import (
	"context"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/spec"
	"github.com/leat-go/leat/internal/queue"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// handles deals out the ends of a channel: the first goroutine that needs one
// gets the first handle, the others clones of it; or, if clone is nil, the
// same. ids are the goroutines after which the specification calls the handles,
// and set is the set of these.
func handles[H any](uses []bool, first H, clone func() H) (all []H, ids []int, set uint32) {
	all, ids = make([]H, len(uses)), make([]int, len(uses))
	owner := -1
	for i, u := range uses {
		ids[i] = i
		switch {
		case !u:
			continue
		case owner < 0:
			all[i], owner = first, i
		case clone == nil:
			all[i], ids[i] = first, owner
		default:
			all[i] = clone()
		}
		set |= 1 << ids[i]
	}
	return all, ids, set
}

func openMpmc(p *Program) *channel {
	tx, rx := mpmc.NewUnbounded[rune]()
	if p.Capacity != Unbounded {
		tx, rx = mpmc.New[rune](p.Capacity)
	}
	ch := p.channel(tx, func() sender { return tx.Clone() }, rx, func() receiver { return rx.Clone() })
	ch.model = spec.Queue(p.Capacity, ch.senders, ch.receivers)
	ch.reserve = func(tx sender, ctx context.Context) (permit, error) {
		return asPermit(tx.(*mpmc.Sender[rune]).Reserve(ctx))
	}
	ch.tryReserve = func(tx sender) (permit, error) { return asPermit(tx.(*mpmc.Sender[rune]).TryReserve()) }
	return ch
}

func openMpsc(p *Program) *channel {
	tx, rx := mpsc.NewUnbounded[rune]()
	if p.Capacity != Unbounded {
		tx, rx = mpsc.New[rune](p.Capacity)
	}
	ch := p.channel(tx, func() sender { return tx.Clone() }, rx, nil)
	ch.model = spec.Queue(p.Capacity, ch.senders, ch.receivers)
	ch.reserve = func(tx sender, ctx context.Context) (permit, error) {
		return asPermit(tx.(*mpsc.Sender[rune]).Reserve(ctx))
	}
	ch.tryReserve = func(tx sender) (permit, error) { return asPermit(tx.(*mpsc.Sender[rune]).TryReserve()) }
	return ch
}

// twoLocks opens a queue that has two locks at each capacity but 0.
func twoLocks(open func(*Program) *channel) func(*Program) *channel {
	return func(p *Program) *channel {
		defer func(old int) { queue.OneLock = old }(queue.OneLock)
		queue.OneLock = 0
		return open(p)
	}
}

// asPermit keeps a nil pointer from becoming a permit.
func asPermit[P permit](p P, err error) (permit, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

func openOneshot(p *Program) *channel {
	var opts []leat.Option
	if p.has("G") { // the garbage collector closes the receiver of a named channel alone
		opts = append(opts, leat.Name(p.Name()))
	}
	tx, rx := oneshot.New[rune](opts...)
	ch := p.channel(tx, nil, rx, nil)
	ch.model = spec.Oneshot()
	return ch
}

func openBroadcast(policy broadcast.SubscribeOption) func(p *Program) *channel {
	lossless := policy != nil
	return func(p *Program) *channel {
		tx := broadcast.New[rune](p.Capacity)
		var never uint32
		if lossless {
			never = ^uint32(0)
		}
		options := func(start broadcast.SubscribeOption, lossless bool) []broadcast.SubscribeOption {
			if lossless {
				if policy != nil {
					return []broadcast.SubscribeOption{start, policy}
				}
				return []broadcast.SubscribeOption{start, broadcast.Lossless()}
			}
			return []broadcast.SubscribeOption{start}
		}
		first := func() receiver { return tx.Subscribe(options(nil, lossless)...) }
		ch := p.channel(tx, func() sender { return tx.Clone() }, nil, first)
		ch.model = spec.Broadcast(p.Capacity, ch.senders, ch.receivers, never, p.Kind == "patient")
		if p.subscribes() {
			late := tx.Clone() // closed, so that it keeps no receiver waiting
			late.Close()
			ch.subscribe = func(letter rune) (receiver, spec.Call) {
				call := spec.Call{Lossless: lossless != (letter == 'O')}
				var start broadcast.SubscribeOption
				switch letter {
				case 'V':
					call.Replay = 2
					start = broadcast.Replay(call.Replay)
				case 'F':
					call.From = 1
					start = broadcast.From(uint64(call.From))
				}
				return late.Subscribe(options(start, call.Lossless)...), call
			}
		}
		return ch
	}
}

func openWatch(p *Program) *channel {
	tx := watch.New[rune](initial)
	ch := p.channel(tx, func() sender { return tx.Clone() }, nil, func() receiver { return tx.Subscribe() })
	ch.model = spec.Watch(initial, ch.senders, ch.receivers)
	if p.subscribes() {
		late := tx.Clone() // closed, so that it keeps no receiver waiting
		late.Close()
		ch.subscribe = func(rune) (receiver, spec.Call) { return late.Subscribe(), spec.Call{} }
	}
	return ch
}

// channel deals out the handles; without a first receiver, each goroutine that
// needs one gets one of its own.
func (p *Program) channel(tx sender, clone func() sender, rx receiver, subscribe func() receiver) *channel {
	ch := &channel{cap: p.Capacity}
	ch.tx, ch.txID, ch.senders = handles(p.uses(sending), tx, clone)
	uses := p.uses(receiving)
	for i, later := range p.uses(subscribing) {
		uses[i] = uses[i] && !later
	}
	ch.rx, ch.rxID, ch.receivers = handles(uses, rx, subscribe)
	if rx == nil {
		for i, id := range ch.rxID {
			if ch.receivers>>id&1 == 1 && ch.rx[i] == nil {
				ch.rx[i] = subscribe()
			}
		}
	}
	return ch
}
