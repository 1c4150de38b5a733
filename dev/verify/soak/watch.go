package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

// watchRound sends rising values; a receiver must see them rise, and the last,
// unless it leaves. The sender may be dropped, and receivers too.
func watchRound(r *rand.Rand, _ *tally) error {
	n := 100 + r.IntN(1000)
	tx := watch.New(0)
	dropped := r.IntN(8) == 0
	if dropped {
		defer collecting()()
	}
	receivers := 1 + r.IntN(3)
	done := make(chan error, receivers)
	for range receivers {
		rx, seed, leaves, how := tx.Subscribe(), r.Uint64(), r.IntN(8) == 0, r.IntN(3)
		go func() {
			defer leave(how, rx)
			r := rand.New(rand.NewPCG(seed, 4))
			last := 0
			for !(leaves && last > n/2) {
				v, err := recv(r, rx)
				switch {
				case err == nil && v <= last:
					done <- fmt.Errorf("received %d after %d", v, last)
					return
				case err == nil:
					last = v
				case errors.Is(err, leat.ErrClosed):
					if err = nil; last != n {
						err = fmt.Errorf("the last value is %d; want %d", last, n)
					}
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for v := range n {
		if r.IntN(16) == 0 {
			end := func() { panic(errPlanted) }
			if r.IntN(2) == 0 {
				end = runtime.Goexit
			}
			surviving(func() { tx.Update(func(p *int) bool { *p = -1; end(); return true }) })
			if got := tx.Get(); got != v {
				return fmt.Errorf("an Update that did not return left %d; want %d", got, v)
			}
		}
		tx.TrySend(v + 1)
	}
	other := tx.Clone() // to ask how many receivers there are
	other.Close()
	if !dropped {
		tx.Close()
	}
	tx = nil // and the garbage collector ends the channel
	for range receivers {
		if err := <-done; err != nil {
			return err
		}
	}
	if !dropped {
		return nil
	}
	return until("all receivers gone", func() bool { return other.Receivers() == 0 })
}
