package leat_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

// ends makes a sender and a receiver of each kind that can be selected on, with
// room for a few values.
var ends = map[string]func() (leat.Sender[int], leat.Receiver[int]){
	"mpsc":           func() (leat.Sender[int], leat.Receiver[int]) { return pair(mpsc.New[int](4)) },
	"mpsc unbounded": func() (leat.Sender[int], leat.Receiver[int]) { return pair(mpsc.NewUnbounded[int]()) },
	"mpmc":           func() (leat.Sender[int], leat.Receiver[int]) { return pair(mpmc.New[int](4)) },
	"broadcast": func() (leat.Sender[int], leat.Receiver[int]) {
		tx := broadcast.New[int](4)
		return tx, tx.Subscribe(broadcast.Lossless())
	},
}

func pair[S leat.Sender[int], R leat.Receiver[int]](s S, r R) (leat.Sender[int], leat.Receiver[int]) {
	return s, r
}

func ignore[T any](T, error) {}

// It fails if Select picks a case that is not possible, or does more than it
// picked.
func TestSelectPicksWhatIsPossible(t *testing.T) {
	for name, make := range ends {
		t.Run(name, func(t *testing.T) {
			atx, arx := make()
			btx, brx := make()
			btx.TrySend(7)
			var got int
			i, err := leat.Select(background,
				leat.OnRecv(arx, ignore[int]),
				leat.OnRecv(brx, func(v int, err error) { got = v }))
			if i != 1 || err != nil || got != 7 {
				t.Errorf("Select: case %d, %v, value %d; want case 1 and 7", i, err, got)
			}
			if _, err := brx.TryRecv(); err != leat.ErrEmpty {
				t.Errorf("the value is still there: %v", err)
			}
			i, err = leat.Select(background,
				leat.OnRecv(brx, ignore[int]),
				leat.OnSend(atx, 8, func(err error) {
					if err != nil {
						t.Error(err)
					}
				}))
			if i != 1 || err != nil {
				t.Errorf("Select: case %d, %v; want the send", i, err)
			}
			if v, err := arx.TryRecv(); v != 8 || err != nil {
				t.Errorf("after the send: %d, %v", v, err)
			}
		})
	}
}

// It fails if a Select that waits misses a value, takes more than one, or
// leaves a waiter in a losing case's queue.
func TestSelectWaits(t *testing.T) {
	for name, make := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				atx, arx := make()
				btx, brx := make()
				result := func() string {
					var s string
					i, err := leat.Select(background,
						leat.OnRecv(arx, func(v int, err error) { s = fmt.Sprint("a ", v, " ", err) }),
						leat.OnRecv(brx, func(v int, err error) { s = fmt.Sprint("b ", v, " ", err) }))
					return fmt.Sprint(i, " ", s, err)
				}
				for range 3 {
					for j, tx := range []leat.Sender[int]{atx, btx} {
						got := ""
						done := blocked(func() { got = result() })
						tx.Send(background, j)
						<-done
						if want := fmt.Sprintf("%d %c %d <nil><nil>", j, 'a'+j, j); got != want {
							t.Errorf("Select: %s, want %s", got, want)
						}
					}
				}
				// The losers have left: a value now waits to be received,
				// instead of going to a Select that is over.
				atx.Send(background, 9)
				if v, err := arx.TryRecv(); v != 9 || err != nil {
					t.Errorf("after the Selects: %d, %v", v, err)
				}
				got := ""
				done := blocked(func() { got = result() })
				btx.Close()
				<-done
				if got != "1 b 0 leat: channel closed<nil>" {
					t.Errorf("Select when a channel closes: %s", got)
				}
			})
		})
	}
}

// blocked runs f in a goroutine, waits until it blocks, and returns a channel
// that is closed when it is done.
func blocked(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	synctest.Wait()
	return done
}

// It fails if a Select that waits to send misses the room, or if the value of a
// case that was not chosen is sent all the same.
func TestSelectWaitsToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		atx, arx := mpsc.New[int](1)
		btx := broadcast.New[int](1)
		brx := btx.Subscribe(broadcast.Lossless())
		atx.TrySend(0)
		btx.TrySend(0)
		for i := 1; i < 10; i++ {
			chosen := -1
			done := blocked(func() {
				chosen, _ = leat.Select(background, leat.OnSend(atx, i, nil), leat.OnSend(btx, i, nil))
			})
			if i%2 == 0 {
				arx.TryRecv()
			} else {
				brx.TryRecv()
			}
			<-done
			if chosen != i%2 {
				t.Fatalf("round %d: chose %d", i, chosen)
			}
			if atx.Len() != 1 || btx.Len() != 1 {
				t.Fatalf("round %d: Len %d and %d, want 1 and 1: a value was sent twice or not at all", i, atx.Len(), btx.Len())
			}
			if err := atx.TrySend(0); err != leat.ErrFull {
				t.Fatalf("round %d: TrySend: %v, want ErrFull", i, err)
			}
		}
	})
}

