package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/internal/testkit/kind"
)

var background = context.Background()

// take receives everything there is, in short: values as they are, a gap of n
// as -n, and E for empty or C for closed.
func take(rx *broadcast.Receiver[int]) string {
	var b strings.Builder
	for {
		v, err := rx.TryRecv()
		var lag *leat.LaggedError
		switch {
		case errors.As(err, &lag):
			fmt.Fprintf(&b, "-%d ", lag.Missed)
		case err == leat.ErrEmpty:
			return b.String() + "E"
		case err == leat.ErrClosed:
			return b.String() + "C"
		case err != nil:
			return b.String() + err.Error()
		default:
			fmt.Fprintf(&b, "%d ", v)
		}
	}
}

// R13. It fails if a mistake of the programmer goes through, or panics without
// saying what it was.
func TestMisusePanics(t *testing.T) {
	kind.MustPanic(t, "broadcast", "capacity 0", func() { broadcast.New[int](0) })
	kind.MustPanic(t, "broadcast", "capacity -3", func() { broadcast.New[int](-3) })
	kind.MustPanic(t, "broadcast", "Replay of -1", func() { broadcast.Replay(-1) })

	tx := broadcast.New[int](1, leat.Name("news"))
	rx := tx.Subscribe()
	var none context.Context
	kind.MustPanic(t, "broadcast", `"news": nil context`, func() { tx.Send(none, 1) })
	kind.MustPanic(t, "broadcast", "nil context", func() { tx.SendMany(none, nil) })
	kind.MustPanic(t, "broadcast", "nil context", func() { rx.Recv(none) })
	kind.MustPanic(t, "broadcast", "nil context", func() { rx.RecvMany(none, nil) })

	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1)
		rx := tx.Subscribe()
		go rx.Recv(background)
		synctest.Wait()
		kind.MustPanic(t, "broadcast", "two goroutines receive", func() { rx.Recv(background) })
		tx.Send(background, 1)
	})
}

// Replay starts in the past, exactly as far as asked and kept. It fails if a
// value is missed or repeated at the seam.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		capacity, sent, replay int
		want                   string
	}{
		{3, 0, 5, "100 E"},
		{3, 2, 0, "100 E"},
		{3, 2, 1, "1 100 E"},
		{3, 2, 2, "0 1 100 E"},
		{3, 2, 9, "0 1 100 E"},
		{3, 3, 3, "-1 1 2 100 E"}, // the next value takes the place of the oldest replayed
		{3, 8, 2, "6 7 100 E"},
		{1, 8, 1, "-1 100 E"},
	} {
		tx := broadcast.New[int](c.capacity)
		for i := range c.sent {
			tx.TrySend(i)
		}
		rx := tx.Subscribe(broadcast.Replay(c.replay))
		if want := min(c.replay, c.sent, c.capacity); rx.Len() != want {
			t.Errorf("%+v: Len %d after Subscribe, want %d", c, rx.Len(), want)
		}
		tx.TrySend(100)
		if got := take(rx); got != c.want {
			t.Errorf("%+v: received %s", c, got)
		}
	}
}

// It fails if the values kept for Replay are gone when the channel ends.
func TestReplayAfterTheEnd(t *testing.T) {
	tx := broadcast.New[int](2)
	tx.SendMany(background, []int{1, 2, 3})
	tx.Close()
	if got := take(tx.Subscribe(broadcast.Replay(5))); got != "2 3 C" {
		t.Errorf("with Replay, received %s; want 2 3 C", got)
	}
	if got := take(tx.Subscribe()); got != "C" {
		t.Errorf("without Replay, received %s; want C", got)
	}
}

