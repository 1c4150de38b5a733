package oneshot_test

import (
	"testing"

	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/oneshot"
)

// It fails, with the promise that broke, where oneshot does not keep the
// contract.
func TestConformance(t *testing.T) {
	leattest.Run(t, leattest.Kind{
		Name: "oneshot",
		New: func(t testing.TB, _ int) leattest.Channel {
			tx, rx := oneshot.New[int]()
			return leattest.Channel{Sender: tx, Receiver: rx}
		},
		Features: leattest.Features{OneValue: true, SingleReceiver: true, AutoClose: true},
	})
}
