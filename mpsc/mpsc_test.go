package mpsc_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

var background = context.Background()

// R13. It fails if a mistake of the programmer goes through, or panics without
// saying what it was.
func TestMisusePanics(t *testing.T) {
	kind.MustPanic(t, "mpsc", "capacity 0", func() { mpsc.New[int](0) })
	kind.MustPanic(t, "mpsc", "capacity -1", func() { mpsc.New[int](-1) })

	tx, rx := mpsc.New[int](1, leat.Name("jobs"))
	var none context.Context
	kind.MustPanic(t, "mpsc", `"jobs": nil context`, func() { tx.Send(none, 1) })
	kind.MustPanic(t, "mpsc", "nil context", func() { tx.SendMany(none, nil) })
	kind.MustPanic(t, "mpsc", "nil context", func() { tx.Reserve(none) })
	kind.MustPanic(t, "mpsc", "nil context", func() { rx.Recv(none) })
	kind.MustPanic(t, "mpsc", "nil context", func() { rx.RecvMany(none, nil) })

	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		go rx.Recv(background)
		synctest.Wait()
		kind.MustPanic(t, "mpsc", "two goroutines receive", func() { rx.Recv(background) })
		if err := tx.Send(background, 1); err != nil { // the channel still works, and the first goroutine ends
			t.Errorf("Send after the panic: %v", err)
		}
	})
}

func TestCap(t *testing.T) {
	tx, rx := mpsc.New[int](7)
	if tx.Cap() != 7 || rx.Cap() != 7 {
		t.Errorf("Cap is %d and %d, want 7 on both ends", tx.Cap(), rx.Cap())
	}
	utx, urx := mpsc.NewUnbounded[int]()
	if utx.Cap() != math.MaxInt || urx.Cap() != math.MaxInt {
		t.Errorf("Cap of an unbounded channel is %d and %d, want math.MaxInt on both ends", utx.Cap(), urx.Cap())
	}
}

// It fails if a huge capacity takes memory before it is used.
func TestCapacityIsNotAllocatedAhead(t *testing.T) {
	tx, rx := mpsc.New[[1024]byte](math.MaxInt)
	if err := tx.TrySend([1024]byte{1}); err != nil {
		t.Fatal(err)
	}
	if v, err := rx.TryRecv(); err != nil || v[0] != 1 {
		t.Fatalf("TryRecv: %v, %v", v[0], err)
	}
}

// Rule 4, for handles. It fails if a handle that was closed still sends because
// another is open, or revives by Clone.
func TestClosedHandle(t *testing.T) {
	a, rx := mpsc.New[int](4)
	b := a.Clone()
	a.Close()
	if err := a.TrySend(1); err != leat.ErrClosed {
		t.Errorf("TrySend on a closed handle: %v, want ErrClosed", err)
	}
	c := a.Clone()
	if err := c.Send(background, 1); err != leat.ErrClosed {
		t.Errorf("Send on the clone of a closed handle: %v, want ErrClosed", err)
	}
	c.Close()
	if _, err := rx.TryRecv(); err != leat.ErrEmpty {
		t.Errorf("TryRecv with one handle open: %v, want ErrEmpty", err)
	}
	b.Close()
	if _, err := rx.TryRecv(); err != leat.ErrClosed {
		t.Errorf("TryRecv with no handle open: %v, want ErrClosed", err)
	}
}

// It fails if Close leaves a Send waiting that can only end by a receive, or
// wakes one on another handle.
func TestCloseWakesOwnSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, rx := mpsc.New[int](1)
		b := a.Clone()
		a.TrySend(0)
		aErr, bErr := make(chan error, 1), make(chan error, 1)
		go func() { aErr <- a.Send(background, 1) }()
		synctest.Wait()
		go func() { bErr <- b.Send(background, 2) }()
		synctest.Wait()
		a.Close()
		if err := <-aErr; err != leat.ErrClosed {
			t.Errorf("Send waiting on the closed handle: %v, want ErrClosed", err)
		}
		if n, _ := b.Waiting(); n != 1 {
			t.Errorf("%d senders wait after the Close of another handle, want 1", n)
		}
		for _, want := range []int{0, 2} {
			if v, err := rx.Recv(background); v != want || err != nil {
				t.Errorf("Recv: %d, %v; want %d", v, err, want)
			}
		}
		if err := <-bErr; err != nil {
			t.Errorf("Send on the other handle: %v", err)
		}
	})
}

