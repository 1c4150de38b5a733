package leat_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
)

// TestWaitsDoNotAllocate holds the last sentence of rule R15: after the first
// waits of a handle, a Send or Recv that waits with a cancellable ctx allocates
// nothing. Many goroutines may wait in one handle. It fails if waits allocate.
func TestWaitsDoNotAllocate(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	pass := func(each, n int, tx leat.Sender[int], rx leat.Receiver[int]) {
		var wg sync.WaitGroup
		for range each {
			wg.Go(func() {
				for i := range n / each {
					if err := tx.Send(ctx, i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range n / each * each {
			if _, err := rx.Recv(ctx); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
	}
	rendezvous, rendezvousRx := mpmc.New[int](0)
	full, fullRx := mpsc.New[int](1)
	lossless := broadcast.New[int](1)
	losslessRx := lossless.Subscribe(broadcast.Lossless())
	answers := make(chan *oneshot.Sender[int])
	defer close(answers)
	go func() {
		for tx := range answers {
			tx.TrySend(1)
		}
	}()
	for _, c := range []struct {
		name string
		run  func(n int)
		each int // how many values are allocated by something else than the wait
	}{
		{"rendezvous", func(n int) { pass(1, n, rendezvous, rendezvousRx) }, 0},
		{"rendezvous, 20 goroutines in one handle", func(n int) { pass(20, n, rendezvous, rendezvousRx) }, 0},
		{"a full mpsc", func(n int) { pass(1, n, full, fullRx) }, 0},
		{"a lossless broadcast", func(n int) { pass(1, n, lossless, losslessRx) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			const n = 4000
			var least uint64
			for k := range 5 { // the runtime itself allocates a little, now and then
				var before, after runtime.MemStats
				c.run(n / 4)
				runtime.ReadMemStats(&before)
				c.run(n)
				runtime.ReadMemStats(&after)
				if got := after.Mallocs - before.Mallocs; k == 0 || got < least {
					least = got
				}
				if least < n/20 {
					return
				}
			}
			if least >= uint64(c.each)*n+n/20 {
				t.Errorf("%d values allocate %d times, at the least", n, least)
			}
		})
	}
	t.Run("oneshot", func(t *testing.T) {
		// A wait is compared with a receive that does not wait.
		allocs := func(wait bool) uint64 {
			const n = 2000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range n {
				tx, rx := oneshot.New[int]()
				if wait {
					answers <- tx
				} else {
					tx.TrySend(1)
				}
				if _, err := rx.Recv(ctx); err != nil {
					t.Error(err)
				}
			}
			runtime.ReadMemStats(&after)
			return (after.Mallocs - before.Mallocs) / (n / 10)
		}
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		var waiting, direct uint64
		for range 5 {
			allocs(true)
			waiting, direct = allocs(true), allocs(false)
			if waiting <= direct+8 { // with -race, a sync.Pool forgets a quarter
				return
			}
		}
		t.Errorf("10 answers allocate %d times if the receiver waits, and %d times if not", waiting, direct)
	})
}
