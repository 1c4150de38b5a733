package leat_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// Races in Select that were found by review or by planting faults, each as a
// test that fails where the fault is. Many run on one processor, where a
// goroutine that was served has not run yet: that is the window.

// oneProcessor runs f often on one processor, each time in a bubble.
func oneProcessor(t *testing.T, f func(t *testing.T)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 50 {
		synctest.Test(t, f)
	}
}

// between is a receiver that never has anything. Its TryRecv runs f, between
// the tries of other cases and their entry.
type between struct {
	leat.Receiver[int]
	f func()
}

func (between) Ready() <-chan struct{}  { return nil }
func (b between) TryRecv() (int, error) { b.f(); return 0, leat.ErrEmpty }

func betweenCase(f func()) leat.Case { return leat.OnRecv(leat.Receiver[int](between{f: f}), nil) }

// A value in the hands of a Select that another case won is put back. It
// fails if a receiver gets the end before that.
func TestFromChanEndIsFinal(t *testing.T) {
	oneProcessor(t, func(t *testing.T) {
		ch := make(chan int)
		rx := leat.FromChan(ch)
		other, otherRx := mpsc.New[int](1)
		got := 0
		done := blocked(func() {
			leat.Select(background, leat.OnRecv(rx, func(v int, _ error) { got = v }), leat.OnRecv(otherRx, nil))
		})
		ch <- 7
		other.TrySend(1)
		close(ch)
		_, err := rx.TryRecv()
		<-done
		if v, late := rx.TryRecv(); err == leat.ErrClosed && late == nil {
			t.Errorf("ErrClosed, which is final, and then %d", v)
		} else if got == 0 && err == leat.ErrEmpty && v != 7 {
			t.Errorf("the value is lost: %d, %v", v, late)
		}
	})
}

// The same with receivers that wait: each value is received, and then all
// get the end.
func TestFromChanEndReachesAll(t *testing.T) {
	oneProcessor(t, func(t *testing.T) {
		ch := make(chan int)
		rx := leat.FromChan(ch)
		other, otherRx := mpsc.New[int](1)
		got := make(chan int, 9)
		selected := blocked(func() {
			leat.Select(background, leat.OnRecv(rx, func(v int, _ error) { got <- v }), leat.OnRecv(otherRx, nil))
		})
		waiting := func() {
			for {
				v, err := rx.Recv(background)
				if err != nil {
					return
				}
				got <- v
			}
		}
		a, b := blocked(waiting), blocked(waiting)
		ch <- 7
		other.TrySend(1)
		close(ch)
		<-selected
		<-a
		<-b
		if len(got) != 1 || <-got != 7 {
			t.Error("the value was not received once before the end")
		}
	})
}

// It fails if Close of the receiver destroys a value that had just left the
// native channel.
func TestFromChanCloseLosesNothing(t *testing.T) {
	oneProcessor(t, func(t *testing.T) {
		ch := make(chan int, 1)
		rx := leat.FromChan(ch)
		var err error
		done := blocked(func() { _, err = rx.Recv(background) })
		ch <- 7
		rx.Close()
		<-done
		if err != nil && len(ch) == 0 {
			if v, err := rx.TryRecv(); v != 7 || err != nil {
				t.Errorf("the value left the native channel, and is not to be had: %d, %v", v, err)
			}
		}
		if _, err := rx.TryRecv(); err != leat.ErrClosed {
			t.Errorf("then TryRecv: %v", err)
		}
	})
}

// The worker's Select has chosen to stop, and so its receiver is free for
// others. It fails if that counts as two receivers.
func TestHandOverAfterSelect(t *testing.T) {
	mtx, m := mpsc.New[int](1)
	otx, o := oneshot.New[int]()
	wtx, btx := watch.New(0), broadcast.New[int](1)
	for name, rx := range map[string]leat.Receiver[int]{"mpsc": m, "oneshot": o, "watch": wtx.Subscribe(), "broadcast": btx.Subscribe()} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			synctest.Test(t, func(t *testing.T) {
				stop, stopped := mpmc.New[int](0)
				done := blocked(func() { leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(stopped, nil)) })
				stop.Send(background, 1)
				ctx, cancel := context.WithTimeout(background, time.Second)
				defer cancel()
				if _, err := rx.Recv(ctx); err != context.DeadlineExceeded {
					t.Errorf("Recv: %v", err)
				}
				<-done
			})
		})
	}
	mtx.Close()
	otx.Close()
	wtx.Close()
	btx.Close()
}