// A closed channel is possible: it beats Default. So does a value. Nothing at
// all is Default.
func TestSelectDefault(t *testing.T) {
	for name, make := range ends {
		tx, rx := make()
		_, other := make()
		run := func() int {
			i, err := leat.Select(background, leat.Default(nil), leat.OnRecv(rx, nil), leat.OnRecv(other, nil))
			if err != nil {
				t.Error(err)
			}
			return i
		}
		if i := run(); i != 0 {
			t.Errorf("%s: with nothing there, case %d; want Default", name, i)
		}
		tx.TrySend(1)
		if i := run(); i != 1 {
			t.Errorf("%s: with a value there, case %d", name, i)
		}
		tx.Close()
		if i := run(); i != 1 {
			t.Errorf("%s: with a closed channel, case %d", name, i)
		}
		if i, _ := leat.Select(background, leat.Default(nil), leat.OnSend(tx, 1, nil)); i != 1 {
			t.Errorf("%s: send on a closed handle, case %d", name, i)
		}
	}
	if i, err := leat.Select(background, leat.Default(nil)); i != 0 || err != nil {
		t.Errorf("Default alone: %d, %v", i, err)
	}
}

// ctx first, and ctx last: it fails if a Select with a ctx that is done does
// anything, or if one that waits is not freed.
func TestSelectContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		tx.TrySend(1)
		ctx, cancel := context.WithCancel(background)
		cancel()
		called := false
		i, err := leat.Select(ctx, leat.OnRecv(rx, func(int, error) { called = true }), leat.Default(func() { called = true }))
		if i != -1 || err != context.Canceled || called || rx.Len() != 1 {
			t.Errorf("Select with a ctx that is done: %d, %v, called %v, Len %d", i, err, called, rx.Len())
		}
		rx.TryRecv()
		ctx, cancel = context.WithTimeout(background, time.Minute)
		defer cancel()
		i, err = leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnRecv(leat.Never[int](), nil), leat.OnRecv(leat.After(time.Hour), nil))
		if i != -1 || err != context.DeadlineExceeded {
			t.Errorf("Select until the deadline: %d, %v", i, err)
		}
		tx.TrySend(2)
		if v, err := rx.TryRecv(); v != 2 || err != nil {
			t.Errorf("after the Select: %d, %v; a value went to a Select that is over", v, err)
		}
		ctx, cancel = context.WithTimeout(background, time.Minute)
		defer cancel()
		if i, err := leat.Select(ctx); i != -1 || err != context.DeadlineExceeded {
			t.Errorf("Select without cases: %d, %v", i, err)
		}
	})
}

func TestSelectMisusePanics(t *testing.T) {
	var none context.Context
	for name, f := range map[string]func(){
		"nil ctx":      func() { leat.Select(none) },
		"two Defaults": func() { leat.Select(background, leat.Default(nil), leat.Default(nil)) },
		"zero Case":    func() { leat.Select(background, leat.Case{}) },
		"other receiver without Ready": func() {
			leat.OnRecv(leat.Receiver[int](struct{ leat.Receiver[int] }{}), nil)
		},
		"other sender": func() { leat.OnSend(leat.Sender[int](struct{ leat.Sender[int] }{}), 1, nil) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(string); !ok {
					t.Errorf("%s: no panic with a text", name)
				}
			}()
			f()
		}()
	}
}

