package broadcast_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

// Races that were found by review or by planting faults, each as a test that
// fails where the fault is.

// until gives way to others until done.
func until(done func() bool) {
	for !done() {
		runtime.Gosched()
	}
}

// A receiver finds its slot empty, then the value is sent and the channel ends,
// then it finds the end. It fails if the value is passed over.
func TestEndDoesNotOvertakeTheLastValue(t *testing.T) {
	for round := range 3000 {
		tx := broadcast.New[int](1)
		var wg sync.WaitGroup
		for range 2 {
			rx := tx.Subscribe()
			wg.Go(func() {
				until(func() bool {
					_, err := rx.TryRecv()
					if err == leat.ErrClosed {
						t.Errorf("round %d: the end came before the value", round)
					}
					return err != leat.ErrEmpty
				})
			})
		}
		tx.TrySend(1)
		tx.Close()
		wg.Wait()
	}
}

// The slot is overwritten before tail says so. It fails if a gap of nothing is
// reported, or one of almost 2^64.
func TestGapsArePositive(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	var wg sync.WaitGroup
	var stop atomic.Bool
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			tx.TrySend(i)
			if i%100 == 0 {
				runtime.Gosched()
			}
		}
	})
	for range 300_000 {
		_, err := rx.TryRecv()
		var lag *leat.LaggedError
		if errors.As(err, &lag) && (lag.Missed == 0 || lag.Missed > 1<<60) {
			t.Fatalf("a gap of %d", lag.Missed)
		}
	}
	stop.Store(true)
	wg.Wait()
}

// R6. A receive makes room, which is the waiting sender's. It fails if a
// TrySend that spins takes it.
func TestTrySendDoesNotOvertake(t *testing.T) {
	for round := range 400 {
		tx := broadcast.New[int](1)
		slow, order := tx.Subscribe(broadcast.Lossless()), tx.Subscribe(broadcast.Lossless())
		tx.TrySend(0)
		order.TryRecv()
		var wg sync.WaitGroup
		wg.Go(func() { tx.Send(background, 1) })
		until(func() bool { n, _ := tx.Waiting(); return n == 1 })
		wg.Go(func() {
			until(func() bool { return tx.TrySend(2) == nil })
		})
		wg.Go(func() {
			for range 3 {
				slow.Recv(background)
			}
		})
		for _, want := range []int{1, 2} {
			if v, _ := order.Recv(background); v != want {
				t.Fatalf("round %d: received %d, want %d", round, v, want)
			}
		}
		wg.Wait()
	}
}

// It hangs if a SendMany goes to sleep before it has woken the receiver that it
// then waits for.
func TestSendManyWakesBeforeItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe(broadcast.Lossless())
		go func() {
			for range rx.All(background) {
			}
		}()
		synctest.Wait()
		if n, err := tx.SendMany(background, []int{1, 2, 3, 4, 5}); n != 5 || err != nil {
			t.Errorf("SendMany: %d, %v", n, err)
		}
		tx.Close()
	})
}

// It hangs if a Recv goes to sleep in a receiver that was closed just before.
func TestCloseAgainstRecv(t *testing.T) {
	for range 3000 {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe()
		done := make(chan error, 1)
		go func() { _, err := rx.Recv(background); done <- err }()
		go rx.Close()
		if err := <-done; err != leat.ErrClosed {
			t.Fatalf("Recv: %v", err)
		}
		tx.Close()
	}
}

// It fails if a receiver's Close makes the senders forget another lossless one.
func TestCloseKeepsTheOtherLossless(t *testing.T) {
	for gone := range 3 {
		tx := broadcast.New[int](1)
		var lossless, lossy []*broadcast.Receiver[int]
		for range 3 {
			lossless = append(lossless, tx.Subscribe(broadcast.Lossless()))
			lossy = append(lossy, tx.Subscribe())
		}
		lossless[gone].Close()
		lossy[gone].Close()
		tx.TrySend(1)
		for i, rx := range lossless {
			if i == gone {
				continue
			}
			if err := tx.TrySend(2); err != leat.ErrFull {
				t.Errorf("with %d closed, and %d behind: TrySend %v, want ErrFull", gone, i, err)
			}
			rx.TryRecv()
		}
		if err := tx.TrySend(2); err != nil {
			t.Errorf("with %d closed, and nobody behind: TrySend %v", gone, err)
		}
	}
}

// It fails if a lossless receiver that another goroutine closes reports the
// values after that as missed.
func TestClosedLosslessDoesNotLag(t *testing.T) {
	for range 300 {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe(broadcast.Lossless())
		var wg sync.WaitGroup
		var stop atomic.Bool
		wg.Go(func() {
			until(func() bool {
				_, err := rx.TryRecv()
				if err != nil && err != leat.ErrEmpty && err != leat.ErrClosed {
					t.Errorf("a lossless receiver: %v", err)
				}
				return err == leat.ErrClosed
			})
		})
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				tx.TrySend(i)
				runtime.Gosched()
			}
		})
		runtime.Gosched()
		rx.Close()
		stop.Store(true)
		wg.Wait()
		if rx.Missed() != 0 {
			t.Fatalf("a lossless receiver missed %d", rx.Missed())
		}
	}
}

