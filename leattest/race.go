package leattest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/leat-go/leat"
)

// closeRaces lets senders and a receiver run, closes their handles at odd
// moments, and compares the accepted values with the received ones.
func closeRaces(t *tester) {
	for round := range t.scale(300) {
		ch := t.open(1 + round%3)
		var senders, receiver sync.WaitGroup
		var mu sync.Mutex
		accepted := map[int]bool{}
		for s := range 3 {
			tx := ch.tx
			if s > 0 && t.can.clone {
				tx = ch.clone()
			}
			senders.Go(func() {
				for v := s * 1000; v < s*1000+300; v++ {
					if !t.sendOrEnd(tx, v) {
						return
					}
					mu.Lock()
					accepted[v] = true
					mu.Unlock()
				}
			})
			senders.Go(func() {
				pause(round % 5)
				tx.Close()
				tx.Close()
			})
		}
		var got tally
		receiver.Go(func() { got = t.drain(ch.rx, round%2 == 0) })
		if round%4 == 0 {
			receiver.Go(func() { pause(round % 7); ch.rx.Close() })
			receiver.Go(func() { pause(round % 7); ch.rx.Close() })
		}
		senders.Wait()
		ch.tx.Close()
		receiver.Wait()
		if t.kind.Features.everyone() {
			continue // a receiver that closes may leave its backlog, and a lossy one misses some
		}
		if err := sameSet(accepted, got.values); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// sendOrEnd sends v, by Send or TrySend, and reports false if tx or the channel
// has closed.
func (t *tester) sendOrEnd(tx leat.Sender[int], v int) bool {
	for {
		var err error
		if v%2 == 0 {
			err = tx.TrySend(v)
		} else {
			err = tx.Send(context.Background(), v)
		}
		switch {
		case err == nil:
			return true
		case v%2 == 0 && errors.Is(err, leat.ErrFull):
			runtime.Gosched()
		default:
			if !errors.Is(err, leat.ErrClosed) {
				t.Errorf("sending %d = %v; want nil or ErrClosed", v, err)
			}
			return false
		}
	}
}

// pause lets others run.
func pause(n int) {
	for range 20 * n {
		runtime.Gosched()
	}
}

// sameSet returns an error unless each accepted value, and no other, was
// received once.
func sameSet(accepted map[int]bool, received []int) error {
	seen := map[int]bool{}
	for _, v := range received {
		switch {
		case !accepted[v]:
			return fmt.Errorf("%d was received, and its send had failed", v)
		case seen[v]:
			return fmt.Errorf("%d was received twice", v)
		}
		seen[v] = true
	}
	if len(accepted) != len(seen) {
		return fmt.Errorf("%d values were accepted, %d received", len(accepted), len(seen))
	}
	return nil
}
