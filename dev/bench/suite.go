package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/puzpuzpuz/xsync/v4"
	"github.com/smallnest/chanx"
)

// The field's standard suite, as crossbeam's benchmarks have it: four senders
// or receivers, one word a value, capacity 0, 1, as much as is sent, and
// unbounded. For an unbounded channel the native one with room for everything
// stands in. Added are streams through few slots.
const (
	suiteWorkers = 4
	everything   = -2 // a capacity: as much as is sent
	unbounded    = -1
)

var (
	suiteCapacities  = []int{0, 1, everything, unbounded}
	streamCapacities = []int{0, 1, 2, 4, 8, everything, unbounded}
)

func capacityName(c int) string {
	switch c {
	case everything:
		return "N"
	case unbounded:
		return "unbounded"
	}
	return fmt.Sprint(c)
}

// A pipe is a channel to send and receive by, whoever made it. Senders and
// receivers are made before any of them is used.
type pipe struct {
	sender   func() (send func(int), done func())
	receiver func() (recv func() int, done func())
}

func nothing() {}

func nativePipe(capacity int) pipe {
	ch := make(chan int, capacity)
	return pipe{
		func() (func(int), func()) { return func(v int) { ch <- v }, nothing },
		func() (func() int, func()) { return func() int { return <-ch }, nothing },
	}
}

// leatPipe is an mpsc if that can do it, and else an mpmc.
func leatPipe(capacity int, oneReceiver bool) pipe {
	if oneReceiver && capacity != 0 {
		tx, rx := newMPSC(capacity)
		return pipe{
			func() (func(int), func()) {
				tx := tx.Clone()
				return func(v int) { _ = tx.Send(background, v) }, func() { tx.Close() }
			},
			func() (func() int, func()) {
				return func() int { v, _ := rx.Recv(background); return v }, func() { tx.Close(); rx.Close() }
			},
		}
	}
	tx, rx := newMPMC(capacity)
	return pipe{
		func() (func(int), func()) {
			tx := tx.Clone()
			return func(v int) { _ = tx.Send(background, v) }, func() { tx.Close() }
		},
		func() (func() int, func()) {
			own := rx.Clone()
			return func() int { v, _ := own.Recv(background); return v }, func() { own.Close(); tx.Close(); rx.Close() }
		},
	}
}

func newMPSC(capacity int) (*mpsc.Sender[int], *mpsc.Receiver[int]) {
	if capacity == unbounded {
		return mpsc.NewUnbounded[int]()
	}
	return mpsc.New[int](capacity)
}

func newMPMC(capacity int) (*mpmc.Sender[int], *mpmc.Receiver[int]) {
	if capacity == unbounded {
		return mpmc.NewUnbounded[int]()
	}
	return mpmc.New[int](capacity)
}

// xsyncPipe waits by yielding: the queue has no operation that waits. Its Try
// operations may also fail because somebody was faster, which only costs
// another turn here.
func xsyncPipe(capacity int) pipe {
	q := xsync.NewMPMCQueue[int](capacity)
	return pipe{
		func() (func(int), func()) {
			return func(v int) {
				for !q.TryEnqueue(v) {
					runtime.Gosched()
				}
			}, nothing
		},
		func() (func() int, func()) {
			return func() int {
				for {
					if v, ok := q.TryDequeue(); ok {
						return v
					}
					runtime.Gosched()
				}
			}, nothing
		},
	}
}

func xsyncUnboundedPipe() pipe {
	q := xsync.NewUMPSCQueue[int]()
	return pipe{
		func() (func(int), func()) { return q.Enqueue, nothing },
		func() (func() int, func()) { return q.Dequeue, nothing },
	}
}

// chanxPipe is stopped when a receiver has all its values, which are in one
// receiver's hands: with more, the first would stop the others.
func chanxPipe() pipe {
	ctx, stop := context.WithCancel(background)
	ch := chanx.NewUnboundedChan[int](ctx, 1024)
	return pipe{
		func() (func(int), func()) { return func(v int) { ch.In <- v }, nothing },
		func() (func() int, func()) { return func() int { return <-ch.Out }, stop },
	}
}

