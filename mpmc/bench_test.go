package mpmc_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/leat-go/leat/mpmc"
)

// BenchmarkStream is one value sent and received, with as many senders and as
// many receivers, one by one; the native channel doing the same beside it.
func BenchmarkStream(b *testing.B) {
	for _, capacity := range []int{0, 32, 1024} {
		for _, n := range []int{1, 4, 64} {
			name := fmt.Sprintf("cap=%d/each=%d", capacity, n)
			b.Run(name+"/native", func(b *testing.B) {
				ch := make(chan int, capacity)
				var senders, receivers sync.WaitGroup
				for g := range n {
					senders.Go(func() {
						for i := g; i < b.N; i += n {
							ch <- i
						}
					})
					receivers.Go(func() {
						for range ch {
						}
					})
				}
				senders.Wait()
				close(ch)
				receivers.Wait()
			})
			b.Run(name+"/leat", func(b *testing.B) {
				tx, rx := mpmc.New[int](capacity)
				var receivers sync.WaitGroup
				for g := range n {
					tx, rx := tx.Clone(), rx.Clone()
					go func() {
						defer tx.Close()
						for i := g; i < b.N; i += n {
							tx.Send(background, i)
						}
					}()
					receivers.Go(func() {
						defer rx.Close()
						for range rx.All(background) {
						}
					})
				}
				tx.Close()
				rx.Close()
				receivers.Wait()
			})
		}
	}
}