// R6. It fails if Default is chosen although a timer came due before the last
// value left.
func TestR6_DefaultLooksAtTheClockAgain(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			tx, rx := mpmc.New[int](1)
			tx.TrySend(1)
			i, _ := leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(leat.After(time.Second), nil), leat.Default(nil),
				betweenCase(func() {
					<-time.After(2 * time.Second)
					rx.TryRecv()
				}))
			if i == 2 {
				t.Error("Default was chosen, though the timer was due before the value left")
			}
		})
	}
}

// R6, with native channels and receivers of other modules, and
// deterministically with our own.
func TestR6_DefaultLooksAgain(t *testing.T) {
	for range 100 {
		tx, rx := mpmc.New[int](1)
		tx2, rx2 := mpmc.New[int](1)
		ch := make(chan int, 1)
		hidden, hiddenRx := mpsc.New[int](1)
		for _, c := range []struct {
			fill func()
			rx   leat.Receiver[int]
		}{
			{func() { tx2.TrySend(2) }, rx2},
			{func() { ch <- 2 }, leat.FromChan(ch)},
			{func() { hidden.TrySend(2) }, onlyReady[int]{hiddenRx}},
		} {
			tx.TrySend(1)
			i, _ := leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(c.rx, nil), leat.Default(nil),
				betweenCase(func() {
					c.fill()
					rx.TryRecv()
				}))
			if i == 2 {
				t.Errorf("Default was chosen, though one of two had a value at every instant")
			}
			rx.TryRecv()
			c.rx.TryRecv()
		}
	}
}

// R6. A goroutine moves a value round a ring of native channels. It puts the
// value into the next channel before it takes it from the last, so that at
// every instant until the Select takes it, one channel has a value. It fails if
// a Select with a Default looks at the channels one after the other.
func TestDefaultLooksAtAllNativeChannelsAtOnce(t *testing.T) {
	const channels, rounds, moves = 8, 2000, 5000
	open, other := mpmc.New[int](1)
	defer open.Close()
	later := leat.After(time.Hour)
	for _, mixed := range []bool{false, true} {
		wrong := 0
		for range rounds {
			var cases []leat.Case
			chs := make([]chan int, channels)
			for i := range chs {
				chs[i] = make(chan int, 1)
				cases = append(cases, leat.OnRecv(leat.FromChan(chs[i]), nil))
			}
			if mixed {
				cases = append(cases, leat.OnRecv(other, nil), leat.OnRecv(later, nil))
			}
			cases = append(cases, leat.Default(nil))

			chs[0] <- 0
			started, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for i := range moves {
					if i == 10 {
						close(started)
					}
					chs[(i+1)%channels] <- 0
					select {
					case <-chs[i%channels]:
					default: // the Select took it
						return
					}
				}
			}()
			<-started
			if chosen, _ := leat.Select(background, cases...); chosen == len(cases)-1 {
				wrong++
			}
			<-stopped
		}
		if wrong > 0 {
			t.Errorf("mixed with other kinds %v: Default was chosen in %d of %d Selects, though one channel had a value at every instant",
				mixed, wrong, rounds)
		}
	}
}

// R7. A timer that several share fires, and another takes its value. It fails
// if the Select thereby loses its place in line.
func TestSelectKeepsItsPlaceBesideASharedTimer(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			tx, rx := mpmc.New[int](1)
			due := leat.After(time.Second)
			first, ticked := 0, false
			selected := blocked(func() {
				leat.Select(background, leat.OnRecv(rx, func(v int, _ error) { first = v }), leat.OnRecv(due, func(time.Time, error) { ticked = true }))
			})
			received := blocked(func() { rx.Recv(background) })
			ctx, cancel := context.WithCancel(background)
			other := blocked(func() { due.Recv(ctx) })
			<-time.After(2 * time.Second)
			synctest.Wait()
			tx.Send(background, 1)
			synctest.Wait()
			if !ticked && first != 1 {
				t.Error("a receiver that came later was served first")
			}
			tx.Send(background, 2)
			<-received
			cancel()
			tx.Close()
			<-selected
			<-other
		})
	}
}