// Each of n cases that are always possible is chosen in at least 1/(2n) of
// 10,000 rounds.
func TestSelectIsFair(t *testing.T) {
	const rounds = 10_000
	fair := func(t *testing.T, n int, run func(hit func(int))) {
		t.Helper()
		hits := make([]int, n)
		for range rounds {
			run(func(i int) { hits[i]++ })
		}
		for i, h := range hits {
			if h < rounds/(2*n) {
				t.Errorf("case %d of %d was chosen %d times in %d", i, n, h, rounds)
			}
		}
	}
	t.Run("kinds, timers, native channels", func(t *testing.T) {
		full := make(chan int, rounds)
		for range rounds {
			full <- 1
		}
		mtx, mrx := mpmc.NewUnbounded[int]()
		stx, srx := mpsc.New[int](rounds)
		btx := broadcast.New[int](rounds)
		brx := btx.Subscribe()
		for range rounds {
			mtx.TrySend(1)
			stx.TrySend(1)
			btx.TrySend(1)
		}
		native, tick := leat.FromChan(full), leat.Every(0)
		out, _ := mpsc.NewUnbounded[int]()
		fair(t, 6, func(hit func(int)) {
			i, _ := leat.Select(background, leat.OnRecv(native, nil), leat.OnRecv(mrx, nil), leat.OnRecv(srx, nil), leat.OnRecv(brx, nil),
				leat.OnRecv(tick, nil), leat.OnSend(out, 1, nil))
			hit(i)
		})
	})
	t.Run("duplicates beside one that is never possible", func(t *testing.T) {
		tx, rx := mpsc.NewUnbounded[int]()
		for range rounds {
			tx.TrySend(1)
		}
		never := leat.Never[int]()
		fair(t, 5, func(hit func(int)) {
			i, _ := leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(rx, nil), leat.OnRecv(rx, nil), leat.OnRecv(rx, nil), leat.OnRecv(rx, nil),
				leat.OnRecv(never, nil))
			hit(i)
		})
	})
}

// R6. B puts a value into c2 before it takes the one in c1: at no instant are
// both empty. It fails if a Select of A says so.
func TestR6_DefaultIsNeverChosenFalsely(t *testing.T) {
	for name, make := range map[string]func() (*mpmc.Sender[int], *mpmc.Receiver[int]){
		"bounded":   func() (*mpmc.Sender[int], *mpmc.Receiver[int]) { return mpmc.New[int](1) },
		"unbounded": func() (*mpmc.Sender[int], *mpmc.Receiver[int]) { return mpmc.NewUnbounded[int]() },
	} {
		t.Run(name, func(t *testing.T) {
			for range 20_000 {
				tx1, rx1 := make()
				tx2, rx2 := make()
				tx1.TrySend(1)
				var wg sync.WaitGroup
				wg.Go(func() {
					tx2.TrySend(2)
					rx1.TryRecv()
				})
				if i, _ := leat.Select(background, leat.OnRecv(rx1, nil), leat.OnRecv(rx2, nil), leat.Default(nil)); i == 2 {
					t.Fatal("Default was chosen, though one of the two channels had a value at every instant")
				}
				wg.Wait()
			}
		})
	}
}

// R9. Goroutines that each select a send and a receive on one channel of
// capacity 0 must all find partners, and none itself. It hangs, and the test's
// time-out says where, if two Selects that could meet do not.
func TestR9_RendezvousMatching(t *testing.T) {
	for _, c := range []struct{ selects, sends int }{{44, 0}, {55, 1}} {
		for range 20 {
			tx, rx := mpmc.New[int](0)
			var wg sync.WaitGroup
			var sum atomic.Int64
			for id := range c.selects {
				wg.Go(func() {
					leat.Select(background,
						leat.OnRecv(rx, func(v int, err error) {
							if v == id || err != nil {
								t.Errorf("goroutine %d received %d, %v", id, v, err)
							}
							sum.Add(1)
						}),
						leat.OnSend(tx, id, func(err error) {
							if err != nil {
								t.Error(err)
							}
							sum.Add(-1)
						}))
				})
			}
			for range c.sends {
				wg.Go(func() { tx.Send(background, -1); sum.Add(-1) })
			}
			wg.Wait()
			if sum.Load() != 0 || tx.Len() != 0 {
				t.Fatalf("%d Selects: receives minus sends is %d, Len %d", c.selects, sum.Load(), tx.Len())
			}
		}
	}
}

// R9. It fails if a Select meets itself.
func TestR9_NoSelfPairing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0)
		ctx, cancel := context.WithTimeout(background, time.Minute)
		defer cancel()
		if i, err := leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnSend(tx, 1, nil), leat.OnRecv(rx, nil), leat.OnSend(tx, 1, nil)); err != context.DeadlineExceeded {
			t.Errorf("Select of a send and a receive on one channel of capacity 0: case %d, %v", i, err)
		}
		// With a buffer the send is possible, and then the receive.
		btx, brx := mpsc.New[int](1)
		for want, n := range []int{1, 0} {
			var sent bool
			if _, err := leat.Select(background, leat.OnRecv(brx, func(int, error) { sent = false }), leat.OnSend(btx, 1, func(error) { sent = true })); err != nil {
				t.Fatal(err)
			}
			if sent != (want == 0) || btx.Len() != n {
				t.Errorf("round %d: sent %v, Len %d", want, sent, btx.Len())
			}
		}
	})
}

