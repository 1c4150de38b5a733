package broadcast_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

func isLag(err error, missed uint64) bool {
	lag, ok := err.(*leat.LaggedError)
	return ok && lag.Missed == missed
}

// It fails if Next of a sender is not how many values were accepted, or Next of
// a receiver not the number of the value that it looks for.
func TestNext(t *testing.T) {
	tx := broadcast.New[int](2)
	rx := tx.Subscribe()
	check := func(when string, sender, receiver uint64) {
		t.Helper()
		if s, r := tx.Next(), rx.Next(); s != sender || r != receiver {
			t.Errorf("%s: Next of the sender is %d, of the receiver %d; want %d and %d", when, s, r, sender, receiver)
		}
	}
	check("new", 0, 0)
	tx.TrySend(0)
	check("one sent", 1, 0)
	rx.TryRecv()
	check("and received", 1, 1)
	tx.SendMany(background, []int{1, 2, 3, 4})
	check("a lag is not reported", 5, 1)
	if _, err := rx.TryRecv(); !isLag(err, 2) {
		t.Fatalf("TryRecv = %v; want a lag of 2", err)
	}
	check("a lag is reported", 5, 3)
	if late := tx.Subscribe(); late.Next() != 5 {
		t.Errorf("Next of a new receiver is %d; want 5", late.Next())
	}
	tx.Close()
	rx.Close()
	check("closed", 5, 3)
}

// It fails if a receiver starts anywhere but at the number that From gives, or
// does not get the exact lag if that is gone.
func TestFrom(t *testing.T) {
	const capacity, sent = 4, 10 // 6 to 9 are kept
	for _, lossless := range []bool{false, true} {
		for _, ended := range []bool{false, true} {
			for from := range uint64(sent + 3) {
				t.Run(fmt.Sprintf("%d,lossless=%v,ended=%v", from, lossless, ended), func(t *testing.T) {
					tx := broadcast.New[int](capacity)
					defer tx.Close()
					for v := range sent {
						tx.TrySend(v)
					}
					opts := []broadcast.SubscribeOption{broadcast.From(from)}
					if lossless {
						opts = append(opts, broadcast.Lossless())
					}
					if ended {
						tx.Close()
					}
					rx := tx.Subscribe(opts...)
					defer rx.Close()
					if next := rx.Next(); next != min(from, sent) {
						t.Errorf("Next is %d", next)
					}
					if n := rx.Len(); n != sent-int(min(from, sent)) {
						t.Errorf("Len is %d", n)
					}
					if from < sent-capacity {
						_, err := rx.TryRecv()
						if !isLag(err, sent-capacity-from) {
							t.Fatalf("the first receive: %v; want a lag of %d", err, sent-capacity-from)
						}
					}
					for want := max(int(from), sent-capacity); want < sent; want++ {
						if v, err := rx.TryRecv(); v != want || err != nil {
							t.Fatalf("received %d, %v; want %d", v, err, want)
						}
					}
					want := leat.ErrEmpty
					if ended {
						want = leat.ErrClosed
					}
					if v, err := rx.TryRecv(); err != want {
						t.Fatalf("received %d, %v at the end; want %v", v, err, want)
					}
				})
			}
		}
	}
}

// It fails if a lossless receiver that starts in a gap misses more than the
// gap, or if senders do not wait for it, or wait for what it cannot get any
// more.
func TestFromLosslessInAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		defer tx.Close()
		for v := range 5 {
			tx.TrySend(v)
		}
		rx := tx.Subscribe(broadcast.From(1), broadcast.Lossless()) // 3 and 4 are kept
		defer rx.Close()
		if err := tx.TrySend(-1); err != leat.ErrFull {
			t.Fatalf("TrySend = %v; want ErrFull", err)
		}
		sent := make(chan error, 1)
		go func() { sent <- tx.Send(t.Context(), 5) }()
		synctest.Wait()
		_, err := rx.TryRecv()
		if !isLag(err, 2) {
			t.Fatalf("the first receive: %v; want a lag of 2", err)
		}
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatalf("Send returned %v when the lag was reported; it should wait for value 3", <-sent)
		}
		for want := 3; want < 6; want++ {
			if v, err := rx.TryRecv(); v != want || err != nil {
				t.Fatalf("received %d, %v; want %d", v, err, want)
			}
			synctest.Wait()
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if rx.Missed() != 2 {
			t.Errorf("Missed is %d; want 2", rx.Missed())
		}
	})
}

// It fails if a receiver can be made that starts at two places.
func TestFromAndReplayPanics(t *testing.T) {
	tx := broadcast.New[int](1)
	rx := tx.Subscribe()
	for who, subscribe := range map[string]func(...broadcast.SubscribeOption) *broadcast.Receiver[int]{"Sender": tx.Subscribe, "Receiver": rx.Subscribe} {
		func() {
			const want = "broadcast: Subscribe with Replay and From; each says where the receiver starts, use one of them"
			defer func() {
				if got := recover(); got != want {
					t.Errorf("%s.Subscribe: panic %v; want %s", who, got, want)
				}
			}()
			subscribe(broadcast.From(0), broadcast.Replay(0))
		}()
	}
	if n := tx.Receivers(); n != 1 {
		t.Errorf("%d receivers; want 1", n)
	}
}