// R7, as far as mpsc reserves: Reserve stands in one line with Send, and its
// slot counts.
func TestR7_ReserveStandsInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[string](1)
		tx.TrySend("first")
		var order []string
		var mu sync.Mutex
		note := func(s string) { mu.Lock(); order = append(order, s); mu.Unlock() }
		go func() {
			p, err := tx.Reserve(background)
			if err != nil {
				t.Error(err)
			}
			note("reserved")
			p.Send("second")
		}()
		synctest.Wait()
		go func() { tx.Send(background, "third"); note("sent") }()
		synctest.Wait()
		for _, want := range []string{"first", "second", "third"} {
			if v, err := rx.Recv(background); v != want || err != nil {
				t.Errorf("Recv: %q, %v; want %q: a later sender overtook a reservation", v, err, want)
			}
			synctest.Wait()
		}
		if got := strings.Join(order, " "); got != "reserved sent" {
			t.Errorf("order %q, want reserved before sent", got)
		}
	})
}

// It fails if a permit that its caller uses up twice sends twice, or gives back
// more room than it took.
func TestPermitIsUsedOnce(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	p, err := tx.Reserve(background)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.TrySend(0); err != leat.ErrFull {
		t.Errorf("TrySend beside a permit for the only slot: %v, want ErrFull", err)
	}
	if err := p.Send(1); err != nil {
		t.Errorf("Send of a fresh permit: %v", err)
	}
	if err := p.Send(2); err != leat.ErrClosed {
		t.Errorf("second Send of a permit: %v, want ErrClosed", err)
	}
	p.Release()
	if err := tx.TrySend(3); err != leat.ErrFull {
		t.Errorf("TrySend after a Release of a used permit: %v, want ErrFull", err)
	}
	if v, _ := rx.TryRecv(); v != 1 {
		t.Errorf("received %d, want 1", v)
	}
}

// Rule 12, beyond what the suite shows: one channel for life, and the end opens
// it for good.
func TestReadyInNativeSelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](4)
		ready := rx.Ready()
		var got []int
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				<-ready // the same channel each time round
				v, err := rx.TryRecv()
				if errors.Is(err, leat.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("TryRecv after Ready: %v", err)
					return
				}
				got = append(got, v)
			}
		}()
		tx.SendMany(background, []int{1, 2, 3})
		synctest.Wait()
		tx.Send(background, 4)
		tx.Close()
		<-done
		if len(got) != 4 {
			t.Errorf("received %v by Ready and TryRecv, want 1 to 4", got)
		}
		<-rx.Ready()
		<-rx.Ready() // the end is there for good
	})
}

// A receive by other means takes the value that opened Ready. It fails if Ready
// then promises a value that is not there.
func TestReadyIsNotStale(t *testing.T) {
	tx, rx := mpsc.New[int](4)
	ready := rx.Ready()
	tx.TrySend(1)
	rx.Recv(background)
	select {
	case <-ready:
		t.Error("Ready is open on an empty channel")
	default:
	}
}

// R11: user code that runs within leat's calls may use the same channel. It
// fails by deadlock.
func TestR11_Reentrancy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.NewUnbounded[int]()
		tx.TrySend(10)
		for v := range rx.All(background) { // the loop body runs inside All
			if v == 0 {
				tx.Close()
				rx.Close()
				continue
			}
			tx.Send(background, v-1)
			if rx.Len() != 1 {
				t.Errorf("Len in the loop is %d, want 1", rx.Len())
			}
		}
	})
}

