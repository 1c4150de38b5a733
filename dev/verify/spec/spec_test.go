package spec_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/dev/verify/spec"
	"github.com/leat-go/leat/leattest"
)

// There are two descriptions of what a channel does, because they have to do
// different things. The reference model of leattest is a channel: it blocks,
// and a kind runs beside it. A specification is a function from a state to a
// state, which porcupine tries in many orders; its states must be comparable.
//
// It fails if the two disagree: calls of the reference model, one after the
// other, must be a history of the specification.
func TestAgreesWithReference(t *testing.T) {
	const senders, receivers = 2, 3
	everySender, everyReceiver := uint32(1<<senders-1), uint32(1<<receivers-1)
	for _, kind := range []struct {
		name     string
		features leattest.Features
		capacity int
		model    porcupine.Model
	}{
		{"queue of 1", leattest.Features{}, 1, spec.Queue(1, everySender, everyReceiver)},
		{"queue of 3", leattest.Features{}, 3, spec.Queue(3, everySender, everyReceiver)},
		{
			"lossless broadcast of 2", leattest.Features{Broadcast: true}, 2,
			spec.Broadcast(2, everySender, everyReceiver, everyReceiver, false),
		},
		{
			"lossy broadcast of 2", leattest.Features{Broadcast: true, Lossy: true}, 2,
			spec.Broadcast(2, everySender, everyReceiver, 0, false),
		},
		{"watch", leattest.Features{Latest: true}, 1, spec.Watch('a', everySender, everyReceiver)},
		{"oneshot", leattest.Features{OneValue: true, SingleReceiver: true}, 1, spec.Oneshot()},
	} {
		t.Run(kind.name, func(t *testing.T) {
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			seen := make(map[spec.Outcome]int)
			for range 500 {
				h := calls(r, leattest.NewReference(kind.features, kind.capacity), senders, receivers, seen)
				if err := h.Check(kind.model, time.Minute, ""); err != nil {
					t.Fatalf("seed %d: %v\n%v", seed, err, h)
				}
			}
			for _, o := range []spec.Outcome{spec.OK, spec.Closed, spec.Empty} {
				if seen[o] == 0 {
					t.Errorf("no call ended with %q; the calls try too little", o)
				}
			}
		})
	}
}

// calls makes random calls that do not block, and returns their history.
func calls(r *rand.Rand, ch leattest.Channel, senders, receivers int, seen map[spec.Outcome]int) *spec.History {
	tx, rx := []leat.Sender[int]{ch.Sender}, []leat.Receiver[int]{ch.Receiver}
	for ch.Clone != nil && len(tx) < senders {
		tx = append(tx, ch.Clone())
	}
	for ch.Subscribe != nil && len(rx) < receivers {
		rx = append(rx, ch.Subscribe())
	}
	var h spec.History
	var now int64
	next := 'b' // a watch begins with a
	note := func(all ...spec.Call) {
		for _, c := range all {
			h.Add(0, now, now+1, c)
			now += 2
			seen[c.Result]++
		}
	}
	for range 3 + r.IntN(20) {
		s, k := r.IntN(len(tx)), r.IntN(len(rx))
		switch r.IntN(12) {
		case 0:
			tx[s].Close()
			note(spec.Call{Op: spec.CloseTx, Handle: s, Result: spec.OK})
		case 1:
			rx[k].Close()
			note(spec.Call{Op: spec.CloseRx, Handle: k, Result: spec.OK})
		case 2, 3, 4, 5, 6:
			err := tx[s].TrySend(int(next))
			n := 1
			if err != nil {
				n = 0
			}
			note(spec.Sends(1, s, n, err, next)...)
			next++
		default:
			v, err := rx[k].TryRecv()
			note(spec.Recvs(k, err, rune(v))...)
		}
	}
	return &h
}

// It fails if a specification lets through what no channel may do, whatever
// the reference model does.
func TestRefuses(t *testing.T) {
	send := func(v rune) []spec.Call { return spec.Sends(1, 0, 1, nil, v) }
	recv := func(v rune) []spec.Call { return spec.Recvs(0, nil, v) }
	closes := func(op spec.Op, handle int, cause spec.Cause) []spec.Call {
		return []spec.Call{{Op: op, Handle: handle, Result: spec.OK, Cause: cause}}
	}
	ends := func(op spec.Op, cause spec.Cause) []spec.Call {
		return []spec.Call{{Op: op, Result: spec.Closed, Cause: cause}}
	}
	for _, wrong := range []struct {
		name  string
		model porcupine.Model
		calls [][]spec.Call
	}{
		{"a queue delivers twice", spec.Queue(2, 1, 1), [][]spec.Call{send('b'), recv('b'), recv('b')}},
		{"a queue reorders", spec.Queue(2, 1, 1), [][]spec.Call{send('b'), send('c'), recv('c')}},
		{"a broadcast skips without a word", spec.Broadcast(2, 1, 1, 0, false), [][]spec.Call{send('b'), send('c'), recv('c')}},
		{"a patient broadcast takes too much before its time", spec.Broadcast(1, 1, 1, 1, true), [][]spec.Call{send('b'), send('c')}},
		{"a lossless broadcast takes too much", spec.Broadcast(1, 1, 1, 1, false), [][]spec.Call{send('b'), send('c')}},
		{"a watch shows an old value", spec.Watch('a', 1, 1), [][]spec.Call{send('b'), send('c'), recv('b')}},
		{"a oneshot takes two", spec.Oneshot(), [][]spec.Call{send('b'), send('c')}},
		{"a queue ends with the second cause", spec.Queue(2, 3, 1), [][]spec.Call{
			closes(spec.CloseTx, 0, 1), closes(spec.CloseTx, 1, 2), ends(spec.Recv, 2),
		}},
		{"a queue refuses a value without the cause", spec.Queue(2, 1, 1), [][]spec.Call{closes(spec.CloseRx, 0, 1), ends(spec.Send, 0)}},
		{"a closed sender has the receivers' cause", spec.Queue(2, 1, 1), [][]spec.Call{
			closes(spec.CloseTx, 0, 1), closes(spec.CloseRx, 0, 2), ends(spec.Send, 2),
		}},
		{"a broadcast receiver gives its cause to the sender", spec.Broadcast(1, 1, 1, 1, false), [][]spec.Call{
			closes(spec.CloseRx, 0, 1), ends(spec.Send, 1),
		}},
		{"a closed watch receiver has the senders' cause", spec.Watch('a', 1, 1), [][]spec.Call{
			closes(spec.CloseRx, 0, 0), closes(spec.CloseTx, 0, 1), ends(spec.Recv, 1),
		}},
		{"a oneshot that has sent ends with a cause", spec.Oneshot(), [][]spec.Call{
			send('b'), closes(spec.CloseTx, 0, 1), recv('b'), ends(spec.Recv, 1),
		}},
		{"a value settles while no time passes", spec.Watch('a', 1, 1), [][]spec.Call{
			send('b'), {{Op: spec.Settled, Value: 'b', Result: spec.OK}},
		}},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			var h spec.History
			for i, c := range wrong.calls {
				h.Add(0, int64(2*i), int64(2*i+1), c...)
			}
			if h.Check(wrong.model, time.Minute, "") == nil {
				t.Errorf("passed:\n%v", &h)
			}
		})
	}
}
