//go:build modelcheck

package kinds

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/fifo"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/queue"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// explore explores a program that is not a script: these wait in several
// channels, because a Select does, or make calls that scripts have no letter
// for. A queue of a small capacity has one lock, and then two.
func explore(t *testing.T, program func(*model.Run)) {
	fifo.SegmentSize = 2
	defer func(old int) { queue.OneLock = old }(queue.OneLock)
	exploreAll(t, program)
	queue.OneLock = 0
	exploreAll(t, program)
}

func exploreAll(t *testing.T, program func(*model.Run)) {
	for _, o := range []model.Options{{Schedules: *limit}, {Preemptions: model.AtMost(2), Schedules: 10 * *limit}} {
		r := model.Explore(o, func(r *model.Run) {
			waiting := park.Queued()
			program(r)
			r.Check(func() {
				if n := park.Queued() - waiting; n != 0 {
					r.Failf("%d waiters are left in queues", n)
				}
			})
		})
		t.Logf("%v: %v", o.Preemptions, r)
		if r.Failure != nil {
			t.Fatal(r.Failure)
		}
	}
}

// Two goroutines, each of which would receive from one channel and send to the
// other, meet on one of the two. It fails if they meet on both, or on none, or
// lock each other out while each tries another channel.
func TestSelectsMeetOnce(t *testing.T) {
	explore(t, func(r *model.Run) {
		aTx, aRx := mpmc.New[int](0)
		bTx, bRx := mpmc.New[int](0)
		var got, sent [2]int
		r.Go("A", func() {
			leat.Select(context.Background(),
				leat.OnRecv(aRx, func(v int, err error) { got[0] = v }), leat.OnSend(bTx, 2, func(err error) { sent[0]++ }))
		})
		r.Go("B", func() {
			leat.Select(context.Background(),
				leat.OnRecv(bRx, func(v int, err error) { got[1] = v }), leat.OnSend(aTx, 1, func(err error) { sent[1]++ }))
		})
		r.Check(func() {
			if !(got == [2]int{1, 0} && sent == [2]int{0, 1}) && !(got == [2]int{0, 2} && sent == [2]int{1, 0}) {
				r.Failf("received %v, sent %v", got, sent)
			}
		})
	})
}

// A Select of receives from two kinds takes one value and leaves the other. It
// fails if it takes both or none, or if what it leaves is gone.
func TestSelectTakesOne(t *testing.T) {
	type end struct {
		tx leat.Sender[int]
		rx leat.Receiver[int]
	}
	for name, open := range map[string]func() (a, b end){
		"mpsc and broadcast": func() (a, b end) {
			tx, rx := mpsc.New[int](1)
			btx := broadcast.New[int](1)
			return end{tx, rx}, end{btx, btx.Subscribe()}
		},
		"watch and oneshot": func() (a, b end) {
			tx, rx := oneshot.New[int]()
			wtx := watch.New(0)
			return end{wtx, wtx.Subscribe()}, end{tx, rx}
		},
		"broadcast and watch": func() (a, b end) {
			btx, wtx := broadcast.New[int](1), watch.New(0)
			return end{btx, btx.Subscribe(broadcast.Lossless())}, end{wtx, wtx.Subscribe()}
		},
		"mpmc and oneshot": func() (a, b end) {
			mtx, mrx := mpmc.New[int](1)
			tx, rx := oneshot.New[int]()
			return end{mtx, mrx}, end{tx, rx}
		},
	} {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				a, b := open()
				var got []int
				r.Go("selects", func() {
					note := func(v int, err error) { got = append(got, v) }
					leat.Select(context.Background(), leat.OnRecv(a.rx, note), leat.OnRecv(b.rx, note))
				})
				r.Go("a", func() { a.tx.TrySend(1) })
				r.Go("b", func() { b.tx.TrySend(2) })
				r.Check(func() {
					left := a.rx
					if len(got) == 1 && got[0] == 1 {
						left = b.rx
					}
					v, err := left.TryRecv()
					if got = append(got, v); err != nil || len(got) != 2 || got[0]+got[1] != 3 {
						r.Failf("received %v, and then %v", got, err)
					}
				})
			})
		})
	}
}

