package fifo_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/leat-go/leat/internal/fifo"
)

// small makes segments of two, so that every third operation crosses one.
func small(t testing.TB) {
	old := fifo.SegmentSize
	fifo.SegmentSize = 2
	t.Cleanup(func() { fifo.SegmentSize = old })
}

// Random operations against a slice. It fails if a value is lost, repeated or
// out of order.
func TestAgainstSlice(t *testing.T) {
	small(t)
	for _, capacity := range []int{-1, 1, 2, 3, 7, 100, math.MaxInt} {
		for seed := range uint64(200) {
			rng := rand.New(rand.NewPCG(seed, 1))
			var q fifo.Queue[int]
			q.Init(capacity)
			q.LockEnds()
			var want []int
			next := 0
			for range 200 {
				if rng.IntN(2) == 0 {
					q.UnlockEnds() // publishes the positions
					q.LockEnds()
					if n := q.Available(math.MaxInt); n != uint64(len(want)) {
						t.Fatalf("capacity %d, seed %d: Available %d, want %d", capacity, seed, n, len(want))
					}
				}
				room := 10
				if capacity > 0 {
					room = min(10, capacity-q.Len())
				}
				switch op := rng.IntN(4); {
				case op == 0 && room > 0:
					q.Push(next)
					want = append(want, next)
					next++
				case op == 1:
					vs := make([]int, rng.IntN(room+1))
					for i := range vs {
						vs[i] = next
						next++
					}
					q.PushAll(vs)
					want = append(want, vs...)
				case op == 2 && len(want) > 0:
					if got := q.Pop(); got != want[0] {
						t.Fatalf("capacity %d, seed %d: Pop %d, want %d", capacity, seed, got, want[0])
					}
					want = want[1:]
				case op == 3:
					buf := make([]int, rng.IntN(10))
					n := min(len(buf), q.Len())
					q.PopInto(buf[:n])
					if k := min(len(buf), len(want)); n != k || !slices.Equal(buf[:n], want[:k]) {
						t.Fatalf("capacity %d, seed %d: PopInto %v, want %v", capacity, seed, buf[:n], want[:k])
					}
					want = want[n:]
				}
				if q.Len() != len(want) {
					t.Fatalf("capacity %d, seed %d: Len %d, want %d", capacity, seed, q.Len(), len(want))
				}
			}
			q.Reset()
			if q.Len() != 0 {
				t.Fatalf("Len %d after Reset", q.Len())
			}
		}
	}
}

// It fails if a bounded queue, once full, allocates again, or an unbounded one
// does in the steady state.
func TestAllocation(t *testing.T) {
	var bounded, unbounded fifo.Queue[int]
	bounded.Init(1000)
	unbounded.Init(-1)
	vs, buf := make([]int, 1000), make([]int, 1000)
	through := func(q *fifo.Queue[int], n int) func() {
		return func() {
			q.Tail.Lock()
			q.PushAll(vs[:n])
			q.Tail.Unlock()
			q.Head.Lock()
			q.PopInto(buf[:n])
			q.Head.Unlock()
		}
	}
	if n := testing.AllocsPerRun(100, through(&bounded, 1000)); n != 0 {
		t.Errorf("filling and emptying a bounded queue: %v allocations, want none", n)
	}
	through(&unbounded, 10)()
	if n := testing.AllocsPerRun(1000, through(&unbounded, 20)); n != 0 {
		t.Errorf("an unbounded queue of constant length: %v allocations, want none", n)
	}
}
