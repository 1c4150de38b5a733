package leat_test

import (
	"context"
	"fmt"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

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
