package oneshot_test

import (
	"testing"

	"github.com/leat-go/leat/oneshot"
)

// Each benchmark has its anchor beside it: a native channel of capacity 1 doing
// the same work.

var nativeSink chan int

// BenchmarkNewSendRecv is the whole life of a channel, in one goroutine. The
// native channel is also measured where it is allocated on the heap, as it must
// be as soon as another goroutine has it.
func BenchmarkNewSendRecv(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			ch := make(chan int, 1)
			ch <- i
			<-ch
		}
	})
	b.Run("native/heap", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			nativeSink = make(chan int, 1)
			nativeSink <- i
			<-nativeSink
		}
	})
	b.Run("leat", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			tx, rx := oneshot.New[int]()
			tx.Send(background, i)
			rx.Recv(background)
		}
	})
}

// BenchmarkRequestReply is a request to another goroutine, with a channel for
// the one answer.
func BenchmarkRequestReply(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		requests := make(chan chan int, 1)
		go func() {
			for reply := range requests {
				reply <- 1
			}
		}()
		for range b.N {
			reply := make(chan int, 1)
			requests <- reply
			<-reply
		}
		close(requests)
	})
	b.Run("leat", func(b *testing.B) {
		b.ReportAllocs()
		requests := make(chan *oneshot.Sender[int], 1)
		go func() {
			for reply := range requests {
				reply.Send(background, 1)
			}
		}()
		for range b.N {
			tx, rx := oneshot.New[int]()
			requests <- tx
			rx.Recv(background)
		}
		close(requests)
	})
}
