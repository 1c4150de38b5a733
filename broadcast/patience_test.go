package broadcast_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

// wantLag fails t unless the next receive reports missed values.
func wantLag(t *testing.T, rx *broadcast.Receiver[int], missed uint64) {
	t.Helper()
	v, err := rx.TryRecv()
	if lag := new(leat.LaggedError); !errors.As(err, &lag) || lag.Missed != missed {
		t.Fatalf("TryRecv = %d, %v; want a lag of %d", v, err, missed)
	}
}

// wantSend fails t unless Send of v returns err, after took.
func wantSend(t *testing.T, ctx context.Context, tx *broadcast.Sender[int], v int, err error, took time.Duration) {
	t.Helper()
	begun := time.Now()
	if got := tx.Send(ctx, v); got != err || time.Since(begun) != took {
		t.Fatalf("Send(%d) = %v after %v; want %v after %v", v, got, time.Since(begun), err, took)
	}
}

// wantTrySend fails t unless TrySend of v returns err.
func wantTrySend(t *testing.T, tx *broadcast.Sender[int], v int, err error) {
	t.Helper()
	if got := tx.TrySend(v); got != err {
		t.Fatalf("TrySend(%d) = %v, want %v", v, got, err)
	}
}

// It fails if a Send waits shorter or longer than the patience, if TrySend does
// not refuse before, if the receiver is not lossy then, if the lag is not
// exact, or if the receiver that has received everything is not lossless again.
func TestLosslessFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Second))
		for round := range 3 {
			v := 10 * round
			<-time.After(time.Hour) // nobody waits, so no patience is used up
			wantSend(t, background, tx, v, nil, 0)
			wantSend(t, background, tx, v+1, nil, 0)
			wantTrySend(t, tx, v+2, leat.ErrFull)
			wantSend(t, background, tx, v+2, nil, time.Second)
			wantTrySend(t, tx, v+3, nil) // the receiver counts as lossy
			wantSend(t, background, tx, v+4, nil, 0)
			wantLag(t, rx, 3)
			wantTrySend(t, tx, v+5, nil) // it has not received everything
			wantLag(t, rx, 1)
			kind.WantTryRecv(t, rx, v+4, nil)
			wantTrySend(t, tx, v+6, nil)
			kind.WantTryRecv(t, rx, v+5, nil)
			kind.WantTryRecv(t, rx, v+6, nil)
			kind.WantTryRecv(t, rx, 0, leat.ErrEmpty)
		}
		if missed := rx.Missed(); missed != 12 {
			t.Errorf("Missed = %d, want 12", missed)
		}
	})
}

// It fails if RecvMany, All, Len or Ready treat a lapsed receiver otherwise.
func TestLosslessForInAllWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](3)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Second))
		ready := rx.Ready()
		lapse := func() {
			if _, err := tx.SendMany(background, []int{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
			wantSend(t, background, tx, 4, nil, time.Second)
			wantTrySend(t, tx, 5, nil)
			if n := rx.Len(); n != 5 {
				t.Errorf("Len = %d, want 5", n)
			}
			<-ready
		}
		full := func() {
			t.Helper()
			for v := range 3 {
				wantTrySend(t, tx, v, nil)
			}
			wantTrySend(t, tx, 3, leat.ErrFull)
			buf := make([]int, 4)
			if n, err := rx.RecvMany(background, buf); n != 3 || err != nil {
				t.Fatalf("RecvMany = %d, %v; want 3", n, err)
			}
		}

		lapse()
		buf := make([]int, 9)
		if _, err := rx.RecvMany(background, buf); !errors.As(err, new(*leat.LaggedError)) {
			t.Errorf("RecvMany of a lapsed receiver: %v, want a lag", err)
		}
		<-ready
		if n, err := rx.RecvMany(background, buf); n != 3 || err != nil || buf[0] != 3 {
			t.Errorf("RecvMany = %d, %v, %v; want 3, 4, 5", n, err, buf)
		}
		if kind.Open(ready) {
			t.Error("Ready can be received from, and there is nothing")
		}
		full()

		lapse()
		for v, missed := range rx.All(background) {
			if (v == 3) != (missed == 2) {
				t.Errorf("All: %d after %d missed; want 2 missed before 3, and no others", v, missed)
			}
			if v == 5 {
				break
			}
		}
		full()
	})
}

