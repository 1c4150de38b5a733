package leat_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// R15. It fails if a Select allocates when a case is ready or Default is
// chosen, the making of the cases and their functions included. For that,
// OnRecv, OnSend and Default must be small enough to be inlined: see
// internal/choose.
func TestSelectDoesNotAllocate(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	stx, srx := mpsc.New[int](1)
	mtx, mrx := mpmc.New[int](1)
	btx := broadcast.New[int](1024)
	brx := btx.Subscribe()
	wtx := watch.New(0)
	wrx := wtx.Subscribe()
	otx, orx := oneshot.New[int]()
	defer otx.Close()
	defer stx.Close()
	defer mtx.Close()
	defer btx.Close()
	native := make(chan int, 1)
	from := leat.FromChan(native)
	due := leat.Every(0)
	later := leat.After(time.Hour)
	never := leat.Never[int]()
	sum := 0

	for name, f := range map[string]func(){
		"a receive from mpsc": func() {
			stx.TrySend(1)
			leat.Select(ctx, leat.OnRecv(srx, func(v int, _ error) { sum += v }), leat.OnRecv(mrx, func(v int, _ error) { sum -= v }))
		},
		"a receive from mpmc, in order": func() {
			mtx.TrySend(1)
			leat.SelectInOrder(ctx, leat.OnRecv(srx, func(v int, _ error) { sum += v }), leat.OnRecv(mrx, func(v int, _ error) { sum -= v }))
		},
		"a receive from broadcast": func() {
			btx.TrySend(1)
			leat.Select(ctx, leat.OnRecv(orx, func(v int, _ error) { sum += v }), leat.OnRecv(brx, func(v int, _ error) { sum -= v }))
		},
		"a receive from watch": func() {
			wtx.TrySend(1)
			leat.Select(ctx, leat.OnRecv(wrx, func(v int, _ error) { sum += v }), leat.OnRecv(orx, func(v int, _ error) { sum -= v }))
		},
		"a send to mpsc": func() {
			leat.Select(ctx, leat.OnSend(stx, 1, func(err error) { sum++ }), leat.OnRecv(orx, func(v int, _ error) { sum -= v }))
			srx.TryRecv()
		},
		"a receive from a native channel": func() {
			native <- 1
			leat.Select(ctx, leat.OnRecv(from, func(v int, _ error) { sum += v }), leat.OnRecv(never, func(v int, _ error) { sum -= v }))
		},
		"a timer": func() {
			leat.Select(ctx, leat.OnRecv(due, func(time.Time, error) { sum++ }), leat.OnRecv(later, func(time.Time, error) { sum-- }))
		},
		"Default": func() {
			leat.Select(ctx, leat.OnRecv(srx, func(v int, _ error) { sum += v }), leat.OnRecv(orx, func(v int, _ error) { sum -= v }),
				leat.Default(func() { sum++ }))
		},
		"Default beside sends": func() {
			mtx.TrySend(1)
			stx.TrySend(1)
			leat.Select(ctx, leat.OnSend(stx, 1, func(error) { sum++ }), leat.OnSend(mtx, 2, func(error) { sum++ }),
				leat.OnSend(stx, 1, func(error) { sum++ }), leat.Default(func() { sum++ }))
			mrx.TryRecv()
			srx.TryRecv()
		},
	} {
		want := 0.0
		switch name { // a broadcast's and a watch's Send allocate
		case "a receive from broadcast", "a receive from watch":
			want = 1
		}
		if n := testing.AllocsPerRun(1000, f); n > want {
			t.Errorf("%s: %v allocations, want %v", name, n, want)
		}
	}

	// So many cases that their order needs another place.
	cases := make([]leat.Case, 1000)
	for i := range cases {
		cases[i] = leat.OnRecv(srx, nil)
	}
	if n := testing.AllocsPerRun(100, func() {
		stx.TrySend(1)
		leat.Select(ctx, cases...)
	}); n != 0 {
		t.Errorf("1000 cases: %v allocations, want none", n)
	}
}

// R15. It fails if a Select that waits allocates more than twice.
func TestSelectThatWaitsAllocatesTwiceAtMost(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": background, "cancellable": ctx} {
		tx, rx := mpmc.New[int](0)
		backTx, backRx := mpmc.New[int](0)
		otherTx, otherRx := mpsc.New[int](1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for open := true; open; {
				leat.Select(ctx,
					leat.OnRecv(rx, func(v int, err error) { open = err == nil }),
					leat.OnRecv(rx, func(v int, err error) { open = err == nil }))
				if open {
					leat.Select(ctx, leat.OnSend(backTx, 1, nil), leat.OnSend(backTx, 1, nil))
				}
			}
		}()
		n := testing.AllocsPerRun(2000, func() {
			leat.Select(ctx, leat.OnSend(tx, 1, nil))
			leat.Select(ctx, leat.OnRecv(backRx, nil), leat.OnRecv(otherRx, nil))
		})
		tx.Close()
		<-done
		otherTx.Close()
		// Four Selects, which wait for each other. None has to make an arm,
		// after the first.
		if n > 4*2 {
			t.Errorf("%s: %v allocations for four Selects, want 8 at most", name, n)
		}
	}
}

