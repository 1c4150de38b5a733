package broadcast_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/leat-go/leat/broadcast"
)

// BenchmarkFanOut is one value sent and received by all receivers, none missed,
// against what a Go user writes: a native channel for each receiver and a loop
// over them.
func BenchmarkFanOut(b *testing.B) {
	const capacity = 1024
	for _, receivers := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("receivers=%d/native", receivers), func(b *testing.B) {
			chs := make([]chan int, receivers)
			var wg sync.WaitGroup
			for i := range chs {
				ch := make(chan int, capacity)
				chs[i] = ch
				wg.Go(func() {
					for range ch {
					}
				})
			}
			for i := range b.N {
				for _, ch := range chs {
					ch <- i
				}
			}
			for _, ch := range chs {
				close(ch)
			}
			wg.Wait()
		})
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("receivers=%d/leat/batch=%d", receivers, batch), func(b *testing.B) {
				b.ReportAllocs()
				tx := broadcast.New[int](capacity)
				var wg sync.WaitGroup
				for range receivers {
					rx := tx.Subscribe(broadcast.Lossless())
					wg.Go(func() {
						buf, n := make([]int, batch), 0
						recv := func() (int, error) { return rx.RecvMany(background, buf) }
						if batch == 1 {
							recv = func() (int, error) {
								_, err := rx.Recv(background)
								return 1, err
							}
						}
						for {
							k, err := recv()
							if err != nil {
								break
							}
							n += k
						}
						if n != b.N {
							b.Errorf("received %d of %d", n, b.N)
						}
					})
				}
				for i := range b.N {
					tx.Send(background, i)
				}
				tx.Close()
				wg.Wait()
			})
		}
	}
}

// BenchmarkAnswers is a value there and a value back, between two goroutines.
func BenchmarkAnswers(b *testing.B) {
	cancellable, cancel := context.WithCancel(background)
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": background, "cancellable": cancellable} {
		b.Run("ctx="+name, func(b *testing.B) {
			there, back := broadcast.New[int](1), broadcast.New[int](1)
			asked, answer := there.Subscribe(broadcast.Lossless()), back.Subscribe(broadcast.Lossless())
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					v, err := asked.Recv(ctx)
					if err != nil {
						return
					}
					back.Send(ctx, v)
				}
			})
			for i := range b.N {
				there.Send(ctx, i)
				answer.Recv(ctx)
			}
			there.Close()
			wg.Wait()
		})
	}
}

// BenchmarkEachWaits is a value to ten receivers, of which each has received
// the value before.
func BenchmarkEachWaits(b *testing.B) {
	tx := broadcast.New[int](1)
	var wg sync.WaitGroup
	for range 10 {
		rx := tx.Subscribe(broadcast.Lossless())
		wg.Go(func() {
			for {
				if _, err := rx.Recv(background); err != nil {
					return
				}
			}
		})
	}
	for i := range b.N {
		tx.Send(background, i)
	}
	tx.Close()
	wg.Wait()
}

// BenchmarkTry is a send and a receive by one goroutine that never wait.
func BenchmarkTry(b *testing.B) {
	b.ReportAllocs()
	tx := broadcast.New[int](32)
	rx := tx.Subscribe()
	for i := range b.N {
		tx.TrySend(i)
		rx.TryRecv()
	}
}
