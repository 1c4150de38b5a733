package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// gridCapacities and gridSenders are the cells that a geometric mean is taken
// over.
var (
	gridCapacities = []int{32, 1024}
	gridSenders    = []int{1, 2, 4, 8, 64}
)

// designWorkloads are those that the table's rows are made of.
func designWorkloads() []workload {
	var all []workload
	add := func(name string, c ...contestant) { all = append(all, workload{name: name, contestants: c}) }
	waits := contexts()

	for _, w := range waits {
		for _, capacity := range gridCapacities {
			for _, senders := range gridSenders {
				add(fmt.Sprintf("mpsc/ctx=%s/cap=%d/senders=%d", w.name, capacity, senders),
					contestant{"native", func(n int) error { return nativeStream(w.ctx, capacity, senders, n) }},
					contestant{"leat", func(n int) error { return mpscStream(w.ctx, capacity, senders, n) }})
			}
		}
	}
	add("batch", contestant{"native", nativeOneByOne},
		contestant{"leat", mpscBatch})
	add("try", contestant{"native", nativeTry}, contestant{"leat", mpscTry})
	for _, w := range waits {
		add("pingpong/ctx="+w.name,
			contestant{"native", func(n int) error { return nativePingPong(w.ctx, n) }},
			contestant{"leat", func(n int) error { return mpscPingPong(w.ctx, n) }})
	}
	for _, receivers := range []int{10, 100} {
		add(fmt.Sprintf("broadcast/receivers=%d", receivers),
			contestant{"native", func(n int) error { return nativeFanOut(fanOutCapacity, receivers, n) }},
			contestant{"leat", func(n int) error { return losslessFanOut(fanOutCapacity, receivers, n, readOne) }},
			contestant{leastRing, func(n int) error { return bareFanOut(receivers, n, readBare) }})
		add(fmt.Sprintf("broadcast-batch/receivers=%d", receivers),
			contestant{"native", func(n int) error { return nativeFanOut(fanOutCapacity, receivers, n) }},
			contestant{"leat", func(n int) error { return losslessFanOut(fanOutCapacity, receivers, n, readMany) }},
			contestant{leastRing, func(n int) error { return bareFanOut(receivers, n, readManyBare) }})
	}
	add("watch/get", contestant{"native", atomicGet}, contestant{"leat", watchGet})
	add("oneshot", contestant{"native", nativeOneshot}, contestant{"leat", leatOneshot})
	for _, capacity := range gridCapacities {
		for _, each := range gridSenders {
			add(fmt.Sprintf("mpmc/cap=%d/each=%d", capacity, each),
				contestant{"native", func(n int) error { return nativeWorkers(capacity, each, n) }},
				contestant{"leat", func(n int) error { return mpmcWorkers(capacity, each, n) }})
		}
	}
	return slices.Concat(all, valueGrid(), fixedWorkloads())
}

func nativeStream(ctx context.Context, capacity, senders, n int) error {
	ch := make(chan int, capacity)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range share(n, s, senders) {
				nativeSend(ctx, ch, value(s, i))
			}
		})
	}
	go func() { wg.Wait(); close(ch) }()
	o := newOrder(senders)
	for {
		v, ok := nativeRecv(ctx, ch)
		if !ok {
			return o.check(n)
		}
		o.see(v)
	}
}

func mpscStream(ctx context.Context, capacity, senders, n int) error {
	tx, rx := mpsc.New[int](capacity)
	for s := range senders {
		tx := tx.Clone()
		go func() {
			defer tx.Close()
			for i := range share(n, s, senders) {
				_ = tx.Send(ctx, value(s, i))
			}
		}()
	}
	tx.Close()
	o := newOrder(senders)
	for {
		v, err := rx.Recv(ctx)
		if err != nil {
			return o.check(n)
		}
		o.see(v)
	}
}

const batchSize = 64

// nativeOneByOne is what one does without batches.
func nativeOneByOne(n int) error {
	ch := make(chan int, 1024)
	go func() {
		defer close(ch)
		for i := range n {
			ch <- i
		}
	}()
	for i := range n {
		if v, ok := <-ch; !ok || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, ok, i)
		}
	}
	return nil
}

func mpscBatch(n int) error {
	tx, rx := mpsc.New[int](1024)
	go func() {
		defer tx.Close()
		vs := make([]int, batchSize)
		for from := 0; from < n; from += batchSize {
			k := min(batchSize, n-from)
			for i := range k {
				vs[i] = from + i
			}
			_, _ = tx.SendMany(background, vs[:k])
		}
	}()
	return readRuns(n, func(buf []int) (int, error) { return rx.RecvMany(background, buf) })
}

func nativeTry(n int) error {
	ch := make(chan int, 32)
	for i := range n {
		select {
		case ch <- i:
		default:
			return leat.ErrFull
		}
		select {
		case v := <-ch:
			if v != i {
				return fmt.Errorf("received %d, want %d", v, i)
			}
		default:
			return leat.ErrEmpty
		}
	}
	return nil
}

func mpscTry(n int) error {
	tx, rx := mpsc.New[int](32)
	for i := range n {
		if err := tx.TrySend(i); err != nil {
			return err
		}
		if v, err := rx.TryRecv(); err != nil || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, err, i)
		}
	}
	return nil
}

func nativePingPong(ctx context.Context, n int) error {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for {
			v, ok := nativeRecv(ctx, there)
			if !ok {
				close(back)
				return
			}
			nativeSend(ctx, back, v)
		}
	}()
	defer close(there)
	for i := range n {
		nativeSend(ctx, there, i)
		if v, ok := nativeRecv(ctx, back); !ok || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, ok, i)
		}
	}
	return nil
}

