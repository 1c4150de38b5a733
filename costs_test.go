package leat_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/watch"
)

// TestCostsDoNotGrowWithBystanders holds rule R16. Each case takes a step for
// each of n handles or cases, and returns the median time of a step: a step
// that another goroutine or program interrupts does not count. With 128 times
// as many a step takes about as long; if it costs as much as there are handles
// or cases, it takes 20 to 800 times as long. It fails at 10 times.
func TestCostsDoNotGrowWithBystanders(t *testing.T) {
	type handle interface{ Close() error }
	closeAll := func(handles []handle) time.Duration {
		took := make([]time.Duration, len(handles))
		for i, h := range handles {
			began := time.Now()
			h.Close()
			took[i] = time.Since(began)
		}
		return median(took)
	}
	type ready interface{ Ready() <-chan struct{} }
	receivers := func(n int, subscribe func() handle, use func(handle)) time.Duration {
		handles := make([]handle, n)
		for i := range handles {
			handles[i] = subscribe()
			use(handles[i])
		}
		return closeAll(handles)
	}
	unused := func(handle) {}
	gate := func(h handle) { h.(ready).Ready() }

	for _, c := range []struct {
		name  string
		small int
		run   func(n int) time.Duration
	}{
		{"receivers of a broadcast close", 500, func(n int) time.Duration {
			tx := broadcast.New[int](1)
			return receivers(n, func() handle { return tx.Subscribe() }, unused)
		}},
		{"receivers of a broadcast close, with Ready", 500, func(n int) time.Duration {
			tx := broadcast.New[int](1)
			return receivers(n, func() handle { return tx.Subscribe() }, gate)
		}},
		{"receivers of a named broadcast close", 125, func(n int) time.Duration {
			tx := broadcast.New[int](1, leat.Name("costs"))
			return receivers(n, func() handle { return tx.Subscribe() }, unused)
		}},
		{"receivers of a watch close, with Ready", 500, func(n int) time.Duration {
			tx := watch.New(0)
			return receivers(n, func() handle { return tx.Subscribe() }, gate)
		}},
		{"receivers of a named watch close", 125, func(n int) time.Duration {
			tx := watch.New(0, leat.Name("costs"))
			return receivers(n, func() handle { return tx.Subscribe() }, unused)
		}},
		{"senders close while they wait", 125, func(n int) time.Duration {
			tx, rx := mpsc.New[int](1, crowd())
			defer rx.Close()
			tx.TrySend(0)
			return waiting(n, func() (handle, func()) {
				tx := tx.Clone()
				return tx, func() { tx.Send(background, 1) }
			}, closeAll)
		}},
		{"senders of a broadcast close while they wait", 125, func(n int) time.Duration {
			tx := broadcast.New[int](1, crowd())
			defer tx.Subscribe(broadcast.Lossless()).Close()
			tx.TrySend(0)
			return waiting(n, func() (handle, func()) {
				tx := tx.Clone()
				return tx, func() { tx.Send(background, 1) }
			}, closeAll)
		}},
		{"receivers close while they wait", 125, func(n int) time.Duration {
			tx, rx := mpmc.New[int](1, crowd())
			defer tx.Close()
			return waiting(n, func() (handle, func()) {
				rx := rx.Clone()
				return rx, func() { rx.Recv(background) }
			}, closeAll)
		}},
		{"receivers of a broadcast close while they wait", 125, func(n int) time.Duration {
			tx := broadcast.New[int](1, crowd())
			return waiting(n, func() (handle, func()) {
				rx := tx.Subscribe()
				return rx, func() { rx.Recv(background) }
			}, closeAll)
		}},
		{"a Select has more cases of one rendezvous channel", 50, func(n int) time.Duration {
			tx, rx := mpmc.New[int](0)
			defer tx.Close()
			defer rx.Close()
			cases := []leat.Case{leat.Default(nil)}
			for range n {
				cases = append(cases, leat.OnSend(tx, 0, nil), leat.OnRecv(rx, nil))
			}
			took := make([]time.Duration, 9)
			for i := range took {
				began := time.Now()
				leat.Select(background, cases...)
				took[i] = time.Since(began) / time.Duration(n)
			}
			return median(took)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const times, limit = 128, 10
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // or the goroutines that are woken compete for the locks
			var ratio float64
			for range 5 { // a busy machine can spoil some of these
				small, large := c.run(c.small), c.run(c.small*times)
				if ratio = float64(large) / float64(small); ratio < limit {
					return
				}
			}
			t.Errorf("with %d times as many, each takes %.0f times as long", times, ratio)
		})
	}
}

// median returns the median of ds, which it sorts.
func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

var crowds int

// crowd returns the name of the next channel that waiting counts in.
func crowd() leat.Option {
	crowds++
	return leat.Name(fmt.Sprint("crowd ", crowds))
}

// waiting starts n goroutines, and when all of them wait in the last crowd
// returns what closeAll says of closing their handles.
func waiting[H any](n int, start func() (H, func()), closeAll func([]H) time.Duration) time.Duration {
	var running sync.WaitGroup
	defer running.Wait()
	handles := make([]H, n)
	for i := range handles {
		var wait func()
		handles[i], wait = start()
		running.Go(wait)
	}
	for parked := 0; parked < n; {
		runtime.Gosched()
		for _, s := range meter.Snapshots() {
			if s.Name == fmt.Sprint("crowd ", crowds) {
				parked = s.ParkedSenders + s.ParkedReceivers
			}
		}
	}
	return closeAll(handles)
}