// R10. It fails if a receiver keeps the case that a Select has made of it, and
// with that the value.
func TestSelectKeepsNoValue(t *testing.T) {
	btx := broadcast.New[*[1000]int](1)
	mtx, mrx := mpsc.New[*[1000]int](1)
	wtx := watch.New[*[1000]int](nil)
	for name, c := range map[string]struct {
		tx leat.Sender[*[1000]int]
		rx leat.Receiver[*[1000]int]
	}{"broadcast": {btx, btx.Subscribe()}, "mpsc": {mtx, mrx}, "watch": {wtx, wtx.Subscribe()}} {
		pointer := func() weak.Pointer[[1000]int] {
			done := make(chan struct{})
			go func() {
				leat.Select(background, leat.OnRecv(c.rx, nil))
				close(done)
			}()
			runtime.Gosched()
			v := new([1000]int)
			c.tx.TrySend(v)
			<-done
			return weak.Make(v)
		}()
		c.tx.TrySend(nil) // what a broadcast and a watch keep is this now
		c.rx.TryRecv()
		for range 10 {
			runtime.GC()
		}
		if pointer.Value() != nil {
			t.Errorf("%s: the value that a Select received is still reachable", name)
		}
		runtime.KeepAlive(c)
	}
}

// A context is anybody's code. It fails if a value goes to a Select whose
// context panics.
func TestSelectContextThatPanics(t *testing.T) {
	tx, rx := mpsc.New[int](1)
	_, other := mpsc.New[int](1)
	defer other.Close()
	func() {
		defer func() { recover() }()
		leat.Select(panicking{background, func() { tx.TrySend(1) }}, leat.OnRecv(rx, nil), leat.OnRecv(other, nil))
	}()
	if _, err := rx.TryRecv(); err != nil {
		t.Errorf("the value: %v", err)
	}
}

type panicking struct {
	context.Context
	f func()
}

func (p panicking) Done() <-chan struct{} { p.f(); panic("Done") }

// A Case may be used again. It fails if a Select leaves something in its cases:
// for a later Select, for the same case at another index, or for one that runs
// at the same time in another goroutine.
func TestCaseIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](1)
		ch := make(chan int, 1)
		out, outRx := mpmc.New[int](1)
		foreign, foreignRx := mpsc.New[int](1)
		defer out.Close()
		var got, sent atomic.Int64
		note := func(v int, err error) {
			if err == nil {
				got.Add(int64(v))
			}
		}
		cases := []leat.Case{
			leat.OnRecv(rx, note),
			leat.OnRecv(leat.FromChan(ch), note),
			leat.OnRecv(leat.Receiver[int](onlyReady[int]{foreignRx}), note),
			leat.OnRecv(leat.Every(time.Hour), func(_ time.Time, err error) { note(1000, err) }),
		}
		var want int64
		for round := range 10 {
			for _, twice := range []bool{false, true} {
				all := cases
				if twice {
					all = append(append([]leat.Case(nil), cases...), cases...)
				}
				selected := blocked(func() { leat.Select(background, all...) })
				switch round % 4 {
				case 0:
					tx.TrySend(1)
					want++
				case 1:
					ch <- 2
					want += 2
				case 2:
					foreign.TrySend(3)
					want += 3
				case 3:
					<-time.After(time.Hour)
					want += 1000
				}
				<-selected
				if got.Load() != want {
					t.Fatalf("round %d, cases twice %v: received %d in all, want %d", round, twice, got.Load(), want)
				}
			}
		}

		send := leat.OnSend(out, 1, func(err error) { sent.Add(1) })
		fallback := leat.Default(func() { sent.Add(100) })
		for range 3 {
			leat.Select(background, send, fallback, send)
			leat.Select(background, send, fallback)
			outRx.TryRecv()
		}
		if sent.Load() != 303 {
			t.Errorf("sends + 100 × defaults: %d, want 303", sent.Load())
		}

		// Several at the same time.
		got.Store(0)
		recv := leat.OnRecv(rx, note)
		var selected []<-chan struct{}
		for range 10 {
			selected = append(selected, blocked(func() { leat.Select(background, recv, recv) }))
		}
		for range selected {
			tx.Send(background, 1)
		}
		for _, done := range selected {
			<-done
		}
		if got.Load() != 10 {
			t.Errorf("10 Selects of one Case at the same time received %d values", got.Load())
		}
	})
}

