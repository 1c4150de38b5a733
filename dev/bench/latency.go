package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat/mpsc"
)

// A waker is a channel whose receiver waits before each value is sent.
type waker struct {
	name string
	make func() pipe
	took []time.Duration // from before Send until Recv has returned, sorted
}

func wakers() []*waker {
	var all []*waker
	for _, w := range contexts() {
		all = append(all,
			&waker{name: "native, " + w.name, make: func() pipe {
				ch := make(chan int, 1)
				return pipe{
					func() (func(int), func()) { return func(v int) { nativeSend(w.ctx, ch, v) }, nothing },
					func() (func() int, func()) { return func() int { v, _ := nativeRecv(w.ctx, ch); return v }, nothing },
				}
			}},
			&waker{name: "leat, " + w.name, make: func() pipe { return mpscPipe(w.ctx) }})
	}
	return all
}

func mpscPipe(ctx context.Context) pipe {
	tx, rx := mpsc.New[int](1)
	return pipe{
		func() (func(int), func()) { return func(v int) { _ = tx.Send(ctx, v) }, func() { tx.Close() } },
		func() (func() int, func()) {
			return func() int { v, _ := rx.Recv(ctx); return v }, func() { rx.Close() }
		},
	}
}

// asleep is how long a receiver is left alone before it is woken: it has gone
// through its own spinning, and waits.
const asleep = 20 * time.Microsecond

// measureWakers takes so many samples of each, in turns.
func measureWakers(all []*waker, rounds, samples int) error {
	for round := range rounds {
		for i := range all {
			w := all[(i+round)%len(all)]
			progress("wake-up latency: round %d of %d, %s", round+1, rounds, w.name)
			runtime.GC()
			took, err := wakeUps(w.make(), samples)
			if err != nil {
				return fmt.Errorf("wake-up of %s: %w", w.name, err)
			}
			w.took = append(w.took, took...)
		}
	}
	progress("")
	for _, w := range all {
		slices.Sort(w.took)
	}
	return nil
}

func wakeUps(p pipe, samples int) ([]time.Duration, error) {
	send, sent := p.sender()
	recv, received := p.receiver()
	stamps, took := make([]time.Time, samples), make([]time.Duration, samples)
	var seen atomic.Int64
	var c crew
	c.run(func() error {
		defer received()
		return readAll(samples, func() (int, error) {
			v := recv()
			took[seen.Load()] = time.Since(stamps[v])
			seen.Add(1)
			return v, nil
		})
	})
	for i := range samples {
		for from := time.Now(); time.Since(from) < asleep; {
			runtime.Gosched()
		}
		stamps[i] = time.Now()
		send(i)
		for int(seen.Load()) <= i {
			runtime.Gosched()
		}
	}
	sent()
	return took, c.wait()
}

// wakePercents are the percentiles that are printed and drawn.
var wakePercents = []float64{50, 90, 99, 99.9}

func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p/100))]
}

func printWakers(w io.Writer, all []*waker) {
	fmt.Fprintf(w, "\nWake-up of a receiver that waits, from before Send until Recv has returned, %d samples each:\n\n", len(all[0].took))
	fmt.Fprint(w, "| who, ctx |")
	for _, p := range wakePercents {
		fmt.Fprintf(w, " p%g |", p)
	}
	fmt.Fprint(w, " most |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, k := range all {
		fmt.Fprintf(w, "| %s |", k.name)
		for _, p := range wakePercents {
			fmt.Fprintf(w, " %s |", nanoseconds(float64(percentile(k.took, p))))
		}
		fmt.Fprintf(w, " %s |\n", nanoseconds(float64(k.took[len(k.took)-1])))
	}
}
