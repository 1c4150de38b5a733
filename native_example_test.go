package leat_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/signal"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
)

// Examples with an underscore are the code of docs/native-channels.md, in its
// order.

type notes struct{ hub *broadcast.Sender[string] }

// Subscribe returns a receiver, which the caller closes.
func (n *notes) Subscribe() *broadcast.Receiver[string] { return n.hub.Subscribe() }

func Example_returnReceiver() {
	ctx := context.Background()
	n := &notes{broadcast.New[string](2)}
	rx := n.Subscribe()
	defer rx.Close()
	n.hub.SendMany(ctx, []string{"a", "b", "c"})
	n.hub.Close()
	for note, missed := range rx.All(ctx) {
		fmt.Println(note, missed)
	}
	// Output:
	// b 1
	// c 0
}

// Follow returns the notes from now on. The loop over them ends with ctx.
func (n *notes) Follow(ctx context.Context) iter.Seq[string] {
	rx := n.hub.Subscribe()
	return func(yield func(string) bool) {
		defer rx.Close()
		for note := range rx.All(ctx) {
			if !yield(note) {
				return
			}
		}
	}
}

func Example_returnIterator() {
	ctx := context.Background()
	n := &notes{broadcast.New[string](8)}
	following := n.Follow(ctx)
	n.hub.SendMany(ctx, []string{"a", "b", "c"})
	for note := range following {
		fmt.Println(note)
		if note == "b" {
			break
		}
	}
	fmt.Println(n.hub.Receivers(), "receivers")
	// Output:
	// a
	// b
	// 0 receivers
}

func Example_joinSelect() {
	tx, rx := mpsc.New[string](8)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	tx.SendMany(context.Background(), []string{"a", "b"})
	tx.Close()
	for {
		select {
		case <-rx.Ready():
			v, err := rx.TryRecv()
			for ; err == nil; v, err = rx.TryRecv() {
				fmt.Println(v)
			}
			if errors.Is(err, leat.ErrClosed) {
				return
			}
		case <-stop:
			return
		}
	}
	// Output:
	// a
	// b
}

// Events is the API that exists: callers expect a native channel.
func (n *notes) Events(ctx context.Context) <-chan string {
	return leat.ToChan(ctx, n.hub.Subscribe())
}

func Example_keepSignature() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the goroutine, and the subscription with it
	n := &notes{broadcast.New[string](8)}
	events := n.Events(ctx)
	n.hub.SendMany(ctx, []string{"a", "b"})
	n.hub.Close()
	for event := range events {
		fmt.Println(event)
	}
	// Output:
	// a
	// b
}

func Example_exactCapacity() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tx, rx := mpsc.New[int](2)
	ch := leat.ToChan(ctx, rx, 3)

	for i := range 2 + 3 + 1 { // the channel, ch, and the goroutine's hand
		tx.Send(ctx, i)
	}
	fmt.Println(tx.TrySend(6), tx.Len(), len(ch))
	// Output: leat: channel full 2 3
}

func Example_countGaps() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hub := broadcast.New[string](2)
	rx := hub.Subscribe()
	hub.SendMany(ctx, []string{"a", "b", "c", "d", "e"})
	hub.Close()
	for event := range leat.ToChan(ctx, rx) {
		fmt.Println(event)
	}
	fmt.Println("missed:", rx.Missed())
	// Output:
	// d
	// e
	// missed: 3
}

// Notify is the API that exists: the caller makes the channel, and owns it.
func (n *notes) Notify(ctx context.Context, ch chan<- string) {
	rx := n.hub.Subscribe(broadcast.Lossless())
	go func() {
		defer rx.Close()
		leat.Copy(ctx, leat.IntoChan(ch), rx)
	}()
}

func Example_callersChannel() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the subscription, also while ch is full
	n := &notes{broadcast.New[string](8)}
	ch := make(chan string, 1)
	n.Notify(ctx, ch)
	n.hub.SendMany(ctx, []string{"a", "b"})
	fmt.Println(<-ch, <-ch)
	// Output: a b
}

// drain is code that takes any receiver.
func drain(ctx context.Context, rx leat.Receiver[string]) (all []string, err error) {
	for v, err := range leat.All(ctx, rx) {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func Example_theirChannel() {
	ch := make(chan string, 2) // from a library
	ch <- "a"
	ch <- "b"
	close(ch)
	fmt.Println(drain(context.Background(), leat.FromChan(ch)))
	// Output: [a b] <nil>
}

func ExampleIntoChan() {
	events := make(chan string, 2)
	ctx := context.Background()

	tx, rx := mpsc.New[string](8)
	tx.SendMany(ctx, []string{"created", "changed"})
	tx.Close()
	n, err := leat.Copy(ctx, leat.IntoChan(events), rx)
	fmt.Println(n, err)
	fmt.Println(<-events, <-events)

	out := leat.IntoChan(events)
	close(events) // by the code that owns it
	fmt.Println(out.Send(ctx, "deleted"))
	// Output:
	// 2 <nil>
	// created changed
	// leat: channel closed
}

func ExampleUnbounded() {
	capacity := leat.Unbounded // from a flag, say
	tx, rx := mpsc.New[int](capacity)
	for i := range 1000 {
		tx.TrySend(i)
	}
	fmt.Println(rx.Len())
	// Output: 1000
}
