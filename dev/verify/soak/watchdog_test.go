package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/mpsc"
)

// plantedStall waits for a value that nobody sends.
func plantedStall(ctx context.Context, rx *mpsc.Receiver[int]) { rx.Recv(ctx) }

// A watchdog that does not fire, fires too early or too late, or whose dump
// lacks the goroutine that stalls or the seed, fails.
func TestWatchdogSeesAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tx, rx := mpsc.New[int](1)
		go plantedStall(ctx, rx)
		var out bytes.Buffer
		var moved atomic.Uint64
		code := make(chan int, 1)
		w := &watchdog{moved: &moved, limit: stallTime, out: &out, exit: func(c int) { code <- c },
			doing: func() string { return "planted, with seed 42" }}
		start := time.Now()
		stop := w.start()
		for range 10 { // it moves for a while
			<-time.After(stallTime * 9 / 10)
			if out.Len() > 0 {
				t.Fatalf("the watchdog fired though values moved: %s", out.String())
			}
			moved.Add(1)
		}
		begin := time.Now()
		if got := <-code; got != 1 {
			t.Errorf("exit code %d, want 1", got)
		}
		if d := time.Since(begin); d < stallTime*9/10 || d > stallTime*11/10 {
			t.Errorf("the watchdog fired %v after the last move, %v after its start, want %v", d, begin.Sub(start), stallTime)
		}
		for _, want := range []string{"nothing has moved for 30s", "seed 42", "plantedStall"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report lacks %q:\n%s", want, out.String())
			}
		}
		stop()
		cancel()
		tx.Close()
	})
}

// Each round ends without an error, and moves something.
func TestRounds(t *testing.T) {
	for _, round := range rounds {
		t.Run(round.name, func(t *testing.T) {
			for seed := range uint64(5) {
				before := moved.Load()
				var total tally
				if err := round.run(rand.New(rand.NewPCG(seed, 0)), &total); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if moved.Load() == before {
					t.Errorf("seed %d: nothing was counted as moved", seed)
				}
			}
		})
	}
}
