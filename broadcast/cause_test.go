package broadcast_test

import (
	"errors"
	"testing"

	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

var errCause = errors.New("cause")

// It fails if a clone of a closed handle returns the cause of that handle, or
// opens the channel again.
func TestCloneOfClosedHandleHasNoCause(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	tx.CloseWith(errCause)
	clone := tx.Clone()
	clone.CloseWith(errors.New("another"))
	kind.WantCause(t, "TrySend on the clone", clone.TrySend(1), nil)
	kind.WantCause(t, "TrySend", tx.TrySend(1), errCause)
	_, err := rx.TryRecv()
	kind.WantCause(t, "TryRecv", err, errCause)
}

// It fails if the garbage collector, which finds the last handle, ends the
// channel without the cause that an earlier one gave.
func TestDroppedHandleKeepsTheCause(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	func() {
		last := tx.Clone()
		tx.CloseWith(errCause)
		last.TrySend(1)
	}()
	kind.WantTryRecv(t, rx, 1, nil)
	ended := make(chan error, 1)
	go func() { _, err := rx.Recv(background); ended <- err }()
	kind.Until(t, "the end received", func() bool { return len(ended) == 1 })
	kind.WantCause(t, "Recv", <-ended, errCause)
}

// It fails if a new receiver of a channel that has ended does not get the
// cause, or a closed receiver makes new ones that get its own.
func TestNewReceiverGetsTheCause(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	rx.CloseWith(errors.New("the receiver's"))
	tx.CloseWith(errCause)
	for _, late := range []*broadcast.Receiver[int]{tx.Subscribe(), rx.Subscribe()} {
		_, err := late.TryRecv()
		kind.WantCause(t, "TryRecv", err, errCause)
		_, err = late.Recv(background)
		kind.WantCause(t, "Recv", err, errCause)
	}
}
