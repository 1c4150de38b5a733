package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// A megabyte is a value of 1 MiB.
type megabyte [1 << 20]byte

// megabytes sends values of 1 MiB through one of the kinds. Each is filled at
// both ends with its number.
func megabytes(r *rand.Rand, total *tally) error {
	return sized(r, total, 3,
		func(i int) *megabyte {
			v := new(megabyte)
			v[0], v[len(v)-1] = byte(i), byte(i)
			return v
		},
		func(v *megabyte, i int) bool { return v[0] == byte(i) && v[len(v)-1] == byte(i) })
}

// nothings sends values without size through one of the kinds.
func nothings(r *rand.Rand, total *tally) error {
	return sized(r, total, 200,
		func(int) *struct{} { return new(struct{}) },
		func(*struct{}, int) bool { return true })
}

// sized sends n values through one of the kinds, as values, and looks whether
// each comes once, in order and whole.
func sized[T any](r *rand.Rand, total *tally, n int, value func(i int) *T, is func(v *T, i int) bool) error {
	switch kind := r.IntN(5); kind {
	case 0, 1:
		tx, _, all := open[T](kind == 0, r.IntN(3), 1)
		return through(total, n, tx, all[0], value, is)
	case 2:
		tx := broadcast.New[T](1 + r.IntN(3))
		return through(total, n, tx, tx.Subscribe(broadcast.Lossless()), value, is)
	case 3:
		tx, rx := oneshot.New[T]()
		return through(total, 1, tx, rx, value, is)
	}
	tx := watch.New(*value(0))
	rx := tx.Subscribe()
	defer rx.Close()
	tx.TrySend(*value(n))
	tx.Close()
	if v, err := rx.Recv(context.Background()); err != nil || !is(&v, n) {
		return fmt.Errorf("watch: received another value than the last one (%v)", err)
	}
	moved.Add(1)
	return nil
}

// through sends n values from tx to rx, and closes both.
func through[T any](total *tally, n int, tx leat.Sender[T], rx leat.Receiver[T], value func(i int) *T, is func(v *T, i int) bool) error {
	defer rx.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		defer tx.Close()
		for i := range n {
			if tx.Send(context.Background(), *value(i)) != nil {
				return
			}
			total.sent.Add(1)
		}
	})
	for i := 0; ; i++ {
		v, err := rx.Recv(context.Background())
		switch {
		case err == nil && i < n && is(&v, i):
			total.received.Add(1)
			moved.Add(1)
		case errors.Is(err, leat.ErrClosed) && i == n:
			return nil
		default:
			return fmt.Errorf("%T, receive %d of %d: another value than was sent (%v)", rx, i, n, err)
		}
	}
}