// Lossy and lossless receivers on one channel. It fails if the lossless one
// misses a value, or the lossy one holds back a sender, or TrySend says full
// when it is not.
func TestLosslessBesideLossy(t *testing.T) {
	tx := broadcast.New[int](3)
	lossy := tx.Subscribe()
	for i := range 5 {
		if err := tx.TrySend(i); err != nil {
			t.Fatalf("TrySend %d without a lossless receiver: %v", i, err)
		}
	}
	lossless := tx.Subscribe(broadcast.Replay(2), broadcast.Lossless())
	if err := tx.TrySend(5); err != nil {
		t.Fatalf("TrySend with one slot free: %v", err)
	}
	if err := tx.TrySend(6); err != leat.ErrFull {
		t.Fatalf("TrySend with 3 values before a lossless receiver of capacity 3: %v, want ErrFull", err)
	}
	if v, err := lossless.TryRecv(); v != 3 || err != nil {
		t.Fatalf("lossless receiver: %d, %v; want 3", v, err)
	}
	if err := tx.TrySend(6); err != nil {
		t.Fatalf("TrySend after the receive: %v", err)
	}
	if got := take(lossless); got != "4 5 6 E" {
		t.Errorf("lossless receiver: %s", got)
	}
	if got := take(lossy); got != "-4 4 5 6 E" {
		t.Errorf("lossy receiver: %s", got)
	}
	if lossy.Missed() != 4 || lossless.Missed() != 0 {
		t.Errorf("Missed is %d and %d, want 4 and 0", lossy.Missed(), lossless.Missed())
	}
}

// Each way in which a lossless receiver stops holding back must let the waiting
// senders go on, first come first served.
func TestWaitingSendersGoOn(t *testing.T) {
	for name, relieve := range map[string]func(slow, slower *broadcast.Receiver[int]){
		"Recv":     func(a, b *broadcast.Receiver[int]) { b.Recv(background); a.Recv(background); drain(a); drain(b) },
		"TryRecv":  func(a, b *broadcast.Receiver[int]) { a.TryRecv(); b.TryRecv(); drain(b); drain(a) },
		"RecvMany": func(a, b *broadcast.Receiver[int]) { a.RecvMany(background, make([]int, 9)); drain(b); drain(a) },
		"Close":    func(a, b *broadcast.Receiver[int]) { b.Close(); a.Close() },
		"one each": func(a, b *broadcast.Receiver[int]) { drain(a); b.Close(); drain(a) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tx := broadcast.New[int](2)
				watch := tx.Subscribe() // lossy: sees the order
				a, b := tx.Subscribe(broadcast.Lossless()), tx.Subscribe(broadcast.Lossless())
				tx.SendMany(background, []int{0, 1})
				var wg sync.WaitGroup
				for i := 2; i < 4; i++ {
					wg.Go(func() {
						if err := tx.Send(background, i); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				wg.Go(func() {
					if n, err := tx.SendMany(background, []int{4, 5, 6}); n != 3 || err != nil {
						t.Errorf("SendMany: %d, %v", n, err)
					}
				})
				synctest.Wait()
				var seen strings.Builder
				wg.Go(func() {
					for v, missed := range watch.All(background) {
						fmt.Fprintf(&seen, "%d:%d ", missed, v)
						if v == 6 {
							return
						}
					}
				})
				synctest.Wait()
				if n, _ := tx.Waiting(); n != 3 {
					t.Fatalf("%d senders wait, want 3", n)
				}
				relieve(a, b)
				synctest.Wait()
				drain(a)
				drain(b)
				synctest.Wait()
				drain(a)
				drain(b)
				wg.Wait() // it hangs, and synctest says where, if a sender was left waiting
				if n, _ := tx.Waiting(); n != 0 {
					t.Errorf("%d senders wait, want none", n)
				}
				if !strings.HasSuffix(seen.String(), "6 ") {
					t.Errorf("seen %s", seen.String())
				}
			})
		})
	}
}

func drain(rx *broadcast.Receiver[int]) {
	for {
		if _, err := rx.TryRecv(); err != nil {
			return
		}
		synctest.Wait()
	}
}

