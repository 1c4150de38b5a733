package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

// queueRound sends with several goroutines, some of which give up, close late
// or drop their handle, and receives with others.
func queueRound(single bool) func(*rand.Rand, *tally) error {
	return func(r *rand.Rand, total *tally) error {
		capacity, senders, receivers := r.IntN(64), 1+r.IntN(4), 1
		if !single {
			receivers = 1 + r.IntN(3)
		}
		tx, clone, all := open[int](single, capacity, receivers)
		n := 50 + r.IntN(500)
		var sent, sum, received, got atomic.Int64
		var group sync.WaitGroup
		for i := range senders {
			tx, seed := clone(), r.Uint64()
			drop := i == 0 && r.IntN(20) == 0
			group.Go(func() {
				r := rand.New(rand.NewPCG(seed, 1))
				for k := 0; k < n; {
					tried, accepted := sendSome(r, tx, i*n+k+1, min(n-k, 1+r.IntN(16)))
					for v := i*n + k + 1; accepted > 0; v, accepted = v+1, accepted-1 {
						sent.Add(1)
						sum.Add(int64(v))
					}
					k += tried
				}
				if !drop {
					tx.Close()
				}
			})
		}
		tx.Close()
		defer collecting()()
		for _, rx := range all {
			seed := r.Uint64()
			group.Go(func() {
				defer rx.Close()
				r := rand.New(rand.NewPCG(seed, 2))
				buf := make([]int, 16)
				for {
					n, err := recvSome(r, rx, buf)
					for _, v := range buf[:n] {
						received.Add(1)
						got.Add(int64(v))
					}
					if errors.Is(err, leat.ErrClosed) {
						return
					}
				}
			})
		}
		group.Wait()
		total.sent.Add(sent.Load())
		total.received.Add(received.Load())
		if sent.Load() != received.Load() || sum.Load() != got.Load() {
			return fmt.Errorf("capacity %d, %d senders, %d receivers: sent %d values (sum %d), received %d (sum %d)", capacity, senders, receivers,
				sent.Load(), sum.Load(), received.Load(), got.Load())
		}
		return nil
	}
}

// sendSome sends v, or the values from v on, of which there are most. It
// returns how many it tried to send, and how many, the first ones, were
// accepted.
func sendSome(r *rand.Rand, tx sender[int], v, most int) (tried, accepted int) {
	switch r.IntN(8) {
	case 0:
		vs := make([]int, most)
		for i := range vs {
			vs[i] = v + i
		}
		ctx, cancel := context.Background(), func() {}
		if r.IntN(2) == 0 {
			ctx, cancel = soon(r)
		}
		defer cancel()
		accepted, _ = tx.SendMany(ctx, vs)
		return most, accepted
	case 1:
		if tx.Cap() == 0 {
			break // Reserve panics
		}
		ctx, cancel := soon(r)
		defer cancel()
		p, err := reserve(ctx, tx)
		if err != nil {
			return 1, 0
		}
		if r.IntN(2) == 0 {
			p.Release()
			return 1, 0
		}
		if p.Send(v) != nil {
			return 1, 0
		}
		return 1, 1
	}
	if send(r, tx, v) != nil {
		return 1, 0
	}
	return 1, 1
}

// A permit is that of mpsc or of mpmc.
type permit[T any] interface {
	Send(v T) error
	Release()
}

func reserve[T any](ctx context.Context, tx sender[T]) (permit[T], error) {
	if s, ok := tx.(*mpsc.Sender[T]); ok {
		return s.Reserve(ctx)
	}
	return tx.(*mpmc.Sender[T]).Reserve(ctx)
}

