package rpc_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/leat-go/leat/rpc"
)

// BenchmarkPing is one ping after another over loopback, beside what a
// hand-written program does with two sockets and nothing else: no limits, no
// ctx, no queue. Both are mostly system calls and wake-ups.
func BenchmarkPing(b *testing.B) {
	b.Run("client and server", func(b *testing.B) {
		c := dial(b, serveTCP(b, new(rpc.Server)), nil)
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Ping(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw peer and server", func(b *testing.B) {
		benchmarkRaw(b, serveTCP(b, new(rpc.Server)))
	})
	b.Run("by hand", func(b *testing.B) {
		l := listen(b)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			for buf := make([]byte, len(`"Ping"`)); ; {
				if _, err := io.ReadFull(c, buf); err != nil {
					return
				}
				if _, err := c.Write([]byte(`"Ack"`)); err != nil {
					return
				}
			}
		}()
		benchmarkRaw(b, l.Addr().String())
	})
}

func benchmarkRaw(b *testing.B, addr string) {
	c := rawDial(b, addr)
	ping, buf := []byte(`"Ping"`), make([]byte, len(`"Ack"`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(ping); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPingWindow is what pipelining gives: many callers on one connection.
func BenchmarkPingWindow(b *testing.B) {
	for _, window := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(window), func(b *testing.B) {
			c := dial(b, serveTCP(b, new(rpc.Server)), &rpc.ClientOptions{Window: window})
			b.SetParallelism(64)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.Ping(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
