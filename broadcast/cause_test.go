package broadcast_test

import (
	"testing"

	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

// fanout makes a channel for the tests that kinds with subscribers share.
func fanout() kind.Fanout {
	tx := broadcast.New[int](1)
	return kind.Fanout{
		Sender:    tx,
		Clone:     func() kind.FanoutSender { return tx.Clone() },
		Subscribe: func() kind.FanoutReceiver { return tx.Subscribe() },
		Listen:    func(rx kind.FanoutReceiver) kind.FanoutReceiver { return rx.(*broadcast.Receiver[int]).Subscribe() },
	}
}

// It fails if a handle gets the cause of another one, or an end without its
// cause.
func TestCauses(t *testing.T) { kind.FanoutCauses(t, fanout) }
