package guard_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// The tests of docs/testing.md, in its order.

// synctest.Wait returns when every other goroutine of the bubble is durably
// blocked, so the test knows what has been sent, and need not guess. It fails
// if the producer does not block, or blocks after Close.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		sent := 0
		var producer sync.WaitGroup
		producer.Go(func() {
			for tx.Send(t.Context(), sent) == nil {
				sent++
			}
		})
		synctest.Wait()
		if sent != 1 {
			t.Errorf("sent %d values into a channel of capacity 1; want 1, then a wait", sent)
		}
		rx.Recv(t.Context())
		synctest.Wait()
		if sent != 2 {
			t.Errorf("sent %d values after one receive, want 2", sent)
		}
		rx.Close()
		producer.Wait() // hangs if Close does not end the wait of Send
	})
}

// The clock of a bubble moves when all its goroutines are blocked, so an hour
// takes no time, and a second is exactly one. It fails if a value waits longer
// for its batch than it may.
func TestBatchAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](5)
		start := time.Now()
		go func() {
			defer tx.Close()
			tx.Send(t.Context(), 1)
			<-time.After(time.Hour)
			tx.Send(t.Context(), 2)
		}()
		var written []time.Duration
		err := writeBatches(t.Context(), rx, func([]int) { written = append(written, time.Since(start)) })
		if want := []time.Duration{time.Second, time.Hour}; err != leat.ErrClosed || !slices.Equal(written, want) {
			t.Errorf("written at %v, %v; want %v", written, err, want)
		}
	})
}
