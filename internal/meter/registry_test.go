package meter_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/watch"
)

// known returns how many channels of a name the registry shows.
func known(name string) (n int) {
	for _, s := range meter.Snapshots() {
		if s.Name == name {
			n++
		}
	}
	return n
}

// viewer looks every 100 ms until the function that it returns is called.
func viewer() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				meter.Snapshots()
			}
		}
	}()
	return func() { close(quit); <-done }
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // the first one finds what the second sweeps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// It fails if a viewer keeps channels alive that are closed and dropped: a
// program that makes a named channel for each request would grow.
func TestClosedChannelsAreForgotten(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 100,000 channels; run it without -short")
	}
	const goroutines, each = 4, 25_000
	before := liveHeap()
	stop := viewer()
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				tx, rx := mpsc.New[int](1, leat.Name(t.Name()))
				tx.TrySend(1)
				rx.TryRecv()
				tx.Close()
				rx.Close()
			}
		})
	}
	all.Wait()
	stop()
	if n := known(t.Name()); n > 10_000 {
		t.Errorf("%d closed channels are known, want at most 10,000", n)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		after := liveHeap()
		if after <= before+16<<20 {
			break
		}
		if time.Now().After(deadline) { // cleanups run in a goroutine of their own
			t.Fatalf("the heap grew by %d MB, want at most 16", (after-before)>>20)
		}
	}
}

// It fails if the registry waits for the garbage collector before it forgets a
// channel that is closed and drained.
func TestClosedAndDrainedIsForgottenAtOnce(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range 5000 {
		tx, rx := mpsc.New[int](1, leat.Name(t.Name()))
		tx.Close()
		rx.Close()
		w := watch.New(0, leat.Name(t.Name()))
		w.Close()
		b := broadcast.New[int](1, leat.Name(t.Name()))
		b.Close()
	}
	if n := known(t.Name()); n > meter.KeepMost {
		t.Errorf("%d closed channels are known, want at most %d", n, meter.KeepMost)
	}
}

// It fails if channels that are closed and dropped with values in them stay
// known because somebody looks, or are counted wrong.
func TestUndrainedChannelsAreCollected(t *testing.T) {
	const n = 5000
	for range n {
		tx, rx := mpsc.New[int](1, leat.Name(t.Name()))
		tx.TrySend(1)
		rx.Close()
		tx.Close()
	}
	for deadline := time.Now().Add(20 * time.Second); ; runtime.GC() {
		left := known(t.Name())
		if left <= meter.KeepMost {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d channels are known after many collections", left, n)
		}
	}
	for _, s := range meter.Snapshots() {
		if s.Name == t.Name() && (s.Accepted != 1 || s.Received != 0 || s.Depth != 0) {
			t.Fatalf("counted %+v, want 1 accepted, none received, none left", s)
		}
	}
}

// It fails if draining a closed receiver is not counted, though the viewer asks
// such a channel less and less often.
func TestDrainedAfterCloseIsCounted(t *testing.T) {
	tx, rx := mpsc.New[int](8, leat.Name(t.Name()))
	for i := range 8 {
		tx.TrySend(i)
	}
	tx.Close()
	rx.Close()
	for range 20 {
		meter.Snapshots()
	}
	for {
		if _, err := rx.TryRecv(); err != nil {
			break
		}
	}
	looks := 0
	for ; looks < 100; looks++ {
		for _, s := range meter.Snapshots() {
			if s.Name == t.Name() && s.Received == 8 && s.Depth == 0 {
				return
			}
		}
	}
	t.Errorf("not counted after %d looks", looks)
}

// It fails if closing a named channel allocates more than closing one without a
// name.
func TestCloseOfNamedAllocatesNothingMore(t *testing.T) {
	const n = 1000
	allocs := func(opts ...leat.Option) float64 {
		var closers []func() error
		for range n + 1 { // AllocsPerRun has one extra run to warm up
			tx, rx := mpsc.New[int](1, opts...)
			closers = append(closers, func() error { tx.Close(); return rx.Close() })
		}
		i := 0
		return testing.AllocsPerRun(n, func() { closers[i](); i++ })
	}
	unnamed, named := allocs(), allocs(leat.Name(t.Name()))
	if named > unnamed {
		t.Errorf("closing a named channel allocates %v times, one without a name %v times", named, unnamed)
	}
}

// source is a channel that counts how often its state is copied.
type source struct {
	meter.Meter
	open, copies int
}

func (s *source) FillSnapshot(to *meter.Snapshot)       { s.FillSnapshotLocked(to) }
func (s *source) FillSnapshotLocked(to *meter.Snapshot) { s.copies++; to.Receivers = s.open }
func (s *source) OpenHandlesLocked() int                { return s.open }

// It fails if each close of a handle copies the state of the whole channel,
// which for n receivers costs n² copies of a receiver.
func TestCloseCopiesTheStateOnce(t *testing.T) {
	s := &source{open: 1000}
	s.Kind, s.Name = "test", t.Name()
	meter.Register[int](s, &s.Meter)
	for s.open > 0 {
		s.open--
		s.NoteCloseLocked(meter.ReceiverClosed, s.open == 0, s)
	}
	if s.copies != 1 {
		t.Errorf("1000 closes copied the state %d times, want once, at the last", s.copies)
	}
	runtime.KeepAlive(s)
}

// How much slower a name makes New and Close.
func BenchmarkClose(b *testing.B) {
	for _, opts := range [][]leat.Option{nil, {leat.Name("bench")}} {
		b.Run(fmt.Sprintf("named=%v", opts != nil), func(b *testing.B) {
			const batch = 1000
			var txs [batch]*mpsc.Sender[int]
			var rxs [batch]*mpsc.Receiver[int]
			b.ReportAllocs()
			for i := 0; i < b.N; i += batch {
				b.StopTimer()
				for j := range batch {
					txs[j], rxs[j] = mpsc.New[int](1, opts...)
				}
				b.StartTimer()
				for j := range batch {
					txs[j].Close()
					rxs[j].Close()
				}
			}
		})
	}
}
