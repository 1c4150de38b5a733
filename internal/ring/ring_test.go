package ring_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/leat-go/leat/internal/ring"
)

// It fails if a slot holds anything but the last entry put there: beside the
// first and last slots of segments, in the first round and in later ones, with
// a last segment that is short, and with one segment alone.
func TestSlots(t *testing.T) {
	for _, segment := range []int{1, 2, 8} {
		for capacity := 1; capacity <= 20; capacity++ {
			t.Run(fmt.Sprintf("segment=%d/capacity=%d", segment, capacity), func(t *testing.T) {
				r := newRing[uint64](segment, capacity)
				put, read := r.Place(0), r.Place(0)
				for n := range uint64(3*capacity + 1) {
					if got := read.Load(); n < uint64(capacity) && got != nil {
						t.Fatalf("slot of value %d holds %d before anything was put there", n, *got)
					}
					r.Put(&put, n, &n)
					for kept := range min(n+1, uint64(capacity)) {
						if got := r.Load(n - kept); got == nil || *got != n-kept {
							t.Fatalf("after value %d the slot of value %d does not hold it", n, n-kept)
						}
					}
					if got := read.Load(); got != nil && *got != n {
						t.Fatalf("the place of value %d is that of value %d", n, *got)
					}
					read = r.Place(n)
					step(r, &read, 1, n+1)
				}
			})
		}
	}
}

// It fails if a Place that goes as far as a batch does arrives elsewhere.
func TestStep(t *testing.T) {
	const capacity = 11
	for _, segment := range []int{2, 16} {
		r := newRing[uint64](segment, capacity)
		put := r.Place(0)
		for n := range uint64(capacity) {
			r.Put(&put, n, &n)
		}
		for from := range uint64(capacity) {
			for k := range capacity + 1 {
				p := r.Place(from)
				step(r, &p, k, from+uint64(k))
				if got, want := *p.Load(), (from+uint64(k))%capacity; got != want {
					t.Errorf("segments of %d, from %d by %d: at value %d, want %d", segment, from, k, got, want)
				}
			}
		}
	}
}

// It fails, with the race detector, if a reader sees an entry before it is
// complete, or a segment before it is, while the ring grows.
func TestReadWhileGrowing(t *testing.T) {
	const capacity = 1 << 12
	r := newRing[uint64](4, capacity)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := uint64(0); n < capacity; {
				if got := r.Load(n); got == nil {
					continue
				} else if *got != n {
					t.Errorf("slot %d holds %d", n, *got)
					return
				}
				n++
			}
		})
	}
	put := r.Place(0)
	for n := range uint64(capacity) {
		r.Put(&put, n, &n)
	}
	wg.Wait()
}

// step moves p by k slots, to that of value n.
func step[E any](r *ring.Ring[E], p *ring.Place[E], k int, n uint64) {
	if !p.Step(k) {
		r.Cross(p, n)
	}
}

func newRing[E any](segment, capacity int) *ring.Ring[E] {
	size := ring.SegmentSize
	defer func() { ring.SegmentSize = size }()
	ring.SegmentSize = segment
	r := new(ring.Ring[E])
	r.Init(capacity)
	return r
}

// It fails if a slot of an unbounded ring does not hold its value, or holds one
// that was released; from large numbers on, and with segments released.
func TestUnbounded(t *testing.T) {
	defer func(size int) { ring.SegmentSize = size }(ring.SegmentSize)
	for _, segment := range []int{1, 2, 8} {
		for _, first := range []uint64{0, 1, 7, 1<<32 - 5, 1<<63 - 3} {
			ring.SegmentSize = segment
			var r ring.Ring[uint64]
			r.InitUnbounded(first)
			put := r.Place(first)
			released := first
			for n := first; n < first+200; n++ {
				r.Put(&put, n, &n)
				if behind := (n - first) % 40; n-released > behind {
					r.Release(released, n-behind)
					released = n - behind
				}
				for k := first; k < first+200; k++ {
					got := r.Load(k)
					switch kept := k >= released && k <= n; {
					case kept && (got == nil || *got != k):
						t.Fatalf("segments of %d: value %d is not there; %d to %d are kept", segment, k, released, n)
					case !kept && got != nil:
						t.Fatalf("segments of %d: value %d is there; %d to %d are kept", segment, k, released, n)
					}
				}
			}
		}
	}
}
