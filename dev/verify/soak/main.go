// Command soak runs all kinds of channels for a given time, with random closes, cancelled contexts, dropped handles and garbage collections,
// and checks that every value that was accepted is received, or counted as missed, exactly once, or released with the last receiver that could
// have received it; and that memory and goroutines do not grow.
//
//	go run ./soak -for 60s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// tally is what the rounds came to. Dropped is what went with receivers that left: values that nobody was left to receive, or, on a broadcast, that
// a receiver had before it.
type tally struct{ sent, received, missed, dropped atomic.Int64 }

func main() {
	length := flag.Duration("for", time.Minute, "how long to run")
	seed := flag.Uint64("seed", rand.Uint64(), "seed of what is random")
	flag.Parse()
	if err := soak(*length, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\nto run it again: go run ./soak -for %v -seed %d\n", err, *length, *seed)
		os.Exit(1)
	}
}

// patience is more than a round takes, on a busy machine too.
const patience = time.Minute

// soak runs rounds until the time is over, and looks at memory and goroutines after each report.
func soak(length time.Duration, seed uint64) error {
	fmt.Printf("soak: %v, seed %d, %d processors, %s\n", length, seed, runtime.GOMAXPROCS(0), runtime.Version())
	r := rand.New(rand.NewPCG(seed, 0))
	rounds := []struct {
		name string
		run  func(*rand.Rand, *tally) error
	}{{"mpsc", queueRound(true)}, {"mpmc", queueRound(false)}, {"broadcast", broadcastRound}, {"watch", watchRound}, {"oneshot", oneshotRound},
		{"mpsc with receivers that leave", leavingRound(true)}, {"mpmc with receivers that leave", leavingRound(false)}}
	var total tally
	var base uint64
	goroutines := runtime.NumGoroutine()
	begun := time.Now()
	next := begun.Add(min(5*time.Second, length/10))
	for n := 1; ; n++ {
		round := rounds[n%len(rounds)]
		late := time.AfterFunc(patience, func() {
			debug.SetTraceback("all")
			panic(fmt.Sprintf("%s, round %d, with seed %d: a call waits for ever", round.name, n, seed))
		})
		if err := round.run(r, &total); err != nil {
			return fmt.Errorf("%s, round %d: %w", round.name, n, err)
		}
		late.Stop()
		now := time.Now()
		if now.Before(next) && now.Sub(begun) < length {
			continue
		}
		next = now.Add(max(length/12, 5*time.Second))
		live, left := settle(goroutines)
		if base == 0 {
			base = live
		}
		fmt.Printf("%8v  %9d rounds  sent %12d  received %12d  missed %11d  dropped %9d  live %7d kB  goroutines %d\n", now.Sub(begun).Round(time.Second), n,
			total.sent.Load(), total.received.Load(), total.missed.Load(), total.dropped.Load(), live>>10, left)
		if left > goroutines {
			return fmt.Errorf("%d goroutines, %d at the beginning", left, goroutines)
		}
		if live > base+8<<20 {
			return fmt.Errorf("%d kB are reachable, %d kB after the first rounds", live>>10, base>>10)
		}
		if now.Sub(begun) >= length {
			fmt.Println("soak: nothing lost, nothing left behind")
			return nil
		}
	}
}

// settle collects garbage, and returns what is reachable then and how many goroutines there are, when they have had time to end.
func settle(want int) (live uint64, goroutines int) {
	for range 100 {
		runtime.GC()
		if goroutines = runtime.NumGoroutine(); goroutines <= want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, goroutines
}

// collecting finds the handles that are dropped, until what it returns is called.
func collecting() (stop func()) {
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
				runtime.GC()
			}
		}
	}()
	return func() { close(over) }
}

// until waits for done, while garbage is collected.
func until(what string, done func() bool) error {
	for begun := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			return fmt.Errorf("after 30 s of garbage collections, not %s", what)
		}
	}
	return nil
}

// How a goroutine gives up its handle.
const (
	closes = iota
	drops
	closesAndDrops
)

func leave(how int, handle interface{ Close() error }) {
	if how != drops {
		handle.Close()
	}
}

