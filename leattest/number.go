package leattest

import (
	"math"

	"github.com/leat-go/leat"
)

var numberCases = []testcase{
	{
		name:    "R8_values_are_numbered",
		promise: "Next of a sender is how many values were accepted, Next of a receiver the number of the value that it looks for",
		rule:    rule8,
		needs:   []need{needNext, needSubscribe},
		run:     valuesNumbered,
	},
	{
		name:    "R8_From_starts_at_a_number",
		promise: "a receiver that starts From a kept number gets that value first; From a number beyond the end, the next accepted value",
		rule:    rule8,
		needs:   []need{needFrom, needBounded},
		run:     fromStarts,
	},
	{
		name:    "R8_From_an_overwritten_number_lags_exactly",
		promise: "the first receive of a receiver that starts From a number that is gone reports exactly how many values are gone",
		rule:    rule8,
		needs:   []need{needFrom, needBounded},
		run:     fromGone,
	},
	{
		name:    "R8_From_on_an_unbounded_broadcast",
		promise: "an unbounded broadcast keeps what a receiver has still to receive, for From, and nothing else",
		rule:    rule8,
		needs:   []need{needFrom, needUnbounded, needSubscribe, needTxLen},
		run:     fromUnbounded,
	},
	{
		name:    "R8_From_resumes_without_loss_or_repetition",
		promise: "From another receiver's Next continues where that receiver stopped",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needFrom, needNext},
		run:     fromResumes,
	},
	{
		name:    "R5_a_receiver_makes_receivers",
		promise: "a receiver, closed or not, makes others, which see the values accepted from then on and do not keep the channel open",
		rule:    rule5b,
		needs:   []need{needListen},
		run:     listens,
	},
}

// next asserts the Next of a handle.
func (t *tester) next(who string, handle any, want uint64) {
	t.Helper()
	if n := handle.(nexter).Next(); n != want {
		t.Fatalf("Next of %s = %d; want %d", who, n, want)
	}
}

func valuesNumbered(t *tester) {
	ch := t.open(2)
	t.next("a new sender", ch.tx, 0)
	t.next("a new receiver", ch.rx, 0)
	t.send(ch.tx, 10, 11)
	t.next("a sender that sent two values", ch.tx, 2)
	t.next("a receiver that received nothing", ch.rx, 0)
	t.next("a receiver that subscribed after two values", ch.subscribe(), 2)
	t.recv(ch.rx, 10)
	t.next("a receiver that received one value", ch.rx, 1)
	if t.kind.Features.Lossy {
		t.send(ch.tx, 12, 13, 14)
		t.next("a receiver whose lag is not reported", ch.rx, 1)
		t.recvErr(ch.rx, lagged(2))
		t.next("a receiver whose lag is reported", ch.rx, 3)
	}
	sent := ch.tx.(nexter).Next()
	t.close(ch.tx)
	t.next("a closed sender", ch.tx, sent)
}

func fromStarts(t *tester) {
	ch := t.open(4)
	from := func(n uint64) leat.Receiver[int] {
		rx := ch.From(n)
		t.own(rx)
		return rx
	}
	early := from(3)
	t.send(ch.tx, 10, 11)
	t.recv(early, 10, 11)
	t.send(ch.tx, 12, 13)
	t.recv(ch.rx, 10, 11, 12, 13)
	first, third, end, beyond := from(0), from(2), from(4), from(math.MaxUint64)
	t.len(4, first)
	t.len(2, third)
	t.len(0, end, beyond)
	t.recv(first, 10, 11, 12, 13)
	t.recv(early, 12, 13)
	t.recvErr(end, leat.ErrEmpty)
	t.recvErr(beyond, leat.ErrEmpty)
	t.recv(third, 12, 13)
	t.send(ch.tx, 14)
	for _, rx := range []leat.Receiver[int]{first, third, end, beyond} {
		t.recv(rx, 14)
		t.recvErr(rx, leat.ErrEmpty)
	}
}

func fromGone(t *tester) {
	for _, capacity := range capacities {
		for _, over := range []int{1, 2, capacity + 1} {
			ch := t.open(capacity)
			for v := range capacity + over {
				t.send(ch.tx, v)
				if !t.kind.Features.Lossy {
					t.recv(ch.rx, v)
				}
			}
			for gone := range over {
				rx := ch.From(uint64(gone))
				t.own(rx)
				t.len(capacity+over-gone, rx)
				t.recvErr(rx, lagged(uint64(over-gone)))
				t.recv(rx, seq(over, capacity+over-1)...)
				t.recvErr(rx, leat.ErrEmpty)
			}
			rx := ch.From(uint64(over))
			t.own(rx)
			t.recv(rx, seq(over, capacity+over-1)...)
		}
	}
}

func fromUnbounded(t *tester) {
	ch := t.open(1)
	slow := ch.subscribe()
	from := func(n uint64) leat.Receiver[int] {
		rx := ch.From(n)
		t.own(rx)
		return rx
	}
	t.send(ch.tx, 10, 11, 12)
	t.recv(ch.rx, 10, 11, 12)
	t.len(3, ch.tx)
	t.recv(slow, 10)
	t.len(2, ch.tx)
	gone := from(0)
	t.recvErr(gone, lagged(1))
	for _, rx := range []leat.Receiver[int]{gone, from(1)} {
		t.recv(rx, 11, 12)
		t.recvErr(rx, leat.ErrEmpty)
	}
	t.recvErr(from(math.MaxUint64), leat.ErrEmpty)
	t.len(2, ch.tx)
	t.close(slow)
	t.len(0, ch.tx)
	t.recvErr(from(1), lagged(2))
	t.close(ch.tx)
	ended := from(2)
	t.recvErr(ended, lagged(1))
	t.recvErr(ended, leat.ErrClosed)
}

func fromResumes(t *tester) {
	ch := t.open(8)
	t.close(ch.rx)
	sent := t.scale(5000)
	rx := ch.From(0)
	t.own(rx)
	send := t.start("a sender", func() (int, error) {
		for v := range sent {
			if err := ch.tx.Send(t.ctx(), v); err != nil {
				return v, err
			}
		}
		return sent, nil
	})
	for next, calls := uint64(0), 1; next < uint64(sent); calls++ {
		v, err := rx.Recv(t.ctx())
		switch lag, gap := err.(*leat.LaggedError); {
		case gap:
			next += lag.Missed
		case err != nil || uint64(v) != next:
			t.Fatalf("Recv at number %d = %d, %v; the value has its number", next, v, err)
		default:
			next++
		}
		t.next("the receiver", rx, next)
		if calls%5 == 0 {
			t.close(rx)
			rx = ch.From(next)
			t.own(rx)
		}
	}
	send.want(sent, nil)
}

func listens(t *tester) {
	ch := t.open(4)
	t.send(ch.tx, 1)
	other := ch.Listen(ch.rx)
	t.own(other)
	t.recvErr(other, leat.ErrEmpty)
	t.recv(ch.rx, 1)
	t.close(ch.rx)
	third := ch.Listen(ch.rx)
	t.own(third)
	t.send(ch.tx, 2)
	t.recv(other, 2)
	t.recv(third, 2)
	t.close(ch.tx)
	t.recvErr(other, leat.ErrClosed)
	t.recvErr(third, leat.ErrClosed)
	t.recvErr(ch.Listen(third), leat.ErrClosed)
}
