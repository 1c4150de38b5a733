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

// TestCostsDoNotGrowWithBystanders holds rule R16. Each case does something
// once for each of n handles or cases. With 128 times as many that takes about
// 128 times as long; if each step costs as much as there are handles or cases,
// it takes about 5,000 times as long. It fails at 4,000 times, because what the
// woken goroutines do is in the time.
func TestCostsDoNotGrowWithBystanders(t *testing.T) {
	type handle interface{ Close() error }
	closeAll := func(handles []handle) time.Duration {
		began := time.Now()
		for _, h := range handles {
			h.Close()
		}
		return time.Since(began)
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
			began := time.Now()
			leat.Select(background, cases...)
			return time.Since(began)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const times, limit = 128, 4000
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // or the goroutines that are woken take part
			small := make([]time.Duration, 5)
			for i := range small {
				small[i] = c.run(c.small)
			}
			slices.Sort(small)
			var ratio float64
			for range 10 { // a busy machine can spoil some of these
				if ratio = float64(c.run(c.small*times)) / float64(small[3]); ratio < limit {
					return
				}
			}
			t.Errorf("%d times as many take %.0f times as long", times, ratio)
		})
	}
}

var crowds int

// crowd returns the name of the next channel that waiting counts in.
func crowd() leat.Option {
	crowds++
	return leat.Name(fmt.Sprint("crowd ", crowds))
}

// waiting starts n goroutines, and when all of them wait in the last crowd
// returns how long closeAll takes to close their handles.
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