// queueRound sends with several goroutines, some of which give up, close late or drop their handle, and receives with others.
func queueRound(single bool) func(*rand.Rand, *tally) error {
	return func(r *rand.Rand, total *tally) error {
		capacity, senders, receivers := r.IntN(64), 1+r.IntN(4), 1
		if !single {
			receivers = 1 + r.IntN(3)
		}
		tx, rx, clone, subscribe := open[int](single, capacity)
		n := 50 + r.IntN(500)
		var sent, sum, received, got atomic.Int64
		var group sync.WaitGroup
		for i := range senders {
			tx, seed := clone(), r.Uint64()
			drop := i == 0 && r.IntN(20) == 0
			group.Go(func() {
				r := rand.New(rand.NewPCG(seed, 1))
				for k := range n {
					v := i*n + k + 1
					if send(r, tx, v) == nil {
						sent.Add(1)
						sum.Add(int64(v))
					}
				}
				if !drop {
					tx.Close()
				}
			})
		}
		tx.Close()
		defer collecting()()
		for i := range receivers {
			rx := rx
			if i > 0 {
				rx = subscribe()
			}
			seed := r.Uint64()
			group.Go(func() {
				defer rx.Close()
				r := rand.New(rand.NewPCG(seed, 2))
				for {
					v, err := recv(r, rx)
					switch {
					case err == nil:
						received.Add(1)
						got.Add(int64(v))
					case errors.Is(err, leat.ErrClosed):
						return
					}
				}
			})
		}
		group.Wait()
		total.sent.Add(sent.Load())
		total.received.Add(received.Load())
		if sent.Load() != received.Load() || sum.Load() != got.Load() {
			return fmt.Errorf("capacity %d, %d senders, %d receivers: sent %d values (sum %d), received %d (sum %d)", capacity, senders, receivers,
				sent.Load(), sum.Load(), received.Load(), got.Load())
		}
		return nil
	}
}

// send sends v in one of several ways, one of which gives up soon.
func send(r *rand.Rand, tx leat.Sender[int], v int) error {
	switch r.IntN(8) {
	case 0:
		return tx.TrySend(v)
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Microsecond)
		defer cancel()
		return tx.Send(ctx, v)
	case 2:
		var err error
		leat.Select(context.Background(), leat.OnSend(tx, v, func(e error) { err = e }))
		return err
	}
	return tx.Send(context.Background(), v)
}

// recv receives in one of several ways.
func recv(r *rand.Rand, rx leat.Receiver[int]) (v int, err error) {
	switch r.IntN(8) {
	case 0:
		return rx.TryRecv()
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Microsecond)
		defer cancel()
		return rx.Recv(ctx)
	case 2:
		leat.Select(context.Background(), leat.OnRecv(rx, func(got int, e error) { v, err = got, e }))
		return v, err
	}
	return rx.Recv(context.Background())
}

// open makes a queue, of capacity 0 only if it may be an mpmc.
func open[T any](single bool, capacity int) (tx leat.Sender[T], rx leat.Receiver[T], clone func() leat.Sender[T], subscribe func() leat.Receiver[T]) {
	if single {
		s, x := mpsc.New[T](capacity + 1)
		return s, x, func() leat.Sender[T] { return s.Clone() }, nil
	}
	s, x := mpmc.New[T](capacity)
	return s, x, func() leat.Sender[T] { return s.Clone() }, func() leat.Receiver[T] { return x.Clone() }
}

