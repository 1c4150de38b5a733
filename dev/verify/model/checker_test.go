//go:build modelcheck

package model_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/internal/seam"
)

// The checker's own tests: each planted bug is found, and the same program
// without it passes.

// planted runs program with and without its bug.
func planted(t *testing.T, want string, program func(r *model.Run, bug bool)) {
	t.Helper()
	for _, o := range []model.Options{{}, {Preemptions: model.AtMost(2)}, {Full: true, Preemptions: model.AtMost(2)}} {
		good := model.Explore(o, func(r *model.Run) { program(r, false) })
		if good.Failure != nil || !good.Complete {
			t.Fatalf("%v, without the bug: %v %v", o.Preemptions, good, good.Failure)
		}
		bad := model.Explore(o, func(r *model.Run) { program(r, true) })
		if bad.Failure == nil {
			t.Fatalf("%v, with the bug: %v, and nothing found", o.Preemptions, bad)
		}
		if !strings.Contains(bad.Failure.What, want) {
			t.Fatalf("found %q; want %q", bad.Failure.What, want)
		}
		again, err := model.Replay(o, func(r *model.Run) { program(r, true) }, bad.Failure.Schedule)
		if err != nil || again == nil || again.What != bad.Failure.What || !slices.Equal(again.Trace, bad.Failure.Trace) {
			t.Fatalf("replay: %v, %v; want %v", again, err, bad.Failure)
		}
		o.Random, o.Schedules = rand.New(rand.NewPCG(1, 2)), 2000
		if bad := model.Explore(o, func(r *model.Run) { program(r, true) }); bad.Failure == nil {
			t.Fatalf("at random, with the bug: %v, and nothing found", bad)
		}
		t.Logf("%v: good %v; bad after %d: %s (%s)", o.Preemptions, good, bad.Schedules, bad.Failure.What, bad.Failure.Schedule)
	}
}

// It fails if a counter that is read and written in two steps seems to count.
func TestFindsLostUpdate(t *testing.T) {
	planted(t, "counted 1", func(r *model.Run, bug bool) {
		var n seam.Uint64
		for i := range 2 {
			r.Go(fmt.Sprint("g", i), func() {
				if bug {
					n.Store(n.Load() + 1)
				} else {
					n.Add(1)
				}
			})
		}
		r.Check(func() {
			if n.Load() != 2 {
				r.Failf("counted %d", n.Load())
			}
		})
	})
}

// A mailbox is a slot with a waiter: the smallest channel that can lose a
// wake-up.
type mailbox struct {
	full   seam.Bool
	asleep seam.Pointer[chan struct{}]
	value  seam.Uint64
}

func (m *mailbox) put(v uint64, wake bool) {
	m.value.Store(v)
	m.full.Store(true)
	if ch := m.asleep.Swap(nil); ch != nil && wake {
		seam.Close(*ch)
	}
}

func (m *mailbox) take(r *model.Run, again bool) uint64 {
	if !m.full.Load() {
		ch := make(chan struct{})
		m.asleep.Store(&ch)
		if !again || !m.full.Load() { // look again: it may have come before there was somebody to wake
			r.Await(ch)
		}
	}
	return m.value.Load()
}

// It fails if a receiver that does not look again before it sleeps, or a sender
// that does not wake it, is not seen to hang.
func TestFindsLostWakeup(t *testing.T) {
	for _, bugs := range []string{"no second try", "no wake"} {
		t.Run(strings.ReplaceAll(bugs, " ", "_"), func(t *testing.T) {
			planted(t, "deadlock: receiver waits", func(r *model.Run, bug bool) {
				m := new(mailbox)
				r.Go("sender", func() { m.put(7, !(bug && bugs == "no wake")) })
				r.Go("receiver", func() {
					if v := m.take(r, !(bug && bugs == "no second try")); v != 7 {
						r.Failf("received %d", v)
					}
				})
			})
		})
	}
}

// It fails if a slot that is claimed and published before its value is written
// passes.
func TestFindsClaimWithoutPublish(t *testing.T) {
	planted(t, "received 0", func(r *model.Run, bug bool) {
		var tail, published, value seam.Uint64
		r.Go("sender", func() {
			tail.Add(1)
			if bug {
				published.Store(1)
			}
			value.Store(7)
			published.Store(1)
		})
		r.Go("receiver", func() {
			if published.Load() == 1 {
				if v := value.Load(); v != 7 {
					r.Failf("received %d", v)
				}
			}
		})
	})
}

