package mpmc_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

var background = context.Background()

// R13. It fails if a mistake of the programmer goes through, or panics without
// saying what it was.
func TestMisusePanics(t *testing.T) {
	kind.MustPanic(t, "mpmc", "capacity -1", func() { mpmc.New[int](-1) })
	tx, rx := mpmc.New[int](1, leat.Name("jobs"))
	var none context.Context
	kind.MustPanic(t, "mpmc", `"jobs": nil context`, func() { tx.Send(none, 1) })
	kind.MustPanic(t, "mpmc", "nil context", func() { rx.Recv(none) })
}

func TestCap(t *testing.T) {
	for _, capacity := range []int{0, 1, 7} {
		tx, rx := mpmc.New[int](capacity)
		if tx.Cap() != capacity || rx.Cap() != capacity {
			t.Errorf("Cap is %d and %d, want %d on both ends", tx.Cap(), rx.Cap(), capacity)
		}
	}
	tx, rx := mpmc.NewUnbounded[int]()
	if tx.Cap() != math.MaxInt || rx.Cap() != math.MaxInt {
		t.Errorf("Cap of an unbounded channel is %d and %d, want math.MaxInt on both ends", tx.Cap(), rx.Cap())
	}
}

// It fails if receivers that wait are served in another order than they came.
func TestReceiversAreServedInOrder(t *testing.T) {
	for _, capacity := range []int{0, 1, 100} {
		synctest.Test(t, func(t *testing.T) {
			const n = 64
			tx, rx := mpmc.New[int](capacity)
			got := make([]int, n)
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() { got[i], _ = rx.Recv(background) })
				synctest.Wait()
			}
			for v := range n {
				if err := tx.TrySend(v); err != nil {
					t.Fatalf("TrySend with receivers waiting: %v", err)
				}
			}
			wg.Wait()
			for i, v := range got {
				if v != i {
					t.Fatalf("capacity %d: receiver %d got %d", capacity, i, v)
				}
			}
		})
	}
}

// R9. Try succeeds only if a partner waits; the channel holds nothing; a
// waiting partner is overtaken by nobody.
func TestR9_Rendezvous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0)
		if err := tx.TrySend(1); err != leat.ErrFull {
			t.Errorf("TrySend without a receiver: %v, want ErrFull", err)
		}
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("TryRecv without a sender: %v, want ErrEmpty", err)
		}
		sent := make(chan error, 2)
		go func() { sent <- tx.Send(background, 2) }()
		synctest.Wait()
		if tx.Len() != 0 || rx.Len() != 0 {
			t.Errorf("Len is %d with a sender waiting, want 0", tx.Len())
		}
		if v, err := rx.TryRecv(); v != 2 || err != nil {
			t.Errorf("TryRecv with a sender waiting: %d, %v", v, err)
		}
		if err := <-sent; err != nil {
			t.Errorf("Send: %v", err)
		}
		got := make(chan int, 2)
		go func() { v, _ := rx.Recv(background); got <- v }()
		synctest.Wait()
		if err := tx.TrySend(3); err != nil {
			t.Errorf("TrySend with a receiver waiting: %v", err)
		}
		if v := <-got; v != 3 {
			t.Errorf("received %d, want 3", v)
		}
		if err := tx.TrySend(4); err != leat.ErrFull {
			t.Errorf("TrySend after the rendezvous: %v, want ErrFull", err)
		}

		// A sender that gives up takes its value with it.
		ctx, cancel := context.WithCancel(background)
		go func() { sent <- tx.Send(ctx, 5) }()
		synctest.Wait()
		cancel()
		if err := <-sent; err != context.Canceled {
			t.Errorf("cancelled Send: %v", err)
		}
		if _, err := rx.TryRecv(); err != leat.ErrEmpty {
			t.Errorf("TryRecv after the sender gave up: %v", err)
		}

		// Batches go value by value.
		go func() { n, err := tx.SendMany(background, []int{6, 7, 8}); sent <- fmt.Errorf("%d %v", n, err) }()
		synctest.Wait()
		buf := make([]int, 5)
		for _, want := range []int{6, 7, 8} {
			if n, err := rx.RecvMany(background, buf); n != 1 || err != nil || buf[0] != want {
				t.Errorf("RecvMany: %d, %v, %d; want %d", n, err, buf[0], want)
			}
		}
		if err := <-sent; err.Error() != "3 <nil>" {
			t.Errorf("SendMany: %v", err)
		}
	})
}

