package script

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/leattest"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// models are the kinds as leattest's reference model knows them.
var models = []struct{ kind leattest.Kind }{
	{leattest.Kind{Name: "mpsc", Features: leattest.Features{SingleReceiver: true}, New: func(_ testing.TB, capacity int) leattest.Channel {
		tx, rx := mpsc.New[int](max(1, capacity))
		return leattest.Channel{Sender: tx, Receiver: rx, Clone: func() leat.Sender[int] { return tx.Clone() },
			Reserve: func(ctx context.Context) (leattest.Permit, error) { return tx.Reserve(ctx) }}
	}}},
	{leattest.Kind{Name: "mpmc", New: func(_ testing.TB, capacity int) leattest.Channel {
		tx, rx := mpmc.New[int](max(1, capacity))
		return leattest.Channel{Sender: tx, Receiver: rx, Clone: func() leat.Sender[int] { return tx.Clone() },
			Subscribe: func() leat.Receiver[int] { return rx.Clone() },
			Reserve:   func(ctx context.Context) (leattest.Permit, error) { return tx.Reserve(ctx) }}
	}}},
	{leattest.Kind{Name: "broadcast", Features: leattest.Features{Broadcast: true, Lossy: true}, New: func(_ testing.TB, capacity int) leattest.Channel {
		tx := broadcast.New[int](capacity)
		return leattest.Channel{Sender: tx, Receiver: tx.Subscribe(), Clone: func() leat.Sender[int] { return tx.Clone() },
			Subscribe: func() leat.Receiver[int] { return tx.Subscribe() }}
	}}},
	{leattest.Kind{Name: "watch", Features: leattest.Features{Latest: true}, New: func(testing.TB, int) leattest.Channel {
		tx := watch.New(0)
		return leattest.Channel{Sender: tx, Receiver: tx.Subscribe(), Clone: func() leat.Sender[int] { return tx.Clone() },
			Subscribe: func() leat.Receiver[int] { return tx.Subscribe() }}
	}}},
	{leattest.Kind{Name: "oneshot", Features: leattest.Features{OneValue: true, SingleReceiver: true}, New: func(testing.TB, int) leattest.Channel {
		tx, rx := oneshot.New[int]()
		return leattest.Channel{Sender: tx, Receiver: rx}
	}}},
}

// both does the same to a channel and to its reference model.
type both struct {
	names  []string
	tx     [2][]leat.Sender[int]
	rx     [2][]leat.Receiver[int]
	closed []bool
	ch     [2]leattest.Channel
	next   int
}

func newBoth(t testing.TB, k leattest.Kind, capacity int) *both {
	b := &both{closed: []bool{false}}
	b.ch = [2]leattest.Channel{k.New(t, capacity), leattest.NewReference(k.Features, capacity)}
	for i, c := range b.ch {
		b.tx[i], b.rx[i] = []leat.Sender[int]{c.Sender}, []leat.Receiver[int]{c.Receiver}
	}
	return b
}

// step does operation op on handle number on of both, and returns what they
// answered. No operation waits.
func (b *both) step(op, on int) (name string, got [2]string) {
	b.next++
	i, j := on%len(b.tx[0]), on%len(b.rx[0])
	open := !b.closed[j] || len(b.rx[0]) == 1 && b.ch[0].Subscribe == nil
	for k := range got {
		switch op % 6 {
		case 0, 1:
			name = fmt.Sprintf("TrySend(%d) on %d", b.next, i)
			got[k] = fmt.Sprint(b.tx[k][i].TrySend(b.next))
		case 2, 3:
			if name = fmt.Sprintf("TryRecv on %d", j); open {
				got[k] = fmt.Sprint(b.rx[k][j].TryRecv())
			}
		case 4:
			switch {
			case on%3 == 0 && b.ch[k].Clone != nil && len(b.tx[k]) < 3:
				name = "Clone"
				b.tx[k] = append(b.tx[k], b.ch[k].Clone())
			case on%3 == 1 && b.ch[k].Subscribe != nil && len(b.rx[k]) < 3 && !slices.Contains(b.closed, true):
				name = "Subscribe"
				b.rx[k] = append(b.rx[k], b.ch[k].Subscribe())
			}
		case 5:
			switch {
			case on%5 == 0 && len(b.tx[k]) > 1:
				name = fmt.Sprintf("Close of sender %d", len(b.tx[k])-1)
				b.tx[k][len(b.tx[k])-1].Close()
			case on%5 == 1 && b.next > 12:
				name = fmt.Sprintf("Close of receiver %d", j)
				b.rx[k][j].Close()
			}
		}
	}
	if len(b.closed) < len(b.rx[0]) {
		b.closed = append(b.closed, false)
	}
	if strings.HasPrefix(name, "Close of receiver") {
		b.closed[j] = true
	}
	b.names = append(b.names, fmt.Sprintf("%s = %s", name, got[0]))
	return name, got
}

