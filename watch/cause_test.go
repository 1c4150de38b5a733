package watch_test

import (
	"errors"
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/watch"
)

var errCause = errors.New("cause")

// It fails if a clone of a closed handle returns the cause of that handle, or
// opens the channel again.
func TestCloneOfClosedHandleHasNoCause(t *testing.T) {
	tx := watch.New(0)
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
	tx := watch.New(0)
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
	tx := watch.New(0)
	rx := tx.Subscribe()
	rx.CloseWith(errors.New("the receiver's"))
	tx.CloseWith(errCause)
	for _, late := range []*watch.Receiver[int]{tx.Subscribe(), rx.Subscribe()} {
		_, err := late.TryRecv()
		kind.WantCause(t, "TryRecv", err, errCause)
		_, err = late.Recv(background)
		kind.WantCause(t, "Recv", err, errCause)
	}
}

// It fails if WaitFor does not tell why it failed: this receiver's own cause,
// or that of the senders.
func TestWaitForGetsTheCause(t *testing.T) {
	never := func(int) bool { return false }
	tx := watch.New(0)
	rx := tx.Subscribe()
	rx.CloseWith(errors.New("the receiver's"))
	late := tx.Subscribe()
	tx.CloseWith(errCause)
	_, err := late.WaitFor(background, never)
	kind.WantCause(t, "WaitFor", err, errCause)
	late.CloseWith(errors.New("late"))
	_, err = late.WaitFor(background, never)
	if err == nil || err.Error() != "leat: channel closed: late" {
		t.Errorf("WaitFor on a closed receiver: %v", err)
	}
	if v := late.Get(); v != 0 {
		t.Errorf("Get: %d", v)
	}
}
