package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// fixedWorkloads measure the costs that do not depend on how many values
// follow: making a channel, selecting, parking, and leaving.
func fixedWorkloads() []workload {
	var all []workload
	add := func(name string, native, leat func(n int) error) {
		all = append(all, workload{name: name, contestants: []contestant{{"native", native}, {"leat", leat}}})
	}
	for _, w := range contexts() {
		add("select/ready/ctx="+w.name,
			func(n int) error { return nativeSelectReady(w.ctx, n) },
			func(n int) error { return leatSelectReady(w.ctx, n) })
		add("select/parked/ctx="+w.name,
			func(n int) error { return nativeSelectParked(w.ctx, n) },
			func(n int) error { return leatSelectParked(w.ctx, n) })
		add("rendezvous/ctx="+w.name,
			func(n int) error { return nativeStream(w.ctx, 0, 1, n) },
			func(n int) error { return rendezvous(w.ctx, n) })
	}
	add("oneshot/request", nativeRequest, leatRequest)
	add("made/mpsc", nativeMade, func(n int) error {
		for range n {
			tx, rx := mpsc.New[int](1)
			tx.Close()
			rx.Close()
		}
		return nil
	})
	add("made/mpmc", nativeMade, func(n int) error {
		for range n {
			tx, rx := mpmc.New[int](1)
			tx.Close()
			rx.Close()
		}
		return nil
	})
	add("made/clone", nativeClone, func(n int) error {
		tx, rx := mpsc.New[int](1)
		defer rx.Close()
		defer tx.Close()
		for range n {
			tx.Clone().Close()
		}
		return nil
	})
	for _, others := range []int{0, 1000} {
		add(fmt.Sprintf("made/subscribe/others=%d", others),
			func(n int) error { return nativeSubscribe(others, n) },
			func(n int) error { return leatSubscribe(others, n) })
	}
	all = append(all, workload{name: "made/many-receivers", least: manyReceivers, contestants: []contestant{
		{"native", func(n int) error { return nativeLeave(n) }},
		{"leat", func(n int) error { return leatLeave(n) }}}})
	add("tochan/pump", func(n int) error { return toChan(n, pump) }, func(n int) error {
		return toChan(n, func(ctx context.Context, rx *mpsc.Receiver[int]) <-chan int {
			return leat.ToChan(ctx, rx, toChanRoom)
		})
	})
	add("tochan/hub", nativeHub, leatHub)
	add("watch/busy", nativeBusyGet, watchBusyGet)
	add("watch/method", nativeBusyMethod, watchBusyGet)
	all = append(all, workload{name: "unbounded", contestants: []contestant{
		{"native", nativeUnbounded},
		{"leat", func(n int) error { return passAll(leatPipe(unbounded, true), suiteWorkers, 1, n) }},
		{"xsync", func(n int) error { return passAll(xsyncUnboundedPipe(), suiteWorkers, 1, n) }}}})
	add("broadcast/lossy-all", nativeFilled, lossyAll)
	return all
}

var errWrong = errors.New("received a value that was not the next one")

// nativeSelectReady receives from the one of two channels that has a value.
func nativeSelectReady(ctx context.Context, n int) error {
	full, empty := make(chan int, 1), make(chan int, 1)
	sum, done := 0, ctx.Done()
	for i := range n {
		full <- i
		if done == nil {
			select {
			case v := <-full:
				sum += v
			case v := <-empty:
				sum -= v
			}
			continue
		}
		select {
		case v := <-full:
			sum += v
		case v := <-empty:
			sum -= v
		case <-done:
		}
	}
	return checkSum(n, n, sum)
}

func leatSelectReady(ctx context.Context, n int) error {
	fullTx, full := mpsc.New[int](1)
	emptyTx, empty := mpsc.New[int](1)
	defer fullTx.Close()
	defer emptyTx.Close()
	sum, count := 0, 0
	for i := range n {
		_ = fullTx.Send(ctx, i)
		if _, err := leat.Select(ctx,
			leat.OnRecv(full, func(v int, _ error) { sum += v; count++ }),
			leat.OnRecv(empty, func(v int, _ error) { sum -= v })); err != nil {
			return err
		}
	}
	return checkSum(n, count, sum)
}