// It fails if Search does not return the number of the first kept value that is
// asked for, at some instant during the call; if it takes a lock while it asks;
// or if it asks too often. The function that it calls sends values of its own,
// so that any number of the kept ones is overwritten between two steps.
func TestSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		capacity := 1 + r.IntN(20)
		tx := broadcast.New[int](capacity)
		n := 0
		var right []uint64 // the results that were right at an instant during the call
		wanted := r.IntN(60)
		note := func() { right = append(right, uint64(min(n, max(wanted, n-capacity, 0)))) }
		send := func() { tx.TrySend(n); n++; note() }
		for range r.IntN(50) {
			send()
		}
		burst := []int{0, 0, 1, 2, capacity / 2, capacity, 2 * capacity}[r.IntN(7)]
		calls := 0
		right = nil
		note()
		start := n
		got := tx.Search(func(v int) bool {
			calls++
			if v < start-capacity {
				t.Fatalf("asked about %d, which was overwritten before the call", v)
			}
			for range r.IntN(burst + 1) {
				send()
			}
			return v >= wanted
		})
		if !slices.Contains(right, got) {
			t.Fatalf("capacity %d, %d sent before and %d after: Search for %d = %d; want one of %d", capacity, start, n, wanted, got, right)
		}
		if most := 2*bits(capacity) + 1; calls > most {
			t.Fatalf("capacity %d: the function was called %d times; want at most %d", capacity, calls, most)
		}
		tx.Close()
	}
}

func bits(n int) (b int) {
	for ; n > 0; n /= 2 {
		b++
	}
	return b
}

// It fails if a receiver cannot make another one, if that one does not start
// where the options say, or if either keeps the channel open.
func TestReceiverSubscribe(t *testing.T) {
	tx := broadcast.New[int](4)
	first := tx.Subscribe()
	tx.SendMany(background, []int{0, 1, 2})
	first.TryRecv()
	atEnd, here := first.Subscribe(), first.Subscribe(broadcast.From(first.Next()))
	first.Close()
	replayed := first.Subscribe(broadcast.Replay(1))
	tx.TrySend(3)
	tx.Close()
	late := first.Subscribe(broadcast.From(0))
	for name, c := range map[string]struct {
		rx   *broadcast.Receiver[int]
		want []int
	}{"at the end": {atEnd, []int{3}}, "here": {here, []int{1, 2, 3}}, "replayed": {replayed, []int{2, 3}}, "after the end": {late, []int{0, 1, 2, 3}}} {
		var got []int
		for v := range c.rx.All(background) {
			got = append(got, v)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: received %d; want %d", name, got, c.want)
		}
	}
}

// A receiver closes again and again and resumes from its Next while a sender
// runs. It fails if a value is repeated, or is gone without being counted.
func TestResumeWhileSending(t *testing.T) {
	const sent = 20_000
	for _, lossless := range []bool{false, true} {
		t.Run(fmt.Sprintf("lossless=%v", lossless), func(t *testing.T) {
			opts := func(from uint64) []broadcast.SubscribeOption {
				if lossless {
					return []broadcast.SubscribeOption{broadcast.From(from), broadcast.Lossless()}
				}
				return []broadcast.SubscribeOption{broadcast.From(from)}
			}
			tx := broadcast.New[uint64](16)
			other := tx.Subscribe(broadcast.Lossless()) // so that the sender stops now and then
			var others sync.WaitGroup
			others.Go(func() {
				for range other.All(background) {
				}
			})
			rx := tx.Subscribe(opts(0)...)
			others.Go(func() {
				for v := range uint64(sent) {
					tx.Send(background, v)
				}
				tx.Close()
			})
			var next, received, missed uint64
			for err := error(nil); err != leat.ErrClosed; {
				var v uint64
				switch v, err = rx.Recv(background); lag := err.(type) {
				case nil:
					if v != next {
						t.Fatalf("received %d; want %d", v, next)
					}
					next++
					received++
				case *leat.LaggedError:
					next += lag.Missed
					missed += lag.Missed
				}
				if rx.Next() != next {
					t.Fatalf("Next is %d; want %d", rx.Next(), next)
				}
				if received%7 == 0 {
					rx.Close()
					rx = rx.Subscribe(opts(next)...)
				}
			}
			others.Wait()
			if received+missed != sent {
				t.Errorf("received %d and missed %d; want %d together", received, missed, sent)
			}
		})
	}
}

// Rule 15.
func TestNumbersAllocateNothing(t *testing.T) {
	tx := broadcast.New[int](64)
	defer tx.Close()
	rx := tx.Subscribe()
	for v := range 100 {
		tx.TrySend(v)
	}
	wanted := 77
	for name, f := range map[string]func(){
		"Sender.Next":   func() { tx.Next() },
		"Receiver.Next": func() { rx.Next() },
		"Search":        func() { tx.Search(func(v int) bool { return v >= wanted }) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
