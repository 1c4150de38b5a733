package leattest_test

import (
	"testing"

	"github.com/leat-go/leat/leattest"
)

// models are the sorts of channel that the reference model can be.
var models = []leattest.Kind{
	model("queue", leattest.Features{SingleReceiver: true}),
	model("queue_many_receivers", leattest.Features{Rendezvous: true}),
	model("unbounded", leattest.Features{Unbounded: true, SingleReceiver: true}),
	model("broadcast", leattest.Features{Broadcast: true, SingleReceiver: true}),
	model("broadcast_lossy", leattest.Features{Broadcast: true, Lossy: true, SingleReceiver: true}),
	model("broadcast_unbounded", leattest.Features{Broadcast: true, Unbounded: true, SingleReceiver: true}),
	model("latest", leattest.Features{Latest: true, SingleReceiver: true}),
	model("one_value", leattest.Features{OneValue: true, SingleReceiver: true}),
}

func model(name string, f leattest.Features) leattest.Kind {
	return leattest.Kind{
		Name:     name,
		New:      func(_ testing.TB, capacity int) leattest.Channel { return leattest.NewReference(f, capacity) },
		Features: f,
	}
}

// The model passes the suite: so the suite asks for nothing that cannot be had,
// and the oracle is worth comparing with.
func TestReference(t *testing.T) {
	for _, k := range models {
		leattest.Run(t, k)
	}
}

// A kind on a network passes as well, with fewer and smaller tests and none in
// a bubble. This one is not on a network; the test shows that nothing in
// these tests needs a bubble.
func TestRemote(t *testing.T) {
	for _, k := range models {
		k.Features.Remote = true
		leattest.Run(t, k)
	}
}

// RunRandom runs one seed on any kind.
func TestRunRandom(t *testing.T) {
	for _, k := range models {
		leattest.RunRandom(t, k, 7)
	}
}

// A Kind that makes no sense is the caller's mistake.
func TestKindPanics(t *testing.T) {
	good := models[0]
	for name, change := range map[string]func(*leattest.Kind){
		"no name":                 func(k *leattest.Kind) { k.Name = "" },
		"no New":                  func(k *leattest.Kind) { k.New = nil },
		"lossy without broadcast": func(k *leattest.Kind) { k.Features.Lossy = true },
		"unbounded rendezvous":    func(k *leattest.Kind) { k.Features.Unbounded, k.Features.Rendezvous = true, true },
		"latest broadcast":        func(k *leattest.Kind) { k.Features.Latest, k.Features.Broadcast = true, true },
		"one value, unbounded":    func(k *leattest.Kind) { k.Features.OneValue, k.Features.Unbounded = true, true },
		"broken, no such test":    func(k *leattest.Kind) { k.Broken = map[string]string{"R3_close_races": "a reason"} },
		"broken without a reason": func(k *leattest.Kind) { k.Broken = map[string]string{"R3_close_races_with_everything": ""} },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Run took it")
				}
			}()
			k := good
			change(&k)
			leattest.Run(t, k)
		})
	}
}
