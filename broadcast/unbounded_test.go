package broadcast_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

// It fails if an unbounded channel refuses a value, a receiver misses one, or
// Len is not what the channel keeps.
func TestUnbounded(t *testing.T) {
	const n = 10_000 // many segments
	tx := broadcast.New[int](leat.Unbounded)
	if tx.Cap() != leat.Unbounded {
		t.Errorf("Cap = %d, want leat.Unbounded", tx.Cap())
	}
	tx.TrySend(-1) // nobody is there
	if tx.Len() != 0 {
		t.Errorf("Len = %d without a receiver", tx.Len())
	}
	fast, slow := tx.Subscribe(), tx.Subscribe(broadcast.Lossless())
	for v := range n {
		if err := tx.TrySend(v); err != nil {
			t.Fatal(err)
		}
		kind.WantTryRecv(t, fast, v, nil)
		if tx.Len() != v+1 {
			t.Fatalf("Len = %d, and a receiver has %d values to receive", tx.Len(), v+1)
		}
	}
	replay, from := tx.Subscribe(broadcast.Replay(n/2)), tx.Subscribe(broadcast.From(1+n/4))
	for v := range n {
		kind.WantTryRecv(t, slow, v, nil)
		if left := max(n-v-1, n-n/4); tx.Len() != left {
			t.Fatalf("Len = %d after %d values, want %d", tx.Len(), v+1, left)
		}
	}
	buf := make([]int, n)
	if k, err := from.RecvMany(background, buf); k != n-n/4 || err != nil || buf[0] != n/4 || buf[k-1] != n-1 {
		t.Errorf("RecvMany from value %d on: %d, %v", n/4, k, err)
	}
	if tx.Len() != n/2 {
		t.Errorf("Len = %d, want %d for the receiver with Replay", tx.Len(), n/2)
	}
	kind.WantTryRecv(t, replay, n/2, nil)
	replay.Close()
	if tx.Len() != 0 {
		t.Errorf("Len = %d when everything was received", tx.Len())
	}
	if missed := slow.Missed() + fast.Missed(); missed != 0 {
		t.Errorf("%d values missed", missed)
	}
}

// R10. It fails if a value stays reachable that every receiver has had, or is
// gone before; whether receivers receive, close or were never there.
func TestR10_UnboundedKeepsNothingThatAllHaveHad(t *testing.T) {
	const n = 300
	tx := broadcast.New[*[1 << 12]byte](leat.Unbounded)
	var freed atomic.Int32
	send := func() {
		for range n {
			v := new([1 << 12]byte)
			runtime.AddCleanup(v, func(struct{}) { freed.Add(1) }, struct{}{})
			tx.TrySend(v)
		}
	}
	want := func(want int32, what string) {
		t.Helper()
		kind.Until(t, what, func() bool { return freed.Load() >= want })
		runtime.GC()
		if freed.Load() != want {
			t.Fatalf("%d values freed, want %d: %s", freed.Load(), want, what)
		}
	}
	send()
	want(n, "the values freed that nobody was there to receive")
	first, second := tx.Subscribe(), tx.Subscribe()
	send()
	for range n {
		first.TryRecv()
	}
	for range n / 2 {
		second.TryRecv()
	}
	want(n+n/2, "the values freed that both receivers have had")
	second.TryRecv()
	want(n+n/2+1, "one more value freed")
	second.Close()
	want(2*n, "the values freed that the closed receiver was the last to need")
	send()
	runtime.KeepAlive(first)
	first = nil
	want(3*n, "the values freed that a dropped receiver has not received")
	runtime.KeepAlive(tx)
}

// R10. It fails if the channel grows with the number of values that went
// through it, or does not shrink after a burst.
func TestR10_UnboundedGoesBackAfterABurst(t *testing.T) {
	tx := broadcast.New[[64]byte](leat.Unbounded)
	first, second := tx.Subscribe(), tx.Subscribe()
	round := func(burst int) {
		for range burst {
			tx.TrySend([64]byte{})
		}
		for range burst {
			first.TryRecv()
			second.TryRecv()
		}
	}
	round(1000)
	idle := kind.Live()
	for range 100_000 {
		round(1)
	}
	round(100_000)
	if after := kind.Live(); after > idle+1<<18 {
		t.Errorf("%d bytes are live after 200,000 values, before them %d", after, idle)
	}
	runtime.KeepAlive(tx)
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
}

// It fails if a value is lost, doubled or released too early while receivers
// receive, come, go and search, or if a race detector finds two of them.
func TestUnboundedConcurrently(t *testing.T) {
	const n = 20_000
	tx := broadcast.New[int](leat.Unbounded)
	var wg sync.WaitGroup
	for i := range 4 {
		rx := tx.Subscribe()
		wg.Go(func() {
			want := 0
			buf := make([]int, 1+50*i)
			for {
				k, err := rx.RecvMany(background, buf)
				if err == leat.ErrClosed {
					break
				}
				for _, v := range buf[:k] {
					if v != want || err != nil {
						t.Errorf("receiver %d: %d, %v; want %d", i, v, err, want)
						return
					}
					want++
				}
			}
			if want != n {
				t.Errorf("receiver %d got %d of %d values", i, want, n)
			}
		})
	}
	wg.Go(func() {
		for tx.Next() < n {
			rx := tx.Subscribe(broadcast.Replay(10))
			next := rx.Next()
			for range 5 {
				v, err := rx.TryRecv()
				if err == leat.ErrEmpty || err == leat.ErrClosed {
					break
				}
				if err != nil || uint64(v) != next {
					t.Errorf("TryRecv of a new receiver = %d, %v; want %d", v, err, next)
				}
				next++
			}
			at := tx.Next()
			if found := tx.Search(func(v int) bool { return uint64(v) >= at }); found < at {
				t.Errorf("Search for %d = %d", at, found)
			}
			rx.Close()
		}
	})
	for v := range n {
		tx.TrySend(v)
	}
	tx.Close()
	wg.Wait()
	if tx.Len() != 0 {
		t.Errorf("Len = %d when everything was received", tx.Len())
	}
}

// R15. It fails if a receive allocates, or a send more than its share of an
// entry and a segment.
func TestUnboundedAllocation(t *testing.T) {
	tx := broadcast.New[int](leat.Unbounded)
	rx, other := tx.Subscribe(), tx.Subscribe()
	if n := testing.AllocsPerRun(3200, func() { tx.TrySend(1); rx.TryRecv(); other.TryRecv() }); n != 0 {
		t.Errorf("TrySend and TryRecv: %v allocations, want less than 1", n)
	}
}

// It fails if a gap that no value follows is not counted by Missed, which alone
// can tell of it: All tells of a gap with the value after it.
func TestAllEndsAfterAGap(t *testing.T) {
	tx := broadcast.New[int](leat.Unbounded)
	for v := range 3 { // nobody receives, so nothing is kept
		wantTrySend(t, tx, v, nil)
	}
	rx := tx.Subscribe(broadcast.From(1))
	tx.Close()
	for v, missed := range rx.All(t.Context()) {
		t.Errorf("All: %d after %d missed", v, missed)
	}
	if missed, err := rx.Missed(), rx.Err(); missed != 2 || err != nil {
		t.Errorf("Missed = %d, Err = %v; want 2 and nil", missed, err)
	}
}