// It fails, with the shortest sequence that rapid finds, if a sequence of calls
// that do not wait has other results than the reference model.
func TestAsTheModel(t *testing.T) {
	for _, m := range models {
		t.Run(m.kind.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := newBoth(t, m.kind, rapid.IntRange(1, 5).Draw(rt, "capacity"))
				for range rapid.IntRange(1, 60).Draw(rt, "calls") {
					name, got := b.step(rapid.IntRange(0, 5).Draw(rt, "op"), rapid.IntRange(0, 14).Draw(rt, "on"))
					if got[0] != got[1] {
						rt.Fatalf("%s = %s; the model says %s\n%s", name, got[0], got[1], strings.Join(b.names, "\n"))
					}
				}
			})
		})
	}
}

// FuzzOperations is TestAsTheModel for bytes: the kind, the capacity, and then
// two bytes for each call.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 0, 2, 0, 4, 0, 5, 1})
	f.Add([]byte{1, 2, 0, 0, 4, 1, 2, 0, 2, 1, 4, 0, 5, 0})
	f.Add([]byte{2, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0})
	f.Add([]byte{3, 1, 0, 0, 2, 0, 2, 0, 4, 1})
	f.Add([]byte{4, 1, 0, 0, 0, 0, 2, 0, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 {
			return
		}
		b := newBoth(t, models[int(data[0])%len(models)].kind, 1+int(data[1])%8)
		for data = data[2:]; len(data) >= 2 && len(b.names) < 200; data = data[2:] {
			if name, got := b.step(int(data[0]), int(data[1])); got[0] != got[1] {
				t.Fatalf("%s = %s; the model says %s\n%s", name, got[0], got[1], strings.Join(b.names, "\n"))
			}
		}
	})
}

// FuzzSelect makes case lists of bytes: which channels, receive or send, how
// full they are, with a Default or without. It fails if Select chooses an
// impossible case, does not choose a possible one, or does another operation
// than the one that it chose.
func FuzzSelect(f *testing.F) {
	f.Add([]byte{0x01})
	f.Add([]byte{0x13, 0x02, 0x30, 0x41})
	f.Add([]byte{0x21, 0x21, 0x21, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 16 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			// Channels 0 to 3: capacity 2, with 0, 1 or 2 values, and closed or
			// not, from the first byte on.
			type end struct {
				tx     *mpmc.Sender[int]
				rx     *mpmc.Receiver[int]
				closed bool
			}
			var chans [4]end
			for i := range chans {
				b := data[i%len(data)] >> 2
				tx, rx := mpmc.New[int](2)
				for v := range int(b) % 3 {
					tx.TrySend(v)
				}
				chans[i] = end{tx, rx, b&8 != 0}
				if chans[i].closed {
					tx.Close()
				}
			}
			var cases []leat.Case
			var possible []bool
			called, fallback := -1, -1
			before := make([]int, len(chans))
			for i, ch := range chans {
				before[i] = ch.rx.Len()
			}
			for i, b := range data {
				ch := chans[b&3]
				if b&0x40 != 0 {
					cases = append(cases, leat.OnSend(ch.tx, 9, func(error) { called = i }))
					possible = append(possible, ch.closed || ch.tx.Len() < 2)
				} else {
					cases = append(cases, leat.OnRecv(ch.rx, func(int, error) { called = i }))
					possible = append(possible, ch.closed || ch.rx.Len() > 0)
				}
			}
			if data[0]&0x80 != 0 {
				fallback = len(cases)
				cases = append(cases, leat.Default(func() { called = fallback }))
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if fallback < 0 && !slices.Contains(possible, true) {
				cancel()
			}
			chosen, err := leat.Select(ctx, cases...)
			switch {
			case err != nil:
				if slices.Contains(possible, true) || fallback >= 0 || called >= 0 {
					t.Fatalf("Select = %d, %v, called %d; possible: %v", chosen, err, called, possible)
				}
			case chosen == fallback:
				if slices.Contains(possible, true) || called != fallback {
					t.Fatalf("Select chose Default, called %d; possible: %v", called, possible)
				}
			case !possible[chosen] || called != chosen:
				t.Fatalf("Select chose %d, called %d; possible: %v", chosen, called, possible)
			}
			for i, ch := range chans {
				want := before[i]
				if err == nil && chosen != fallback && int(data[chosen]&3) == i {
					switch {
					case data[chosen]&0x40 == 0 && want > 0:
						want--
					case data[chosen]&0x40 != 0 && !ch.closed:
						want++
					}
				}
				if got := ch.rx.Len(); got != want {
					t.Fatalf("channel %d holds %d values; want %d, after Select chose %d", i, got, want, chosen)
				}
			}
		})
	})
}