// It fails if Ready of a channel of capacity 0 does not follow a Select that
// waits to send, and one that has chosen something else.
func TestReadyFollowsASelectThatSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0)
		stop, stopped := mpmc.New[int](0)
		ready := rx.Ready()
		selecting := func() { leat.Select(background, leat.OnSend(tx, 1, nil), leat.OnRecv(stopped, nil)) }
		done := blocked(selecting)
		select {
		case <-ready:
		default:
			t.Error("shut, though a Select waits to send")
		}
		rx.TryRecv()
		<-done
		done = blocked(selecting)
		stop.TrySend(1)
		<-done
		select {
		case <-ready:
			t.Error("open, though the Select chose something else")
		default:
		}
	})
}

// Handles that are closed between the first tries and the wait.
func TestSelectSeesHandlesThatClose(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			tx, rx := mpmc.New[int](1)
			defer tx.Close()
			tx2, rx2 := tx.Clone(), rx.Clone()
			var err error
			leat.Select(background, leat.OnRecv(rx2, func(_ int, e error) { err = e }), betweenCase(func() { rx2.Close() }))
			if err != leat.ErrClosed {
				t.Errorf("receive from a handle that was closed: %v", err)
			}
			tx.TrySend(1)
			leat.Select(background, leat.OnSend(tx2, 1, func(e error) { err = e }), betweenCase(func() {
				tx2.Close()
				rx.TryRecv()
			}))
			if err != leat.ErrClosed || rx.Len() != 0 {
				t.Errorf("send to a handle that was closed: %v, Len %d", err, rx.Len())
			}
		})
	}
}

// R13. It fails if two Selects wait in a channel of one receiver, or if the one
// that panics leaves something behind.
func TestTwoSelectsOnOneReceiverPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		_, other := mpsc.New[int](1)
		done := blocked(func() { leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(other, nil)) })
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(leat.Never[int](), nil), leat.OnRecv(leat.After(1), nil))
		}()
		tx.Close()
		<-done
		other.Close()
	})
}

// It fails if a value that was put back is not found: by a waiting receiver,
// and by one that is about to wait. If the goroutine that sends is stopped
// between its two sends, the Select runs before there is a choice, and keeps
// the value; then the round shows nothing.
func TestGivenBackIsFound(t *testing.T) {
	const kept, given = 0, 7
	rounds := 0
	giveBack := func() (rx leat.Receiver[int], run func()) {
		ch := make(chan int)
		rx = leat.FromChan(ch)
		stop, stopped := mpsc.New[int](1)
		chosen := -1
		done := blocked(func() { chosen, _ = leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(stopped, nil)) })
		return rx, func() {
			ch <- given
			stop.TrySend(1)
			<-done
			if chosen == 1 {
				rounds++
			} else {
				ch <- kept // for the receiver that still waits
			}
		}
	}
	oneProcessor(t, func(t *testing.T) {
		rx, run := giveBack()
		got, before := 0, rounds
		done := blocked(func() { got, _ = rx.Recv(background) })
		run()
		<-done
		if rounds > before && got != given {
			t.Errorf("the waiting receiver got %d", got)
		}
	})
	oneProcessor(t, func(t *testing.T) {
		rx, run := giveBack()
		got, before, ran := 0, rounds, false
		leat.Select(background, leat.OnRecv(rx, func(v int, _ error) { got = v }), betweenCase(func() {
			if !ran {
				ran = true
				go run()
				synctest.Wait()
			}
		}))
		if rounds > before && got != given {
			t.Errorf("the receiver that was about to wait got %d", got)
		}
	})
	if rounds == 0 {
		t.Error("the Select kept the value in each of 100 rounds")
	}
}