// leavingRound is a queueRound whose receivers may leave before the end. What
// then is left in the channel must be released, while senders still hold it; of
// each sender it must be the last values; and there must be none if a receiver
// has stayed.
func leavingRound(single bool) func(*rand.Rand, *tally) error {
	type item struct {
		sender, n int
		_         [2]int // so that it is allocated on its own, on 32 bits too: small values share their memory, and are freed together
	}
	type fate struct {
		sent, received atomic.Int32
		held           atomic.Bool // the garbage collector has not found it yet
	}
	return func(r *rand.Rand, total *tally) error {
		senders, receivers, n := 1+r.IntN(3), 1, 1+r.IntN(100)
		if !single {
			receivers = 1 + r.IntN(3)
		}
		tx, clone, all := open[*item](single, r.IntN(16), receivers)
		defer collecting()()
		fates := make([][]fate, senders)
		var held atomic.Int64
		var stayed atomic.Bool
		var group sync.WaitGroup
		for _, rx := range all {
			how, stays, after := r.IntN(3), r.IntN(3) == 0, r.IntN(n*senders+1)
			group.Go(func() {
				for k := 0; stays || k < after; k++ {
					v, err := rx.Recv(context.Background())
					if err != nil {
						stayed.Store(true)
						break
					}
					fates[v.sender][v.n].received.Add(1)
					moved.Add(1)
				}
				if stays {
					how = closes
				}
				leave(how, rx)
			})
		}
		all = nil // so that a dropped receiver is found
		for i := range senders {
			fates[i] = make([]fate, n)
			tx, how := clone(), r.IntN(3)
			group.Go(func() {
				for k := range n {
					v := &item{sender: i, n: k}
					held.Add(1)
					fates[i][k].held.Store(true)
					runtime.AddCleanup(v, func(f *fate) {
						f.held.Store(false)
						held.Add(-1)
					}, &fates[i][k])
					if tx.Send(context.Background(), v) != nil {
						break
					}
					fates[i][k].sent.Store(1)
				}
				leave(how, tx)
			})
		}
		tx.Close()
		group.Wait()
		if err := until("all values released", func() bool { return held.Load() == 0 }); err != nil {
			for i := range fates {
				for k := range fates[i] {
					if f := &fates[i][k]; f.held.Load() {
						err = fmt.Errorf("%w; value %d of sender %d is held: sent %d times, received %d times", err, k, i, f.sent.Load(), f.received.Load())
					}
				}
			}
			return err
		}
		runtime.KeepAlive(tx)
		for i := range fates {
			gap := false
			for k := range fates[i] {
				sent, received := fates[i][k].sent.Load(), fates[i][k].received.Load()
				total.sent.Add(int64(sent))
				total.received.Add(int64(received))
				total.dropped.Add(int64(sent - received))
				switch {
				case received > sent:
					return fmt.Errorf("value %d of sender %d: sent %d times, received %d times", k, i, sent, received)
				case received == 1 && gap:
					return fmt.Errorf("value %d of sender %d was received, and one before it was not", k, i)
				case received < sent && stayed.Load():
					return fmt.Errorf("value %d of sender %d was not received, and a receiver stayed to the end", k, i)
				}
				gap = gap || received == 0
			}
		}
		return nil
	}
}

// open makes a queue with so many receivers, of capacity 0 only if it may be an
// mpmc. All receivers exist before the first of them can leave: a clone of a
// closed receiver is closed, and a queue without receivers accepts nothing.
func open[T any](single bool, capacity, receivers int) (tx sender[T], clone func() sender[T], all []receiver[T]) {
	if single {
		s, x := mpsc.New[T](capacity + 1)
		return s, func() sender[T] { return s.Clone() }, []receiver[T]{x}
	}
	s, x := mpmc.New[T](capacity)
	all = []receiver[T]{x}
	for range receivers - 1 {
		all = append(all, x.Clone())
	}
	return s, func() sender[T] { return s.Clone() }, all
}

// A sender is a sender of a queue, and a receiver the same.
type sender[T any] interface {
	leat.Sender[T]
	SendMany(ctx context.Context, vs []T) (n int, err error)
	Cap() int
}

type receiver[T any] interface {
	leat.Receiver[T]
	RecvMany(ctx context.Context, buf []T) (n int, err error)
	Ready() <-chan struct{}
}