// R8: under concurrent senders, receivers that come and go, lag, batches and
// Ready, received and missed values add up to those accepted while the receiver
// was there; a lossless one misses nothing; and each sender's values come in
// order.
func TestR8_ReceivedPlusMissed(t *testing.T) {
	const senders, each = 4, 500
	for _, capacity := range []int{1, 2, 3, 64} {
		tx := broadcast.New[[2]int](capacity)
		var wg sync.WaitGroup
		watch := func(rx *broadcast.Receiver[[2]int], lossless, all bool, seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 7))
			var got, missed uint64
			last := [senders]int{}
			buf := make([][2]int, 5)
			for {
				n, err := 0, error(nil)
				switch rng.IntN(4) {
				case 0:
					n, err = rx.RecvMany(background, buf)
				case 1:
					buf[0], err = rx.Recv(background)
					n = 1
				case 2:
					buf[0], err = rx.TryRecv()
					n = 1
				case 3:
					<-rx.Ready()
					if buf[0], err = rx.TryRecv(); err == leat.ErrEmpty {
						t.Errorf("capacity %d, lossless %v: Ready was open, and TryRecv found nothing; Len %d", capacity, lossless, rx.Len())
					}
					n = 1
				}
				var lag *leat.LaggedError
				switch {
				case errors.As(err, &lag):
					missed += lag.Missed
					continue
				case err == leat.ErrEmpty:
					runtime.Gosched()
					continue
				case err != nil:
					if all && got+missed != senders*each {
						t.Errorf("capacity %d: received %d, missed %d, sent %d", capacity, got, missed, senders*each)
					}
					if lossless && missed > 0 {
						t.Errorf("capacity %d: a lossless receiver missed %d", capacity, missed)
					}
					if rx.Missed() != missed {
						t.Errorf("Missed says %d, the errors say %d", rx.Missed(), missed)
					}
					return
				}
				for _, v := range buf[:n] {
					if v[1] <= last[v[0]] {
						t.Errorf("sender %d: %d after %d", v[0], v[1], last[v[0]])
					}
					last[v[0]] = v[1]
				}
				if got += uint64(n); !all && got > 300 {
					rx.Close()
				}
			}
		}
		for i := range 6 {
			lossless := i%2 == 0
			var opts []broadcast.SubscribeOption
			if lossless {
				opts = append(opts, broadcast.Lossless())
			}
			rx := tx.Subscribe(opts...)
			wg.Go(func() { watch(rx, lossless, i < 4, uint64(i)) })
		}
		for s := range senders {
			tx := tx.Clone()
			wg.Go(func() {
				defer tx.Close()
				for i := 1; i <= each; {
					switch i % 3 {
					case 0:
						if i+1 <= each {
							if n, err := tx.SendMany(background, [][2]int{{s, i}, {s, i + 1}}); n != 2 || err != nil {
								t.Errorf("SendMany: %d, %v", n, err)
							}
							i += 2
							continue
						}
						fallthrough
					case 1:
						if err := tx.Send(background, [2]int{s, i}); err != nil {
							t.Error(err)
						}
						i++
					case 2:
						if tx.TrySend([2]int{s, i}) == nil {
							i++
						} else {
							runtime.Gosched() // or the mutex belongs to those who spin
						}
					}
				}
			})
		}
		tx.Close()
		wg.Wait()
	}
}

// Dekker's exclusion between a sender that finds no room and the receiver that
// makes some. It hangs if one is ever missed.
func TestNoLostWakeUp(t *testing.T) {
	tx := broadcast.New[int](1)
	const n = 100_000
	var wg sync.WaitGroup
	for range 2 {
		rx := tx.Subscribe(broadcast.Lossless())
		wg.Go(func() {
			want := 0
			for v, missed := range rx.All(background) {
				if v != want || missed != 0 {
					t.Errorf("received %d with %d missed, want %d", v, missed, want)
				}
				want++
			}
			if want != n {
				t.Errorf("received %d, want %d", want, n)
			}
		})
	}
	for i := range n {
		tx.Send(background, i)
	}
	tx.Close()
	wg.Wait()
}

