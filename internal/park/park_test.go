package park_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// queue is the smallest channel there could be: waiters that want nothing but
// to be served. Every second one yields before it sleeps.
type queue struct {
	mu seam.Mutex
	q  park.Queue
}

func (q *queue) wait(ctx context.Context, id int) error {
	w := new(park.Waiter)
	q.mu.Lock()
	if id%2 == 0 {
		return q.q.Wait(ctx, &q.mu, w)
	}
	yields := q.q.Join(w, true)
	q.mu.Unlock()
	if yields {
		seam.Yield()
	}
	return q.q.Sleep(ctx, &q.mu, w)
}

func (q *queue) serve() {
	var wk park.Wakes
	q.mu.Lock()
	if w := q.q.Front(); w != nil {
		q.q.Remove(w)
		wk.Add(w)
	}
	q.mu.Unlock()
	wk.Run()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q.Len()
}

// contexts are the two sorts of wait: one that cannot end and one that can.
func contexts(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Run("background", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, context.Background()) })
	})
	t.Run("cancellable", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, t.Context()) })
	})
}

// It fails if waiters are served in another order than they came, or if the
// bubble does not see them as blocked.
func TestFirstComeFirstServed(t *testing.T) {
	contexts(t, func(t *testing.T, ctx context.Context) {
		const n = 100
		var q queue
		var mu seam.Mutex
		var order []int
		for id := range n {
			go func() {
				if err := q.wait(ctx, id); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, id)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		for range n {
			q.serve()
			synctest.Wait()
		}
		if len(order) != n || !slices.IsSorted(order) {
			t.Errorf("served %v", order)
		}
	})
}

// Made outside of the bubble and used in it: it hangs, or kills the process, if
// a wait uses anything that is older than it.
func TestBubbleOverOldQueue(t *testing.T) {
	var q queue
	contexts(t, func(t *testing.T, ctx context.Context) {
		done := make(chan struct{})
		go func() { q.wait(ctx, 0); close(done) }()
		synctest.Wait()
		<-time.After(time.Hour) // of the bubble's clock, which moves only if the waiter counts as blocked
		q.serve()
		<-done
	})
	done := make(chan struct{})
	go func() { q.wait(context.Background(), 0); close(done) }()
	for q.len() == 0 {
		runtime.Gosched()
	}
	q.serve()
	<-done
}

// It fails if a waiter whose ctx ends stays in the queue, where it would
// swallow a value meant for another.
func TestCancelledWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		ctx, cancel := context.WithCancel(context.Background())
		errs := make(chan error, 3)
		for id, ctx := range []context.Context{context.Background(), ctx, context.Background()} {
			go func() { errs <- q.wait(ctx, id) }()
			synctest.Wait()
		}
		cancel()
		if err := <-errs; err != context.Canceled {
			t.Errorf("cancelled wait: %v", err)
		}
		if q.len() != 2 {
			t.Errorf("%d waiters left, want 2", q.len())
		}
		for range 2 {
			q.serve()
			if err := <-errs; err != nil {
				t.Errorf("served wait: %v", err)
			}
		}
	})
}

// A waiter that has waited outside of a bubble waits in one, in another one,
// and outside again. It fails, by a hang or the end of the process, if a wait
// uses a channel that belongs elsewhere.
func TestWaiterMovesBetweenBubbles(t *testing.T) {
	var q queue
	var w park.Waiter
	wait := func(ctx context.Context) {
		done := make(chan error)
		go func() {
			q.mu.Lock()
			done <- q.q.Wait(ctx, &q.mu, &w)
		}()
		for q.len() == 0 {
			runtime.Gosched()
		}
		q.serve()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 2 {
		wait(context.Background())
		wait(ctx)
		synctest.Test(t, func(t *testing.T) {
			wait(t.Context())
			wait(context.Background())
		})
	}
}

// A Spare gives each waiter to one goroutine at a time, keeps as many as wait
// at the same time, and no more than it may. It fails if a waiter is in use
// twice, if one is made although one is free, or if a burst is kept.
func TestSpare(t *testing.T) {
	var s park.Spare
	for _, n := range []int{1, 3, 200} {
		used := make(map[*park.Waiter]bool)
		for range n {
			used[s.Take(park.NewWaiter[int])] = true
		}
		if len(used) != n {
			t.Fatalf("%d waits at the same time use %d waiters", n, len(used))
		}
		for w := range used {
			s.Return(w)
		}
	}
	kept := 0
	if n := testing.AllocsPerRun(1, func() {
		var taken []*park.Waiter
		for range 64 {
			taken = append(taken, s.Take(park.NewWaiter[int]))
		}
		kept = len(taken)
		for _, w := range taken {
			s.Return(w)
		}
	}); n > 10 { // what append takes
		t.Errorf("%d waits allocate %v times, after a burst of 200", kept, n)
	}
	if n := testing.AllocsPerRun(1, func() {
		var taken [65]*park.Waiter
		for i := range taken {
			taken[i] = s.Take(park.NewWaiter[int])
		}
		for _, w := range taken {
			s.Return(w)
		}
	}); n != 1 {
		t.Errorf("the 65th wait allocates %v times, want 1: a burst is kept", n)
	}
}

// It fails if a binary of the go command's tests counts as one without bubbles,
// or if one counts as one without that may be a test.
func TestIsTest(t *testing.T) {
	own, ok := debug.ReadBuildInfo()
	if !ok || !park.IsTest(own) {
		t.Errorf("this test is not one, by its build information:\n%v", own)
	}
	byGo := []debug.BuildSetting{{Key: "-buildmode", Value: "exe"}, {Key: "-compiler", Value: "gc"}}
	for _, c := range []struct {
		info debug.BuildInfo
		want bool
	}{
		{debug.BuildInfo{Path: "example.com/cmd/server", Settings: byGo}, false},
		{debug.BuildInfo{Path: "command-line-arguments", Settings: byGo}, false},
		{debug.BuildInfo{Path: "example.com/server.test", Settings: byGo}, true},
		{debug.BuildInfo{Path: "example.com/cmd/server"}, true},
		{debug.BuildInfo{Settings: byGo}, true},
	} {
		if got := park.IsTest(&c.info); got != c.want {
			t.Errorf("isTest(%+v) = %v, want %v", c.info, got, c.want)
		}
	}
}

// Services and cancellations at once, by several goroutines, of waiters that
// wait again at once while the waker of the last round may still be at it. It
// fails if a waiter that was served reports its ctx's end, or one that was not
// reports success.
func TestServedOrCancelled(t *testing.T) {
	var q queue
	var servers, waiters sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		servers.Go(func() {
			for !stop.Load() {
				var wk park.Wakes
				q.mu.Lock()
				for w := q.q.Front(); w != nil; w = q.q.Front() {
					q.q.Remove(w)
					*w.Request.(*int)++
					wk.Add(w)
				}
				q.mu.Unlock()
				wk.Run()
				runtime.Gosched()
			}
		})
	}
	for g := range 6 {
		waiters.Go(func() {
			w := park.NewWaiter[int]()
			served := w.Request.(*int) // how often
			for i := range 3000 {
				ctx, cancel := context.Background(), context.CancelFunc(func() {})
				if g%3 != 0 {
					ctx, cancel = context.WithCancel(ctx)
					if i%2 == 0 {
						go cancel()
					}
				}
				before := *served
				q.mu.Lock()
				err := q.q.Wait(ctx, &q.mu, w)
				if n := *served - before; (err == nil) != (n == 1) {
					t.Errorf("served %d times; Wait returned %v", n, err)
				}
				cancel()
			}
		})
	}
	waiters.Wait()
	stop.Store(true)
	servers.Wait()
	if q.len() != 0 {
		t.Errorf("%d waiters are left", q.len())
	}
}

