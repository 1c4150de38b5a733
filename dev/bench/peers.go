package main

import (
	"fmt"
	"slices"

	"github.com/cskr/pubsub/v2"
	broadcaster "github.com/dustin/go-broadcast"
	"github.com/leat-go/leat/broadcast"
)

// fewSlots is the room of a receiver in these workloads: so little that a run
// with a thousand receivers goes round it many times.
const fewSlots = 64

// fanOutWorkloads tell everybody, by all who can: each receiver must get every
// value, in order.
func fanOutWorkloads(receivers []int) []workload {
	var all []workload
	for _, r := range receivers {
		all = append(all, workload{name: fmt.Sprintf("fanout/receivers=%d", r), least: 8 * fewSlots, contestants: []contestant{
			{"native", func(n int) error { return nativeFanOut(fewSlots, r, n) }},
			{"leat", func(n int) error { return losslessFanOut(fewSlots, r, n, readOne) }},
			{"leat, lossy", func(n int) error { return lossyFanOut(fewSlots, r, n) }},
			{"cskr/pubsub", func(n int) error { return pubsubFanOut(fewSlots, r, n) }},
			{"dustin/go-broadcast", func(n int) error { return broadcasterFanOut(fewSlots, r, n) }},
		}})
	}
	return all
}

// lossyFanOut holds nobody back. Received and missed values must add up to the
// sent ones.
func lossyFanOut(capacity, receivers, n int) error {
	tx := broadcast.New[int](capacity)
	var c crew
	for range receivers {
		rx := tx.Subscribe()
		c.run(func() error {
			defer rx.Close()
			received, missed := 0, uint64(0)
			for _, m := range rx.All(background) {
				received++
				missed += m
			}
			if received+int(missed) != n {
				return fmt.Errorf("received %d and missed %d of %d", received, missed, n)
			}
			return nil
		})
	}
	for i := range n {
		_ = tx.Send(background, i)
	}
	tx.Close()
	return c.wait()
}

func pubsubFanOut(capacity, receivers, n int) error {
	ps := pubsub.New[string, int](capacity)
	var c crew
	for range receivers {
		ch := ps.Sub("t")
		c.run(func() error { return readAll(n, func() (int, error) { return <-ch, nil }) })
	}
	for i := range n {
		ps.Pub(i, "t")
	}
	err := c.wait()
	ps.Shutdown()
	return err
}

func broadcasterFanOut(capacity, receivers, n int) error {
	b := broadcaster.NewBroadcaster(capacity)
	var c crew
	for range receivers {
		ch := make(chan any, capacity)
		b.Register(ch)
		c.run(func() error { return readAll(n, func() (int, error) { return (<-ch).(int), nil }) })
	}
	for i := range n {
		b.Submit(i)
	}
	err := c.wait()
	b.Close()
	return err
}

// otherWorkloads have no row of the table: the standard suite, peers, and the
// points of the figures.
func otherWorkloads() []workload {
	return slices.Concat(suiteWorkloads(), fanOutWorkloads(receiverSteps), senderWorkloads())
}

var (
	senderSteps   = []int{1, 2, 4, 8, 16, 32, 64}
	receiverSteps = []int{1, 10, 100, 1000}
)

// senderWorkloads are the points of the figure of cost against the number of
// senders.
func senderWorkloads() []workload {
	var all []workload
	for _, w := range contexts() {
		for _, s := range senderSteps {
			all = append(all, workload{name: fmt.Sprintf("senders/ctx=%s/%d", w.name, s), contestants: []contestant{
				{"native", func(n int) error { return nativeStream(w.ctx, 1024, s, n) }},
				{"leat", func(n int) error { return mpscStream(w.ctx, 1024, s, n) }}}})
		}
	}
	return all
}
