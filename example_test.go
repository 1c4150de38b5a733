package leat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

// Code that takes the contract's interfaces works with every kind.
func Example() {
	produce := func(tx leat.Sender[int]) {
		defer tx.Close()
		for i := range 3 {
			tx.Send(context.Background(), i)
		}
	}
	tx, rx := mpsc.New[int](1)
	go produce(tx)
	for v := range rx.All(context.Background()) {
		fmt.Println(v)
	}

	all := broadcast.New[int](3)
	a, b := all.Subscribe(), all.Subscribe()
	produce(all)
	fmt.Println(a.Len(), b.Len())
	// Output:
	// 0
	// 1
	// 2
	// 3 3
}

// A slow subscriber does not hold back the publisher, and gets the exact
// number of events that it missed.
func Example_slowSubscriber() {
	ctx := context.Background()
	hub := broadcast.New[string](2) // keeps the last two events
	slow := hub.Subscribe()
	for _, e := range []string{"a", "b", "c", "d", "e"} {
		hub.Send(ctx, e) // does not wait for slow subscribers
	}
	hub.Close()
	for e, missed := range slow.All(ctx) {
		fmt.Println(e, "missed before it:", missed)
	}
	// Output:
	// d missed before it: 3
	// e missed before it: 0
}

// Eight senders, and a receiver that leaves when it has enough. No sender
// panics or stays blocked, and no accepted value is lost.
func Example_close() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](4)
	var senders sync.WaitGroup
	var accepted atomic.Int64
	for range 8 {
		tx := tx.Clone() // a handle for each; nobody has to know who is last
		senders.Go(func() {
			defer tx.Close()
			for v := 0; tx.Send(ctx, v) == nil; v++ { // else v was not sent
				accepted.Add(1)
			}
		})
	}
	tx.Close()

	received := 0
	for range rx.All(ctx) {
		if received++; received == 100 {
			rx.Close() // ends every Send; accepted values still come
		}
	}
	senders.Wait()
	fmt.Println("accepted and not received:", accepted.Load()-int64(received))
	// Output: accepted and not received: 0
}

// Copy is the io.Copy of channels: here it feeds a log of the last values from
// a queue.
func ExampleCopy() {
	ctx := context.Background()
	queue, rx := mpsc.NewUnbounded[string]()
	for _, line := range []string{"a", "b", "c", "d"} {
		queue.TrySend(line)
	}
	queue.Close()

	log := broadcast.New[string](2)
	n, err := leat.Copy(ctx, log, rx)
	fmt.Println(n, err)
	log.Close()
	for line := range log.Subscribe(broadcast.Replay(2)).All(ctx) {
		fmt.Println(line)
	}
	// Output:
	// 4 <nil>
	// c
	// d
}

// A value that had left the source when the destination refused it is not lost.
func ExampleUnsentError() {
	tx, rx := mpsc.New[string](1)
	tx.TrySend("a letter")
	dst, gone := mpsc.New[string](1)
	gone.Close()
	n, err := leat.Copy(context.Background(), dst, rx)
	var unsent *leat.UnsentError[string]
	if errors.As(err, &unsent) {
		fmt.Printf("%d copied; %q comes back: %v\n", n, unsent.Value, unsent.Err)
	}
	// Output: 0 copied; "a letter" comes back: leat: channel closed
}

// What Try returns says what was so, and so what to do.
func ExampleErrEmpty() {
	tx, rx := mpsc.New[int](1)
	look := func() {
		switch v, err := rx.TryRecv(); {
		case errors.Is(err, leat.ErrEmpty):
			fmt.Println("nothing yet: look again")
		case errors.Is(err, leat.ErrClosed):
			fmt.Println("the end")
		default:
			fmt.Println("value", v)
		}
	}
	look()
	tx.TrySend(1)
	if err := tx.TrySend(2); errors.Is(err, leat.ErrFull) {
		fmt.Println("no room: 2 is still ours")
	}
	look()
	tx.Close()
	look()
	// Output:
	// nothing yet: look again
	// no room: 2 is still ours
	// value 1
	// the end
}

func ExampleFromChan() {
	ch := make(chan int, 2)
	ch <- 1
	close(ch)
	rx := leat.FromChan(ch)
	fmt.Println(rx.TryRecv())
	fmt.Println(rx.TryRecv())
	// Output:
	// 1 <nil>
	// 0 leat: channel closed
}

