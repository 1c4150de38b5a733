package watch_test

import (
	"errors"
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/watch"
)

var errCause = errors.New("cause")

// fanout makes a channel for the tests that kinds with subscribers share.
func fanout() kind.Fanout {
	tx := watch.New(0)
	return kind.Fanout{
		Sender:    tx,
		Clone:     func() kind.FanoutSender { return tx.Clone() },
		Subscribe: func() kind.FanoutReceiver { return tx.Subscribe() },
		Listen:    func(rx kind.FanoutReceiver) kind.FanoutReceiver { return rx.(*watch.Receiver[int]).Subscribe() },
	}
}

// It fails if a handle gets the cause of another one, or an end without its
// cause.
func TestCauses(t *testing.T) { kind.FanoutCauses(t, fanout) }

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
