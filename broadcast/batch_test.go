package broadcast_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// R11. It fails if RecvBatch starts a goroutine for its timer.
func TestRecvBatchStartsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](4)
		rx := tx.Subscribe()
		before := runtime.NumGoroutine()
		done := make(chan int)
		go func() {
			n, _ := rx.RecvBatch(context.Background(), make([]int, 4), time.Minute)
			done <- n
		}()
		synctest.Wait()
		tx.TrySend(0)
		synctest.Wait()
		if now := runtime.NumGoroutine(); now > before+1 {
			t.Errorf("%d goroutines while a RecvBatch waits, %d before it", now, before)
		}
		if n := <-done; n != 1 {
			t.Errorf("RecvBatch returned %d values, want 1", n)
		}
	})
}

// It fails if a batch is longer than what its age allows, because a value came
// as the timer fired and took its tick.
func TestRecvBatchAtItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			tx := broadcast.New[int](4)
			rx := tx.Subscribe()
			tx.TrySend(0)
			go func() {
				<-time.After(time.Second)
				tx.TrySend(1)
			}()
			begun := time.Now()
			n, err := rx.RecvBatch(context.Background(), make([]int, 4), time.Second)
			if age := time.Since(begun); err != nil || age != time.Second {
				t.Fatalf("RecvBatch: %d, %v after %v, want it to end after 1s", n, err, age)
			}
			synctest.Wait()
			if n+rx.Len() != 2 {
				t.Fatalf("RecvBatch returned %d values and %d are left, want 2 in all", n, rx.Len())
			}
		}
	})
}

// It fails if a batch is longer than the channel's capacity allows at once, or
// if it is not: values that come while it collects belong to it.
func TestRecvBatchIsLongerThanTheCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe(broadcast.Lossless())
		go func() {
			defer tx.Close()
			tx.SendMany(context.Background(), []int{0, 1, 2, 3, 4, 5, 6})
		}()
		buf := make([]int, 10)
		n, err := rx.RecvBatch(context.Background(), buf, time.Second)
		if n != 7 || err != nil || buf[6] != 6 {
			t.Errorf("RecvBatch: %v, %v, want all 7 values", buf[:n], err)
		}
		if n, err = rx.RecvBatch(context.Background(), buf, time.Second); n != 0 || err != leat.ErrClosed {
			t.Errorf("RecvBatch at the end: %d, %v", n, err)
		}
	})
}