// It fails if a receiver that receives a value now and then loses its patience,
// or if the time is not counted again from each value.
func TestLosslessForCountsFromEachValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Second))
		wantTrySend(t, tx, 0, nil)
		begun := time.Now()
		var took [4]time.Duration
		var wg sync.WaitGroup
		for i := range took { // all wait from the beginning
			wg.Go(func() {
				tx.Send(background, i+1)
				took[i] = time.Since(begun)
			})
			synctest.Wait()
		}
		for v := range 3 {
			<-time.After(time.Second - time.Nanosecond)
			kind.WantTryRecv(t, rx, v, nil)
		}
		wg.Wait()
		slow := time.Second - time.Nanosecond
		if want := [4]time.Duration{slow, 2 * slow, 3 * slow, 3*slow + time.Second}; took != want {
			t.Errorf("the sends took %v, want %v", took, want)
		}
		wantLag(t, rx, 1)
		kind.WantTryRecv(t, rx, 4, nil)
	})
}

// It fails if the time goes on while no sender waits, or begins again while one
// of those that waited still does.
func TestLosslessForCountsWhileSendersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		tx.Subscribe(broadcast.LosslessFor(time.Second))
		wantTrySend(t, tx, 0, nil)
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		}
		for range 3 { // each gives up before the patience is over
			wantSend(t, short(), tx, 1, context.DeadlineExceeded, 600*time.Millisecond)
		}
		wantTrySend(t, tx, 1, leat.ErrFull)

		go tx.Send(short(), 1) // the first to wait, which gives up
		<-time.After(300 * time.Millisecond)
		wantSend(t, background, tx, 2, nil, 700*time.Millisecond)
	})
}

// It fails if a receiver's patience makes senders pass another receiver, or if
// the one is used up by waiting for the other.
func TestLosslessForBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		strict := tx.Subscribe(broadcast.Lossless())
		short := tx.Subscribe(broadcast.LosslessFor(time.Second))
		long := tx.Subscribe(broadcast.LosslessFor(3 * time.Second))
		lossy := tx.Subscribe()
		wantTrySend(t, tx, 0, nil)
		wantTrySend(t, tx, 1, nil)
		sent := make(chan time.Duration, 1)
		begun := time.Now()
		go func() {
			tx.Send(background, 2)
			sent <- time.Since(begun)
		}()
		<-time.After(2 * time.Second) // short is lapsed
		if len(sent) != 0 {
			t.Fatal("Send has not waited for the lossless receiver")
		}
		kind.WantTryRecv(t, strict, 0, nil)
		kind.WantTryRecv(t, strict, 1, nil)
		if took := <-sent; took != 3*time.Second {
			t.Errorf("Send took %v, want the longest patience of 3s", took)
		}
		wantTrySend(t, tx, 3, nil)
		wantTrySend(t, tx, 4, leat.ErrFull) // for strict
		kind.WantTryRecv(t, strict, 2, nil)
		kind.WantTryRecv(t, strict, 3, nil)
		for _, rx := range []*broadcast.Receiver[int]{short, long, lossy} {
			wantLag(t, rx, 2)
			kind.WantTryRecv(t, rx, 2, nil)
			kind.WantTryRecv(t, rx, 3, nil)
		}
	})
}

// It fails if a receiver that comes while a sender waits for others is not
// given its own time, or none.
func TestLosslessForComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		first := tx.Subscribe(broadcast.Lossless())
		wantTrySend(t, tx, 0, nil)
		wantTrySend(t, tx, 1, nil)
		sent := make(chan time.Duration, 1)
		begun := time.Now()
		go func() {
			tx.Send(background, 2)
			sent <- time.Since(begun)
		}()
		<-time.After(time.Minute)
		tx.Subscribe(broadcast.LosslessFor(time.Second), broadcast.Replay(2))
		late := tx.Subscribe(broadcast.LosslessFor(5*time.Second), broadcast.From(0))
		fresh := tx.Subscribe(broadcast.LosslessFor(time.Second))
		first.Close()
		if took := <-sent; took != time.Minute+5*time.Second {
			t.Errorf("Send took %v, want 1m5s", took)
		}
		wantLag(t, late, 1)
		wantTrySend(t, tx, 3, nil)
		wantTrySend(t, tx, 4, leat.ErrFull) // fresh is not lapsed: it did not hold the sender back
		kind.WantTryRecv(t, fresh, 2, nil)
	})
}

// It fails if the patience of a receiver does not end the wait of SendMany, or
// of a Select.
func TestLosslessForOtherSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Second))
		begun := time.Now()
		if n, err := tx.SendMany(background, []int{0, 1, 2, 3, 4, 5}); n != 6 || err != nil || time.Since(begun) != time.Second {
			t.Errorf("SendMany = %d, %v after %v; want 6 after 1s", n, err, time.Since(begun))
		}
		wantLag(t, rx, 4)
		kind.WantTryRecv(t, rx, 4, nil)
		kind.WantTryRecv(t, rx, 5, nil)

		wantTrySend(t, tx, 6, nil)
		wantTrySend(t, tx, 7, nil)
		begun = time.Now()
		_, err := leat.Select(t.Context(), leat.OnSend(tx, 8, nil), leat.OnRecv(leat.Never[int](), nil))
		if err != nil || time.Since(begun) != time.Second {
			t.Errorf("Select = %v after %v; want the send after 1s", err, time.Since(begun))
		}
		wantLag(t, rx, 1)
	})
}

