package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/cskr/pubsub/v2"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
	"github.com/puzpuzpuz/xsync/v4"
	"github.com/smallnest/chanx"
)

// live returns the bytes in use, stacks included, once the collector has found
// the garbage.
func live() int64 {
	for range 4 { // a dropped handle is closed by a cleanup, after the collection that finds it, and is itself garbage only then
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// printIdle says what a channel costs that nobody uses.
func printIdle(w io.Writer) {
	const n = 2000
	ctx, stop := context.WithCancel(background)
	defer stop()
	fmt.Fprintf(w, "\nMemory of an idle channel of int, both ends and any goroutine's stack included (mean of %d):\n\n| channel | bytes |\n| --- | --- |\n", n)
	for _, k := range []struct {
		name string
		make func() any
	}{
		{"native, capacity 32", func() any { return make(chan int, 32) }},
		{"leat mpsc, capacity 32", func() any { tx, rx := mpsc.New[int](32); return []any{tx, rx} }},
		{"leat mpmc, capacity 32", func() any { tx, rx := mpmc.New[int](32); return []any{tx, rx} }},
		{"leat mpsc, unbounded", func() any { tx, rx := mpsc.NewUnbounded[int](); return []any{tx, rx} }},
		{"leat broadcast, capacity 32, one receiver", func() any { tx := broadcast.New[int](32); return []any{tx, tx.Subscribe()} }},
		{"leat watch, one receiver", func() any { tx := watch.New(0); return []any{tx, tx.Subscribe()} }},
		{"native, capacity 1", func() any { return make(chan int, 1) }},
		{"leat oneshot", func() any { tx, rx := oneshot.New[int](); return []any{tx, rx} }},
		{"xsync UMPSC, unbounded", func() any { return xsync.NewUMPSCQueue[int]() }},
		{"chanx, unbounded, a goroutine each", func() any { return chanx.NewUnboundedChan[int](ctx, 32) }},
	} {
		progress("memory of %s", k.name)
		all := make([]any, n)
		before := live()
		for i := range all {
			all[i] = k.make()
		}
		grown := live() - before
		runtime.KeepAlive(all)
		progress("")
		fmt.Fprintf(w, "| %s | %d |\n", k.name, grown/n)
	}
}

// burst is how many values an unbounded channel holds at its fullest.
const burst = 1_000_000

// printBurst says what an unbounded channel keeps of a burst, once all of it
// was received.
func printBurst(w io.Writer) error {
	fmt.Fprintf(w, "\nMemory of an unbounded channel of int around a burst of %d values:\n\n| channel | full | empty again |\n| --- | --- | --- |\n", burst)
	for _, k := range []struct {
		name string
		make func() pipe
	}{
		{"leat mpsc", func() pipe { return leatPipe(unbounded, true) }},
		{"leat mpmc", func() pipe { return leatPipe(unbounded, false) }},
		{"xsync UMPSC", xsyncUnboundedPipe},
		{"chanx", chanxPipe},
	} {
		progress("a burst through %s", k.name)
		before := live()
		p := k.make()
		send, sent := p.sender()
		recv, received := p.receiver()
		for i := range burst {
			send(i)
		}
		full := live() - before
		if err := readAll(burst, func() (int, error) { return recv(), nil }); err != nil {
			return fmt.Errorf("a burst through %s: %w", k.name, err)
		}
		empty := live() - before
		runtime.KeepAlive(send)
		runtime.KeepAlive(recv)
		sent()
		received()
		progress("")
		fmt.Fprintf(w, "| %s | %s | %s |\n", k.name, kilobytes(full), kilobytes(empty))
	}
	return nil
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%.1f KiB", float64(max(bytes, 0))/1024) }

// printCPU says what receivers cost that wait for nothing.
func printCPU(w io.Writer, d time.Duration) {
	const receivers = 1000
	if _, ok := cpuTime(); !ok {
		fmt.Fprint(w, "\nIdle CPU is not measured: this system does not say what a process used.\n")
		return
	}
	fmt.Fprintf(w, "\nProcessor time while %d receivers wait for %v and nothing comes:\n\n| channel | processor time |\n| --- | --- |\n", receivers, d)
	for _, k := range []struct {
		name string
		make func() pipe
	}{
		{"nobody", nil},
		{"native", func() pipe { return nativePipe(1) }},
		{"leat mpsc", func() pipe { return mpscPipe(background) }},
		{"xsync MPMC, by yielding", func() pipe { return xsyncPipe(2) }},
	} {
		progress("idle CPU of %s", k.name)
		var wake []func()
		var c crew
		for range receivers {
			if k.make == nil {
				break
			}
			p := k.make()
			send, sent := p.sender()
			recv, received := p.receiver()
			c.run(func() error { recv(); received(); return nil })
			wake = append(wake, func() { send(1); sent() })
		}
		runtime.GC()
		time.Sleep(20 * time.Millisecond) // until all wait
		before, _ := cpuTime()
		time.Sleep(d)
		after, _ := cpuTime()
		for _, f := range wake {
			f()
		}
		c.wait()
		progress("")
		fmt.Fprintf(w, "| %s | %.1f ms |\n", k.name, float64(after-before)/1e6)
	}
}

// printSlow puts one receiver that sleeps after each value beside nine that do
// not.
func printSlow(w io.Writer, d time.Duration) error {
	const fast, pause = 9, time.Millisecond
	fmt.Fprintf(w, "\nOne receiver that sleeps %v after each value, beside %d that do not, capacity %d each, for %v:\n\n", pause, fast, fanOutCapacity, d)
	fmt.Fprintln(w, "| channel | sent a second | received a second by a fast one | the slow one received | missed, as it was reported |\n| --- | --- | --- | --- | --- |")
	for _, k := range []struct {
		name string
		run  func(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error)
	}{
		{"native, waiting", slowNativeWaiting},
		{"native, dropping", slowNativeDropping},
		{"leat", slowLeat},
		{"leat, the slow one lossless", slowLossless},
		{"cskr/pubsub", slowPubsub},
	} {
		progress("one slow receiver: %s", k.name)
		runtime.GC()
		sent, fastest, slowest, missed, err := k.run(time.Now().Add(d), func() { time.Sleep(pause) })
		if err != nil {
			return fmt.Errorf("one slow receiver, %s: %w", k.name, err)
		}
		progress("")
		perSecond := func(n int) float64 { return float64(n) / d.Seconds() }
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %d | %s |\n", k.name, perSecond(sent), perSecond(fastest), slowest, missed)
	}
	return nil
}

// slowNative sends by send to ten native channels; the last one's receiver is
// slow.
func slowNative(until time.Time, slow func(), send func(chan int, int)) (sent, fastest, slowest int) {
	chans := make([]chan int, 10)
	counts := make([]int, len(chans))
	var c crew
	for i := range chans {
		ch := make(chan int, fanOutCapacity)
		chans[i] = ch
		c.run(func() error {
			for range ch {
				if time.Now().After(until) {
					continue // the remaining values are not counted
				}
				counts[i]++
				if i == len(chans)-1 {
					slow()
				}
			}
			return nil
		})
	}
	for ; time.Now().Before(until); sent++ {
		for _, ch := range chans {
			send(ch, sent)
		}
	}
	for _, ch := range chans {
		close(ch)
	}
	c.wait()
	return sent, counts[0], counts[len(counts)-1]
}

func slowNativeWaiting(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error) {
	sent, fastest, slowest = slowNative(until, slow, func(ch chan int, v int) { ch <- v })
	return sent, fastest, slowest, "0", nil
}

func slowNativeDropping(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error) {
	sent, fastest, slowest = slowNative(until, slow, func(ch chan int, v int) {
		select {
		case ch <- v:
		default:
		}
	})
	return sent, fastest, slowest, "not told", nil
}

func slowLeat(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error) {
	return slowBroadcast(until, slow)
}

func slowLossless(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error) {
	return slowBroadcast(until, slow, broadcast.Lossless())
}

func slowBroadcast(until time.Time, slow func(), o ...broadcast.SubscribeOption) (sent, fastest, slowest int, missed string, err error) {
	tx := broadcast.New[int](fanOutCapacity)
	defer tx.Close()
	counts, all, lost := make([]int, 10), make([]int, 10), make([]uint64, 10)
	var c crew
	for i := range counts {
		rx := tx.Subscribe()
		if i == len(counts)-1 {
			rx.Close()
			rx = tx.Subscribe(o...)
		}
		c.run(func() error {
			defer rx.Close()
			for _, m := range rx.All(background) {
				all[i]++
				lost[i] += m
				if time.Now().After(until) {
					continue
				}
				counts[i]++
				if i == len(counts)-1 {
					slow()
				}
			}
			return nil
		})
	}
	for ; time.Now().Before(until); sent++ {
		if err := tx.Send(background, sent); err != nil {
			return 0, 0, 0, "", err
		}
	}
	tx.Close()
	if err := c.wait(); err != nil {
		return 0, 0, 0, "", err
	}
	for i := range all {
		if all[i]+int(lost[i]) != sent {
			return 0, 0, 0, "", fmt.Errorf("receiver %d received %d and missed %d of %d", i, all[i], lost[i], sent)
		}
	}
	return sent, counts[0], counts[len(counts)-1], fmt.Sprint(lost[len(lost)-1]), nil
}

func slowPubsub(until time.Time, slow func()) (sent, fastest, slowest int, missed string, err error) {
	ps := pubsub.New[string, int](fanOutCapacity)
	counts := make([]int, 10)
	var c crew
	for i := range counts {
		ch := ps.Sub("t")
		c.run(func() error {
			for range ch {
				if time.Now().After(until) {
					continue
				}
				counts[i]++
				if i == len(counts)-1 {
					slow()
				}
			}
			return nil
		})
	}
	for ; time.Now().Before(until); sent++ {
		ps.Pub(sent, "t")
	}
	ps.Shutdown()
	return sent, counts[0], counts[len(counts)-1], "0", c.wait()
}