// The end keeps Ready open, and Ready that any goroutine asks for opens it for
// nothing that is not there.
func TestReadyFromAnotherGoroutine(t *testing.T) {
	tx := broadcast.New[int](4)
	rx := tx.Subscribe()
	ready := rx.Ready()
	var wg sync.WaitGroup
	var stop atomic.Bool
	wg.Go(func() {
		for !stop.Load() {
			rx.Ready()
			runtime.Gosched()
		}
	})
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			tx.TrySend(i)
			runtime.Gosched()
		}
	})
	for range 5000 {
		<-ready
		if _, err := rx.TryRecv(); err == leat.ErrEmpty {
			t.Error("Ready was open with nothing there")
			break
		}
	}
	stop.Store(true)
	wg.Wait()
	tx.Close()
	drained := func() bool {
		_, err := rx.TryRecv()
		return err == leat.ErrClosed
	}
	for !drained() {
		<-ready
	}
	<-ready
	<-ready
}

// Rule 13, with Select. It fails if two goroutines wait in one receiver.
func TestSelectBesideRecvPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](4)
		rx := tx.Subscribe()
		var got int
		go leat.Select(background, leat.OnRecv(rx, func(v int, _ error) { got = v }), leat.OnRecv(rx, func(v int, _ error) { got = v }))
		synctest.Wait()
		kind.MustPanic(t, "broadcast", "two goroutines receive", func() { rx.Recv(background) })
		kind.MustPanic(t, "broadcast", "two goroutines receive", func() { leat.Select(background, leat.OnRecv(rx, nil)) })
		tx.TrySend(1)
		synctest.Wait()
		if got != 1 {
			t.Errorf("the Select that was there first received %d", got)
		}
	})
}

// R11. The cleanup of a dropped lossless receiver may not wake the sender in a
// bubble that waited for it. It fails if that sender, and all after it, then
// wait although there is room, and somebody in the bubble sends.
func TestDroppedLosslessInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		live := tx.Subscribe()
		tx.Subscribe(broadcast.Lossless()) // dropped at once
		tx.TrySend(0)
		ctx, cancel := context.WithTimeout(background, time.Hour)
		defer cancel()
		errs := make(chan error, 1)
		go func() { errs <- tx.Send(ctx, 1) }()
		synctest.Wait()
		for tx.Receivers() == 2 {
			runtime.GC()
		}
		if err := tx.TrySend(2); err != nil {
			t.Errorf("TrySend when the lossless receiver is gone: %v", err)
		}
		if err := <-errs; err != nil {
			t.Errorf("the Send that waited: %v", err)
		}
		if got := take(live); got != "-2 2 E" {
			t.Errorf("received %s, want the later value last", got)
		}
	})
}

// A Select that is over has left the queues of both ends.
func TestSelectLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		slow, fast := tx.Subscribe(broadcast.Lossless()), tx.Subscribe()
		tx.TrySend(0)
		fast.TryRecv()
		other, otherRx := mpsc.New[int](1)
		go leat.Select(background, leat.OnSend(tx, 1, nil), leat.OnRecv(fast, nil), leat.OnRecv(otherRx, nil))
		synctest.Wait()
		if senders, receivers := tx.Waiting(); senders != 1 || receivers != 1 {
			t.Errorf("%d senders and %d receivers wait in the Select, want 1 and 1", senders, receivers)
		}
		other.TrySend(1)
		synctest.Wait()
		if senders, receivers := tx.Waiting(); senders+receivers != 0 {
			t.Errorf("%d senders and %d receivers wait after the Select", senders, receivers)
		}
		slow.Close()
	})
}

// A Select's send and another case become possible at once. It fails if both
// are done, or neither.
func TestSelectClaimsItsSend(t *testing.T) {
	for round := range 2000 {
		tx := broadcast.New[int](1)
		slow, all := tx.Subscribe(broadcast.Lossless()), tx.Subscribe(broadcast.Replay(1))
		tx.TrySend(0)
		all.TryRecv()
		other, otherRx := mpsc.New[int](1)
		var wg sync.WaitGroup
		chosen := -1
		wg.Go(func() {
			chosen, _ = leat.Select(background, leat.OnSend(tx, 1, nil), leat.OnRecv(otherRx, nil))
		})
		until(func() bool { n, _ := tx.Waiting(); return n == 1 })
		wg.Go(func() { slow.TryRecv() })
		wg.Go(func() { other.TrySend(1) })
		wg.Wait()
		_, err := all.TryRecv()
		if (chosen == 0) != (err == nil) || (chosen == 1) != (otherRx.Len() == 0) {
			t.Fatalf("round %d: case %d was chosen; the broadcast received: %v; the other channel holds %d", round, chosen, err, otherRx.Len())
		}
	}
}
