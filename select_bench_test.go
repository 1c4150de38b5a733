package leat_test

import (
	"context"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// BenchmarkSelect is a select over two channels of which one has a value,
// beside native select.
func BenchmarkSelect(b *testing.B) {
	withCtx, cancel := context.WithCancel(background)
	defer cancel()
	sum := 0
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		full, empty := make(chan int, 1), make(chan int, 1)
		for i := range b.N {
			full <- i
			select {
			case v := <-full:
				sum += v
			case v := <-empty:
				sum -= v
			}
		}
	})
	b.Run("native/ctx", func(b *testing.B) {
		b.ReportAllocs()
		full, empty := make(chan int, 1), make(chan int, 1)
		for i := range b.N {
			full <- i
			select {
			case v := <-full:
				sum += v
			case v := <-empty:
				sum -= v
			case <-withCtx.Done():
				return
			}
		}
	})
	for name, ctx := range map[string]context.Context{"": background, "/ctx": withCtx} {
		b.Run("leat"+name, func(b *testing.B) {
			b.ReportAllocs()
			fullTx, full := mpsc.New[int](1)
			emptyTx, empty := mpsc.New[int](1)
			defer fullTx.Close()
			defer emptyTx.Close()
			for i := range b.N {
				fullTx.TrySend(i)
				leat.Select(ctx,
					leat.OnRecv(full, func(v int, _ error) { sum += v }),
					leat.OnRecv(empty, func(v int, _ error) { sum -= v }))
			}
		})
	}
	b.Run("native/default", func(b *testing.B) {
		b.ReportAllocs()
		one, two := make(chan int, 1), make(chan int, 1)
		for range b.N {
			select {
			case v := <-one:
				sum += v
			case v := <-two:
				sum -= v
			default:
			}
		}
	})
	b.Run("leat/default", func(b *testing.B) {
		b.ReportAllocs()
		oneTx, one := mpsc.New[int](1)
		twoTx, two := mpsc.New[int](1)
		defer oneTx.Close()
		defer twoTx.Close()
		for range b.N {
			leat.Select(background,
				leat.OnRecv(one, func(v int, _ error) { sum += v }),
				leat.OnRecv(two, func(v int, _ error) { sum -= v }),
				leat.Default(nil))
		}
	})
}

// BenchmarkSelectParks is a select that waits, and is woken by the answer of
// another goroutine that selects, too: there and back.
func BenchmarkSelectParks(b *testing.B) {
	withCtx, cancel := context.WithCancel(background)
	defer cancel()
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		there, back, never := make(chan int, 1), make(chan int, 1), make(chan int)
		go func() {
			for {
				select {
				case v, ok := <-there:
					if !ok {
						return
					}
					back <- v
				case <-never:
				}
			}
		}()
		for i := range b.N {
			there <- i
			select {
			case <-back:
			case <-never:
			}
		}
		close(there)
	})
	b.Run("native/ctx", func(b *testing.B) {
		b.ReportAllocs()
		there, back, never := make(chan int, 1), make(chan int, 1), make(chan int)
		go func() {
			for {
				select {
				case v, ok := <-there:
					if !ok {
						return
					}
					back <- v
				case <-never:
				case <-withCtx.Done():
				}
			}
		}()
		for i := range b.N {
			there <- i
			select {
			case <-back:
			case <-never:
			case <-withCtx.Done():
			}
		}
		close(there)
	})
	for name, ctx := range map[string]context.Context{"": background, "/ctx": withCtx} {
		b.Run("leat"+name, func(b *testing.B) {
			b.ReportAllocs()
			thereTx, there := mpsc.New[int](1)
			backTx, back := mpsc.New[int](1)
			neverTx, never := mpsc.New[int](1)
			never2Tx, never2 := mpsc.New[int](1)
			defer neverTx.Close()
			defer never2Tx.Close()
			go func() {
				for open := true; open; {
					leat.Select(ctx,
						leat.OnRecv(there, func(v int, err error) {
							if open = err == nil; open {
								backTx.TrySend(v)
							}
						}),
						leat.OnRecv(never, nil))
				}
			}()
			for i := range b.N {
				thereTx.TrySend(i)
				leat.Select(ctx, leat.OnRecv(back, nil), leat.OnRecv(never2, nil))
			}
			thereTx.Close()
		})
	}
}
