package mpmc_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

// It fails if goroutines that wait on closed receiver handles for the last
// permit do not get each its own handle's cause, or a clone of one gets a
// cause.
func TestEachClosedReceiverGetsItsOwnCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, first := mpmc.New[int](2)
		permit, err := tx.Reserve(background)
		if err != nil {
			t.Fatal(err)
		}
		receivers := []*mpmc.Receiver[int]{first, first.Clone(), first.Clone()}
		causes := []error{errors.New("0"), nil, errors.New("2")}
		for i, rx := range receivers {
			rx.CloseWith(causes[i])
		}
		receivers = append(receivers, first.Clone())
		causes = append(causes, nil)
		errs := make([]chan error, len(receivers))
		for i, rx := range receivers {
			errs[i] = make(chan error, 3)
			go func() { _, err := rx.Recv(background); errs[i] <- err }()
			go func() { _, err := rx.RecvMany(t.Context(), make([]int, 2)); errs[i] <- err }()
			go func() {
				leat.Select(background, leat.OnRecv(rx, func(_ int, err error) { errs[i] <- err }))
			}()
		}
		synctest.Wait()
		tx.CloseWith(errors.New("the senders'"))
		synctest.Wait()
		permit.Release()
		synctest.Wait()
		for i := range receivers {
			for range cap(errs[i]) {
				kind.WantCause(t, fmt.Sprint("a receive that waits on handle ", i), <-errs[i], causes[i])
			}
		}
	})
}

// It fails if senders do not get the first cause of the receivers, or get it
// before the last receiver has closed.
func TestSendersGetTheFirstReceiversCause(t *testing.T) {
	cause := errors.New("cause")
	tx, a := mpmc.New[int](1)
	b, c := a.Clone(), a.Clone()
	a.Close()
	b.CloseWith(cause)
	if err := tx.TrySend(1); err != nil {
		t.Errorf("TrySend with a receiver open: %v", err)
	}
	c.CloseWith(errors.New("late"))
	kind.WantCause(t, "TrySend", tx.TrySend(2), cause)
}

// It fails, under the race detector too, if goroutines that loop over one
// handle do not all get the cause.
func TestErrOfASharedHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		tx, rx := mpmc.New[int](4)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range rx.All(background) {
				}
				kind.WantCause(t, "Err", rx.Err(), cause)
			})
		}
		synctest.Wait() // all loops have begun
		for i := range 100 {
			if err := tx.Send(background, i); err != nil {
				t.Fatal(err)
			}
		}
		tx.CloseWith(cause)
		wg.Wait()
	})
}
