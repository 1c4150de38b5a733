//go:build modelcheck

package kinds

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/ring"
	"github.com/leat-go/leat/internal/seam"
)

// receiveAll receives until there is nothing, and returns the values, with -1
// for a gap, and how many were missed.
func receiveAll(rx *broadcast.Receiver[int]) (got []int, missed uint64) {
	for {
		v, err := rx.TryRecv()
		if lag := new(leat.LaggedError); errors.As(err, &lag) {
			missed += lag.Missed
			v = -1
		} else if err != nil {
			return got, missed
		}
		got = append(got, v)
	}
}

// It fails if a sender is not let go when the patience of a receiver is over,
// or if a receiver that has received everything misses a value after that.
func TestLapsedReceiverIsHeldAgain(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Minute))
		tx.TrySend(0)
		start := make(chan struct{})
		r.Go("sends", func() {
			if err := tx.Send(context.Background(), 1); err != nil { // until the patience is over
				r.Failf("Send: %v", err)
			}
			seam.Close(start)
			tx.TrySend(2)
			tx.TrySend(3)
		})
		r.Go("time passes", func() {
			r.AwaitTimer()
			r.Elapse(time.Hour)
		})
		var got []int
		var missed uint64
		r.Go("receives", func() {
			r.Await(start)
			got, missed = receiveAll(rx)
		})
		r.Check(func() {
			more, again := receiveAll(rx)
			got, missed = append(got, more...), missed+again
			// Value 0 is missed. If value 1 is received, the receiver has
			// received everything, and misses nothing from there on.
			if got[0] != -1 || got[1] == 1 && missed != 1 {
				r.Failf("received %d with %d missed", got, missed)
			}
			sent := tx.Next()
			if len(got) == 0 || uint64(got[len(got)-1]) != sent-1 && got[len(got)-1] != 3 {
				r.Failf("received %d of %d values", got, sent)
			}
			if err := tx.TrySend(4); err != nil {
				r.Failf("TrySend when everything was received: %v", err)
			}
			if err := tx.TrySend(5); err != leat.ErrFull {
				r.Failf("TrySend to a full channel: %v", err)
			}
		})
	})
}

// A lapsed receiver closes, or another one subscribes, while a sender waits. It
// fails if a sender waits for ever, or a receiver is waited for that is not
// there.
func TestLapsedReceiverAmongOthers(t *testing.T) {
	ring.SegmentSize = 1
	explore(t, func(r *model.Run) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe(broadcast.LosslessFor(time.Minute))
		tx.TrySend(0)
		r.Go("sends", func() {
			if err := tx.Send(context.Background(), 1); err != nil {
				r.Failf("Send: %v", err)
			}
		})
		r.Go("time passes", func() { r.Elapse(time.Hour) })
		r.Go("closes", func() { rx.Close() })
		r.Go("subscribes", func() {
			late := tx.Subscribe(broadcast.LosslessFor(time.Minute), broadcast.Replay(1))
			late.TryRecv()
			late.Close()
		})
		r.Check(func() {
			for v := range 3 {
				if err := tx.TrySend(v); err != nil {
					r.Failf("TrySend without a receiver: %v", err)
				}
			}
		})
	})
}