func mpscPingPong(ctx context.Context, n int) error {
	there, thereRx := mpsc.New[int](1)
	back, backRx := mpsc.New[int](1)
	defer backRx.Close()
	go func() {
		defer back.Close()
		for {
			v, err := thereRx.Recv(ctx)
			if err != nil {
				return
			}
			_ = back.Send(ctx, v)
		}
	}()
	defer there.Close()
	for i := range n {
		_ = there.Send(ctx, i)
		if v, err := backRx.Recv(ctx); err != nil || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, err, i)
		}
	}
	return nil
}

// fanOutCapacity is the room that each receiver has, of its own or in common.
const fanOutCapacity = 1024

// readAll reads 0 to n-1 in order, and reports the rest.
func readAll(n int, recv func() (int, error)) error {
	for i := range n {
		if v, err := recv(); err != nil || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, err, i)
		}
	}
	return nil
}

// crew runs readers, and returns the first error of any.
type crew struct {
	wg    sync.WaitGroup
	first atomic.Pointer[error]
}

func (c *crew) run(f func() error) {
	c.wg.Go(func() {
		if err := f(); err != nil {
			c.first.CompareAndSwap(nil, &err)
		}
	})
}

func (c *crew) wait() error {
	c.wg.Wait()
	if err := c.first.Load(); err != nil {
		return *err
	}
	return nil
}

func nativeFanOut(capacity, receivers, n int) error {
	chans := make([]chan int, receivers)
	var c crew
	for i := range chans {
		ch := make(chan int, capacity)
		chans[i] = ch
		c.run(func() error { return readAll(n, func() (int, error) { return <-ch, nil }) })
	}
	for i := range n {
		for _, ch := range chans {
			ch <- i
		}
	}
	return c.wait()
}

// readOne and readMany are how a receiver of a broadcast reads.
func readOne(rx *broadcast.Receiver[int], n int) error {
	return readAll(n, func() (int, error) { return rx.Recv(background) })
}

func readMany(rx *broadcast.Receiver[int], n int) error {
	return readRuns(n, func(buf []int) (int, error) { return rx.RecvMany(background, buf) })
}

// readRuns checks that the values from 0 to n-1 come in order. recv moves up to
// batchSize of them to the front of its argument.
func readRuns(n int, recv func([]int) (int, error)) error {
	buf := make([]int, batchSize)
	for i := 0; i < n; {
		k, err := recv(buf)
		if err != nil {
			return fmt.Errorf("received %v after %d values, want %d", err, i, n)
		}
		for _, v := range buf[:k] {
			if v != i {
				return fmt.Errorf("received %d, want %d", v, i)
			}
			i++
		}
	}
	return nil
}

func losslessFanOut(capacity, receivers, n int, read func(*broadcast.Receiver[int], int) error) error {
	tx := broadcast.New[int](capacity)
	defer tx.Close()
	var c crew
	for range receivers {
		rx := tx.Subscribe(broadcast.Lossless())
		c.run(func() error {
			defer rx.Close()
			return read(rx, n)
		})
	}
	for i := range n {
		_ = tx.Send(background, i)
	}
	return c.wait()
}

func atomicGet(n int) error {
	var p atomic.Pointer[int]
	one := 1
	p.Store(&one)
	sum := 0
	for range n {
		sum += *p.Load()
	}
	if sum != n {
		return fmt.Errorf("got %d, want %d", sum, n)
	}
	return nil
}

func watchGet(n int) error {
	tx := watch.New(1)
	defer tx.Close()
	rx := tx.Subscribe()
	defer rx.Close()
	sum := 0
	for range n {
		sum += rx.Get()
	}
	if sum != n {
		return fmt.Errorf("got %d, want %d", sum, n)
	}
	return nil
}

func nativeOneshot(n int) error {
	for i := range n {
		ch := make(chan int, 1)
		ch <- i
		if v := <-ch; v != i {
			return fmt.Errorf("received %d, want %d", v, i)
		}
	}
	return nil
}

func leatOneshot(n int) error {
	for i := range n {
		tx, rx := oneshot.New[int]()
		if err := tx.Send(background, i); err != nil {
			return err
		}
		if v, err := rx.Recv(background); err != nil || v != i {
			return fmt.Errorf("received %d, %v, want %d", v, err, i)
		}
	}
	return nil
}

// A tally adds up what many receivers got.
type tally struct{ count, sum atomic.Int64 }

func (t *tally) add(count, sum int) {
	t.count.Add(int64(count))
	t.sum.Add(int64(sum))
}

func (t *tally) check(n int) error { return checkSum(n, int(t.count.Load()), int(t.sum.Load())) }

func nativeWorkers(capacity, each, n int) error {
	ch := make(chan int, capacity)
	var senders, receivers sync.WaitGroup
	var t tally
	for g := range each {
		senders.Go(func() {
			for i := g; i < n; i += each {
				ch <- i
			}
		})
		receivers.Go(func() {
			count, sum := 0, 0
			for v := range ch {
				count++
				sum += v
			}
			t.add(count, sum)
		})
	}
	senders.Wait()
	close(ch)
	receivers.Wait()
	return t.check(n)
}

func mpmcWorkers(capacity, each, n int) error {
	tx, rx := mpmc.New[int](capacity)
	var receivers sync.WaitGroup
	var t tally
	for g := range each {
		tx, rx := tx.Clone(), rx.Clone()
		go func() {
			defer tx.Close()
			for i := g; i < n; i += each {
				_ = tx.Send(background, i)
			}
		}()
		receivers.Go(func() {
			defer rx.Close()
			count, sum := 0, 0
			for {
				v, err := rx.Recv(background)
				if err != nil {
					break
				}
				count++
				sum += v
			}
			t.add(count, sum)
		})
	}
	tx.Close()
	rx.Close()
	receivers.Wait()
	return t.check(n)
}
