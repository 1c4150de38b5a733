// Package linear runs random programs with real concurrency, and holds their
// histories against the specifications.
package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/dev/verify/script"
	"github.com/leat-go/leat/dev/verify/spec"
)

var kinds = []string{"mpsc", "mpsc2", "mpmc", "mpmc2", "broadcast", "lossless", "patient", "watch", "oneshot"}

// run runs p, and returns its history.
func run(t *testing.T, p *script.Program) (*script.Play, *spec.History) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun := time.Now()
	now := func() int64 { return int64(time.Since(begun)) }
	play := p.Start(script.World{
		Begin: now, End: now,
		Await:   func(ch <-chan struct{}) { <-ch },
		Drop:    func(any) { panic("linear: nothing is dropped here") },
		Context: ctx, Cancel: cancel,
	})
	var all sync.WaitGroup
	start := make(chan struct{})
	for _, a := range play.Actors {
		all.Add(1)
		go func() {
			defer all.Done()
			<-start
			a.Run()
		}()
	}
	close(start)
	late := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("%s: a call waits for ever", p.Name())) })
	defer late.Stop()
	all.Wait()
	return play, play.History()
}

// It fails if a history of a kind is not linearizable, and names a picture of
// it; or if porcupine leaves more than one history in 1,000 undecided. Its
// search is exponential in the worst case, and a few random programs come close
// to it.
func TestLinearizable(t *testing.T) {
	rounds, seed := 2000, rand.Uint64()
	if testing.Short() {
		rounds = 200
	}
	if s := os.Getenv("LEAT_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("LEAT_ROUNDS is %q; it must be a number of histories per kind", s)
		}
		rounds = n
	}
	for _, procs := range []int{1, 2, 8} {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/procs=%d", kind, procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				r := rand.New(rand.NewPCG(seed, uint64(procs)))
				calls, undecided := 0, 0
				for i := range rounds {
					p := script.Random(r, kind, 3+r.IntN(2), 8)
					play, h := run(t, p)
					calls += len(h.Operations())
					picture := filepath.Join(os.TempDir(), "leat-histories", fmt.Sprintf("%s-%d-%d.html", kind, procs, i))
					err := h.Check(play.Model(), 20*time.Second, picture)
					switch {
					case errors.Is(err, spec.ErrUndecided):
						t.Logf("seed %d, program %s: %v", seed, p.Name(), err)
						undecided++
					case err != nil:
						t.Fatalf("seed %d, program %s: %v", seed, p.Name(), err)
					}
				}
				if undecided > max(1, rounds/1000) {
					t.Errorf("%d of %d histories are undecided, with seed %d", undecided, rounds, seed)
				}
				t.Logf("%d histories, %d calls", rounds, calls)
			})
		}
	}
}

// It fails if the checker passes a history that no channel may have, or draws
// no picture of it.
func TestFindsWrongHistories(t *testing.T) {
	p := &script.Program{Kind: "mpmc", Capacity: 1, Words: []string{"sr"}}
	model := p.Start(script.World{}).Model()
	sent := func(h *spec.History, at int64, v rune) { h.Add(0, at, at+1, spec.Sends(1, 0, 1, nil, v)...) }
	got := func(h *spec.History, at int64, err error, v ...rune) { h.Add(0, at, at+1, spec.Recvs(0, err, v...)...) }
	for name, write := range map[string]func(h *spec.History){
		"received before it was sent": func(h *spec.History) { got(h, 1, nil, 7); sent(h, 3, 7) },
		"received twice":              func(h *spec.History) { sent(h, 1, 7); got(h, 3, nil, 7); got(h, 5, nil, 7) },
		"more than the capacity":      func(h *spec.History) { sent(h, 1, 7); sent(h, 3, 8) },
		"empty when it is not":        func(h *spec.History) { sent(h, 1, 7); got(h, 3, leat.ErrEmpty) },
	} {
		t.Run(name, func(t *testing.T) {
			var h spec.History
			write(&h)
			picture := filepath.Join(t.TempDir(), "history.html")
			if err := h.Check(model, time.Minute, picture); err == nil {
				t.Error("passed")
			}
			if _, err := os.Stat(picture); err != nil {
				t.Error(err)
			}
		})
	}
}

// It fails if a kind has no histories here.
func TestEveryKind(t *testing.T) {
	for kind := range script.Kinds {
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s is not tested", kind)
		}
	}
}
