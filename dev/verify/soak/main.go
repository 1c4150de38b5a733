// Command soak runs all kinds of channels for a given time, with random closes,
// cancelled contexts, dropped handles and garbage collections, and checks that
// every value that was accepted is received, or counted as missed, exactly
// once, or released with the last receiver that could have received it; and
// that memory and goroutines do not grow.
//
//	go run ./dev/verify/soak -for 60s
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// A tally is the sum of the rounds. dropped counts the values lost with
// receivers that left: values without a receiver, or, on a broadcast, values
// that a receiver had not received when it left.
type tally struct{ sent, received, missed, dropped atomic.Int64 }

func main() {
	length := flag.Duration("for", time.Minute, "how long to run")
	seed := flag.Uint64("seed", rand.Uint64(), "seed of the random choices")
	flag.Parse()
	if err := soak(*length, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\nto run it again: go run ./dev/verify/soak -for %v -seed %d\n", err, *length, *seed)
		os.Exit(1)
	}
}

var rounds = []struct {
	name string
	run  func(*rand.Rand, *tally) error
}{
	{"mpsc", queueRound(true)},
	{"mpmc", queueRound(false)},
	{"broadcast", broadcastRound},
	{"watch", watchRound},
	{"oneshot", oneshotRound},
	{"mpsc with receivers that leave", leavingRound(true)},
	{"mpmc with receivers that leave", leavingRound(false)},
	{"Select both ways", selectRound},
	{"FromChan", fromChanRound},
	{"values of 1 MiB", megabytes},
	{"values without size", nothings},
}

// soak runs rounds until the time is over, and looks at memory and goroutines
// after each report.
func soak(length time.Duration, seed uint64) error {
	fmt.Printf("soak: %v, seed %d, %d processors, %s\n", length, seed, runtime.GOMAXPROCS(0), runtime.Version())
	r := rand.New(rand.NewPCG(seed, 0))
	var total tally
	var base uint64
	var doing atomic.Value
	doing.Store("before the first round")
	dog := &watchdog{moved: &moved, limit: stallTime, out: os.Stderr, exit: os.Exit, doing: func() string { return doing.Load().(string) }}
	defer dog.start()()
	goroutines := runtime.NumGoroutine()
	begun := time.Now()
	next := begun.Add(min(5*time.Second, length/10))
	for n := 1; ; n++ {
		round := rounds[n%len(rounds)]
		doing.Store(fmt.Sprintf("%s, round %d; to run it again: go run ./dev/verify/soak -for %v -seed %d", round.name, n, length, seed))
		if err := round.run(r, &total); err != nil {
			return fmt.Errorf("%s, round %d: %w", round.name, n, err)
		}
		moved.Add(1)
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

// settle collects garbage, gives goroutines time to end, and returns the bytes
// that are still reachable and the number of goroutines.
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
