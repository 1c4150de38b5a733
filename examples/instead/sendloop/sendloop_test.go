package sendloop

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func check(t *testing.T, l *SendLoop[int], sent, dropped uint64) {
	t.Helper()
	if s, d := l.Counts(); s != sent || d != dropped {
		t.Errorf("%d sent, %d dropped; want %d and %d", s, d, sent, dropped)
	}
}

// It fails if Add blocks while send does, an older alert is kept instead of a
// newer one, a batch is too large, or a drop is not counted.
func TestDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, batches := make(chan bool), [][]int{}
		l := New(Options{QueueCapacity: 5, MaxBatchSize: 2, DrainOnShutdown: true}, func(batch []int) error {
			<-release
			batches = append(batches, slices.Clone(batch))
			return nil
		})
		l.Add(0)
		synctest.Wait() // 0 is on its way
		for i := 1; i <= 10; i++ {
			l.Add(i)
		}
		l.Add(11, 12, 13, 14, 15, 16, 17) // more than the queue holds
		if l.Len() != 5 {
			t.Errorf("%d wait", l.Len())
		}
		close(release)
		l.Stop()
		if got, want := fmt.Sprint(batches), "[[0] [13 14] [15 16] [17]]"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		check(t, l, 6, 12)
	})
}

// It fails if Stop leaves an alert uncounted, sends one without having to, or
// does not wait for the batch that is being sent.
func TestStopWithoutDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, stopped := make(chan bool), false
		l := New(Options{QueueCapacity: 5, MaxBatchSize: 2}, func([]int) error { <-release; return nil })
		l.Add(0)
		synctest.Wait()
		l.Add(1, 2, 3)
		go func() { l.Stop(); stopped = true }()
		synctest.Wait()
		if stopped {
			t.Error("stopped while a batch is being sent")
		}
		release <- true
		synctest.Wait()
		l.Add(4)
		if !stopped {
			t.Error("not stopped")
		}
		check(t, l, 1, 4)
	})
}

// It fails if a batch that could not be sent is not counted, or ends the loop.
func TestFailedBatch(t *testing.T) {
	calls := 0
	l := New(Options{QueueCapacity: 10, MaxBatchSize: 1, DrainOnShutdown: true}, func([]int) error {
		if calls++; calls%2 == 0 {
			return errors.New("no alertmanager")
		}
		return nil
	})
	l.Add(1, 2, 3, 4, 5)
	l.Stop()
	check(t, l, 3, 2)
}

// It fails if an alert that is added while the loop stops is neither sent nor
// counted as dropped.
func TestAddBesideStop(t *testing.T) {
	for _, drain := range []bool{false, true} {
		for range 200 {
			l := New(Options{QueueCapacity: 4, MaxBatchSize: 3, DrainOnShutdown: drain}, func([]int) error { return nil })
			var adders sync.WaitGroup
			for range 4 {
				adders.Go(func() {
					for i := range 10 {
						l.Add(i)
					}
				})
			}
			l.Stop()
			adders.Wait()
			if sent, dropped := l.Counts(); sent+dropped != 40 {
				t.Fatalf("drain %t: %d sent and %d dropped of 40", drain, sent, dropped)
			}
		}
	}
}
