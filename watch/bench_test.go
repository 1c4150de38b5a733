package watch_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat/watch"
)

type config struct {
	level   string
	timeout int
}

var sink config

// BenchmarkGet is one reading of the current value, against what a Go user
// writes.
func BenchmarkGet(b *testing.B) {
	b.Run("native/RWMutex", func(b *testing.B) {
		var mu sync.RWMutex
		v := config{"info", 1}
		for range b.N {
			mu.RLock()
			sink = v
			mu.RUnlock()
		}
	})
	b.Run("native/atomic.Pointer", func(b *testing.B) {
		var p atomic.Pointer[config]
		p.Store(&config{"info", 1})
		for range b.N {
			sink = *p.Load()
		}
	})
	tx := watch.New(config{"info", 1})
	rx := tx.Subscribe()
	b.Run("leat/Sender", func(b *testing.B) {
		for range b.N {
			sink = tx.Get()
		}
	})
	b.Run("leat/Receiver", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			sink = rx.Get()
		}
	})
	b.Run("leat/int", func(b *testing.B) {
		tx := watch.New(1)
		rx, sum := tx.Subscribe(), 0
		for range b.N {
			sum += rx.Get()
		}
		if sum != b.N {
			b.Fatal(sum)
		}
	})
}

// BenchmarkSend is one send to receivers that do not wait.
func BenchmarkSend(b *testing.B) {
	for _, receivers := range []int{0, 100} {
		b.Run(fmt.Sprintf("receivers=%d", receivers), func(b *testing.B) {
			b.ReportAllocs()
			tx := watch.New(0)
			for range receivers {
				rx := tx.Subscribe()
				defer rx.Close()
			}
			for i := range b.N {
				tx.Send(background, i)
			}
		})
	}
}

// BenchmarkSendRecv is a send and a receive by one goroutine that never wait.
func BenchmarkSendRecv(b *testing.B) {
	b.ReportAllocs()
	tx := watch.New(0)
	rx := tx.Subscribe()
	for i := range b.N {
		tx.Send(background, i)
		rx.Recv(background)
	}
}

// BenchmarkPingPong is a value to another goroutine and back: two wake-ups.
func BenchmarkPingPong(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		there, back := make(chan int, 1), make(chan int, 1)
		go func() {
			for v := range there {
				back <- v
			}
		}()
		for i := range b.N {
			there <- i
			<-back
		}
		close(there)
	})
	b.Run("leat", func(b *testing.B) {
		there, back := watch.New(-1), watch.New(-1)
		thereRx, backRx := there.Subscribe(), back.Subscribe()
		go func() {
			for {
				v, err := thereRx.Recv(background)
				if err != nil {
					return
				}
				back.Send(background, v)
			}
		}()
		for i := range b.N {
			there.Send(background, i)
			backRx.Recv(background)
		}
		there.Close()
	})
}
