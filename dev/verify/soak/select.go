package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
)

// A balance compares the sent values with the received ones.
type balance struct{ sent, sum, received, got atomic.Int64 }

func (b *balance) send(v int) {
	b.sent.Add(1)
	b.sum.Add(int64(v))
}

func (b *balance) receive(v int) {
	b.received.Add(1)
	b.got.Add(int64(v))
	moved.Add(1)
}

// settle adds the balance to the total. It returns an error if it is not even.
func (b *balance) settle(total *tally) error {
	total.sent.Add(b.sent.Load())
	total.received.Add(b.received.Load())
	if b.sent.Load() != b.received.Load() || b.sum.Load() != b.got.Load() {
		return fmt.Errorf("sent %d values (sum %d), received %d (sum %d)", b.sent.Load(), b.sum.Load(), b.received.Load(), b.got.Load())
	}
	return nil
}

// selectRound lets goroutines send to and receive from two channels in one
// Select, in which each channel may occur several times. A further receiver of
// each channel receives to the end, so that no Select waits for ever.
func selectRound(r *rand.Rand, total *tally) error {
	const channels = 2
	var b balance
	var busy, drained sync.WaitGroup
	var txs []*mpmc.Sender[int]
	var rxs []*mpmc.Receiver[int]
	for range channels {
		tx, rx := mpmc.New[int](r.IntN(3))
		drain := rx.Clone()
		drained.Go(func() {
			defer drain.Close()
			for v := range drain.All(context.Background()) {
				b.receive(v)
			}
		})
		txs, rxs = append(txs, tx), append(rxs, rx)
	}
	for i := range 1 + r.IntN(4) {
		n, seed := 50+r.IntN(200), r.Uint64()
		busy.Go(func() {
			r := rand.New(rand.NewPCG(seed, 5))
			for k := range n {
				selectOnce(r, &b, txs, rxs, (i*1000+k)*10)
			}
		})
	}
	busy.Wait()
	for i := range channels {
		txs[i].Close()
		rxs[i].Close()
	}
	drained.Wait()
	return b.settle(total)
}

// selectOnce runs a Select of several cases, one of which at least sends. The
// values that it may send begin with v.
func selectOnce(r *rand.Rand, b *balance, txs []*mpmc.Sender[int], rxs []*mpmc.Receiver[int], v int) {
	var cases []leat.Case
	for k := range 1 + r.IntN(5) {
		i, v := r.IntN(len(txs)), v+k
		if k == 0 || r.IntN(2) == 0 {
			cases = append(cases, leat.OnSend(txs[i], v, func(err error) {
				if err == nil {
					b.send(v)
				}
			}))
			continue
		}
		cases = append(cases, leat.OnRecv(rxs[i], func(got int, err error) {
			if err == nil {
				b.receive(got)
			}
		}))
	}
	r.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	ctx, cancel := context.Background(), func() {}
	if r.IntN(4) == 0 {
		ctx, cancel = soon(r)
	}
	defer cancel()
	if r.IntN(8) == 0 {
		cases = append(cases, leat.Default(func() {}))
	}
	leat.Select(ctx, cases...)
}

// fromChanRound receives from one native channel with several receivers, which
// together get every value.
func fromChanRound(r *rand.Rand, total *tally) error {
	ch := make(chan int, r.IntN(8))
	var b balance
	var sending, receiving sync.WaitGroup
	for i := range 1 + r.IntN(3) {
		n := 50 + r.IntN(300)
		sending.Go(func() {
			for k := range n {
				v := i*1000 + k
				b.send(v)
				ch <- v
			}
		})
	}
	for range 1 + r.IntN(4) {
		rx, seed := leat.FromChan(ch), r.Uint64()
		receiving.Go(func() {
			r := rand.New(rand.NewPCG(seed, 6))
			for {
				v, err := recv(r, rx)
				if err == nil {
					b.receive(v)
				} else if errors.Is(err, leat.ErrClosed) {
					return
				}
			}
		})
	}
	sending.Wait()
	close(ch)
	receiving.Wait()
	return b.settle(total)
}
