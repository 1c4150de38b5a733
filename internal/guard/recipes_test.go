package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// The recipes of docs/guide.md, in its order.

func Example_priority() {
	ctx := context.Background()
	urgent, urgentRx := mpsc.New[string](8)
	normal, normalRx := mpsc.New[string](8)
	normal.SendMany(ctx, []string{"a", "b"})
	urgent.Send(ctx, "fire")
	show := func(v string, err error) { fmt.Println(v) }
	for range 3 {
		leat.SelectInOrder(ctx, leat.OnRecv(urgentRx, show), leat.OnRecv(normalRx, show))
	}
	// Output:
	// fire
	// a
	// b
}

type topics struct {
	mu   sync.Mutex
	hubs map[string]*broadcast.Sender[string]
}

func (t *topics) subscribe(topic string) *broadcast.Receiver[string] {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hubs[topic] == nil {
		t.hubs[topic] = broadcast.New[string](16)
	}
	return t.hubs[topic].Subscribe()
}

func (t *topics) publish(topic, event string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if hub := t.hubs[topic]; hub != nil && hub.Receivers() > 0 {
		hub.TrySend(event) // never full, as no receiver is lossless
	} else if hub != nil {
		delete(t.hubs, topic)
		hub.Close()
	}
}

func Example_topics() {
	t := topics{hubs: make(map[string]*broadcast.Sender[string])}
	rx := t.subscribe("weather")
	t.publish("weather", "rain")
	t.publish("sport", "0:0") // to nobody
	fmt.Println(rx.Recv(context.Background()))
	rx.Close()
	t.publish("weather", "sun")
	fmt.Println(len(t.hubs), "topics")
	// Output:
	// rain <nil>
	// 0 topics
}

func Example_actor() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](8) // the actor keeps tx, to send to itself
	tx.Send(ctx, 3)
	for n := range rx.All(ctx) {
		fmt.Println(n)
		if n == 1 {
			rx.Close() // the owner does this; no tx.Close is needed
		}
		tx.TrySend(n - 1)
	}
	// Output:
	// 3
	// 2
	// 1
}

type work struct {
	name    string
	flushed *oneshot.Sender[struct{}] // nil, unless this is a flush
}

func Example_flush() {
	ctx := context.Background()
	tx, rx := mpsc.New[work](8)
	go func() {
		for w := range rx.All(ctx) {
			if w.flushed != nil {
				w.flushed.Send(ctx, struct{}{})
				continue
			}
			fmt.Println("done:", w.name)
		}
	}()
	tx.SendMany(ctx, []work{{name: "a"}, {name: "b"}})
	reply, flushed := oneshot.New[struct{}]()
	tx.Send(ctx, work{flushed: reply}) // FIFO: earlier values are done first
	_, err := flushed.Recv(ctx)
	fmt.Println("flushed:", err)
	tx.Close()
	// Output:
	// done: a
	// done: b
	// flushed: <nil>
}

func Example_condition() {
	ctx := context.Background()
	connected := watch.New(0)
	rx := connected.Subscribe()
	for range 3 {
		go connected.Update(func(n *int) bool { *n++; return true })
	}
	fmt.Println(rx.WaitFor(ctx, func(n int) bool { return n == 3 })) // as Cond.Wait, but ends with ctx
	// Output: 3 <nil>
}

func Example_dropNewest() {
	tx, rx := mpsc.New[int](2)
	dropped := 0
	for i := range 5 {
		if errors.Is(tx.TrySend(i), leat.ErrFull) {
			dropped++
		}
	}
	fmt.Println(rx.Len(), "wait,", dropped, "dropped")
	// Output: 2 wait, 3 dropped
}

var errSlow = errors.New("too slow")

func Example_throwOut() {
	ctx := context.Background()
	hub := broadcast.New[int](4)
	slow := hub.Subscribe()
	subscribers := map[*broadcast.Receiver[int]]bool{slow: true}
	for i := range 10 {
		for rx := range subscribers {
			if rx.Len() == hub.Cap() { // the next event would make it lag
				rx.CloseWith(errSlow)
				delete(subscribers, rx)
			}
		}
		hub.TrySend(i)
	}
	_, err := slow.Recv(ctx)
	fmt.Println(errors.Is(err, leat.ErrClosed), errors.Is(err, errSlow))
	// Output: true true
}

// A loud receiver has a Recv of its own, and every other method of the receiver
// that it embeds.
type loud struct{ *mpsc.Receiver[string] }

func (l loud) Recv(ctx context.Context) (string, error) {
	v, err := l.Receiver.Recv(ctx)
	return strings.ToUpper(v), err
}

func Example_wrapper() {
	ctx := context.Background()
	tx, rx := mpsc.New[string](8)
	tx.SendMany(ctx, []string{"a", "b", "c"})
	var wrapped leat.Receiver[string] = loud{rx}
	fmt.Println(wrapped.Recv(ctx))
	leat.Select(ctx, leat.OnRecv(wrapped, func(v string, err error) { fmt.Println(v, err) }))
	fmt.Println(wrapped.TryRecv())
	// Output:
	// A <nil>
	// b <nil>
	// c <nil>
}

// A louder receiver hides the receiver, and has what Select needs.
type louder struct{ rx *mpsc.Receiver[string] }

func (l louder) Recv(ctx context.Context) (string, error) { return loud{l.rx}.Recv(ctx) }
func (l louder) TryRecv() (string, error)                 { v, err := l.rx.TryRecv(); return strings.ToUpper(v), err }
func (l louder) Ready() <-chan struct{}                   { return l.rx.Ready() }
func (l louder) Close() error                             { return l.rx.Close() }

func Example_wrapperForSelect() {
	tx, rx := mpsc.New[string](8)
	tx.TrySend("a")
	leat.Select(context.Background(), leat.OnRecv(louder{rx}, func(v string, err error) { fmt.Println(v, err) }))
	// Output: A <nil>
}