// R9, R4. It fails if Len or Receivers is off by one anywhere.
func TestR4_Counts(t *testing.T) {
	tx := broadcast.New[int](4)
	if tx.Receivers() != 0 || tx.Len() != 0 || tx.Cap() != 4 {
		t.Errorf("a new channel has %d receivers, Len %d, Cap %d", tx.Receivers(), tx.Len(), tx.Cap())
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			var opts []broadcast.SubscribeOption
			if i%3 == 0 {
				opts = append(opts, broadcast.Lossless())
			}
			rx := tx.Subscribe(opts...)
			if i%2 == 0 {
				rx.Close()
				rx.Close()
			} else {
				t.Cleanup(func() { rx.Close() })
			}
		})
	}
	wg.Wait()
	if tx.Receivers() != 32 {
		t.Errorf("%d receivers, want 32", tx.Receivers())
	}
}

// R11: user code that runs within leat's calls may use the same channel. It
// fails by deadlock.
func TestR11_Reentrancy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](4)
		rx := tx.Subscribe(broadcast.Lossless())
		tx.TrySend(10)
		for v := range rx.All(background) { // the loop body runs inside All
			if v == 0 {
				tx.Close()
				continue
			}
			tx.Send(background, v-1)
			other := tx.Subscribe(broadcast.Replay(1))
			other.Close()
		}
	})
}

// Rule 12: a receiver that has caught up and waits in native select, again and
// again.
func TestReadyInNativeSelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe()
		ready := rx.Ready()
		var got []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				<-ready // the same channel each time round
				v, err := rx.TryRecv()
				if err == leat.ErrClosed {
					return
				}
				got = append(got, fmt.Sprint(v, err))
			}
		}()
		tx.SendMany(background, []int{1, 2, 3})
		synctest.Wait()
		tx.Send(background, 4)
		synctest.Wait()
		tx.Close()
		<-done
		want := "[0 leat: receiver lagged, 1 value missed 2 <nil> 3 <nil> 4 <nil>]"
		if fmt.Sprint(got) != want {
			t.Errorf("received %v, want %v", got, want)
		}
		<-rx.Ready()
		<-rx.Ready() // the end is there for good
	})
}

// It fails if a receiver that was closed goes on, or one that waits is not
// told.
func TestReceiverClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx, other := tx.Subscribe(), tx.Subscribe()
		ready := rx.Ready()
		errs := make(chan error)
		go func() { _, err := rx.Recv(background); errs <- err }()
		synctest.Wait()
		rx.Close()
		if err := <-errs; err != leat.ErrClosed {
			t.Errorf("waiting Recv: %v, want ErrClosed", err)
		}
		<-ready
		tx.Send(background, 1)
		if got := take(rx); got != "C" || rx.Len() != 0 {
			t.Errorf("closed receiver: %s, Len %d", got, rx.Len())
		}
		if got := take(other); got != "1 E" {
			t.Errorf("the other receiver: %s", got)
		}
	})
}

func TestHoldsNoPointers(t *testing.T) {
	for _, c := range []struct {
		v    any
		want bool
	}{
		{1, true}, {1.5, true}, {true, true}, {uintptr(1), true}, {complex64(1), true}, {[3]int{}, true}, {struct{}{}, true},
		{struct{ a, b int }{}, true}, {[0]*int{}, true},
		{"", false}, {new(int), false}, {[]int{}, false}, {struct{ s string }{}, false}, {[1]any{}, false},
		{map[int]int{}, false}, {func() {}, false}, {make(chan int), false},
	} {
		if got := broadcast.HoldsNoPointers(reflect.TypeOf(c.v)); got != c.want {
			t.Errorf("%T holds no pointers: %v, want %v", c.v, got, c.want)
		}
	}
	if broadcast.HoldsNoPointers(reflect.TypeFor[any]()) {
		t.Error("an interface may hold pointers")
	}
}

// A panic in the loop body leaves the receiver usable, after the value that
// was yielded.
func TestPanicInLoop(t *testing.T) {
	tx := broadcast.New[int](2)
	rx := tx.Subscribe()
	tx.SendMany(background, []int{1, 2})
	var panics atomic.Int32
	func() {
		defer func() { recover(); panics.Add(1) }()
		for range rx.All(background) {
			panic("in the loop")
		}
	}()
	if got := take(rx); got != "2 E" || panics.Load() != 1 {
		t.Errorf("after the panic: %s, want 2 E", got)
	}
}
