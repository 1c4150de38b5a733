package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// killLanes is on how many channels of a kind processes are killed at a time.
const killLanes = 4

// victimKinds are the channels whose senders and receivers are killed.
var victimKinds = []string{"mpsc", "mpmc", "mpmc, Prefetch(64)", "lossless broadcast", "lossy broadcast", "watch"}

// victimChannel returns the channel of a kind, and the options of its
// receivers. A Broadcast has room for all values that are sent while no
// receiver lives, unless it is lossless.
func victimChannel(kind, name string) (natschan.Channel, []natschan.ReceiverOption) {
	var opts []natschan.ReceiverOption
	ch := channelOf(kind)
	switch kind {
	case "mpmc, Prefetch(64)":
		ch, opts = channelOf("mpmc"), append(opts, natschan.Prefetch(64))
	case "lossless broadcast":
		opts = append(opts, natschan.Durable("worker"))
	case "lossy broadcast":
		ch.Capacity, opts = 1<<20, append(opts, natschan.Durable("worker"))
	}
	ch.Name, ch.Lease = name, 2*time.Second
	return ch, opts
}

// sendersKilled kills processes that send, n for each kind.
func sendersKilled(n int) func(*table) error {
	return func(t *table) error {
		return killVictims(t, n, "senders", "none lost", killSenders)
	}
}

// receiversKilled kills processes that receive, n for each kind.
func receiversKilled(n int) func(*table) error {
	return func(t *table) error {
		return killVictims(t, n, "receivers", "none lost; again the one in hand of each", killReceivers)
	}
}

// A killing kills n processes at the ends of a channel of a kind. It returns
// what became of the values, and how many of the processes had opened the
// channel.
type killing func(
	ctx context.Context, url string, js jetstream.JetStream, kind, name string, n int,
) (c tally, opened int, err error)

// killVictims does it to all kinds at a time, and prints a line for each.
func killVictims(t *table, n int, who, promise string, kill killing) error {
	if n == 0 {
		return nil
	}
	type result struct {
		c      tally
		opened int
		took   time.Duration
		err    error
	}
	results := make([]chan result, len(victimKinds))
	for i, kind := range victimKinds {
		results[i] = make(chan result, 1)
		go func() {
			began := time.Now()
			c, opened, err := killOnLanes(kind, n, kill)
			results[i] <- result{c, opened, time.Since(began), err}
		}()
	}
	var failed error
	for i, kind := range victimKinds {
		r := <-results[i]
		if r.err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", kind, r.err))
			continue
		}
		r.c.line(t, fmt.Sprintf("%s, %d %s killed", kind, n, who), r.took,
			fmt.Sprintf("%s (%d of them had opened the channel)", promise, r.opened))
	}
	return failed
}

// killOnLanes kills n processes on several channels of one server.
func killOnLanes(kind string, n int, kill killing) (all tally, opened int, err error) {
	patience := natsPatience + time.Duration(n)*5*time.Second
	err = withServerFor(patience, func(ctx context.Context, node *node, js jetstream.JetStream) error {
		var mu sync.Mutex // guards the results
		var failed error
		var lanes sync.WaitGroup
		for lane := range min(killLanes, n) {
			share := (n + lane) / killLanes // they add up to n
			if n < killLanes {
				share = 1
			}
			lanes.Go(func() {
				c, did, err := kill(ctx, "nats://"+node.args[2], js, kind, fmt.Sprintf("victim%d", lane), share)
				mu.Lock()
				defer mu.Unlock()
				all.add(c)
				opened += did
				failed = errors.Join(failed, err)
			})
		}
		lanes.Wait()
		return failed
	})
	return all, opened, err
}

// runVictim runs a process, and kills it at a random point: while it opens the
// channel, or within 50 ms after that. It calls each with the numbers that the
// process prints, and reports whether it had opened the channel.
func runVictim(opening time.Duration, each func(v int), name string, args ...string) (opened bool, err error) {
	c, err := startChild(name, args...)
	if err != nil {
		return false, err
	}
	early := rand.IntN(3) == 0
	var hangs atomic.Bool
	point := natsPatience
	if early {
		point = rand.N(opening)
	}
	kill := time.AfterFunc(point, func() { hangs.Store(true); c.cmd.Process.Kill() })
	c.lines(func(v int) {
		if v >= 0 {
			each(v)
			return
		}
		opened = true
		if !early && kill.Stop() {
			time.AfterFunc(rand.N(50*time.Millisecond), func() { c.cmd.Process.Kill() })
		}
	})
	c.stop()
	switch {
	case c.cmd.ProcessState.Exited():
		return opened, fmt.Errorf("%s ended by itself: %v: %s", name, c.cmd.ProcessState, c.log.String())
	case hangs.Load() && !early:
		return opened, fmt.Errorf("%s has not opened the channel in %v", name, natsPatience)
	}
	return opened, nil
}