// nativeSelectParked sends a value to a goroutine that selects, and selects
// over two channels until it comes back.
func nativeSelectParked(ctx context.Context, n int) error {
	there, back, never := make(chan int, 1), make(chan int, 1), make(chan int)
	done := ctx.Done()
	take := func(ch <-chan int) (v int, ok bool) {
		if done == nil {
			select {
			case v, ok = <-ch:
			case v, ok = <-never:
			}
			return v, ok
		}
		select {
		case v, ok = <-ch:
		case v, ok = <-never:
		case <-done:
		}
		return v, ok
	}
	go func() {
		for {
			v, ok := take(there)
			if !ok {
				return
			}
			back <- v
		}
	}()
	defer close(there)
	for i := range n {
		there <- i
		if v, ok := take(back); !ok || v != i {
			return errWrong
		}
	}
	return nil
}

func leatSelectParked(ctx context.Context, n int) error {
	thereTx, there := mpsc.New[int](1)
	backTx, back := mpsc.New[int](1)
	never1Tx, never1 := mpsc.New[int](1)
	never2Tx, never2 := mpsc.New[int](1)
	defer never1Tx.Close()
	defer never2Tx.Close()
	defer back.Close()
	go func() {
		defer backTx.Close()
		for open := true; open; {
			if _, err := leat.Select(ctx,
				leat.OnRecv(there, func(v int, err error) {
					if open = err == nil; open {
						_ = backTx.TrySend(v)
					}
				}),
				leat.OnRecv(never1, nil)); err != nil {
				return
			}
		}
	}()
	defer thereTx.Close()
	for i := range n {
		_ = thereTx.TrySend(i)
		got := -1
		if _, err := leat.Select(ctx,
			leat.OnRecv(back, func(v int, _ error) { got = v }),
			leat.OnRecv(never2, nil)); err != nil {
			return err
		}
		if got != i {
			return errWrong
		}
	}
	return nil
}

// rendezvous hands n values over at capacity 0.
func rendezvous(ctx context.Context, n int) error {
	tx, rx := mpmc.New[int](0)
	go func() {
		defer tx.Close()
		for i := range n {
			_ = tx.Send(ctx, value(0, i))
		}
	}()
	o := newOrder(1)
	for {
		v, err := rx.Recv(ctx)
		if err != nil {
			return o.check(n)
		}
		o.see(v)
	}
}

// A server answers each request through a channel of its own.
func nativeRequest(n int) error {
	type request struct {
		v     int
		reply chan int
	}
	requests := make(chan request, 1)
	go func() {
		for r := range requests {
			r.reply <- r.v
		}
	}()
	defer close(requests)
	next := 0
	return readAll(n, func() (int, error) {
		reply := make(chan int, 1)
		requests <- request{next, reply}
		next++
		return <-reply, nil
	})
}

func leatRequest(n int) error {
	type request struct {
		v     int
		reply *oneshot.Sender[int]
	}
	tx, rx := mpsc.New[request](1)
	go func() {
		for r := range rx.All(background) {
			_ = r.reply.Send(background, r.v)
		}
	}()
	defer tx.Close()
	next := 0
	return readAll(n, func() (int, error) {
		reply, answer := oneshot.New[int]()
		if err := tx.Send(background, request{next, reply}); err != nil {
			return 0, err
		}
		next++
		return answer.Recv(background)
	})
}

// A guarded channel is what one writes to be able to close it twice.
type guarded struct {
	mu     sync.Mutex
	closed bool
	ch     chan int
}

func (g *guarded) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		close(g.ch)
	}
}

var madeChannel *guarded // keeps a channel from being made on the stack

func nativeMade(n int) error {
	for range n {
		madeChannel = &guarded{ch: make(chan int, 1)}
		madeChannel.close()
		madeChannel.close()
	}
	return nil
}

// nativeClone counts senders by hand.
func nativeClone(n int) error {
	var senders atomic.Int64
	g := &guarded{ch: make(chan int, 1)}
	senders.Store(1)
	for range n {
		senders.Add(1)
		if senders.Add(-1) == 0 {
			g.close()
		}
	}
	return nil
}

// subscribers are what one writes by hand: a map under a mutex.
type subscribers struct {
	mu  sync.Mutex
	all map[chan int]struct{}
}

func (s *subscribers) add() chan int {
	ch := make(chan int, 16)
	s.mu.Lock()
	s.all[ch] = struct{}{}
	s.mu.Unlock()
	return ch
}

func (s *subscribers) remove(ch chan int) {
	s.mu.Lock()
	delete(s.all, ch)
	s.mu.Unlock()
	close(ch)
}

