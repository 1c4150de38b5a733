package oneshot_test

import (
	"errors"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/oneshot"
)

var errCause = errors.New("cause")

// It fails if a sender that has sent gets a cause, whoever gives one, or a
// receiver gets a cause that it was not closed with.
func TestNoCauseAfterSend(t *testing.T) {
	tx, rx := oneshot.New[int]()
	tx.TrySend(1)
	tx.CloseWith(errCause)
	kind.WantCause(t, "a second TrySend", tx.TrySend(2), nil)
	rx.CloseWith(errors.New("the receiver's"))
	kind.WantCause(t, "a second TrySend", tx.TrySend(2), nil)
	kind.WantTryRecv(t, rx, 1, nil)

	tx, rx = oneshot.New[int]()
	tx.TrySend(1)
	kind.WantTryRecv(t, rx, 1, nil)
	_, err := rx.TryRecv()
	kind.WantCause(t, "a second TryRecv", err, nil)
	rx.CloseWith(errCause)
	_, err = rx.TryRecv()
	kind.WantCause(t, "TryRecv after CloseWith", err, errCause)
	kind.WantCause(t, "a second TrySend", tx.TrySend(2), nil)
}

// It fails if a receiver that was closed with a cause does not drain the value
// first, or then has another cause than its own.
func TestReceiverDrainsToItsCause(t *testing.T) {
	tx, rx := oneshot.New[int]()
	tx.TrySend(1)
	rx.CloseWith(errCause)
	kind.WantTryRecv(t, rx, 1, nil)
	_, err := rx.TryRecv()
	kind.WantCause(t, "TryRecv", err, errCause)

	tx, rx = oneshot.New[int]()
	rx.CloseWith(errCause)
	tx.CloseWith(errors.New("the sender's"))
	_, err = rx.TryRecv()
	kind.WantCause(t, "TryRecv", err, errCause)
}

// It fails if the end of a sender that the garbage collector finds has a cause,
// or the sender of a receiver that it finds gets one.
func TestDroppedHandleHasNoCause(t *testing.T) {
	_, rx := oneshot.New[int]()
	kind.Until(t, "the sender found", func() bool { _, err := rx.TryRecv(); return !errors.Is(err, leat.ErrEmpty) })
	_, err := rx.TryRecv()
	kind.WantCause(t, "TryRecv", err, nil)

	tx, _ := oneshot.New[int](leat.Name(t.Name())) // without a name, nobody finds the receiver
	done := tx.Done()
	kind.Until(t, "the receiver found", func() bool { return kind.Open(done) })
	kind.WantCause(t, "TrySend", tx.TrySend(1), nil)
}