// suiteWorkloads are the cells of the suite, by all who can do them.
func suiteWorkloads() []workload {
	var all []workload
	for _, shape := range []struct {
		name               string
		senders, receivers int
	}{{"seq", 0, 0}, {"spsc", 1, 1}, {"mpsc", suiteWorkers, 1}, {"mpmc", suiteWorkers, suiteWorkers}} {
		for _, capacity := range streamCapacities {
			if shape.senders == 0 && capacity >= 0 {
				continue // one goroutine would wait for itself
			}
			w := workload{name: fmt.Sprintf("suite/%s/cap=%s", shape.name, capacityName(capacity))}
			add := func(name string, make func(n int) pipe) {
				w.contestants = append(w.contestants, contestant{name, func(n int) error {
					if shape.senders == 0 {
						return sequential(make(n), n)
					}
					return passAll(make(n), shape.senders, shape.receivers, n)
				}})
			}
			one := shape.receivers <= 1
			add("native", func(n int) pipe { return nativePipe(nativeRoom(capacity, n)) })
			add("leat", func(n int) pipe { return leatPipe(leatRoom(capacity, n), one) })
			switch {
			case capacity == unbounded:
				if one {
					add("chanx", func(int) pipe { return chanxPipe() })
					add("xsync", func(int) pipe { return xsyncUnboundedPipe() })
				}
			case capacity != 0:
				add("xsync", func(n int) pipe { return xsyncPipe(nativeRoom(capacity, n)) })
			}
			all = append(all, w)
		}
	}
	for _, capacity := range suiteCapacities {
		for _, shape := range []struct {
			name      string
			receivers int
		}{{"select_rx", 1}, {"select_both", suiteWorkers}} {
			all = append(all, workload{name: fmt.Sprintf("suite/%s/cap=%s", shape.name, capacityName(capacity)), contestants: []contestant{
				{"native", func(n int) error { return nativeSelect(nativeRoom(capacity, n), shape.receivers, n) }},
				{"leat", func(n int) error { return leatSelect(leatRoom(capacity, n), shape.receivers, n) }}}})
		}
	}
	return all
}

// nativeRoom and leatRoom are the capacity of a channel through which n values
// go.
func nativeRoom(capacity, n int) int {
	if capacity < 0 {
		return n
	}
	return capacity
}

func leatRoom(capacity, n int) int {
	if capacity == everything {
		return n
	}
	return capacity
}

// sequential sends everything and then receives it.
func sequential(p pipe, n int) error {
	send, sent := p.sender()
	recv, received := p.receiver()
	defer received()
	defer sent()
	for i := range n {
		send(i)
	}
	return readAll(n, func() (int, error) { return recv(), nil })
}

// passAll divides n values among senders and receivers.
func passAll(p pipe, senders, receivers, n int) error {
	type end struct {
		use  func(int)
		done func()
	}
	var ends []end
	for range senders {
		send, done := p.sender()
		ends = append(ends, end{send, done})
	}
	var t tally
	var c crew
	for r := range receivers {
		recv, done := p.receiver()
		c.run(func() error {
			defer done()
			count, sum := 0, 0
			for range share(n, r, receivers) {
				count++
				sum += recv()
			}
			t.add(count, sum)
			return nil
		})
	}
	for s, e := range ends {
		c.run(func() error {
			defer e.done()
			for i := s; i < n; i += senders {
				e.use(i)
			}
			return nil
		})
	}
	if err := c.wait(); err != nil {
		return err
	}
	return t.check(n)
}

// nativeSelect has one channel for each of the workers. With one receiver, each
// sender has a channel, and the receiver selects; with more, both sides select
// over all.
func nativeSelect(capacity, receivers, n int) error {
	var ch [suiteWorkers]chan int
	for i := range ch {
		ch[i] = make(chan int, capacity)
	}
	var t tally
	var c crew
	for s := range suiteWorkers {
		c.run(func() error {
			for i := s; i < n; i += suiteWorkers {
				if receivers == 1 {
					ch[s] <- i
					continue
				}
				select {
				case ch[0] <- i:
				case ch[1] <- i:
				case ch[2] <- i:
				case ch[3] <- i:
				}
			}
			return nil
		})
	}
	for r := range receivers {
		c.run(func() error {
			count, sum := 0, 0
			for range share(n, r, receivers) {
				v := 0
				select {
				case v = <-ch[0]:
				case v = <-ch[1]:
				case v = <-ch[2]:
				case v = <-ch[3]:
				}
				count++
				sum += v
			}
			t.add(count, sum)
			return nil
		})
	}
	if err := c.wait(); err != nil {
		return err
	}
	return t.check(n)
}

func leatSelect(capacity, receivers, n int) error {
	var tx [suiteWorkers]*mpmc.Sender[int]
	var rx [suiteWorkers]*mpmc.Receiver[int]
	for i := range tx {
		tx[i], rx[i] = newMPMC(capacity)
		defer tx[i].Close()
		defer rx[i].Close()
	}
	var t tally
	var c crew
	sent := func(error) {}
	for s := range suiteWorkers {
		c.run(func() error {
			for i := s; i < n; i += suiteWorkers {
				if receivers == 1 {
					if err := tx[s].Send(background, i); err != nil {
						return err
					}
					continue
				}
				if _, err := leat.Select(background,
					leat.OnSend(tx[0], i, sent),
					leat.OnSend(tx[1], i, sent),
					leat.OnSend(tx[2], i, sent),
					leat.OnSend(tx[3], i, sent),
				); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for r := range receivers {
		c.run(func() error {
			count, sum := 0, 0
			take := func(v int, err error) {
				if err == nil {
					count++
					sum += v
				}
			}
			for range share(n, r, receivers) {
				if _, err := leat.Select(background,
					leat.OnRecv(rx[0], take),
					leat.OnRecv(rx[1], take),
					leat.OnRecv(rx[2], take),
					leat.OnRecv(rx[3], take),
				); err != nil {
					return err
				}
			}
			t.add(count, sum)
			return nil
		})
	}
	if err := c.wait(); err != nil {
		return err
	}
	return t.check(n)
}
