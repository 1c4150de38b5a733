package mpsc_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

var errCause = errors.New("cause")

// It fails if a clone of a closed handle returns the cause of that handle, or
// opens the channel again.
func TestCloneOfClosedHandleHasNoCause(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	tx.CloseWith(errCause)
	clone := tx.Clone()
	kind.WantCause(t, "TrySend on the clone", clone.TrySend(1), nil)
	clone.CloseWith(errors.New("another"))
	kind.WantCause(t, "TrySend on the clone", clone.TrySend(1), nil)
	kind.WantCause(t, "TrySend", tx.TrySend(1), errCause)
	_, err := rx.TryRecv()
	kind.WantCause(t, "TryRecv", err, errCause)
}

// It fails if the garbage collector, which finds the last handle, ends the
// channel without the cause that an earlier one gave.
func TestDroppedHandleKeepsTheCause(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	ended := make(chan error, 1)
	go func() { _, err := rx.Recv(background); ended <- err }()
	func() {
		last := tx.Clone()
		tx.CloseWith(errCause)
		last.TrySend(1)
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	go func() { _, err := rx.Recv(background); ended <- err }()
	kind.Until(t, "the end received", func() bool { return len(ended) == 1 })
	kind.WantCause(t, "Recv", <-ended, errCause)
}

// It fails if a permit whose receiver is gone does not tell with which cause
// the receiver was closed.
func TestPermitTellsTheCause(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	p, err := tx.Reserve(background)
	if err != nil {
		t.Fatal(err)
	}
	rx.CloseWith(errCause)
	rx = nil
	kind.Until(t, "the receiver found", func() bool { return mpsc.Gone(tx) })
	kind.WantCause(t, "Permit.Send", p.Send(1), errCause)
	kind.WantCause(t, "a second Permit.Send", p.Send(1), nil)
}

// R15. It fails if a closed handle or channel allocates an error for each call,
// or a Close without a cause allocates.
func TestCauseDoesNotAllocatePerCall(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	tx.CloseWith(errCause)
	if n := testing.AllocsPerRun(100, func() { tx.TrySend(1); rx.TryRecv() }); n != 0 {
		t.Errorf("TrySend and TryRecv after CloseWith allocate %v times", n)
	}
	open, _ := mpsc.New[int](1)
	clones := make([]*mpsc.Sender[int], 200)
	for i := range clones {
		clones[i] = open.Clone()
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() { clones[i].Close(); i++ }); n != 0 {
		t.Errorf("Close allocates %v times", n)
	}
	open.Close()
}

// It fails if a cause calls the channel while a lock is held.
func TestCauseMayUseTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1, leat.Name("cause"))
		tx.CloseWith(lener{tx})
		_, err := rx.Recv(background)
		kind.WantCause(t, "Recv", err, lener{tx})
	})
}

type lener struct{ tx *mpsc.Sender[int] }

func (l lener) Error() string { l.tx.Len(); return "uses the channel" }
