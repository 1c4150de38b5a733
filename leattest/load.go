package leattest

import (
	"context"

	"github.com/leat-go/leat"
)

var loadCases = []testcase{
	{
		name:    "R8_10000_tiny_channels",
		promise: "a channel that carries one value between two goroutines does so, ten thousand times",
		rule:    rule8,
		mode:    realTime,
		run:     tinyChannels,
	},
	{
		name:    "R1_send_races_with_close",
		promise: "a send that meets the receiver's Close either sent, and is received, or failed, and is not",
		rule:    rule1,
		mode:    realTime,
		needs:   []need{needQueue},
		run:     sendMeetsClose,
	},
	{
		name:    "R8_ring_of_32",
		promise: "tokens that go round a ring of channels are neither lost nor multiplied",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needBacklog, needLossless},
		run:     ring,
	},
	{
		name:    "R7_prime_sieve",
		promise: "a chain of channels, each feeding the next, passes on each value in order",
		rule:    rule7,
		mode:    realTime,
		needs:   []need{needBacklog, needLossless, needLocal},
		run:     sieve,
	},
}

func tinyChannels(t *tester) {
	var ctx context.Context
	for i := range t.scale(10000) {
		if i%10 == 0 {
			ctx = t.ctx() // it ends long after ten channels, but not after all
		}
		ch := t.make(1)
		sent := make(chan error, 1)
		go func() {
			err := ch.Sender.Send(ctx, i)
			ch.Sender.Close()
			sent <- err
		}()
		if v, err := ch.Receiver.Recv(context.Background()); v != i || err != nil {
			t.Fatalf("channel %d: Recv = %d, %v", i, v, err)
		}
		t.recvEnd(ctx, ch.Receiver)
		if err := <-sent; err != nil {
			t.Fatalf("channel %d: Send = %v", i, err)
		}
		ch.Receiver.Close()
	}
}

func (t *tester) recvEnd(ctx context.Context, rx leat.Receiver[int]) {
	t.Helper()
	if v, err := rx.Recv(ctx); !same(err, leat.ErrClosed) {
		t.Fatalf("Recv = %d, %v; want ErrClosed", v, err)
	}
}

func sendMeetsClose(t *tester) {
	ctx := t.ctx()
	for i := range t.scale(3000) {
		ch := t.make(1)
		sent := make(chan error, 1)
		go func() { sent <- ch.Sender.Send(ctx, i) }()
		ch.Receiver.Close()
		err := <-sent
		v, got := ch.Receiver.Recv(ctx)
		switch {
		case err == nil && (got != nil || v != i):
			t.Fatalf("round %d: Send succeeded, and Recv = %d, %v", i, v, got)
		case err != nil && (!same(err, leat.ErrClosed) || !same(got, leat.ErrClosed)):
			t.Fatalf("round %d: Send = %v, and Recv = %d, %v; want ErrClosed twice", i, err, v, got)
		}
		ch.Sender.Close()
	}
}

func ring(t *tester) {
	const size, tokens = 32, 8
	rounds := t.scale(200)
	var stations []*channel
	for range size {
		stations = append(stations, t.open(tokens))
	}
	ctx := t.ctx()
	for i, from := range stations {
		to := stations[(i+1)%size]
		t.start("a station of the ring", func() (int, error) {
			for range rounds * tokens {
				v, err := from.rx.Recv(ctx)
				if err != nil {
					return 0, err
				}
				if err := to.tx.Send(ctx, v); err != nil {
					return 0, err
				}
			}
			return 0, nil
		})
	}
	for token := range tokens {
		t.send(stations[0].tx, token)
	}
	for _, c := range t.calls {
		c.want(0, nil)
	}
	got := map[int]bool{}
	for range tokens {
		v, err := stations[0].rx.Recv(ctx)
		if err != nil || got[v] || v < 0 || v >= tokens {
			t.Fatalf("Recv = %d, %v after %d rounds; before it came %v", v, err, rounds, got)
		}
		got[v] = true
	}
	t.recvErr(stations[0].rx, leat.ErrEmpty)
}

func sieve(t *tester) {
	ctx := t.ctx()
	numbers := t.open(2)
	t.start("the source", func() (int, error) {
		for n := 2; numbers.tx.Send(ctx, n) == nil && n < 1000; n++ {
		}
		return 0, numbers.tx.Close()
	})
	primes, last := 0, 0
	for from := numbers; ; primes++ {
		prime, err := from.rx.Recv(ctx)
		if same(err, leat.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatalf("Recv = %v after %d primes", err, primes)
		}
		last = prime
		in, to := from, t.open(2)
		t.start("a filter", func() (int, error) {
			for {
				n, err := in.rx.Recv(ctx)
				if err != nil {
					return 0, to.tx.Close()
				}
				if n%prime != 0 {
					if err := to.tx.Send(ctx, n); err != nil {
						return 0, err
					}
				}
			}
		})
		from = to
	}
	if primes != 168 || last != 997 {
		t.Fatalf("the sieve found %d primes below 1001, the last of them %d; want 168, 997", primes, last)
	}
}
