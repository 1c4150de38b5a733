package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// broadcastRound sends to receivers of both sorts, some of which leave. Where
// some do, the sender may be dropped, too. What a
// receiver received and missed must add up to the values sent until it left.
func broadcastRound(r *rand.Rand, total *tally) error {
	capacity, n := 1+r.IntN(64), 100+r.IntN(1000)
	tx := broadcast.New[int](capacity)
	var group sync.WaitGroup
	errs := make(chan error, 16)
	leavers := r.IntN(4) == 0
	for i := range 1 + r.IntN(4) {
		var opts []broadcast.SubscribeOption
		if i%2 == 1 {
			opts = append(opts, broadcast.Lossless())
		}
		rx, seed, leaves, how := tx.Subscribe(opts...), r.Uint64(), leavers && r.IntN(2) == 0, r.IntN(3)
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			received, missed := 0, 0
			buf := make([]int, 16)
			for ended := false; !ended && !(leaves && received+missed > n/2); {
				k, err := recvSome(r, rx, buf)
				for _, v := range buf[:k] {
					if received++; v != received+missed && !ended {
						errs <- fmt.Errorf("received %d after %d received and %d missed", v, received-1, missed)
						ended = true
					}
				}
				var lag *leat.LaggedError
				switch {
				case errors.As(err, &lag):
					missed += int(lag.Missed)
				case errors.Is(err, leat.ErrClosed):
					if ended = true; received+missed != n {
						errs <- fmt.Errorf("capacity %d: received %d, missed %d, sent %d", capacity, received, missed, n)
					}
				}
			}
			if m := rx.Missed(); m != uint64(missed) {
				errs <- fmt.Errorf("told of %d missed values, and Missed is %d", missed, m)
			}
			total.received.Add(int64(received))
			total.missed.Add(int64(missed))
			total.dropped.Add(int64(n - received - missed))
			leave(how, rx)
		})
		total.sent.Add(int64(n))
	}
	if leavers {
		defer collecting()() // a lossless receiver that is dropped holds the sender back until then
	}
	for v := 0; v < n; {
		vs := make([]int, min(n-v, 1+r.IntN(8)*r.IntN(2)))
		for i := range vs {
			v++
			vs[i] = v
		}
		if len(vs) > 1 {
			if _, err := tx.SendMany(context.Background(), vs); err != nil {
				tx.Close()
				return err
			}
		} else if err := tx.Send(context.Background(), vs[0]); err != nil {
			tx.Close()
			return err
		}
	}
	other := tx.Clone() // to ask how many receivers there are
	other.Close()
	if !leavers || r.IntN(2) == 0 {
		tx.Close()
	}
	tx = nil // and the garbage collector ends the channel
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	if !leavers { // then those that were dropped at the end are found with the channel
		return nil
	}
	return until("all receivers gone", func() bool { return other.Receivers() == 0 })
}
