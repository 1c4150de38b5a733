package unbounded

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
)

// It fails if a value is lost, doubled or out of its writer's order.
func TestManyWriters(t *testing.T) {
	const writers, each = 10, 1000
	b := New[[2]int]()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if err := b.Put([2]int{w, i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); b.Close() }()
	var next [writers]int
	for {
		v, err := b.Recv(t.Context())
		if errors.Is(err, leat.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if next[v[0]] != v[1] {
			t.Fatalf("writer %d: got its value %d, want %d", v[0], v[1], next[v[0]])
		}
		next[v[0]]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d of %d values", w, n, each)
		}
	}
}

// It fails if Close loses values put before it, or if Put accepts values after
// it.
func TestCloseDrains(t *testing.T) {
	b := New[int]()
	for i := range 3 {
		b.Put(i)
	}
	b.Close()
	b.Close()
	if err := b.Put(3); err != leat.ErrClosed {
		t.Errorf("Put after Close: %v", err)
	}
	for want := range 3 {
		if v, err := b.Recv(t.Context()); v != want || err != nil {
			t.Errorf("received %d, %v; want %d", v, err, want)
		}
	}
	if _, err := b.Recv(t.Context()); err != leat.ErrClosed {
		t.Errorf("at the end: %v", err)
	}
}

// It fails if a reader that does nothing but receive stalls with values left:
// there is no second call that it owes after each receive.
func TestReaderOwesNoSecondCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int]()
		got := 0
		go func() {
			for {
				select {
				case <-b.Ready():
					if _, err := b.Recv(t.Context()); err != nil {
						return
					}
					got++
				case <-t.Context().Done():
					return
				}
			}
		}()
		for i := range 100 {
			b.Put(i)
		}
		b.Close()
		synctest.Wait()
		if got != 100 {
			t.Errorf("received %d of 100", got)
		}
	})
}