func TestInBubble(t *testing.T) {
	if park.InBubble() {
		t.Error("InBubble outside of a bubble")
	}
	synctest.Test(t, func(t *testing.T) {
		<-time.After(10 * 365 * 24 * time.Hour)
		if !park.InBubble() {
			t.Error("not InBubble ten years into a bubble's clock")
		}
	})
}

// It fails if the gate lets more than one through, none, or shuts again after
// its end.
func TestGate(t *testing.T) {
	open := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	var g park.Gate
	g.Set(true) // nobody asked: nothing happens
	g.End()
	if g.Asked() {
		t.Error("a gate that nobody asked for exists")
	}
	ch := g.Chan()
	if open(ch) {
		t.Error("a new gate is open")
	}
	g.Set(true)
	g.Set(true)
	if first, second := open(ch), open(ch); !first || second {
		t.Error("an open gate does not let exactly one through")
	}
	g.Set(true)
	g.Set(false)
	if open(ch) {
		t.Error("a shut gate is open")
	}
	g.End()
	g.End()
	g.Set(false)
	for range 2 {
		if !open(ch) {
			t.Error("an ended gate is shut")
		}
	}
}

// A channel made in a bubble kills the process if it is touched from outside.
// It fails that way, or if a gate does not work again on the other side.
func TestGateAcrossBubbles(t *testing.T) {
	var g park.Gate
	synctest.Test(t, func(t *testing.T) {
		ch := g.Chan()
		g.Set(true)
		<-ch
	})
	g.Set(true)
	g.Set(false)
	ch := g.Chan()
	g.Set(true)
	<-ch
	synctest.Test(t, func(t *testing.T) {
		ch := g.Chan()
		done := make(chan struct{})
		go func() { <-ch; close(done) }()
		synctest.Wait() // which hangs if the gate's channel is one from outside
		g.Set(true)
		<-done
	})
	g.End()
	<-func() <-chan struct{} { ch := g.Chan(); g.End(); return ch }()
}

// It fails if SkipRun does not find the end of a run after a waiter has come,
// or has left from the beginning, the middle or the end of a run or from
// between two.
func TestSkipRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		random := rand.New(rand.NewPCG(1, 2))
		selections := []*park.Selection{nil, park.NewSelection(), park.NewSelection()}
		remove := func(w *park.Waiter) {
			q.q.Remove(w)
			if w.Selection() == nil {
				w.Wake()
			}
		}
		for range 10_000 {
			if n := q.len(); n < 12 && random.IntN(2) == 0 {
				if s := selections[random.IntN(3)]; s != nil {
					q.q.Enter(new(park.Waiter), s, 0)
				} else {
					go q.wait(context.Background(), 0)
					synctest.Wait()
				}
			} else if n > 0 {
				w := q.q.Front()
				for range random.IntN(n) {
					w = w.Next()
				}
				remove(w)
			}
			at := 0
			for w := q.q.Front(); w != nil; w = w.Next() {
				want := w.Next()
				for want != nil && want.Of(w.Selection()) {
					want = want.Next()
				}
				if w.SkipRun() != want {
					t.Fatalf("SkipRun of waiter %d of %d does not lead to the next run", at, q.len())
				}
				at++
			}
		}
		for w := q.q.Front(); w != nil; w = q.q.Front() {
			remove(w)
		}
	})
}
