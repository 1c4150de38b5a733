package leat_test

import (
	"context"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// What the border to native channels costs: docs/native-channels.md. One
// goroutine sends through a channel of capacity 64, and one receives; ctx can
// end.
func BenchmarkBorder(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	send := func(n int, tx leat.Sender[int]) {
		defer tx.Close()
		for i := range n {
			if tx.Send(ctx, i) != nil {
				return
			}
		}
	}
	sentTo := func(n int) *mpsc.Receiver[int] {
		tx, rx := mpsc.New[int](64)
		go send(n, tx)
		return rx
	}
	count := func(ch <-chan int) (got int) {
		for range ch {
			got++
		}
		return got
	}
	for _, way := range []struct {
		name string
		pass func(n int) (got int)
	}{
		{"native", func(n int) int {
			ch := make(chan int, 64)
			go func() {
				defer close(ch)
				for i := range n {
					select {
					case ch <- i:
					case <-ctx.Done():
						return
					}
				}
			}()
			return count(ch)
		}},
		{"All", func(n int) (got int) {
			for range sentTo(n).All(ctx) {
				got++
			}
			return got
		}},
		{"Ready", func(n int) (got int) {
			rx := sentTo(n)
			for {
				select {
				case <-rx.Ready():
					_, err := rx.TryRecv()
					if err == leat.ErrClosed {
						return got
					}
					if err == nil {
						got++
					}
				case <-ctx.Done():
					return got
				}
			}
		}},
		{"Ready/drained", func(n int) (got int) {
			rx := sentTo(n)
			for {
				select {
				case <-rx.Ready():
					_, err := rx.TryRecv()
					for ; err == nil; _, err = rx.TryRecv() {
						got++
					}
					if err == leat.ErrClosed {
						return got
					}
				case <-ctx.Done():
					return got
				}
			}
		}},
		{"ToChan/capacity=0", func(n int) int { return count(leat.ToChan(ctx, sentTo(n))) }},
		{"ToChan/capacity=1", func(n int) int { return count(leat.ToChan(ctx, sentTo(n), 1)) }},
		{"ToChan/capacity=64", func(n int) int { return count(leat.ToChan(ctx, sentTo(n), 64)) }},
		{"FromChan", func(n int) (got int) {
			ch := make(chan int, 64)
			go send(n, owner{leat.IntoChan(ch), ch})
			rx := leat.FromChan(ch)
			for _, err := rx.Recv(ctx); err == nil; _, err = rx.Recv(ctx) {
				got++
			}
			return got
		}},
		{"IntoChan", func(n int) int {
			ch := make(chan int, 64)
			go send(n, owner{leat.IntoChan(ch), ch})
			return count(ch)
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			if got := way.pass(b.N); got != b.N {
				b.Fatalf("received %d of %d", got, b.N)
			}
		})
	}
}

// An owner closes the native channel with its Sender.
type owner struct {
	leat.Sender[int]
	ch chan int
}

func (o owner) Close() error {
	close(o.ch)
	return o.Sender.Close()
}