// R8 under everything at once: sends that are cancelled, permits that are
// released, batches, and a receiver that closes in the middle. It fails if
// accepted and received values differ.
func TestR8_ExactlyOnceUnderChurn(t *testing.T) {
	for _, capacity := range []int{1, 2, 33} {
		for range 30 {
			tx, rx := mpsc.New[int](capacity)
			var wg sync.WaitGroup
			var mu sync.Mutex
			accepted := make(map[int]bool)
			for s := range 4 {
				tx := tx.Clone()
				wg.Go(func() {
					defer tx.Close()
					rng := rand.New(rand.NewPCG(uint64(s), uint64(capacity)))
					for i := range 200 {
						v := s*1000 + i
						var mine []int
						switch rng.IntN(4) {
						case 0:
							ctx, cancel := context.WithCancel(background)
							go cancel()
							if tx.Send(ctx, v) == nil {
								mine = []int{v}
							}
							cancel()
						case 1:
							if tx.TrySend(v) == nil {
								mine = []int{v}
							}
						case 2:
							ctx, cancel := context.WithCancel(background)
							go cancel()
							vs := []int{v, v + 250, v + 500}
							n, _ := tx.SendMany(ctx, vs)
							mine = vs[:n]
							cancel()
						case 3:
							p, err := tx.Reserve(background)
							if err != nil {
								continue
							}
							if rng.IntN(2) == 0 {
								p.Release()
							} else if p.Send(v) == nil {
								mine = []int{v}
							}
						}
						mu.Lock()
						for _, v := range mine {
							accepted[v] = true
						}
						mu.Unlock()
					}
				})
			}
			tx.Close()
			received := make(map[int]bool)
			buf := make([]int, 7)
			for n := 0; ; {
				k, err := rx.RecvMany(background, buf)
				if err != nil {
					break
				}
				for _, v := range buf[:k] {
					if received[v] {
						t.Fatalf("capacity %d: %d was received twice", capacity, v)
					}
					received[v] = true
				}
				if n += k; n > 300 {
					rx.Close()
				}
			}
			wg.Wait()
			if len(received) != len(accepted) {
				t.Fatalf("capacity %d: %d values accepted, %d received", capacity, len(accepted), len(received))
			}
		}
	}
}

// R4: the count of handles is exact. It fails if the channel ends before the
// last handle is closed, or not then.
func TestR4_ConcurrentCloneAndClose(t *testing.T) {
	for range 200 {
		tx, rx := mpsc.New[int](1000)
		var wg sync.WaitGroup
		for range 8 {
			tx := tx.Clone()
			wg.Go(func() {
				other := tx.Clone()
				tx.Close()
				if err := other.TrySend(1); err != nil {
					t.Errorf("TrySend on an open handle: %v", err)
				}
				other.Close()
				other.Close()
			})
		}
		tx.Close()
		wg.Wait()
		n := 0
		for range rx.All(background) {
			n++
		}
		if n != 8 {
			t.Fatalf("received %d values, want 8", n)
		}
	}
}

// One handle, and several goroutines that wait with it. It fails if they share
// what a handle keeps for its waits.
func TestManyWaitWithOneHandle(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	const goroutines, each = 4, 3000
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				tx.Send(background, g*each+i)
			}
		})
	}
	go func() { wg.Wait(); tx.Close() }()
	seen := make(map[int]bool)
	for v := range rx.All(background) {
		if seen[v] {
			t.Fatalf("%d was received twice", v)
		}
		seen[v] = true
	}
	if len(seen) != goroutines*each {
		t.Errorf("received %d of %d values", len(seen), goroutines*each)
	}
}

// Whatever code a context is: it fails if a panic in it leaves a waiter behind,
// to which the next value would go.
func TestContextThatPanics(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	func() {
		defer func() {
			if recover() != "Done" {
				t.Error("the context's panic did not reach the caller")
			}
		}()
		rx.Recv(panicking{background})
	}()
	tx.TrySend(1)
	if v, err := rx.TryRecv(); v != 1 || err != nil {
		t.Errorf("after the panic: %d, %v", v, err)
	}
}

type panicking struct{ context.Context }

func (panicking) Done() <-chan struct{} { panic("Done") }