// R8: many goroutines select over the same channels, sending and receiving,
// with contexts that end. It fails if a value is lost, or received twice, or a
// waiter is left behind.
func TestR8_SelectUnderChurn(t *testing.T) {
	for _, capacity := range []int{0, 1, 3} {
		tx1, rx1 := mpmc.New[int](capacity)
		tx2, rx2 := mpmc.New[int](capacity)
		var sent, received sync.Map
		var nSent, nReceived atomic.Int64
		var senders, receivers sync.WaitGroup
		for g := range 6 {
			senders.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), uint64(capacity)))
				for i := range 400 {
					v := g*1000 + i
					note := func(err error) {
						if err == nil {
							sent.Store(v, true)
							nSent.Add(1)
						}
					}
					ctx, cancel := context.WithCancel(background)
					if rng.IntN(4) == 0 {
						go cancel()
					}
					leat.Select(ctx, leat.OnSend(tx1, v, note), leat.OnSend(tx2, v, note), leat.OnSend(tx1, v, note))
					cancel()
				}
			})
			receivers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 99))
				open1, open2 := leat.Receiver[int](rx1), leat.Receiver[int](rx2)
				take := func(rx *leat.Receiver[int]) func(int, error) {
					return func(v int, err error) {
						if errors.Is(err, leat.ErrClosed) {
							*rx = nil
							return
						}
						if _, twice := received.LoadOrStore(v, true); twice {
							t.Errorf("%d was received twice", v)
						}
						nReceived.Add(1)
					}
				}
				for open1 != nil || open2 != nil {
					ctx, cancel := context.WithCancel(background)
					if rng.IntN(4) == 0 {
						go cancel()
					}
					var cases []leat.Case
					for _, rx := range []*leat.Receiver[int]{&open1, &open2} {
						if *rx != nil {
							cases = append(cases, leat.OnRecv(*rx, take(rx)), leat.OnRecv(*rx, take(rx)))
						}
					}
					leat.Select(ctx, cases...)
					cancel()
				}
			})
		}
		senders.Wait()
		tx1.Close()
		tx2.Close()
		receivers.Wait()
		if nSent.Load() != nReceived.Load() {
			t.Errorf("capacity %d: %d sent, %d received", capacity, nSent.Load(), nReceived.Load())
		}
		received.Range(func(v, _ any) bool {
			if _, ok := sent.Load(v); !ok {
				t.Errorf("%v was received, though its send failed", v)
			}
			return true
		})
	}
}

// Native channels in a Select: one is waited for without reflection, several
// with it; a value that was taken out of a native channel when another case won
// is not lost, and comes in order.
func TestSelectNativeChannels(t *testing.T) {
	for _, natives := range []int{1, 3} {
		const n = 3000
		tx, rx := mpmc.New[int](0)
		chs := make([]chan int, natives)
		rxs := make([]leat.Receiver[int], natives)
		for i := range chs {
			chs[i] = make(chan int)
			rxs[i] = leat.FromChan(chs[i])
		}
		for i, ch := range chs {
			go func() {
				for v := range n {
					ch <- v*natives + i
				}
				close(ch)
			}()
		}
		go func() {
			for v := range n {
				tx.Send(background, v)
			}
			tx.Close()
		}()
		next := make([]int, natives+1)
		open := natives + 1
		for open > 0 {
			var cases []leat.Case
			if rx != nil {
				cases = append(cases, leat.OnRecv(rx, func(v int, err error) {
					if err != nil {
						rx = nil
					} else if v != next[natives] {
						t.Fatalf("leat channel: received %d, want %d", v, next[natives])
					}
					next[natives]++
				}))
			}
			for i := range rxs {
				if rxs[i] != nil {
					cases = append(cases, leat.OnRecv(rxs[i], func(v int, err error) {
						if err != nil {
							rxs[i] = nil
						} else if v != next[i]*natives+i {
							t.Fatalf("native channel %d: received %d, want %d", i, v, next[i]*natives+i)
						}
						next[i]++
					}))
				}
			}
			open = len(cases)
			if open > 0 {
				leat.Select(background, cases...)
			}
		}
		for i, got := range next {
			if got != n+1 {
				t.Errorf("channel %d: %d results, want %d values and the end", i, got, n)
			}
		}
	}
}