func nativeSubscribe(others, n int) error {
	s := &subscribers{all: make(map[chan int]struct{})}
	for range others {
		s.add()
	}
	for range n {
		s.remove(s.add())
	}
	return nil
}

func leatSubscribe(others, n int) error {
	tx := broadcast.New[int](16)
	defer tx.Close()
	for range others {
		defer tx.Subscribe().Close()
	}
	for range n {
		tx.Subscribe().Close()
	}
	return nil
}

// manyReceivers subscribe to one channel and then leave it one by one.
const manyReceivers = 100_000

func nativeLeave(n int) error {
	s := &subscribers{all: make(map[chan int]struct{})}
	own := make([]chan int, n)
	for i := range own {
		own[i] = s.add()
	}
	for _, ch := range own {
		s.remove(ch)
	}
	return nil
}

func leatLeave(n int) error {
	tx := broadcast.New[int](16)
	defer tx.Close()
	own := make([]*broadcast.Receiver[int], n)
	for i := range own {
		own[i] = tx.Subscribe()
	}
	for _, rx := range own {
		rx.Close()
	}
	if left := tx.Receivers(); left != 0 {
		return fmt.Errorf("%d receivers are left", left)
	}
	return nil
}

const toChanRoom = 64

// pump is the goroutine that one writes by hand to get a native channel.
func pump(ctx context.Context, rx *mpsc.Receiver[int]) <-chan int {
	ch := make(chan int, toChanRoom)
	go func() {
		defer close(ch)
		for {
			v, err := rx.Recv(ctx)
			if err != nil {
				return
			}
			select {
			case ch <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch
}

func toChan(n int, border func(context.Context, *mpsc.Receiver[int]) <-chan int) error {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	tx, rx := mpsc.New[int](1024)
	go func() {
		defer tx.Close()
		for i := range n {
			_ = tx.Send(background, i)
		}
	}()
	ch := border(ctx, rx)
	if err := readAll(n, func() (int, error) { return <-ch, nil }); err != nil {
		return err
	}
	if _, open := <-ch; open {
		return errWrong
	}
	return nil
}

// hubReceivers get every value through native channels.
const hubReceivers = 10

func nativeHub(n int) error { return nativeFanOut(toChanRoom, hubReceivers, n) }

func leatHub(n int) error {
	tx := broadcast.New[int](toChanRoom)
	var c crew
	for range hubReceivers {
		rx := tx.Subscribe(broadcast.Lossless())
		ch := leat.ToChan(background, rx, toChanRoom)
		c.run(func() error { return readAll(n, func() (int, error) { return <-ch, nil }) })
	}
	for i := range n {
		_ = tx.Send(background, i)
	}
	tx.Close()
	return c.wait()
}

type wide [8]uint64

// writing calls write until stop is called, which waits for the last write.
func writing(write func(wide)) (stop func()) {
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint64(1); !done.Load(); i++ {
			write(wide{i, 7: i})
			runtime.Gosched()
		}
	})
	return func() { done.Store(true); wg.Wait() }
}

// A wideReader checks what one reader sees. The workloads call Get and Load
// without a function of their own between, which would copy the value again.
type wideReader uint64

func (last *wideReader) sees(v wide) bool {
	ok := v[0] == v[7] && v[0] >= uint64(*last)
	*last = wideReader(v[0])
	return ok
}

func nativeBusyGet(n int) error {
	var p atomic.Pointer[wide]
	p.Store(new(wide))
	defer writing(func(v wide) { p.Store(&v) })()
	var r wideReader
	for range n {
		if !r.sees(*p.Load()) {
			return errWrong
		}
	}
	return nil
}

// A latest is what one writes to keep the pointer from other packages.
type latest struct{ p atomic.Pointer[wide] }

func (l *latest) Get() wide { return *l.p.Load() }

func nativeBusyMethod(n int) error {
	var l latest
	l.p.Store(new(wide))
	defer writing(func(v wide) { l.p.Store(&v) })()
	var r wideReader
	for range n {
		if !r.sees(l.Get()) {
			return errWrong
		}
	}
	return nil
}

func watchBusyGet(n int) error {
	tx := watch.New(wide{})
	defer tx.Close()
	rx := tx.Subscribe()
	defer rx.Close()
	defer writing(func(v wide) { _ = tx.TrySend(v) })()
	var r wideReader
	for range n {
		if !r.sees(rx.Get()) {
			return errWrong
		}
	}
	return nil
}

// A backlog is the unbounded channel that many programs write by hand: a
// mutex, a slice, and a channel of capacity 1 that wakes the receiver.
type backlog struct {
	mu    sync.Mutex
	queue []int
	wake  chan struct{}
}

func (b *backlog) put(v int) {
	b.mu.Lock()
	b.queue = append(b.queue, v)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *backlog) get() int {
	for {
		b.mu.Lock()
		if len(b.queue) > 0 {
			v := b.queue[0]
			b.queue = b.queue[1:]
			b.mu.Unlock()
			return v
		}
		b.mu.Unlock()
		<-b.wake
	}
}

func nativeUnbounded(n int) error {
	b := &backlog{wake: make(chan struct{}, 1)}
	return passAll(pipe{
		func() (func(int), func()) { return b.put, nothing },
		func() (func() int, func()) { return b.get, nothing },
	}, suiteWorkers, 1, n)
}

// nativeFilled and lossyAll read values that are all there already.
func nativeFilled(n int) error {
	ch := make(chan int, fanOutCapacity)
	for left := n; left > 0; left -= fanOutCapacity {
		batch := min(left, fanOutCapacity)
		for i := range batch {
			ch <- i
		}
		if err := readAll(batch, func() (int, error) { return <-ch, nil }); err != nil {
			return err
		}
	}
	return nil
}

// lossyAll sends once and reads the same values again and again, so that the
// time is that of receiving.
func lossyAll(n int) error {
	tx := broadcast.New[int](fanOutCapacity)
	defer tx.Close()
	for i := range fanOutCapacity {
		_ = tx.Send(background, i)
	}
	for left := n; left > 0; left -= fanOutCapacity {
		rx := tx.Subscribe(broadcast.Replay(fanOutCapacity))
		next := 0
		for v, missed := range rx.All(background) {
			if v != next || missed != 0 {
				return errWrong
			}
			if next++; next == min(left, fanOutCapacity) {
				break
			}
		}
		rx.Close()
	}
	return nil
}

// valueGrid passes values of other types through the cells of the mpsc grid.
func valueGrid() []workload {
	var all []workload
	for _, capacity := range gridCapacities {
		for _, senders := range gridSenders {
			cell := fmt.Sprintf("cap=%d/senders=%d", capacity, senders)
			all = append(all,
				ofType("mpsc-pointer/"+cell, capacity, senders,
					func(i int) *int { return &numbers[i] }, func(v *int) int { return *v }),
				ofType("mpsc-64B/"+cell, capacity, senders,
					func(i int) wide { return wide{7: uint64(i)} }, func(v wide) int { return int(v[7]) }),
				ofType("mpsc-1KiB/"+cell, capacity, senders,
					func(i int) [128]uint64 { return [128]uint64{127: uint64(i)} },
					func(v [128]uint64) int { return int(v[127]) }))
		}
	}
	return all
}

// numbers are pointed to, so that no value of a pointer has to be allocated.
var numbers = func() (all [1 << 12]int) {
	for i := range all {
		all[i] = i
	}
	return all
}()

// ofType sends the numbers from 0 to len(numbers)-1 in turn, packed into T.
func ofType[T any](name string, capacity, senders int, pack func(int) T, unpack func(T) int) workload {
	turn := func(i int) T { return pack(i % len(numbers)) }
	check := func(n, count, sum int) error {
		full, rest := n/len(numbers), n%len(numbers)
		return checkTotal(count, sum, n, full*(len(numbers)*(len(numbers)-1)/2)+rest*(rest-1)/2)
	}
	return workload{name: name, contestants: []contestant{
		{"native", func(n int) error {
			ch := make(chan T, capacity)
			var c crew
			for s := range senders {
				c.run(func() error {
					for i := s; i < n; i += senders {
						ch <- turn(i)
					}
					return nil
				})
			}
			sum := 0
			for range n {
				sum += unpack(<-ch)
			}
			_ = c.wait()
			return check(n, n, sum)
		}},
		{"leat", func(n int) error {
			tx, rx := mpsc.New[T](capacity)
			for s := range senders {
				tx := tx.Clone()
				go func() {
					defer tx.Close()
					for i := s; i < n; i += senders {
						_ = tx.Send(background, turn(i))
					}
				}()
			}
			tx.Close()
			count, sum := 0, 0
			for {
				v, err := rx.Recv(background)
				if err != nil {
					return check(n, count, sum)
				}
				count++
				sum += unpack(v)
			}
		}},
	}}
}
