// Command soak runs all kinds of channels for a given time, with random closes, cancelled contexts, dropped handles and garbage collections,
// and checks that every value that was accepted is received, or counted as missed, exactly once, and that memory and
// goroutines do not grow.
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

// tally is what one round of one channel came to.
type tally struct{ sent, received, missed atomic.Int64 }

func main() {
	length := flag.Duration("for", time.Minute, "how long to run")
	seed := flag.Uint64("seed", rand.Uint64(), "seed of what is random")
	flag.Parse()
	if err := soak(*length, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\nto run it again: go run ./soak -for %v -seed %d\n", err, *length, *seed)
		os.Exit(1)
	}
}

// soak runs rounds until the time is over, and looks at memory and goroutines after each report.
func soak(length time.Duration, seed uint64) error {
	fmt.Printf("soak: %v, seed %d, %d processors, %s\n", length, seed, runtime.GOMAXPROCS(0), runtime.Version())
	r := rand.New(rand.NewPCG(seed, 0))
	rounds := []struct {
		name string
		run  func(*rand.Rand, *tally) error
	}{{"mpsc", queueRound(true)}, {"mpmc", queueRound(false)}, {"broadcast", broadcastRound}, {"watch", watchRound}, {"oneshot", oneshotRound}}
	var total tally
	var base uint64
	goroutines := runtime.NumGoroutine()
	begun := time.Now()
	next := begun.Add(min(5*time.Second, length/10))
	for n := 1; ; n++ {
		round := rounds[n%len(rounds)]
		if err := round.run(r, &total); err != nil {
			return fmt.Errorf("%s, round %d: %w", round.name, n, err)
		}
		now := time.Now()
		if now.Before(next) && now.Sub(begun) < length {
			continue
		}
		next = now.Add(max(length/12, 5*time.Second))
		live, left := settle(goroutines)
		if base == 0 {
			base = live
		}
		fmt.Printf("%8v  %9d rounds  sent %12d  received %12d  missed %11d  live %7d kB  goroutines %d\n", now.Sub(begun).Round(time.Second), n,
			total.sent.Load(), total.received.Load(), total.missed.Load(), live>>10, left)
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

// queueRound sends with several goroutines, some of which give up, close late or drop their handle, and receives with others.
func queueRound(single bool) func(*rand.Rand, *tally) error {
	return func(r *rand.Rand, total *tally) error {
		capacity, senders, receivers := 1+r.IntN(64), 1+r.IntN(4), 1
		var tx leat.Sender[int]
		var rx leat.Receiver[int]
		var clone func() leat.Sender[int]
		var subscribe func() leat.Receiver[int]
		if single {
			s, x := mpsc.New[int](capacity)
			tx, rx, clone = s, x, func() leat.Sender[int] { return s.Clone() }
		} else {
			s, x := mpmc.New[int](capacity - 1)
			receivers = 1 + r.IntN(3)
			tx, rx, clone, subscribe = s, x, func() leat.Sender[int] { return s.Clone() }, func() leat.Receiver[int] { return x.Clone() }
		}
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
		collect := make(chan struct{})
		go func() { // finds the handles that are dropped, until the channel has ended
			for {
				select {
				case <-collect:
					return
				case <-time.After(20 * time.Millisecond):
					runtime.GC()
				}
			}
		}()
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
		close(collect)
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

// broadcastRound sends to receivers of both sorts. Each must have received and missed what was sent, together.
func broadcastRound(r *rand.Rand, total *tally) error {
	capacity, n := 1+r.IntN(64), 100+r.IntN(1000)
	tx := broadcast.New[int](capacity)
	var group sync.WaitGroup
	errs := make(chan error, 4)
	for i := range 1 + r.IntN(4) {
		var opts []broadcast.SubscribeOption
		if i%2 == 1 {
			opts = append(opts, broadcast.Lossless())
		}
		rx, seed, leaves := tx.Subscribe(opts...), r.Uint64(), r.IntN(10) == 0
		group.Go(func() {
			defer rx.Close()
			r := rand.New(rand.NewPCG(seed, 3))
			received, missed := 0, 0
			for {
				v, err := recv(r, rx)
				var lag *leat.LaggedError
				switch {
				case err == nil:
					if received++; v != received+missed {
						errs <- fmt.Errorf("received %d after %d received and %d missed", v, received-1, missed)
						return
					}
					if leaves && received > n/2 {
						return
					}
				case errors.As(err, &lag):
					missed += int(lag.Missed)
				case errors.Is(err, leat.ErrClosed):
					if received+missed != n {
						errs <- fmt.Errorf("capacity %d: received %d, missed %d, sent %d", capacity, received, missed, n)
					}
					total.received.Add(int64(received))
					total.missed.Add(int64(missed))
					return
				}
			}
		})
	}
	for v := range n {
		if err := tx.Send(context.Background(), v+1); err != nil {
			return err
		}
	}
	total.sent.Add(int64(n))
	tx.Close()
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// watchRound sends rising values; a receiver must see them rise, and the last.
func watchRound(r *rand.Rand, _ *tally) error {
	n := 100 + r.IntN(1000)
	tx := watch.New(0)
	rx, seed := tx.Subscribe(), r.Uint64()
	done := make(chan error, 1)
	go func() {
		defer rx.Close()
		r := rand.New(rand.NewPCG(seed, 4))
		last := 0
		for {
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
	}()
	for v := range n {
		tx.TrySend(v + 1)
	}
	tx.Close()
	return <-done
}

// oneshotRound asks and answers, or does not.
func oneshotRound(r *rand.Rand, total *tally) error {
	for range 100 {
		tx, rx := oneshot.New[int]()
		answers := r.IntN(4) > 0
		go func() {
			if answers {
				tx.TrySend(7)
			} else {
				tx.Close()
			}
		}()
		v, err := rx.Recv(context.Background())
		if answers != (err == nil) || err == nil && v != 7 {
			return fmt.Errorf("answered: %v; received %d, %v", answers, v, err)
		}
		if answers {
			total.sent.Add(1)
			total.received.Add(1)
		}
	}
	return nil
}