// leavingRound is a queueRound whose receivers may leave before the end. What then is left in the channel must be released, while senders still
// hold it; of each sender it must be the last values; and there must be none if a receiver has stayed.
func leavingRound(single bool) func(*rand.Rand, *tally) error {
	type item struct {
		sender, n int
		_         [2]int // so that it is allocated on its own, on 32 bits too: small values share their memory, and are freed together
	}
	type fate struct {
		sent, received atomic.Int32
		held           atomic.Bool // the garbage collector has not found it yet
	}
	return func(r *rand.Rand, total *tally) error {
		senders, receivers, n := 1+r.IntN(3), 1, 1+r.IntN(100)
		if !single {
			receivers = 1 + r.IntN(3)
		}
		tx, rx, clone, subscribe := open[*item](single, r.IntN(16))
		defer collecting()()
		fates := make([][]fate, senders)
		var held atomic.Int64
		var stayed atomic.Bool
		var group sync.WaitGroup
		for i := range receivers {
			rx := rx
			if i > 0 {
				rx = subscribe()
			}
			how, stays, after := r.IntN(3), r.IntN(3) == 0, r.IntN(n*senders+1)
			group.Go(func() {
				for k := 0; stays || k < after; k++ {
					v, err := rx.Recv(context.Background())
					if err != nil {
						stayed.Store(true)
						break
					}
					fates[v.sender][v.n].received.Add(1)
				}
				if stays {
					how = closes
				}
				leave(how, rx)
			})
		}
		rx, subscribe = nil, nil
		for i := range senders {
			fates[i] = make([]fate, n)
			tx, how := clone(), r.IntN(3)
			group.Go(func() {
				for k := range n {
					v := &item{sender: i, n: k}
					held.Add(1)
					fates[i][k].held.Store(true)
					runtime.AddCleanup(v, func(f *fate) {
						f.held.Store(false)
						held.Add(-1)
					}, &fates[i][k])
					if tx.Send(context.Background(), v) != nil {
						break
					}
					fates[i][k].sent.Store(1)
				}
				leave(how, tx)
			})
		}
		tx.Close()
		group.Wait()
		if err := until("all values released", func() bool { return held.Load() == 0 }); err != nil {
			for i := range fates {
				for k := range fates[i] {
					if f := &fates[i][k]; f.held.Load() {
						err = fmt.Errorf("%w; value %d of sender %d is held: sent %d times, received %d times", err, k, i, f.sent.Load(), f.received.Load())
					}
				}
			}
			return err
		}
		runtime.KeepAlive(tx)
		for i := range fates {
			gap := false
			for k := range fates[i] {
				sent, received := fates[i][k].sent.Load(), fates[i][k].received.Load()
				total.sent.Add(int64(sent))
				total.received.Add(int64(received))
				total.dropped.Add(int64(sent - received))
				switch {
				case received > sent:
					return fmt.Errorf("value %d of sender %d: sent %d times, received %d times", k, i, sent, received)
				case received == 1 && gap:
					return fmt.Errorf("value %d of sender %d was received, and one before it was not", k, i)
				case received < sent && stayed.Load():
					return fmt.Errorf("value %d of sender %d was not received, and a receiver stayed to the end", k, i)
				}
				gap = gap || received == 0
			}
		}
		return nil
	}
}

// broadcastRound sends to receivers of both sorts, some of which leave. Where some do, the sender may be dropped, too. Each must have received and missed what was sent, together, up to where it
// left.
func broadcastRound(r *rand.Rand, total *tally) error {
	capacity, n := 1+r.IntN(64), 100+r.IntN(1000)
	tx := broadcast.New[int](capacity)
	var group sync.WaitGroup
	errs := make(chan error, 4)
	leavers := r.IntN(4) == 0
	for i := range 1 + r.IntN(4) {
		var opts []broadcast.SubscribeOption
		if i%2 == 1 {
			opts = append(opts, broadcast.Lossless())
		}
		rx, seed, leaves, how := tx.Subscribe(opts...), r.Uint64(), leavers && r.IntN(2) == 0, r.IntN(3)
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			received, missed := 0, 0
			for ended := false; !ended && !(leaves && received+missed > n/2); {
				v, err := recv(r, rx)
				var lag *leat.LaggedError
				switch {
				case err == nil:
					if received++; v != received+missed {
						errs <- fmt.Errorf("received %d after %d received and %d missed", v, received-1, missed)
						ended = true
					}
				case errors.As(err, &lag):
					missed += int(lag.Missed)
				case errors.Is(err, leat.ErrClosed):
					if ended = true; received+missed != n {
						errs <- fmt.Errorf("capacity %d: received %d, missed %d, sent %d", capacity, received, missed, n)
					}
				}
			}
			if m := rx.Missed(); m != uint64(missed) {
				errs <- fmt.Errorf("told of %d missed values, and Missed is %d", missed, m)
			}
			total.received.Add(int64(received))
			total.missed.Add(int64(missed))
			total.dropped.Add(int64(n - received - missed))
			leave(how, rx)
		})
		total.sent.Add(int64(n))
	}
	if leavers {
		defer collecting()() // a lossless receiver that is dropped holds the sender back until then
	}
	for v := range n {
		if err := tx.Send(context.Background(), v+1); err != nil {
			return err
		}
	}
	other := tx.Clone() // to ask how many receivers there are
	other.Close()
	if !leavers || r.IntN(2) == 0 {
		tx.Close()
	}
	tx = nil // and the garbage collector ends the channel
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	if !leavers { // then those that were dropped at the end are found with the channel
		return nil
	}
	return until("all receivers gone", func() bool { return other.Receivers() == 0 })
}

