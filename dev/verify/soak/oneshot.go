package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/oneshot"
)

// oneshotRound asks and answers, or one of the two gives up. Each end must
// learn of the other's end.
func oneshotRound(r *rand.Rand, total *tally) error {
	const pairs = 100
	dropped := r.IntN(8) == 0
	if dropped {
		defer collecting()()
	}
	errs := make(chan error, pairs)
	for range pairs {
		var opts []leat.Option
		how := closes
		if dropped {
			how = r.IntN(3)
			opts = append(opts, leat.Name("soak")) // without, a receiver that is dropped is not found
		}
		tx, rx := oneshot.New[int](opts...)
		switch r.IntN(8) {
		case 0: // the sender gives up
			go func() { leave(how, tx) }()
			go func() {
				defer rx.Close()
				if v, err := rx.Recv(context.Background()); !errors.Is(err, leat.ErrClosed) {
					errs <- fmt.Errorf("received %d, %v from a sender that gave up", v, err)
					return
				}
				errs <- nil
			}()
		case 1: // the receiver gives up
			go func() { leave(how, rx) }()
			go func() {
				<-tx.Done()
				if err := tx.TrySend(7); !errors.Is(err, leat.ErrClosed) {
					errs <- fmt.Errorf("sent to a receiver that gave up: %v", err)
					return
				}
				errs <- nil
			}()
		default:
			go func() {
				_ = tx.TrySend(7)
				leave(how, tx)
			}()
			go func() {
				defer leave(how, rx)
				if v, err := rx.Recv(context.Background()); v != 7 || err != nil {
					errs <- fmt.Errorf("answered 7; received %d, %v", v, err)
					return
				}
				total.sent.Add(1)
				total.received.Add(1)
				moved.Add(1)
				errs <- nil
			}()
		}
	}
	for range pairs {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
