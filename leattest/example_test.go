package leattest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
)

// The test of a kind of your own. The abilities of its handles are found by
// themselves; only a permit, whose type is the kind's own, has to be shown the
// way.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		leattest.Run(t, leattest.Kind{
			Name: "mine",
			New: func(_ testing.TB, capacity int) leattest.Channel {
				tx, rx := newMine(capacity)
				return leattest.Channel{
					Sender:   tx,
					Receiver: rx,
					Clone:    func() leat.Sender[int] { return tx.Clone() },
				}
			},
			Features: leattest.Features{SingleReceiver: true},
		})
	}
}

// A fuzz test of a kind of your own, or one seed of it that a failure has
// named.
func ExampleRunRandom() {
	kind := leattest.Kind{
		Name: "mine",
		New: func(_ testing.TB, capacity int) leattest.Channel {
			tx, rx := newMine(capacity)
			return leattest.Channel{Sender: tx, Receiver: rx}
		},
	}
	_ = func(f *testing.F) { // func FuzzOperations(f *testing.F)
		f.Fuzz(func(t *testing.T, seed uint64) { leattest.RunRandom(t, kind, seed) })
	}
}

// The model is a channel like any other.
func ExampleNewReference() {
	ch := leattest.NewReference(leattest.Features{Broadcast: true, Lossy: true}, 2)
	for v := range 5 {
		_ = ch.Sender.TrySend(v)
	}
	ch.Sender.Close()
	for {
		v, err := ch.Receiver.Recv(context.Background())
		if errors.Is(err, leat.ErrClosed) {
			break
		}
		fmt.Println(v, err)
	}
	// Output:
	// 0 leat: receiver lagged, 3 values missed
	// 3 <nil>
	// 4 <nil>
}

// mineSender stands for the sender of a kind of your own.
type mineSender struct {
	leat.Sender[int]
	clone func() leat.Sender[int]
}

func (s mineSender) Clone() leat.Sender[int] { return s.clone() }

func newMine(capacity int) (mineSender, leat.Receiver[int]) {
	ch := leattest.NewReference(leattest.Features{SingleReceiver: true}, capacity)
	return mineSender{ch.Sender, ch.Clone}, ch.Receiver
}