// A Select is unbiased: each of the possible cases is as likely, whatever
// impossible and closed cases stand beside it and wherever. It compares the
// hits with the expected ones by a chi-squared test that a fair choice fails
// less than once in 10^12 times. A choice that starts at random and then goes
// on in turn fails it every time: a case after a gap has the odds of the gap,
// too.
func TestSelectIsUnbiased(t *testing.T) {
	const rounds = 60_000
	tx, rx := mpsc.NewUnbounded[int]()
	defer tx.Close()
	for range 6 * rounds {
		tx.TrySend(1)
	}
	emptyTx, empty := mpsc.New[int](1)
	defer emptyTx.Close()
	closedTx, closed := mpsc.New[int](1)
	closedTx.Close()
	never := leat.Never[int]()
	ready, impossible := leat.OnRecv(rx, nil), []leat.Case{leat.OnRecv(empty, nil), leat.OnRecv(never, nil), leat.Default(nil)}

	for name, cases := range map[string][]leat.Case{
		"two":                      {ready, ready},
		"gaps of different length": {ready, impossible[0], impossible[1], impossible[0], ready, ready, impossible[1], ready},
		"a Default among them":     {ready, impossible[2], ready, impossible[0], impossible[0], ready},
		"closed is as likely":      {ready, leat.OnRecv(closed, nil), impossible[0], ready},
	} {
		hits := make([]int, len(cases))
		for range rounds {
			i, err := leat.Select(background, cases...)
			if err != nil {
				t.Fatal(err)
			}
			hits[i]++
		}
		possible, chi2 := 0, 0.0
		for _, n := range hits {
			if n > 0 {
				possible++
			}
		}
		want := float64(rounds) / float64(possible)
		for _, n := range hits {
			if n > 0 {
				chi2 += (float64(n) - want) * (float64(n) - want) / want
			}
		}
		// Laurent and Massart: P(chi2 >= d + 2*sqrt(d*x) + 2*x) <= exp(-x).
		d, x := float64(possible-1), 12*math.Ln10
		if limit := d + 2*math.Sqrt(d*x) + 2*x; chi2 > limit {
			t.Errorf("%s: hits %v, chi-squared %.0f, want at most %.0f", name, hits, chi2, limit)
		}
		if name == "closed is as likely" && hits[1] == 0 || hits[0] == 0 {
			t.Errorf("%s: hits %v", name, hits)
		}
	}
}

// It fails if SelectInOrder goes by chance, takes a Default that stands before
// a ready case, or misses a case that becomes ready while it waits.
func TestSelectInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		atx, arx := mpsc.New[int](1)
		btx, brx := mpmc.New[int](1)
		ch := make(chan int, 1)
		a, b, native := leat.OnRecv(arx, nil), leat.OnRecv(brx, nil), leat.OnRecv(leat.FromChan(ch), nil)
		idle := leat.Default(nil)
		choose := func(want int, cases ...leat.Case) {
			t.Helper()
			if chosen, err := leat.SelectInOrder(background, cases...); chosen != want || err != nil {
				t.Errorf("chose %d, %v; want %d", chosen, err, want)
			}
		}
		for range 20 {
			atx.TrySend(1)
			btx.TrySend(1)
			ch <- 1
			choose(1, idle, a, b, native)
			choose(0, b, a, native)
			atx.TrySend(1)
			choose(0, native, a)
			choose(2, native, idle, a)
			choose(1, native, idle, a)
		}
		for i := range 4 {
			done := blocked(func() { choose(i%3, a, b, native) })
			switch i % 3 {
			case 0:
				atx.TrySend(1)
			case 1:
				btx.TrySend(1)
			case 2:
				ch <- 1
			}
			<-done
		}
		ctx, cancel := context.WithCancel(background)
		done := blocked(func() {
			if chosen, err := leat.SelectInOrder(ctx, a, b); chosen != -1 || err != context.Canceled {
				t.Errorf("chose %d, %v; want the ctx's error", chosen, err)
			}
		})
		cancel()
		<-done
		btx.Close()
		atx.Close()
		choose(0, a, b)
		choose(1, idle, b, a)
	})
}
