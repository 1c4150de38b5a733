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
			q.Init(capacity, seed%2 == 0)
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
	bounded.Init(1000, true)
	unbounded.Init(-1, true)
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

// A single receiver claims values, locks the head for others, and finds it
// guarded at times; now and then a value is evicted. It fails if a value is
// lost, repeated or out of order, or is claimed from a guarded head.
func TestClaimsAgainstSlice(t *testing.T) {
	small(t)
	for _, capacity := range []int{-1, 1, 2, 3, 7, 100} {
		for seed := range uint64(200) {
			rng := rand.New(rand.NewPCG(seed, 2))
			var q fifo.Queue[int]
			q.Init(capacity, true)
			var want []int
			next, guarded, evicted := 0, false, false
			for range 300 {
				switch op := rng.IntN(20); {
				case op < 8:
					limit := uint64(math.MaxInt)
					if capacity > 0 {
						limit = uint64(capacity)
					}
					q.Tail.Lock()
					if p := q.TryPush(limit); p != nil {
						*p = next
						want = append(want, next)
						next++
					} else if len(want) < capacity {
						t.Fatalf("capacity %d, seed %d: no room with %d values", capacity, seed, len(want))
					}
					q.Tail.Unlock()
				case op < 15:
					p, _ := q.Claim()
					if (p != nil) != (len(want) > 0 && !guarded && !evicted) {
						t.Fatalf("capacity %d, seed %d: claimed %v of %d values, guarded %v, evicted %v", capacity,
							seed, p, len(want), guarded, evicted)
					}
					if p != nil {
						if *p != want[0] {
							t.Fatalf("capacity %d, seed %d: Claim %d, want %d", capacity, seed, *p, want[0])
						}
						*p, want = 0, want[1:]
					}
				case op < 17:
					buf := make([]int, rng.IntN(4))
					q.LockHead()
					n := int(q.Available(uint64(len(buf))))
					q.PopInto(buf[:n])
					q.Head.Unlock()
					if k := min(len(buf), len(want)); !slices.Equal(buf[:n], want[:k]) {
						t.Fatalf("capacity %d, seed %d: PopInto %v, want %v", capacity, seed, buf[:n], want[:k])
					}
					want = want[n:]
				case op < 19:
					q.LockEnds()
					guarded = !guarded
					q.Guard(guarded)
					q.UnlockEnds()
				case capacity > 0 && len(want) == capacity && seed%2 == 0:
					q.LockEnds()
					if got := q.Evict(); got != want[0] {
						t.Fatalf("capacity %d, seed %d: Evict %d, want %d", capacity, seed, got, want[0])
					}
					want, evicted = want[1:], true
					q.UnlockEnds()
				}
			}
		}
	}
}

// The receiver has claimed a value and not yet looked at it, while others evict
// and push until they have been through all segments, and more. It fails if
// they write to its slot.
func TestClaimedSlotIsLeftAlone(t *testing.T) {
	small(t)
	for _, capacity := range []int{1, 2, 3, 7} {
		for before := range 3 * capacity { // values that came and went, so that the ends stand anywhere
			var q fifo.Queue[int]
			q.Init(capacity, true)
			push := func(v int) {
				q.LockEnds()
				if q.Len() == capacity {
					q.Evict()
				}
				q.Push(v)
				q.UnlockEnds()
			}
			for range before {
				push(-1)
				p, _ := q.Claim()
				*p = 0
			}
			for range capacity {
				push(1)
			}
			p, _ := q.Claim()
			for range 5*capacity + 10 {
				push(2)
			}
			if *p != 1 {
				t.Errorf("capacity %d, after %d values: the slot of the claimed value holds %d", capacity, before, *p)
			}
		}
	}
}

// It fails if evictions allocate more than the segment that the receiver may be
// in, once.
func TestEvictionsDoNotAllocate(t *testing.T) {
	var q fifo.Queue[int]
	q.Init(100, true)
	push := func() {
		q.LockEnds()
		if q.Len() == 100 {
			q.Evict()
		}
		q.Push(1)
		q.UnlockEnds()
	}
	push()
	q.Claim()
	for range 500 {
		push()
	}
	if n := testing.AllocsPerRun(1000, push); n != 0 {
		t.Errorf("a push that evicts: %v allocations, want none", n)
	}
}

// Random operations against a slice, with the tail locked alone. It fails if a
// value is lost, repeated or out of order, if there is another number of free
// slots, or if the mark does not say that there are values.
func TestOneLock(t *testing.T) {
	small(t)
	for _, capacity := range []int{1, 2, 3, 4, 7} {
		for seed := range uint64(200) {
			rng := rand.New(rand.NewPCG(seed, 1))
			var q fifo.Queue[int]
			q.InitOneLock(capacity)
			var want []int
			next := 0
			for range 200 {
				q.Tail.Lock()
				if n := q.Room(uint64(capacity), math.MaxUint32); n != uint64(capacity-len(want)) {
					t.Fatalf("capacity %d, seed %d: Room %d, want %d", capacity, seed, n, capacity-len(want))
				}
				switch op := rng.IntN(4); {
				case op == 0:
					p := q.TryPush(uint64(capacity))
					if (p == nil) != (len(want) == capacity) {
						t.Fatalf("capacity %d, seed %d: TryPush %v beside %d values", capacity, seed, p, len(want))
					}
					if p != nil {
						*p = next
						want = append(want, next)
						next++
					}
				case op == 1:
					vs := make([]int, rng.IntN(capacity-len(want)+1))
					for i := range vs {
						vs[i] = next
						next++
					}
					q.PushAll(vs)
					want = append(want, vs...)
				case op == 2:
					p := q.PopHere()
					if p == nil {
						p = q.TryPop()
					}
					if (p == nil) != (len(want) == 0) || p != nil && *p != want[0] {
						t.Fatalf("capacity %d, seed %d: popped %v of %v", capacity, seed, p, want)
					}
					if p != nil {
						*p = 0
						want = want[1:]
					}
				default:
					buf := make([]int, rng.IntN(len(want)+1))
					q.PopInto(buf)
					if !slices.Equal(buf, want[:len(buf)]) {
						t.Fatalf("capacity %d, seed %d: PopInto %v, want %v", capacity, seed, buf, want[:len(buf)])
					}
					want = want[len(buf):]
				}
				if len(want) == 0 {
					q.Tail.Mark(false)
				}
				q.Tail.Unlock()
				if q.Tail.Marked() != (len(want) > 0) {
					t.Fatalf("capacity %d, seed %d: Marked %v beside %d values", capacity, seed, q.Tail.Marked(), len(want))
				}
			}
		}
	}
}