// It fails if a closed receiver, held or lapsed, is waited for, or stays
// counted.
func TestLosslessForCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		held := tx.Subscribe(broadcast.LosslessFor(time.Minute))
		wantTrySend(t, tx, 0, nil)
		time.AfterFunc(time.Second, func() { held.Close() })
		wantSend(t, background, tx, 1, nil, time.Second)
		lapsed := tx.Subscribe(broadcast.LosslessFor(time.Second), broadcast.Replay(1))
		wantSend(t, background, tx, 2, nil, time.Second)
		lapsed.Close()
		kind.WantTryRecv(t, lapsed, 0, leat.ErrClosed)
		if n := tx.Receivers(); n != 0 {
			t.Errorf("%d receivers, want none", n)
		}
		drains := tx.Subscribe(broadcast.LosslessFor(time.Second), broadcast.Replay(1))
		wantSend(t, background, tx, 3, nil, time.Second)
		tx.Close()
		wantLag(t, drains, 1)
		kind.WantTryRecv(t, drains, 3, nil)
		kind.WantTryRecv(t, drains, 0, leat.ErrClosed)
	})
}

// It fails if a channel that waited in one bubble does not in another one, or
// outside, or if it touches there what belongs to the first.
func TestLosslessForMovesBetweenBubbles(t *testing.T) {
	tx := broadcast.New[int](1)
	wait := func() {
		rx := tx.Subscribe(broadcast.LosslessFor(time.Millisecond))
		defer rx.Close()
		tx.TrySend(0)
		if err := tx.Send(background, 1); err != nil {
			t.Errorf("Send: %v", err)
		}
		wantLag(t, rx, 1)
	}
	for range 2 {
		wait()
		synctest.Test(t, func(*testing.T) { wait() })
		synctest.Test(t, func(t *testing.T) { // which ends before the alarm is due
			rx := tx.Subscribe(broadcast.LosslessFor(time.Hour))
			defer rx.Close()
			tx.TrySend(0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			tx.Send(ctx, 1)
		})
	}
}

// R10. It fails if a channel that nobody uses any more stays in memory until
// the patience of a receiver is over.
func TestLosslessForKeepsNothing(t *testing.T) {
	gone := make(chan struct{})
	func() {
		tx := broadcast.New[*[1 << 16]byte](1)
		rx := tx.Subscribe(broadcast.LosslessFor(1000 * time.Hour))
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(gone chan struct{}) { close(gone) }, gone)
		tx.TrySend(v)
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		defer cancel()
		tx.Send(ctx, nil)
		rx.Close()
		tx.Close()
	}()
	kind.Until(t, "the channel freed", func() bool {
		// The runtime removes a stopped timer from its heap only when more than
		// a quarter of the timers there are stopped; other tests may have left
		// some.
		for range 100 {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
		return kind.Open(gone)
	})
}

// It fails if values are lost or counted twice when patience ends while the
// receivers receive, or if a race detector finds the two.
func TestLosslessForReceivedAndMissedIsSent(t *testing.T) {
	const senders, each, receivers = 4, 2000, 4
	tx := broadcast.New[int](2)
	var wg sync.WaitGroup
	for i := range receivers {
		rx := tx.Subscribe(broadcast.LosslessFor(time.Duration(i+1) * time.Microsecond))
		wg.Go(func() {
			defer rx.Close()
			var received, missed uint64
			for v, m := range rx.All(background) {
				received++
				missed += m
				if v%64 == i {
					runtime.Gosched()
				}
			}
			if received+missed != senders*each || missed != rx.Missed() {
				t.Errorf("receiver %d: %d received and %d missed of %d sent; Missed is %d", i, received, missed, senders*each, rx.Missed())
			}
		})
	}
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for v := range each {
				if err := tx.Send(background, v); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	sending.Wait()
	tx.Close()
	wg.Wait()
}

// R13. It fails if patience that makes no sense is accepted.
func TestLosslessForPanics(t *testing.T) {
	tx := broadcast.New[int](1)
	for _, d := range []time.Duration{0, -1} {
		kind.MustPanic(t, "broadcast", "it must be more than 0", func() { broadcast.LosslessFor(d) })
	}
	kind.MustPanic(t, "broadcast", "Lossless and LosslessFor", func() {
		tx.Subscribe(broadcast.LosslessFor(time.Second), broadcast.Lossless())
	})
}