// watchRound sends rising values; a receiver must see them rise, and the last, unless it leaves. The sender may be dropped, and receivers too.
func watchRound(r *rand.Rand, _ *tally) error {
	n := 100 + r.IntN(1000)
	tx := watch.New(0)
	dropped := r.IntN(8) == 0
	if dropped {
		defer collecting()()
	}
	receivers := 1 + r.IntN(3)
	done := make(chan error, receivers)
	for range receivers {
		rx, seed, leaves, how := tx.Subscribe(), r.Uint64(), r.IntN(8) == 0, r.IntN(3)
		go func() {
			defer leave(how, rx)
			r := rand.New(rand.NewPCG(seed, 4))
			last := 0
			for !(leaves && last > n/2) {
				v, err := recv(r, rx)
				switch {
				case err == nil && v <= last:
					done <- fmt.Errorf("received %d after %d", v, last)
					return
				case err == nil:
					last = v
				case errors.Is(err, leat.ErrClosed):
					if err = nil; last != n {
						err = fmt.Errorf("the last value is %d; want %d", last, n)
					}
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for v := range n {
		tx.TrySend(v + 1)
	}
	other := tx.Clone() // to ask how many receivers there are
	other.Close()
	if !dropped {
		tx.Close()
	}
	tx = nil // and the garbage collector ends the channel
	for range receivers {
		if err := <-done; err != nil {
			return err
		}
	}
	if !dropped {
		return nil
	}
	return until("all receivers gone", func() bool { return other.Receivers() == 0 })
}

// oneshotRound asks and answers, or one of the two gives up. Each end must be told of the other's.
func oneshotRound(r *rand.Rand, total *tally) error {
	const pairs = 100
	dropped := r.IntN(8) == 0
	if dropped {
		defer collecting()()
	}
	errs := make(chan error, pairs)
	for range pairs {
		tx, rx := oneshot.New[int]()
		how := closes
		if dropped {
			how = r.IntN(3)
		}
		switch r.IntN(8) {
		case 0: // the sender gives up
			go func() { leave(how, tx) }()
			go func() {
				defer rx.Close()
				if v, err := rx.Recv(context.Background()); err != leat.ErrClosed {
					errs <- fmt.Errorf("received %d, %v from a sender that gave up", v, err)
					return
				}
				errs <- nil
			}()
		case 1: // the receiver gives up
			go func() { leave(how, rx) }()
			go func() {
				<-tx.Done()
				if err := tx.TrySend(7); err != leat.ErrClosed {
					errs <- fmt.Errorf("sent to a receiver that gave up: %v", err)
					return
				}
				errs <- nil
			}()
		default:
			go func() {
				tx.TrySend(7)
				leave(how, tx)
			}()
			go func() {
				defer leave(how, rx)
				if v, err := rx.Recv(context.Background()); v != 7 || err != nil {
					errs <- fmt.Errorf("answered 7; received %d, %v", v, err)
					return
				}
				total.sent.Add(1)
				total.received.Add(1)
				errs <- nil
			}()
		}
	}
	for range pairs {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
