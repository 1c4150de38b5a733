package mpmc_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

// It fails if a batch that does not block leaves out a value that it could
// move.
func TestTryBatches(t *testing.T) {
	kind.TryBatches(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpmc.New[int](capacity) })
}

// It fails if a batch costs a goroutine, a wake-up for each value, or a value.
func TestRecvBatches(t *testing.T) {
	kind.RecvBatches(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpmc.New[int](capacity) })
}

// R7. It fails if a receiver gets nothing while another one collects a batch:
// they take turns.
func TestRecvBatchSharesWithOthers(t *testing.T) {
	for _, capacity := range []int{0, 4} {
		synctest.Test(t, func(t *testing.T) {
			tx, rx := mpmc.New[int](capacity)
			collector := rx.Clone()
			var batch, one []int
			var receivers sync.WaitGroup
			receivers.Go(func() {
				buf := make([]int, 4)
				n, _ := collector.RecvBatch(background, buf, time.Hour)
				batch = buf[:n]
			})
			synctest.Wait()
			receivers.Go(func() {
				for range 3 {
					v, _ := rx.Recv(background)
					one = append(one, v)
				}
			})
			synctest.Wait()
			for v := range 7 {
				tx.TrySend(v)
				synctest.Wait()
			}
			receivers.Wait()
			if len(batch) != 4 || len(one) != 3 || one[0] != 1 || one[1] != 3 || one[2] != 5 {
				t.Errorf("capacity %d: the batch is %v, the other receiver got %v; want every second value each", capacity, batch, one)
			}
		})
	}
}