// It fails if a value that two receivers take passes.
func TestFindsDoubleDelivery(t *testing.T) {
	planted(t, "received twice", func(r *model.Run, bug bool) {
		var full seam.Bool
		full.Store(true)
		var got [2]bool
		for i := range got {
			r.Go(fmt.Sprint("receiver", i), func() {
				if bug {
					if full.Load() {
						full.Store(false)
						got[i] = true
					}
				} else {
					got[i] = full.CompareAndSwap(true, false)
				}
			})
		}
		r.Check(func() {
			if got[0] && got[1] {
				r.Failf("received twice")
			}
		})
	})
}

// It fails if two locks that are taken in both orders pass.
func TestFindsLockOrder(t *testing.T) {
	planted(t, "deadlock", func(r *model.Run, bug bool) {
		var a, b seam.Mutex
		both := func(first, second *seam.Mutex) {
			first.Lock()
			defer first.Unlock()
			second.Lock()
			defer second.Unlock()
		}
		r.Go("one", func() { both(&a, &b) })
		r.Go("two", func() {
			if bug {
				both(&b, &a)
			} else {
				both(&a, &b)
			}
		})
	})
}

// It fails if a waiter that leaves because its context ended, and swallows the
// wake-up that it was given, passes.
func TestFindsSwallowedWakeup(t *testing.T) {
	planted(t, "deadlock", func(r *model.Run, bug bool) {
		var mu seam.Mutex
		queue := []chan struct{}{make(chan struct{}), make(chan struct{})}
		wake := func() {
			if len(queue) > 0 {
				seam.Close(queue[0])
				queue = queue[1:]
			}
		}
		ctx, cancel := r.Context()
		first, second := queue[0], queue[1]
		r.Go("first", func() {
			if got, _ := seam.Await(first, ctx.Done()); got != nil {
				mu.Lock()
				wake() // the turn goes on
				mu.Unlock()
				return
			}
			mu.Lock()
			if len(queue) > 0 && queue[0] == first {
				queue = queue[1:]
			} else if !bug {
				wake()
			}
			mu.Unlock()
		})
		r.Go("second", func() { r.Await(second) })
		r.Go("waker", func() {
			mu.Lock()
			wake()
			mu.Unlock()
		})
		r.Go("cancel", cancel)
	})
}

// It fails if a Cond whose waiter stands in the list too late passes, or one
// that is used right does not.
func TestCond(t *testing.T) {
	planted(t, "deadlock", func(r *model.Run, bug bool) {
		var mu seam.Mutex
		c := seam.Cond{L: &mu}
		ready := false
		r.Go("waiter", func() {
			mu.Lock()
			if bug && !ready {
				mu.Unlock() // and the signal falls between
				mu.Lock()
				c.Wait()
			}
			for !ready {
				c.Wait()
			}
			mu.Unlock()
		})
		r.Go("signaller", func() {
			mu.Lock()
			ready = true
			mu.Unlock()
			c.Signal()
		})
	})
}

// It fails if a goroutine that spins until another has done something makes the
// search endless, or hides the steps after that.
func TestYieldIsFair(t *testing.T) {
	planted(t, "seen", func(r *model.Run, bug bool) {
		var done seam.Bool
		r.Go("spinner", func() {
			for !done.Load() {
				seam.Yield()
			}
			if bug {
				r.Failf("seen")
			}
		})
		r.Go("worker", func() { done.Store(true) })
	})
}

// It fails if a loop without an end is not found to be one.
func TestFindsEndlessLoop(t *testing.T) {
	res := model.Explore(model.Options{Steps: 200}, func(r *model.Run) {
		var x seam.Bool
		r.Go("one", func() {
			for !x.Load() {
				seam.Yield()
			}
		})
	})
	if res.Failure == nil || !strings.Contains(res.Failure.What, "no end after 200 steps") {
		t.Fatalf("%v %v", res, res.Failure)
	}
}

// It fails if what the garbage collector would do cannot be tried at every
// point.
func TestDrop(t *testing.T) {
	type handle struct{ c seam.Cleanup }
	seen := make(map[bool]bool)
	res := model.Explore(model.Options{}, func(r *model.Run) {
		h := new(handle)
		var closed seam.Bool
		h.c = seam.AddCleanup(h, func(b *seam.Bool) { b.Store(true) }, &closed)
		r.Go("gc", func() { r.Drop(h) })
		r.Go("user", func() { seen[closed.Load()] = true })
	})
	if res.Failure != nil || !seen[true] || !seen[false] {
		t.Fatalf("%v %v, seen %v", res, res.Failure, seen)
	}
}