func ExampleToChan() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the goroutine that ToChan starts
	tx, rx := mpsc.New[int](3)
	tx.SendMany(ctx, []int{1, 2, 3})
	tx.Close()
	for v := range leat.ToChan(ctx, rx) {
		fmt.Println(v)
	}
	// Output:
	// 1
	// 2
	// 3
}

func ExampleName() {
	defer func() { fmt.Println(recover()) }()
	tx, _ := mpsc.New[int](1, leat.Name("jobs"))
	var forgotten context.Context
	tx.Send(forgotten, 1)
	// Output: mpsc "jobs": nil context; use context.Background() to wait without end
}

// One Select over a queue, a broadcast and a timer. Exactly one of its
// operations is done.
func ExampleSelect() {
	ctx := context.Background()
	jobs, jobsRx := mpsc.New[string](1)
	news := broadcast.New[string](8)
	newsRx := news.Subscribe()
	timeout := leat.After(time.Hour)

	jobs.TrySend("job")
	for range 2 {
		leat.Select(ctx,
			leat.OnRecv(jobsRx, func(job string, err error) {
				fmt.Println("got", job, err)
				news.TrySend("a job was done")
			}),
			leat.OnRecv(newsRx, func(n string, err error) { fmt.Println("heard:", n) }),
			leat.OnRecv(timeout, func(time.Time, error) { fmt.Println("nothing for an hour") }))
	}
	// Output:
	// got job <nil>
	// heard: a job was done
}

// The value of a send that was not chosen stays with the caller. Urgent work
// goes first. Other work is done only while there is nothing urgent.
func ExampleSelectInOrder() {
	ctx := context.Background()
	urgentTx, urgent := mpsc.New[string](4)
	tx, other := mpsc.New[string](4)
	tx.Send(ctx, "tidy up")
	urgentTx.Send(ctx, "put out the fire")
	urgentTx.Send(ctx, "call for help")

	do := func(job string, err error) { fmt.Println(job) }
	for idle := false; !idle; {
		leat.SelectInOrder(ctx,
			leat.OnRecv(urgent, do),
			leat.OnRecv(other, do),
			leat.Default(func() { idle = true }))
	}
	// Output:
	// put out the fire
	// call for help
	// tidy up
}

func ExampleOnSend() {
	ctx := context.Background()
	full, fullRx := mpmc.New[string](0)
	defer fullRx.Close()
	spill, spillRx := mpsc.NewUnbounded[string]()
	i, err := leat.Select(ctx,
		leat.OnSend(full, "value", nil),
		leat.OnSend(spill, "value", func(err error) { fmt.Println("spilled", err) }))
	fmt.Println(i, err, spillRx.Len())
	// Output:
	// spilled <nil>
	// 1 <nil> 1
}

func ExampleDefault() {
	_, rx := mpsc.New[int](1)
	defer rx.Close()
	leat.Select(context.Background(),
		leat.OnRecv(rx, func(v int, err error) { fmt.Println(v, err) }),
		leat.Default(func() { fmt.Println("nothing there") }))
	// Output: nothing there
}

// The time that was due comes as the value, however late it is received.
func ExampleAfter() {
	start := time.Now()
	rx := leat.After(time.Millisecond)
	due, err := rx.Recv(context.Background())
	fmt.Println(due.Sub(start) >= time.Millisecond, err)
	_, err = rx.TryRecv()
	fmt.Println(err)
	// Output:
	// true <nil>
	// leat: channel empty
}

func ExampleEvery() {
	ctx := context.Background()
	tick := leat.Every(time.Millisecond)
	first, _ := tick.Recv(ctx)
	second, _ := tick.Recv(ctx)
	fmt.Println(second.Sub(first)%time.Millisecond == 0)
	// Output: true
}

// Never switches a case of a Select off.
func ExampleNever() {
	ctx := context.Background()
	_, rx := mpsc.New[int](1)
	var source leat.Receiver[int] = rx
	rx.Close()
	for range 2 {
		leat.Select(ctx,
			leat.OnRecv(source, func(v int, err error) {
				fmt.Println(err)
				source = leat.Never[int]() // or the end would be chosen again and again
			}),
			leat.Default(func() { fmt.Println("switched off") }))
	}
	// Output:
	// leat: channel closed
	// switched off
}