// Receivers that another module makes need only Ready.
func TestSelectForeignReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		other, otherRx := mpsc.New[int](1)
		foreign := struct{ onlyReady[int] }{onlyReady[int]{rx}}
		var got int
		done := blocked(func() {
			leat.Select(background, leat.OnRecv(foreign, func(v int, _ error) { got = v }), leat.OnRecv(otherRx, nil))
		})
		tx.TrySend(5)
		<-done
		if got != 5 {
			t.Errorf("received %d from a receiver of another module, want 5", got)
		}
		done = blocked(func() {
			leat.Select(background, leat.OnRecv(foreign, nil), leat.OnRecv(foreign, nil), leat.OnRecv(otherRx, func(v int, _ error) { got = v }))
		})
		other.TrySend(6)
		<-done
		if got != 6 {
			t.Errorf("received %d beside receivers of another module, want 6", got)
		}
	})
}

// onlyReady hides what makes a receiver known to leat.
type onlyReady[T any] struct{ rx *mpsc.Receiver[T] }

func (r onlyReady[T]) Recv(ctx context.Context) (T, error) { return r.rx.Recv(ctx) }
func (r onlyReady[T]) TryRecv() (T, error)                 { return r.rx.TryRecv() }
func (r onlyReady[T]) Ready() <-chan struct{}              { return r.rx.Ready() }
func (r onlyReady[T]) Close() error                        { return r.rx.Close() }

// A receiver that embeds a handle of this module and makes other values of what
// it receives. It fails if Select goes past it.
func TestSelectMappedReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		other, otherRx := mpsc.New[int](1)
		defer other.Close()
		mapped := leat.Receiver[string](textOf{rx})
		for _, wait := range []bool{false, true} {
			got := ""
			if !wait {
				tx.TrySend(7)
			}
			done := blocked(func() {
				leat.Select(background, leat.OnRecv(mapped, func(s string, err error) { got = s }), leat.OnRecv(otherRx, nil))
			})
			if wait {
				tx.TrySend(7)
			}
			<-done
			if got != "7" {
				t.Errorf("waits %v: received %q, want 7", wait, got)
			}
		}
	})
}

type textOf struct{ *mpsc.Receiver[int] }

func (r textOf) Recv(ctx context.Context) (string, error) {
	v, err := r.Receiver.Recv(ctx)
	return fmt.Sprint(v), err
}

func (r textOf) TryRecv() (string, error) {
	v, err := r.Receiver.TryRecv()
	return fmt.Sprint(v), err
}

// Functions of cases run last and may do anything; what they panic with goes to
// the caller.
func TestSelectFunctions(t *testing.T) {
	tx, rx := mpsc.New[int](2)
	depth := 0
	var nest func(int, error)
	nest = func(v int, err error) {
		if depth++; depth < 4 {
			tx.TrySend(v + 1)
			leat.Select(background, leat.OnRecv(rx, nest))
		}
	}
	tx.TrySend(0)
	leat.Select(background, leat.OnRecv(rx, nest))
	if depth != 4 {
		t.Errorf("nested %d times, want 4", depth)
	}
	tx.TrySend(1)
	func() {
		defer func() {
			if recover() != "mine" {
				t.Error("the panic did not reach the caller")
			}
		}()
		leat.Select(background, leat.OnRecv(rx, func(int, error) { panic("mine") }))
	}()
	tx.TrySend(2)
	if v, err := rx.TryRecv(); v != 2 || err != nil {
		t.Errorf("after the panic: %d, %v", v, err)
	}
}

// R11. A Select in a bubble over channels made outside of it: it hangs if its
// wait is not durable.
func TestSelectInBubble(t *testing.T) {
	_, arx := mpsc.New[int](1)
	btx := broadcast.New[int](1)
	brx := btx.Subscribe()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		i, err := leat.Select(background, leat.OnRecv(arx, nil), leat.OnRecv(brx, nil), leat.OnRecv(leat.After(time.Hour), nil))
		if i != 2 || err != nil || time.Since(start) != time.Hour {
			t.Errorf("Select: %d, %v, after %v", i, err, time.Since(start))
		}
	})
}