// It fails if the Ready of a receiver of another module stays shut after a
// Select that received from it chose something else.
func TestForeignReadyIsSetAnew(t *testing.T) {
	oneProcessor(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		stop, stopped := mpsc.New[int](1)
		ready, chosen := rx.Ready(), -1
		done := blocked(func() {
			chosen, _ = leat.Select(background, leat.OnRecv(leat.Receiver[int](onlyReady[int]{rx}), nil), leat.OnRecv(stopped, nil))
		})
		tx.TrySend(1)
		stop.TrySend(1)
		<-done
		if chosen != 1 {
			return // the other one won
		}
		select {
		case <-ready:
		default:
			t.Error("Ready is shut, though the value is there")
		}
	})
}

// It fails if a send at capacity 0 gives its value to a Select that has chosen
// another case and has not left the queue yet, or if it passes over the
// receiver that waits after it.
func TestSendPassesAStaleReceiver(t *testing.T) {
	for _, waits := range []bool{false, true} {
		oneProcessor(t, func(t *testing.T) {
			tx, rx := mpmc.New[int](0)
			stop, stopped := mpsc.New[int](1)
			selected := blocked(func() { leat.Select(background, leat.OnRecv(rx, nil), leat.OnRecv(stopped, nil)) })
			got, want := 0, error(leat.ErrFull)
			received := make(<-chan struct{})
			if waits {
				want = nil
				received = blocked(func() { got, _ = rx.Recv(background) })
			}
			stop.TrySend(1) // the Select has chosen, and has not left
			if err := tx.TrySend(2); err != want {
				t.Errorf("TrySend, with a receiver after the Select: %v: %v, want %v", waits, err, want)
			}
			<-selected
			if waits {
				<-received
				if got != 2 {
					t.Errorf("the receiver got %d, want 2", got)
				}
			}
		})
	}
}

// It fails if a Select that waits to receive and to send on one channel of
// capacity 0 keeps its value from a plain receive, as if its own receiving case
// came first.
func TestSelectOfBothEndsMeetsAReceiver(t *testing.T) {
	for name, recv := range map[string]func(*mpmc.Receiver[int]) (int, error){
		"Recv":    func(rx *mpmc.Receiver[int]) (int, error) { return rx.Recv(background) },
		"TryRecv": (*mpmc.Receiver[int]).TryRecv,
		"Select": func(rx *mpmc.Receiver[int]) (got int, err error) {
			leat.Select(background, leat.OnRecv(rx, func(v int, e error) { got, err = v, e }))
			return got, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tx, rx := mpmc.New[int](0)
				chosen := -1
				selected := blocked(func() { chosen, _ = leat.Select(background, leat.OnRecv(rx, nil), leat.OnSend(tx, 7, nil)) })
				received := blocked(func() {
					if v, err := recv(rx); v != 7 || err != nil {
						t.Errorf("received %d, %v; want 7", v, err)
					}
				})
				select {
				case <-received:
				default:
					t.Error("a receiver and a sender wait for each other")
				}
				rx.Close() // in case they do
				<-selected
				<-received
				if chosen != 1 {
					t.Errorf("the Select did case %d; want 1", chosen)
				}
			})
		})
	}
}

func TestWatchReadyAfterClose(t *testing.T) {
	rx := watch.New(0).Subscribe()
	rx.Close()
	select {
	case <-rx.Ready():
	default:
		t.Error("Ready is shut on a closed receiver")
	}
}

func TestOneshotDoneAfterHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := oneshot.New[int]()
		done := blocked(func() { rx.Recv(background) })
		tx.TrySend(1)
		<-done
		select {
		case <-tx.Done():
		default:
			t.Error("Done is not closed, though the receiver has received")
		}
	})
}