// R9. It fails if Ready is shut while a sender waits, or open when none does.
func TestR9_RendezvousReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0)
		ready := rx.Ready()
		shut := func(when string) {
			t.Helper()
			select {
			case <-ready:
				t.Errorf("Ready is open %s", when)
			default:
			}
		}
		shut("at first")
		ctx, cancel := context.WithCancel(background)
		done := make(chan struct{})
		go func() { tx.Send(ctx, 1); close(done) }()
		synctest.Wait()
		cancel()
		<-done
		shut("after the sender left")
		go tx.Send(background, 2)
		<-ready
		if v, err := rx.TryRecv(); v != 2 || err != nil {
			t.Errorf("TryRecv after Ready: %d, %v", v, err)
		}
		synctest.Wait()
		shut("after the rendezvous")
		tx.Close()
		<-ready
		<-ready
	})
}

// It fails if Reserve does not panic at capacity 0, or does so after it has
// changed something.
func TestReserveAtCapacity0Panics(t *testing.T) {
	tx, rx := mpmc.New[int](0)
	done, cancel := context.WithCancel(background)
	cancel()
	for range 2 { // without and with a closed handle
		for _, ctx := range []context.Context{background, done} {
			kind.MustPanic(t, "mpmc", "Reserve on a channel of capacity 0; it has no slot to reserve", func() { tx.Reserve(ctx) })
		}
		tx.Close()
	}
	if _, err := rx.TryRecv(); err != leat.ErrClosed {
		t.Errorf("TryRecv after all senders closed: %v, want ErrClosed", err)
	}
}

// Closing one of several receivers concerns that one; closing the last stops
// the senders, and accepted values can still be received.
func TestCloseOfReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, a := mpmc.New[int](3)
		b := a.Clone()
		errs := make(chan error, 2)
		go func() { _, err := a.Recv(background); errs <- err }()
		synctest.Wait()
		go func() { _, err := b.Recv(background); errs <- err }()
		synctest.Wait()
		a.Close()
		if err := <-errs; err != leat.ErrClosed {
			t.Errorf("Recv waiting on the closed handle: %v", err)
		}
		if err := tx.TrySend(1); err != nil {
			t.Errorf("TrySend with one receiver left: %v", err)
		}
		if err := <-errs; err != nil {
			t.Errorf("Recv on the other handle: %v", err)
		}
		tx.TrySend(2)
		if _, err := a.TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv on a closed handle, another being open: %v", err)
		}
		if n, err := a.RecvMany(background, make([]int, 2)); n != 0 || err != leat.ErrClosed {
			t.Errorf("RecvMany on a closed handle, another being open: %d, %v", n, err)
		}
		p, _ := tx.Reserve(background)
		b.Close()
		<-tx.Done()
		if err := tx.TrySend(3); err != leat.ErrClosed {
			t.Errorf("TrySend with no receiver left: %v", err)
		}
		p.Send(4)
		if v, err := a.TryRecv(); v != 2 || err != nil {
			t.Errorf("TryRecv on a closed handle, all being closed: %d, %v", v, err)
		}
		if v, err := b.Recv(background); v != 4 || err != nil {
			t.Errorf("Recv on a closed handle, all being closed: %d, %v", v, err)
		}
		if _, err := b.Recv(background); err != leat.ErrClosed {
			t.Errorf("Recv after the rest: %v", err)
		}
		if _, err := a.Clone().TryRecv(); err != leat.ErrClosed {
			t.Errorf("TryRecv on the clone of a closed handle: %v", err)
		}
	})
}

// R8 under everything at once, at capacity 0 as well: it fails if accepted
// and received values differ, or if one sender's values overtake
// each other on the way to one receiver.
func TestR8_ExactlyOnceUnderChurn(t *testing.T) {
	for _, capacity := range []int{0, 1, 2, 33, math.MaxInt} {
		for range 10 {
			tx, rx := mpmc.New[int](capacity)
			var senders, receivers sync.WaitGroup
			var accepted, received sync.Map
			var nAccepted, nReceived atomic.Int64
			accept := func(vs ...int) {
				for _, v := range vs {
					accepted.Store(v, true)
					nAccepted.Add(1)
				}
			}
			for s := range 4 {
				tx := tx.Clone()
				senders.Go(func() {
					defer tx.Close()
					rng := rand.New(rand.NewPCG(uint64(s), uint64(capacity)))
					for i := range 100 {
						v := s*1000 + 4*i
						ctx, cancel := context.WithCancel(background)
						choice := rng.IntN(5)
						if choice == 3 && capacity == 0 { // Reserve panics
							choice = 4
						}
						switch choice {
						case 0:
							go cancel()
							if tx.Send(ctx, v) == nil {
								accept(v)
							}
						case 1:
							if tx.TrySend(v) == nil {
								accept(v)
							}
						case 2:
							go cancel()
							vs := []int{v, v + 1, v + 2, v + 3}
							n, _ := tx.SendMany(ctx, vs)
							accept(vs[:n]...)
						case 3:
							if p, err := tx.Reserve(background); err == nil && rng.IntN(2) == 0 {
								if p.Send(v) == nil {
									accept(v)
								}
							} else if err == nil {
								p.Release()
							}
						case 4:
							if tx.Send(background, v) == nil {
								accept(v)
							}
						}
						cancel()
					}
				})
			}
			tx.Close()
			for r := range 4 {
				rx := rx.Clone()
				receivers.Go(func() {
					defer rx.Close()
					rng := rand.New(rand.NewPCG(uint64(r), 5))
					last := map[int]int{0: -1, 1: -1, 2: -1, 3: -1}
					buf := make([]int, 3)
					for {
						n, err := 1, error(nil)
						ctx, cancel := context.WithCancel(background)
						switch rng.IntN(3) {
						case 0:
							buf[0], err = rx.Recv(background)
						case 1:
							go cancel()
							buf[0], err = rx.Recv(ctx)
						case 2:
							n, err = rx.RecvMany(background, buf)
						}
						cancel()
						if err == leat.ErrClosed {
							return
						}
						if err != nil {
							continue
						}
						for _, v := range buf[:n] {
							if _, twice := received.LoadOrStore(v, true); twice {
								t.Errorf("%d was received twice", v)
							}
							if v%1000 < last[v/1000] {
								t.Errorf("capacity %d: %d after %d", capacity, v, last[v/1000])
							}
							last[v/1000] = v % 1000
							nReceived.Add(1)
						}
					}
				})
			}
			senders.Wait()
			receivers.Wait()
			if nAccepted.Load() != nReceived.Load() {
				t.Fatalf("capacity %d: %d accepted, %d received", capacity, nAccepted.Load(), nReceived.Load())
			}
		}
	}
}

