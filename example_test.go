package leat_test

import (
	"context"
	"fmt"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
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

// Copy is the io.Copy of channels: here it feeds a log of the last values from a queue.
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