// It fails if the name of a program is not understood, or if another text is.
func TestParse(t *testing.T) {
	for kind, k := range Kinds {
		for _, capacity := range k.Capacities {
			p := &Program{Kind: kind, Capacity: capacity, Words: []string{"sS", "rR", "c"}}
			if got, err := Parse(p.Name()); err != nil || got.Name() != p.Name() || got.Capacity != capacity {
				t.Errorf("%s: %v, %v", p.Name(), got, err)
			}
		}
	}
	for _, name := range []string{"", "mpmc", "mpmc_1", "mpmc_1/", "mpmc/s_r", "mpmc_1/s__r", "mpmc_1/s_v", "mpsc_0/s_r", "fifo_1/s_r", "watch_1/p", "mpmc_0/p_r", "mpmc_0/P_r"} {
		if p, err := Parse(name); err == nil {
			t.Errorf("%q is %v", name, p)
		}
	}
}

// Every is what the sweep of package kinds runs. It fails if a program has a
// letter that its kind does not know, or is there twice; or if two letters of a
// kind, of one end each, are together in none, as they would be if a rule that
// leaves programs out left too much out.
func TestEvery(t *testing.T) {
	for kind, k := range Kinds {
		for _, capacity := range k.Capacities {
			seen := make(map[string]bool)
			pairs := make(map[string]bool)
			for _, p := range Every(kind, capacity) {
				if _, err := Parse(p.Name()); err != nil || seen[p.Name()] {
					t.Fatalf("%s: %v, twice: %v", p.Name(), err, seen[p.Name()])
				}
				seen[p.Name()] = true
				for _, a := range strings.Join(p.Words, "") {
					for _, b := range strings.Join(p.Words, "") {
						pairs[string(a)+string(b)] = true
					}
				}
			}
			for _, a := range only(k.Letters, senders) {
				for _, b := range only(k.Letters, receivers) {
					if !pairs[string(a)+string(b)] && !(capacity == 0 && strings.ContainsRune("pqPQ", a)) {
						t.Errorf("%s of capacity %d: no program has %c and %c", kind, capacity, a, b)
					}
				}
			}
		}
	}
}

// It fails if a random program is for a kind, or has a letter, that does not
// exist, or sends more values than there are numbers for.
func TestRandomProgramsRun(t *testing.T) {
	for kind := range Kinds {
		for seed := range uint64(50) {
			p := Random(rand.New(rand.NewPCG(seed, 0)), kind, 4, 8)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				zero := func() int64 { return 0 }
				play := p.Start(World{Begin: zero, End: zero, Await: func(ch <-chan struct{}) { <-ch }, Context: ctx, Cancel: cancel})
				for _, a := range play.Actors {
					go a.Run()
				}
			})
		}
	}
}