// killSenders kills sender after sender, each of which sends numbers of its
// own. What a sender has under way when it is killed is unknown.
func killSenders(
	ctx context.Context, url string, js jetstream.JetStream, kind, name string, n int,
) (c tally, opened int, err error) {
	ch, _ := victimChannel(kind, name)
	d, err := drainAll(ctx, js, ch, 1)
	if err != nil {
		return c, 0, err
	}
	defer d.close()
	ch.Lease = time.Minute // of the sender that keeps the channel open
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		return c, 0, err
	}
	defer tx.Close()
	const each = 100_000 // more than a sender sends
	sent := newLedger()
	for i := range n {
		next := i * each
		did, err := runVictim(30*time.Millisecond, func(v int) { sent.sent(v, nil); next = v + 1 },
			"nats-victim-sender", url, kind, name, strconv.Itoa(next))
		if err != nil {
			return c, opened, err
		}
		if did {
			opened++
			sent.sent(next, natschan.ErrUnknown)
		}
	}
	sent.sent(n*each, tx.Send(ctx, n*each)) // which a watch has, too
	tx.Close()
	d.wait(sent)
	return d.ledgers[0].tally(0), opened, nil
}

// killReceivers kills receiver after receiver while a sender sends. The last
// one lives.
func killReceivers(
	ctx context.Context, url string, js jetstream.JetStream, kind, name string, n int,
) (c tally, opened int, err error) {
	ch, opts := victimChannel(kind, name)
	if ch.Kind == natschan.Broadcast { // its position is before the first value
		rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
		if err == nil {
			err = rx.Close()
		}
		if err != nil {
			return c, 0, err
		}
	}
	ch.Lease = time.Minute
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		return c, 0, err
	}
	defer tx.Close()
	sent, l := newLedger(), newLedger()
	l.latest, l.complete = ch.Kind == natschan.Watch, ch.Kind != natschan.Watch
	stop := make(chan struct{})
	var sending, ending sync.WaitGroup
	sending.Go(func() {
		for v := 0; sent.sent(v, tx.Send(ctx, v)); v++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	got := func(v int) { l.got[v]++ }
	opening := 30 * time.Millisecond
	if ch.Kind == natschan.MPSC || ch.Kind == natschan.Broadcast {
		opening = 3 * time.Second // it waits for the place of the one before it
	}
	for range n {
		did, err := runVictim(opening, got, "nats-victim-receiver", url, kind, name)
		if err != nil {
			return c, opened, err
		}
		if did {
			opened++
		}
	}
	last, err := startChild("nats-victim-receiver", url, kind, name)
	if err != nil {
		return c, opened, err
	}
	defer last.stop()
	last.lines(func(v int) {
		if v >= 0 {
			got(v)
			return
		}
		close(stop)
		ending.Go(func() { // the last value, which a watch gets for sure
			sending.Wait()
			sent.sent(1<<30, tx.Send(ctx, 1<<30))
			tx.Close()
		})
	})
	ending.Wait()
	if e := last.log.String(); e != "" {
		return c, opened, errors.New(e)
	}
	l.acked, l.doubtful, l.failed = sent.acked, sent.doubtful, sent.failed
	return l.tally(n + 1), opened, nil
}

// natsVictimSender sends the numbers from its fourth argument on, and prints
// each that was accepted. It prints -1 when it has opened the channel.
func natsVictimSender(args []string) error {
	fmt.Println("ready")
	v, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	_, js, err := connectNATS(args[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	ch, _ := victimChannel(args[1], args[2])
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		return err
	}
	fmt.Println(-1)
	return sendOn(ctx, tx, v)
}

// natsVictimReceiver receives until the end of the channel, and prints each
// value before it acknowledges it. It prints -1 when it has opened the channel,
// for which it waits until the lease of the one before it has ended.
func natsVictimReceiver(args []string) error {
	fmt.Println("ready")
	_, js, err := connectNATS(args[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	ch, opts := victimChannel(args[1], args[2])
	for {
		rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
		if errors.Is(err, natschan.ErrReceiverTaken) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println(-1)
		err = receiveOn(ctx, rx)
		if errors.Is(err, natschan.ErrFenced) { // it has been too slow for its lease
			rx.Close()
			continue
		}
		return errors.Join(err, rx.Close())
	}
}
