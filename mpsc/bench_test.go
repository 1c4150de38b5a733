package mpsc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/leat-go/leat/mpsc"
)

// Each benchmark has its anchor beside it: the native channel doing the same
// work, with a select on ctx.Done where the context can be cancelled.

// contexts runs f with one that cannot end and one that can.
func contexts(b *testing.B, f func(b *testing.B, ctx context.Context)) {
	b.Run("ctx=background", func(b *testing.B) { f(b, background) })
	b.Run("ctx=cancellable", func(b *testing.B) { f(b, b.Context()) })
}

// nativeSend and nativeRecv are what a Go user writes.
func nativeSend(ctx context.Context, ch chan<- int, v int) {
	if done := ctx.Done(); done == nil {
		ch <- v
	} else {
		select {
		case ch <- v:
		case <-done:
		}
	}
}

func nativeRecv(ctx context.Context, ch <-chan int) (v int, ok bool) {
	if done := ctx.Done(); done == nil {
		v, ok = <-ch
	} else {
		select {
		case v, ok = <-ch:
		case <-done:
		}
	}
	return v, ok
}

// BenchmarkStream is one value sent and received, with as many senders, one by
// one.
func BenchmarkStream(b *testing.B) {
	contexts(b, func(b *testing.B, ctx context.Context) {
		for _, capacity := range []int{32, 1024} {
			for _, senders := range []int{1, 2, 4, 8, 64} {
				name := fmt.Sprintf("cap=%d/senders=%d", capacity, senders)
				b.Run(name+"/native", func(b *testing.B) {
					ch := make(chan int, capacity)
					var wg sync.WaitGroup
					for s := range senders {
						wg.Go(func() {
							for i := s; i < b.N; i += senders {
								nativeSend(ctx, ch, i)
							}
						})
					}
					go func() { wg.Wait(); close(ch) }()
					n := 0
					for {
						if _, ok := nativeRecv(ctx, ch); !ok {
							break
						}
						n++
					}
					if n != b.N {
						b.Fatalf("received %d of %d", n, b.N)
					}
				})
				b.Run(name+"/leat", func(b *testing.B) {
					tx, rx := mpsc.New[int](capacity)
					for s := range senders {
						tx := tx.Clone()
						go func() {
							defer tx.Close()
							for i := s; i < b.N; i += senders {
								tx.Send(ctx, i)
							}
						}()
					}
					tx.Close()
					n := 0
					for range rx.All(ctx) {
						n++
					}
					if n != b.N {
						b.Fatalf("received %d of %d", n, b.N)
					}
				})
			}
		}
	})
}

// BenchmarkBatch is one value of a batch of 64, against values one by one.
func BenchmarkBatch(b *testing.B) {
	const batch = 64
	b.Run("native", func(b *testing.B) {
		ch := make(chan int, 1024)
		go func() {
			for i := range b.N {
				ch <- i
			}
			close(ch)
		}()
		for range ch {
		}
	})
	b.Run("leat", func(b *testing.B) {
		tx, rx := mpsc.New[int](1024)
		go func() {
			defer tx.Close()
			vs := make([]int, batch)
			for n := b.N; n > 0; n -= batch {
				tx.SendMany(background, vs[:min(n, batch)])
			}
		}()
		buf, n := make([]int, batch), 0
		for {
			k, err := rx.RecvMany(background, buf)
			if err != nil {
				break
			}
			n += k
		}
		if n != b.N {
			b.Fatalf("received %d of %d", n, b.N)
		}
	})
}

// BenchmarkTry is a send and a receive by one goroutine that never wait.
func BenchmarkTry(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		ch := make(chan int, 32)
		for i := range b.N {
			select {
			case ch <- i:
			default:
			}
			select {
			case <-ch:
			default:
			}
		}
	})
	b.Run("leat", func(b *testing.B) {
		b.ReportAllocs()
		tx, rx := mpsc.New[int](32)
		for i := range b.N {
			tx.TrySend(i)
			rx.TryRecv()
		}
	})
	b.Run("leat/unbounded", func(b *testing.B) {
		b.ReportAllocs()
		tx, rx := mpsc.NewUnbounded[int]()
		for i := range b.N {
			tx.TrySend(i)
			rx.TryRecv()
		}
	})
}

// BenchmarkPingPong is a value to another goroutine and back: two wake-ups.
func BenchmarkPingPong(b *testing.B) {
	contexts(b, func(b *testing.B, ctx context.Context) {
		b.Run("native", func(b *testing.B) {
			there, back := make(chan int, 1), make(chan int, 1)
			go func() {
				for {
					v, ok := nativeRecv(ctx, there)
					if !ok {
						return
					}
					nativeSend(ctx, back, v)
				}
			}()
			for i := range b.N {
				nativeSend(ctx, there, i)
				nativeRecv(ctx, back)
			}
			close(there)
		})
		b.Run("leat", func(b *testing.B) {
			there, thereRx := mpsc.New[int](1)
			back, backRx := mpsc.New[int](1)
			go func() {
				for v := range thereRx.All(ctx) {
					back.Send(ctx, v)
				}
			}()
			for i := range b.N {
				there.Send(ctx, i)
				backRx.Recv(ctx)
			}
			there.Close()
		})
	})
}
