package kind

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
)

// A BatchSender is a sender of mpsc or mpmc.
type BatchSender interface {
	Sender
	Send(ctx context.Context, v int) error
	SendMany(ctx context.Context, vs []int) (int, error)
	TrySendMany(vs []int) (int, error)
}

// A BatchReceiver is a receiver of mpsc or mpmc.
type BatchReceiver interface {
	Receiver
	RecvMany(ctx context.Context, buf []int) (int, error)
	TryRecvMany(buf []int) (int, error)
	RecvBatch(ctx context.Context, buf []int, maxAge time.Duration) (int, error)
	Ready() <-chan struct{}
	Len() int
}

// An Opener makes a channel.
type Opener func(capacity int) (BatchSender, BatchReceiver)

// UnboundedCapacity fails if the capacity leat.Unbounded makes another channel
// than NewUnbounded, which made same.
func UnboundedCapacity(t *testing.T, open Opener, same interface{ Cap() int }) {
	tx, rx := open(leat.Unbounded)
	for _, end := range []any{tx, rx} {
		if n := end.(interface{ Cap() int }).Cap(); n != same.Cap() {
			t.Errorf("Cap of a %T is %d, want %d", end, n, same.Cap())
		}
	}
	for i := range 10_000 {
		if err := tx.TrySend(i); err != nil {
			t.Fatalf("value %d: %v", i, err)
		}
	}
	if n := rx.Len(); n != 10_000 {
		t.Errorf("Len is %d", n)
	}
}

// TryBatches tests what TrySendMany and TryRecvMany of a queue promise beside
// what leattest tests.
func TryBatches(t *testing.T, open Opener) {
	t.Run("values of waiting senders", func(t *testing.T) { tryRecvManyTakesFromWaitingSenders(t, open) })
	t.Run("values of a waiting SendMany", func(t *testing.T) { tryRecvManyTakesFromSendMany(t, open) })
	t.Run("past a waiting receiver", func(t *testing.T) { trySendManyPastAWaitingReceiver(t, open) })
	t.Run("Ready", func(t *testing.T) { readyAndTryBatches(t, open) })
}

// It fails if TryRecvMany leaves a value in the channel that fits in its
// buffer: a value that it takes makes room for one of a waiting sender.
func tryRecvManyTakesFromWaitingSenders(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := open(2)
		tx.TrySendMany([]int{0, 1})
		var senders sync.WaitGroup
		sent := make([]error, 7)
		for v := 2; v < len(sent); v++ {
			senders.Go(func() { sent[v] = tx.Send(context.Background(), v) })
			synctest.Wait()
		}
		buf := make([]int, 6)
		n, err := rx.TryRecvMany(buf)
		if want := []int{0, 1, 2, 3, 4, 5}; err != nil || !slices.Equal(buf[:n], want) {
			t.Errorf("TryRecvMany: %v, %v, want %v", buf[:n], err, want)
		}
		senders.Wait() // hangs if a sender that has room is not woken
		if n, err = rx.TryRecvMany(buf); err != nil || n != 1 || buf[0] != 6 {
			t.Errorf("TryRecvMany: %v, %v, want the value of the last sender", buf[:n], err)
		}
		for v, err := range sent {
			if err != nil {
				t.Errorf("Send of %d: %v", v, err)
			}
		}
	})
}

// It fails if a batch of a sender that waits is not taken as far as there is
// room in the buffer, or not continued.
func tryRecvManyTakesFromSendMany(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := open(1)
		var sender sync.WaitGroup
		sender.Go(func() {
			if n, err := tx.SendMany(context.Background(), []int{0, 1, 2, 3, 4}); n != 5 || err != nil {
				t.Errorf("SendMany: %d, %v", n, err)
			}
		})
		synctest.Wait()
		buf := make([]int, 3)
		if n, err := rx.TryRecvMany(buf); n != 3 || err != nil || buf[2] != 2 {
			t.Errorf("TryRecvMany: %v, %v, want 0 to 2", buf[:n], err)
		}
		if n, err := rx.TryRecvMany(buf); n != 2 || err != nil || buf[1] != 4 {
			t.Errorf("TryRecvMany: %v, %v, want 3 and 4", buf[:n], err)
		}
		sender.Wait()
		if n, err := rx.TryRecvMany(buf); n != 0 || err != leat.ErrEmpty {
			t.Errorf("TryRecvMany: %d, %v, want ErrEmpty", n, err)
		}
	})
}

// It fails if values that TrySendMany hands to a waiting receiver count against
// the capacity.
func trySendManyPastAWaitingReceiver(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := open(2)
		var receiver sync.WaitGroup
		var got []int
		receiver.Go(func() {
			buf := make([]int, 2)
			n, _ := rx.RecvMany(context.Background(), buf)
			got = buf[:n]
		})
		synctest.Wait()
		if n, err := tx.TrySendMany([]int{0, 1, 2, 3, 4}); n != 4 || err != leat.ErrFull {
			t.Errorf("TrySendMany: %d, %v, want 2 values for the receiver, 2 for the buffer, and ErrFull", n, err)
		}
		receiver.Wait()
		if want := []int{0, 1}; !slices.Equal(got, want) || rx.Len() != 2 {
			t.Errorf("the receiver got %v and %d are left, want %v and 2", got, rx.Len(), want)
		}
	})
}

