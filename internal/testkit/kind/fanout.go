package kind

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// A FanoutSender is a sender of a kind whose receivers subscribe.
type FanoutSender interface {
	TrySend(v int) error
	CloseWith(cause error) error
	Receivers() int
	WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error)
}

// A FanoutReceiver is a receiver of a kind whose receivers subscribe.
type FanoutReceiver interface {
	TryRecv() (int, error)
	Recv(ctx context.Context) (int, error)
	Close() error
	CloseWith(cause error) error
}

// A Fanout is a channel whose receivers subscribe. Clone and Subscribe call the
// methods of Sender, and Listen calls Subscribe of a receiver that it is given.
type Fanout struct {
	Sender    FanoutSender
	Clone     func() FanoutSender
	Subscribe func() FanoutReceiver
	Listen    func(FanoutReceiver) FanoutReceiver
}

// DroppedReceiverIsCounted tests R4. It fails if a receiver that was dropped
// stays counted, so that a sender waits for ever for the last one to leave.
func DroppedReceiverIsCounted(t *testing.T, c Fanout) {
	c.Subscribe()
	left := make(chan error, 1)
	go func() {
		_, err := c.Sender.WaitReceivers(context.Background(), func(n int) bool { return n == 0 })
		left <- err
	}()
	Until(t, "a sender learns that the last receiver was dropped", func() bool { return len(left) == 1 })
	if err := <-left; err != nil {
		t.Errorf("WaitReceivers: %v", err)
	}
}

// DroppedReceiverInBubbleWakesNoSender tests R11. It fails if the cleanup of a
// dropped receiver wakes a WaitReceivers in a bubble, which kills the process,
// or if the next receiver that leaves does not.
func DroppedReceiverInBubbleWakesNoSender(t *testing.T, open func() Fanout) {
	outside := open()
	synctest.Test(t, func(t *testing.T) {
		inside := open()
		for _, c := range []Fanout{inside, outside} {
			c.Subscribe()
			left := make(chan int, 1)
			go func() {
				n, err := c.Sender.WaitReceivers(context.Background(), func(n int) bool { return n == 0 })
				if err != nil {
					t.Errorf("WaitReceivers: %v", err)
				}
				left <- n
			}()
			synctest.Wait()
			Until(t, "the dropped receiver found", func() bool { return c.Sender.Receivers() == 0 })
			synctest.Wait()
			if len(left) != 0 {
				t.Errorf("a goroutine in the bubble was woken from outside of it")
			}
			c.Subscribe().Close()
			synctest.Wait()
			if len(left) != 1 {
				t.Fatalf("WaitReceivers blocks, though a receiver has left and none is there")
			}
			<-left
		}
	})
}

// FanoutCauses tests who gets the cause of a close, beside what leattest tests.
func FanoutCauses(t *testing.T, open func() Fanout) {
	t.Run("clone of a closed handle", func(t *testing.T) { cloneOfClosedHandleHasNoCause(t, open()) })
	t.Run("dropped handle", func(t *testing.T) { droppedHandleKeepsTheCause(t, open()) })
	t.Run("new receiver", func(t *testing.T) { newReceiverGetsTheCause(t, open()) })
}

var errCause = errors.New("cause")

// It fails if a clone of a closed handle returns the cause of that handle, or
// opens the channel again.
func cloneOfClosedHandleHasNoCause(t *testing.T, c Fanout) {
	rx := c.Subscribe()
	c.Sender.CloseWith(errCause)
	clone := c.Clone()
	clone.CloseWith(errors.New("another"))
	WantCause(t, "TrySend on the clone", clone.TrySend(1), nil)
	WantCause(t, "TrySend", c.Sender.TrySend(1), errCause)
	_, err := rx.TryRecv()
	WantCause(t, "TryRecv", err, errCause)
}

// It fails if the garbage collector, which finds the last handle, ends the
// channel without the cause that an earlier one gave.
func droppedHandleKeepsTheCause(t *testing.T, c Fanout) {
	rx := c.Subscribe()
	func() {
		last := c.Clone()
		c.Sender.CloseWith(errCause)
		last.TrySend(1)
	}()
	WantTryRecv(t, rx, 1, nil)
	ended := make(chan error, 1)
	go func() { _, err := rx.Recv(context.Background()); ended <- err }()
	Until(t, "the end received", func() bool { return len(ended) == 1 })
	WantCause(t, "Recv", <-ended, errCause)
}

// It fails if a new receiver of a channel that has ended does not get the
// cause, or a closed receiver makes new ones that get its own.
func newReceiverGetsTheCause(t *testing.T, c Fanout) {
	rx := c.Subscribe()
	rx.CloseWith(errors.New("the receiver's"))
	c.Sender.CloseWith(errCause)
	for _, late := range []FanoutReceiver{c.Subscribe(), c.Listen(rx)} {
		_, err := late.TryRecv()
		WantCause(t, "TryRecv", err, errCause)
		_, err = late.Recv(context.Background())
		WantCause(t, "Recv", err, errCause)
	}
}
