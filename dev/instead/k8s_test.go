package instead

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/leat-go/leat/examples/instead/watchbroadcaster"
)

// A hub is what both broadcasters have in common.
type hub struct {
	watch    func() (events <-chan watch.Event, stop func())
	action   func(watch.Event)
	try      func(watch.Event) // without waiting
	shutdown func()
}

func k8sHub(queue int, full watch.FullChannelBehavior) hub {
	b := watch.NewBroadcaster(queue, full)
	return hub{
		watch: func() (<-chan watch.Event, func()) {
			w, err := b.Watch()
			if err != nil {
				panic(err)
			}
			return w.ResultChan(), w.Stop
		},
		action:   func(e watch.Event) { _ = b.Action(e.Type, e.Object) },
		try:      func(e watch.Event) { _, _ = b.ActionOrDrop(e.Type, e.Object) },
		shutdown: b.Shutdown,
	}
}

func leatHub(queue int, full watch.FullChannelBehavior) hub {
	b := watchbroadcaster.New[watch.Event](queue, watchbroadcaster.FullChannelBehavior(full))
	return hub{
		watch: func() (<-chan watch.Event, func()) {
			w, err := b.Watch()
			if err != nil {
				panic(err)
			}
			return w.ResultChan(), w.Stop
		},
		action:   func(e watch.Event) { _ = b.Action(context.Background(), e) },
		try:      func(e watch.Event) { _ = b.ActionOrDrop(e) },
		shutdown: b.Shutdown,
	}
}

var someEvent = watch.Event{Type: watch.Added, Object: &metav1.Status{}}

// blocks reports whether f blocks in a bubble. It frees f by free.
func blocks(f, free func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	synctest.Wait()
	blocked := false
	select {
	case <-done:
	default:
		blocked = true
	}
	free()
	<-done
	return blocked
}

// One watcher does not read, and its channel and the queue are full. In the
// original, other watchers cannot stop then, and no new one can begin.
func TestK8sWatcherThatDoesNotRead(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(int, watch.FullChannelBehavior) hub
		want bool // blocks
	}{{"apimachinery", k8sHub, true}, {"leat", leatHub, false}} {
		for _, call := range []string{"Stop of another", "Watch"} {
			t.Run(c.name+"/"+call, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := c.make(1, watch.WaitIfChannelFull)
					_, stopStuck := h.watch()
					events, stopOther := h.watch()
					go func() {
						for range events {
						}
					}()
					for range 100 { // more than fit
						h.try(someEvent)
						synctest.Wait()
					}
					f := stopOther
					if call == "Watch" {
						f = func() { _, stop := h.watch(); stop() }
					}
					if got := blocks(f, stopStuck); got != c.want {
						t.Errorf("%s blocks: %t; docs/instead.md says %t", call, got, c.want)
					}
					synctest.Wait()
					h.shutdown()
				})
			})
		}
	}
}

// Events to all watchers, whose channels are read at once; an iteration is an
// event for everybody. Every event is delivered, or the benchmark fails.
func BenchmarkK8s(b *testing.B) {
	for _, watchers := range []struct {
		name string
		n    int
	}{{"10_watchers", 10}, {"100_watchers", 100}} {
		for _, c := range []struct {
			name string
			make func(int, watch.FullChannelBehavior) hub
		}{{"apimachinery", k8sHub}, {"leat_ResultChan", leatHub}} {
			b.Run(watchers.name+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				h := c.make(100, watch.WaitIfChannelFull)
				var all sync.WaitGroup
				got := make([]int, watchers.n)
				for i := range got {
					events, _ := h.watch()
					all.Go(func() {
						for range events {
							got[i]++
						}
					})
				}
				for range b.N {
					h.action(someEvent)
				}
				h.shutdown()
				all.Wait()
				checkDelivered(b, got)
			})
		}
		b.Run(watchers.name+"/leat_Subscribe", func(b *testing.B) {
			b.ReportAllocs()
			h := watchbroadcaster.New[watch.Event](100, watchbroadcaster.WaitIfChannelFull)
			var all sync.WaitGroup
			got := make([]int, watchers.n)
			for i := range got {
				rx := h.Subscribe()
				all.Go(func() {
					for range rx.All(context.Background()) {
						got[i]++
					}
				})
			}
			for range b.N {
				_ = h.Action(context.Background(), someEvent)
			}
			h.Shutdown()
			all.Wait()
			checkDelivered(b, got)
		})
	}
}

// checkDelivered fails unless each receiver got all b.N values.
func checkDelivered(b *testing.B, got []int) {
	b.Helper()
	total := 0
	for _, n := range got {
		total += n
	}
	if want := len(got) * b.N; total != want {
		b.Fatalf("%d delivered, want %d", total, want)
	}
	b.ReportMetric(float64(total)/float64(b.N), "delivered/op")
}