// It fails if Ready is not opened by a batch, or stays open after one.
func readyAndTryBatches(t *testing.T, open Opener) {
	tx, rx := open(4)
	ready := func() bool { return Open(rx.Ready()) }
	buf := make([]int, 2)
	if ready() {
		t.Error("Ready on an empty channel")
	}
	tx.TrySendMany([]int{1, 2, 3})
	for range 2 {
		if !ready() {
			t.Error("not Ready with values")
		}
		if n, err := rx.TryRecvMany(buf); n == 0 || err != nil {
			t.Errorf("TryRecvMany after Ready: %d, %v", n, err)
		}
	}
	if ready() {
		t.Error("Ready after the last value")
	}
	tx.Close()
	if n, err := rx.TryRecvMany(buf); !ready() || n != 0 || !errors.Is(err, leat.ErrClosed) {
		t.Errorf("TryRecvMany at the end: %d, %v; Ready must be open", n, err)
	}
}

// RecvBatches tests what RecvBatch of a queue promises beside what leattest
// tests.
func RecvBatches(t *testing.T, open Opener) {
	t.Run("no goroutine", func(t *testing.T) { recvBatchStartsNoGoroutine(t, open) })
	t.Run("few wake-ups", func(t *testing.T) { recvBatchSleeps(t, open) })
	t.Run("a value as the age passes", func(t *testing.T) { recvBatchAtItsAge(t, open) })
	t.Run("values are freed", func(t *testing.T) { recvBatchKeepsNothing(t, open) })
}

// collecting starts a RecvBatch of size, and returns when it has received the
// value 0 and waits for more.
func collecting(tx BatchSender, rx BatchReceiver, size int, maxAge time.Duration) (wait func() ([]int, error)) {
	type result struct {
		values []int
		err    error
	}
	results := make(chan result, 1)
	go func() {
		buf := make([]int, size)
		n, err := rx.RecvBatch(context.Background(), buf, maxAge)
		results <- result{buf[:n], err}
	}()
	synctest.Wait()
	tx.TrySend(0)
	synctest.Wait()
	return func() ([]int, error) {
		r := <-results
		return r.values, r.err
	}
}

// It fails if RecvBatch starts a goroutine for its timer.
func recvBatchStartsNoGoroutine(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := open(4)
		before := runtime.NumGoroutine()
		wait := collecting(tx, rx, 4, time.Minute)
		if now := runtime.NumGoroutine(); now > before+1 {
			t.Errorf("%d goroutines while a RecvBatch waits, %d before it", now, before)
		}
		if values, err := wait(); err != nil || len(values) != 1 {
			t.Errorf("RecvBatch: %v, %v", values, err)
		}
	})
}

// It fails if a value wakes a RecvBatch that has a value and is not full: then
// the waiter would leave the queue.
func recvBatchSleeps(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := open(4)
		wait := collecting(tx, rx, 64, time.Minute)
		for v := 1; v < 63; v++ {
			if err := tx.TrySend(v); err != nil {
				t.Fatalf("TrySend beside a RecvBatch: %v", err)
			}
			if rx.Len() != 0 {
				t.Fatal("a value is in the channel, and a RecvBatch waits for it")
			}
		}
		tx.TrySendMany([]int{63, 64, 65})
		values, err := wait()
		if err != nil || len(values) != 64 || values[63] != 63 || rx.Len() != 2 {
			t.Errorf("RecvBatch: %v, %v; %d are left", values, err, rx.Len())
		}
	})
}

// It fails if a value that comes when the age passes is lost, or comes twice.
func recvBatchAtItsAge(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			tx, rx := open(4)
			wait := collecting(tx, rx, 4, time.Second)
			go func() {
				<-time.After(time.Second)
				tx.TrySend(1)
			}()
			values, err := wait()
			synctest.Wait()
			if left := rx.Len(); err != nil || len(values)+left != 2 {
				t.Fatalf("RecvBatch: %v, %v, and %d are left; want 2 values in all", values, err, left)
			}
		}
	})
}

// It fails if the waiter of a RecvBatch keeps its buffer.
func recvBatchKeepsNothing(t *testing.T, open Opener) {
	tx, rx := open(4)
	var freed atomic.Bool
	func() {
		buf := make([]int, 1<<13)
		runtime.AddCleanup(&buf[0], func(struct{}) { freed.Store(true) }, struct{}{})
		tx.TrySend(1)
		rx.RecvBatch(context.Background(), buf, time.Microsecond)
	}()
	Until(t, "the buffer of a RecvBatch freed", freed.Load)
	runtime.KeepAlive(rx)
}