// A chain of channels through a channel, and the prime sieve, which needs
// goroutines in a row that all wait for each other.
func TestChannelThroughChannel(t *testing.T) {
	for _, capacity := range []int{0, 1} {
		type link struct{ next *mpmc.Receiver[link] }
		tx, rx := mpmc.New[link](capacity)
		go func() {
			for range 1000 {
				next, nextRx := mpmc.New[link](capacity)
				tx.Send(background, link{nextRx})
				tx.Close()
				tx = next
			}
			tx.Close()
		}()
		n := 0
		for {
			l, err := rx.Recv(background)
			if err != nil {
				break
			}
			n++
			rx = l.next
		}
		if n != 1000 {
			t.Errorf("capacity %d: %d links, want 1000", capacity, n)
		}
	}
}

// A ring of 32, round which a token goes; it fails if it stops.
func TestRing(t *testing.T) {
	for _, capacity := range []int{0, 1, math.MaxInt} {
		const size, rounds = 32, 100
		tx := make([]*mpmc.Sender[int], size)
		rx := make([]*mpmc.Receiver[int], size)
		for i := range size {
			tx[i], rx[i] = mpmc.New[int](capacity)
		}
		var wg sync.WaitGroup
		for i := range size {
			wg.Go(func() {
				for v := range rx[i].All(background) {
					if v == size*rounds {
						tx[(i+1)%size].Close()
						return
					}
					tx[(i+1)%size].Send(background, v+1)
				}
				tx[(i+1)%size].Close()
			})
		}
		tx[0].Send(background, 0)
		wg.Wait()
	}
}

// 32 senders into one receiver, and one sender to 32 receivers.
func TestFanInFanOut(t *testing.T) {
	for _, capacity := range []int{0, 1, 16} {
		const n = 32
		in, inRx := mpmc.New[int](capacity)
		out, outRx := mpmc.New[int](capacity)
		for range n {
			in, worker := in.Clone(), outRx.Clone()
			go func() {
				defer in.Close()
				defer worker.Close()
				for v := range worker.All(background) {
					in.Send(background, v)
				}
			}()
		}
		in.Close()
		outRx.Close()
		go func() {
			defer out.Close()
			for v := range 1000 {
				out.Send(background, v)
			}
		}()
		sum := 0
		for v := range inRx.All(background) {
			sum += v
		}
		if sum != 1000*999/2 {
			t.Errorf("capacity %d: sum %d", capacity, sum)
		}
	}
}

// It fails if a receiver that is closed and was let through Ready keeps another
// one from a value.
func TestReadyPassesAClosedReceiver(t *testing.T) {
	tx, rx := mpmc.New[int](1)
	other := rx.Clone()
	ready := rx.Ready()
	tx.TrySend(1)
	rx.Close()
	<-ready
	if _, err := rx.TryRecv(); err != leat.ErrClosed {
		t.Fatalf("TryRecv on a closed handle = %v", err)
	}
	select {
	case <-ready: // without asking for it again, which would set it
	default:
		t.Error("Ready is shut, though the value is there")
	}
	if v, err := other.TryRecv(); v != 1 || err != nil {
		t.Errorf("the other one received %d, %v", v, err)
	}
}