// A goroutine selects twice on the same handles, so that the second Select uses
// the arms of the first. It fails if a wake-up for the first wakes the second,
// or if that misses a value.
func TestSelectsAgain(t *testing.T) {
	for name, choose := range map[string]func(context.Context, ...leat.Case) (int, error){"Select": leat.Select, "SelectInOrder": leat.SelectInOrder} {
		for _, cancellable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,cancellable=%v", name, cancellable), func(t *testing.T) {
				explore(t, func(r *model.Run) {
					ctx := context.Background()
					if cancellable {
						c, cancel := context.WithCancel(ctx)
						ctx = c
						r.Check(cancel)
					}
					aTx, aRx := mpsc.New[int](1)
					bTx, bRx := mpmc.New[int](0)
					var got []int
					r.Go("selects", func() {
						note := func(v int, err error) { got = append(got, v) }
						for range 2 {
							choose(ctx, leat.OnRecv(aRx, note), leat.OnRecv(bRx, note))
						}
					})
					r.Go("a", func() { aTx.TrySend(1) })
					r.Go("b", func() { bTx.Send(context.Background(), 2) })
					r.Check(func() {
						if len(got) != 2 || got[0]+got[1] != 3 {
							r.Failf("received %v", got)
						}
					})
				})
			})
		}
	}
}

// Two goroutines select on one handle, which has kept what an earlier Select
// has left. It fails if both use it.
func TestSelectsShareAHandle(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](1)
		_, other := mpmc.New[int](1)
		leat.Select(context.Background(), leat.OnRecv(rx, nil), leat.OnRecv(other, nil), leat.Default(nil))
		var got [2]int
		for i := range got {
			r.Go("selects", func() {
				leat.Select(context.Background(), leat.OnRecv(rx, func(v int, err error) { got[i] = v }), leat.OnRecv(rx, func(v int, err error) { got[i] = v }))
			})
		}
		r.Go("sends", func() {
			tx.Send(context.Background(), 1)
			tx.Send(context.Background(), 2)
		})
		r.Check(func() {
			if got != [2]int{1, 2} && got != [2]int{2, 1} {
				r.Failf("received %v", got)
			}
		})
	})
}

// A value is put into the second channel before the first one's is taken. It
// fails if a Select on both chooses Default, or if it does and a value is gone.
func TestSelectDefaultMeansNothing(t *testing.T) {
	explore(t, func(r *model.Run) {
		aTx, aRx := mpmc.New[int](1)
		bTx, bRx := mpmc.New[int](1)
		aTx.TrySend(1)
		chosen, got, taken := -1, 0, 0
		r.Go("selects", func() {
			note := func(v int, err error) { got = v }
			chosen, _ = leat.Select(context.Background(), leat.OnRecv(aRx, note), leat.OnRecv(bRx, note), leat.Default(nil))
		})
		r.Go("moves", func() {
			bTx.TrySend(2)
			taken, _ = aRx.TryRecv()
		})
		r.Check(func() {
			a, _ := aRx.TryRecv()
			b, _ := bRx.TryRecv()
			if chosen == 2 || got+taken+a+b != 3 {
				r.Failf("chose case %d, received %d; the other took %d; left are %d and %d", chosen, got, taken, a, b)
			}
		})
	})
}

// A Select with a Default beside a sender. It fails if the Default is chosen
// and the value is gone.
func TestSelectDefaultLosesNothing(t *testing.T) {
	explore(t, func(r *model.Run) {
		aTx, aRx := mpmc.New[int](1)
		_, bRx := mpmc.New[int](1)
		got := 0
		r.Go("selects", func() {
			leat.Select(context.Background(), leat.OnRecv(aRx, func(v int, err error) { got = v }), leat.OnRecv(bRx, nil), leat.Default(nil))
		})
		r.Go("sends", func() { aTx.TrySend(1) })
		r.Check(func() {
			if left, _ := aRx.TryRecv(); got+left != 1 {
				r.Failf("received %d, and %d is left", got, left)
			}
		})
	})
}