// Random programs: a few goroutines with a few operations on a few atomics,
// mutexes and channels. What a run does is the values that its loads and swaps
// saw, and how it ended.
func randomProgram(seed uint64) (program func(r *model.Run), seen func() [4][]string) {
	var log [4][]string
	program = func(r *model.Run) {
		seam.Timers = true
		r.After(func(string) { seam.Timers = false })
		rnd := rand.New(rand.NewPCG(seed, 1))
		var vars [3]seam.Uint64
		var locks [2]seam.Mutex
		chans := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
		closers := [2]int{rnd.IntN(4), rnd.IntN(4)}
		threads := 2 + rnd.IntN(2)
		for i := range threads {
			log[i] = nil
			ops := 2 + rnd.IntN(3)
			kinds := make([]int, ops)
			args := make([]int, ops)
			for k := range kinds {
				kinds[k], args[k] = rnd.IntN(9), rnd.IntN(6)
			}
			r.Go(fmt.Sprint("g", i), func() {
				for k, kind := range kinds {
					x, m := &vars[args[k]%3], &locks[args[k]%2]
					switch kind {
					case 0, 1:
						log[i] = append(log[i], fmt.Sprint(x.Load()))
					case 2:
						x.Store(uint64(10*i + k + 1))
					case 3:
						log[i] = append(log[i], fmt.Sprint(x.Swap(uint64(10*i+k+1))))
					case 4:
						m.Lock()
						log[i] = append(log[i], fmt.Sprint("m", x.Load()))
						x.Store(uint64(10*i + k + 1))
						m.Unlock()
					case 5:
						a, _ := seam.Await(chans[0], chans[1])
						log[i] = append(log[i], fmt.Sprint("a", a != nil))
					case 6:
						r.Begin()
						log[i] = append(log[i], fmt.Sprint(x.Load()))
						r.End()
					case 7:
						seam.Yield()
					case 8:
						a, b, _ := seam.AwaitTimer(chans[0], chans[1], make(chan time.Time))
						log[i] = append(log[i], fmt.Sprint("t", a != nil, b != nil))
					}
				}
				for c, who := range closers {
					if who == i || who >= threads && i == 0 {
						seam.Close(chans[c])
					}
				}
			})
		}
	}
	return program, func() [4][]string { return log }
}

// It fails if the reduced search without a bound misses an outcome that the
// full search finds, or the one with a bound misses more than one in 200, or if
// they find one that the full search does not.
func TestReductionMissesNothing(t *testing.T) {
	if model.RaceEnabled {
		t.Skip("a run that ends in a deadlock has no order with the report of it, so the race detector would report this test")
	}
	programs, bigger := 150, 0
	if testing.Short() {
		programs = 40
	}
	var full, reduced, outcomes, missed int
	for seed := range uint64(programs) {
		for _, bound := range []model.Bound{model.Unbounded, model.None, model.AtMost(1), model.AtMost(2)} {
			var sets [2]map[string]bool
			var results [2]model.Result
			for i := range sets {
				sets[i] = make(map[string]bool)
				program, log := randomProgram(seed)
				o := model.Options{Preemptions: bound, Full: i == 0, Schedules: 4000, Deadlocks: true, Spins: 8}
				results[i] = model.Explore(o, func(r *model.Run) {
					program(r)
					r.After(func(end string) {
						if bound == model.Unbounded {
							sets[i][fmt.Sprint(log(), end)] = true
							return
						}
						for g, l := range log() {
							sets[i][fmt.Sprint(g, l)] = true
						}
					})
				})
			}
			if !results[0].Complete {
				bigger++
				continue
			}
			full += results[0].Schedules
			reduced += results[1].Schedules
			for o := range sets[0] {
				outcomes++
				if !sets[1][o] && bound == model.Unbounded {
					t.Fatalf("program %d: the full search (%v) finds %s; the reduced one (%v) does not", seed, results[0], o, results[1])
				}
				if !sets[1][o] {
					missed++
				}
			}
			for o := range sets[1] {
				if !sets[0][o] {
					t.Fatalf("program %d, %v: the reduced search finds %s, which the full one does not", seed, bound, o)
				}
			}
		}
	}
	if missed*200 > outcomes {
		t.Errorf("with a bound, the reduced search misses %d of %d outcomes", missed, outcomes)
	}
	t.Logf("%d outcomes, %d of which a bounded search misses; %d schedules in full, %d reduced; %d searches were too big to be compared", outcomes, missed, full, reduced, bigger)
	if bigger > programs {
		t.Errorf("of %d searches, %d were too big to be compared: the test says little", 4*programs, bigger)
	}
}