// A channel that holds a value at every instant, while one is put in and one is
// taken out. It fails if a Select with a Default finds it empty.
func TestSelectSeesWhatIsThere(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](2)
		tx.TrySend(1)
		chosen := -1
		r.Go("selects", func() {
			chosen, _ = leat.Select(context.Background(), leat.OnRecv(rx, nil), leat.Default(nil))
		})
		r.Go("moves", func() {
			tx.TrySend(2)
			rx.TryRecv()
		})
		r.Check(func() {
			if chosen != 0 {
				r.Failf("chose case %d", chosen)
			}
		})
	})
}

// A receiver's gate opens, and a goroutine that has waited for that selects. It
// fails if the Select chooses its Default: then it did not see the value that
// the gate told of.
func TestSelectSeesWhatReadyTells(t *testing.T) {
	explore(t, func(r *model.Run) {
		tx, rx := mpmc.New[int](1)
		ready := rx.Ready()
		chosen := -1
		r.Go("selects", func() {
			r.Await(ready)
			chosen, _ = leat.Select(context.Background(), leat.OnRecv(rx, nil), leat.Default(nil))
		})
		r.Go("sends", func() { tx.TrySend(1) })
		r.Check(func() {
			if chosen != 0 {
				r.Failf("chose case %d", chosen)
			}
		})
	})
}

// The last receiver is closed, and a goroutine that has seen that by Done tries
// to receive. It fails if the try finds the channel empty, and not ended.
func TestTrySeesWhatDoneTells(t *testing.T) {
	for _, selects := range []bool{false, true} {
		for kind, open := range map[string]func() (leat.Sender[int], leat.Receiver[int], <-chan struct{}){
			"mpsc": func() (leat.Sender[int], leat.Receiver[int], <-chan struct{}) {
				tx, rx := mpsc.New[int](1)
				return tx, rx, tx.Done()
			},
			"mpmc": func() (leat.Sender[int], leat.Receiver[int], <-chan struct{}) {
				tx, rx := mpmc.New[int](1)
				return tx, rx, tx.Done()
			},
			"oneshot": func() (leat.Sender[int], leat.Receiver[int], <-chan struct{}) {
				tx, rx := oneshot.New[int]()
				return tx, rx, tx.Done()
			},
		} {
			t.Run(fmt.Sprintf("%s,selects=%v", kind, selects), func(t *testing.T) {
				explore(t, func(r *model.Run) {
					_, rx, done := open()
					var err error
					r.Go("tries", func() {
						r.Await(done)
						if selects {
							leat.Select(context.Background(), leat.OnRecv(rx, func(_ int, e error) { err = e }), leat.Default(nil))
						} else {
							_, err = rx.TryRecv()
						}
					})
					r.Go("closes", func() { rx.Close() })
					r.Check(func() {
						if !errors.Is(err, leat.ErrClosed) {
							r.Failf("a receive after Done: %v", err)
						}
					})
				})
			})
		}
	}
}

// A Select waits to send to a, whose slot a permit holds, and to b. The permit
// is released, and so the value goes to a. It fails if a goroutine that has
// found b's gate open finds nothing in b, and then nothing in a.
func TestTrySeesWhereASelectWent(t *testing.T) {
	explore(t, func(r *model.Run) {
		aTx, aRx := mpmc.New[int](1)
		bTx, bRx := mpmc.New[int](0)
		ready := bRx.Ready()
		permit, err := aTx.TryReserve()
		if err != nil {
			t.Fatal(err)
		}
		r.Go("selects", func() {
			leat.Select(context.Background(), leat.OnSend(aTx, 1, nil), leat.OnSend(bTx, 1, nil))
		})
		r.Go("releases", func() { permit.Release() })
		var inB, inA error
		r.Go("tries", func() {
			select {
			case <-ready:
				_, inB = bRx.TryRecv()
				_, inA = aRx.TryRecv()
			default:
			}
		})
		r.Check(func() {
			if inB != nil && inA != nil {
				r.Failf("b: %v, and then a: %v", inB, inA)
			}
			bRx.TryRecv()
			aRx.TryRecv()
		})
	})
}
