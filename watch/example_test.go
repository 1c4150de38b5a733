package watch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

// A worker follows a configuration that changes. It sees the newest one
// whenever it is ready for it.
func Example() {
	type config struct{ level string }
	ctx := context.Background()
	tx := watch.New(config{"info"})
	rx := tx.Subscribe()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer rx.Close()
		last := ""
		for c := range rx.All(ctx) {
			last = c.level
		}
		fmt.Println("the last level was", last)
	})
	for _, level := range []string{"debug", "warn", "error"} {
		tx.Send(ctx, config{level})
	}
	tx.Close()
	wg.Wait()
	// Output: the last level was error
}

func ExampleNew() {
	tx := watch.New("starting", leat.Name("state"))
	rx := tx.Subscribe()
	fmt.Println(rx.Get())
	_, err := rx.TryRecv() // the value that is there at Subscribe counts as seen
	fmt.Println(err)
	// Output:
	// starting
	// leat: channel empty
}

// Update changes the value by what it is, and loses no other change. It can
// decline, and then nobody is woken.
func ExampleSender_Update() {
	tx := watch.New(1)
	atMost2 := func(v *int) bool {
		*v++
		return *v <= 2
	}
	fmt.Println(tx.Update(atMost2), tx.Get())
	fmt.Println(tx.Update(atMost2), tx.Get())
	// Output:
	// true 2
	// false 2
}

// A send needs no receiver: a later subscriber reads the current value.
func ExampleSender_Send() {
	tx := watch.New(0)
	fmt.Println(tx.Send(context.Background(), 42))
	fmt.Println(tx.Subscribe().Get())
	// Output:
	// <nil>
	// 42
}

// The last value can be read after the end.
func ExampleSender_Close() {
	ctx := context.Background()
	tx := watch.New("running")
	rx := tx.Subscribe()
	tx.Send(ctx, "done")
	tx.Close()
	fmt.Println(rx.Recv(ctx))
	_, err := rx.Recv(ctx)
	fmt.Println(err)
	fmt.Println(rx.Get())
	// Output:
	// done <nil>
	// leat: channel closed
	// done
}

// A receiver that receives late sees the newest value, and not the ones before
// it.
func ExampleReceiver_Recv() {
	ctx := context.Background()
	tx := watch.New(0)
	rx := tx.Subscribe()
	for v := range 100 {
		tx.Send(ctx, v)
	}
	fmt.Println(rx.HasChanged())
	fmt.Println(rx.Recv(ctx))
	fmt.Println(rx.HasChanged())
	// Output:
	// true
	// 99 <nil>
	// false
}

// WaitFor waits for a state, and finds it also if it is there already.
func ExampleReceiver_WaitFor() {
	ctx := context.Background()
	tx := watch.New(0)
	rx := tx.Subscribe()
	go func() {
		for percent := range 101 {
			tx.Send(ctx, percent)
		}
	}()
	percent, err := rx.WaitFor(ctx, func(percent int) bool { return percent == 100 })
	fmt.Println(percent, err)
	// Output: 100 <nil>
}

// All yields the current value first.
func ExampleReceiver_All() {
	tx := watch.New("leader: a")
	rx := tx.Subscribe()
	for leader := range rx.All(context.Background()) {
		fmt.Println(leader)
		if leader == "leader: b" {
			tx.Close()
			continue
		}
		tx.TrySend("leader: b")
	}
	// Output:
	// leader: a
	// leader: b
}

// Ready joins a native select.
func ExampleReceiver_Ready() {
	tx := watch.New(1)
	rx := tx.Subscribe()
	tx.TrySend(2)
	select {
	case <-rx.Ready():
		fmt.Println(rx.TryRecv())
	case <-time.After(time.Hour):
	}
	// Output: 2 <nil>
}

// The channel ends with its last handle.
func ExampleSender_Clone() {
	tx := watch.New("starting")
	rx := tx.Subscribe()
	other := tx.Clone()
	tx.Close()
	fmt.Println(other.TrySend("ready"), "for", other.Receivers())
	other.Close()
	fmt.Println(rx.TryRecv())
	_, err := rx.TryRecv()
	fmt.Println(err)
	// Output:
	// <nil> for 1
	// ready <nil>
	// leat: channel closed
}

// The sender waits until the first receiver has come, and later until the last
// one has left.
func ExampleSender_WaitReceivers() {
	ctx := context.Background()
	tx := watch.New("starting")
	defer tx.Close()
	rx := tx.Subscribe()
	go func() {
		defer rx.Close()
		rx.WaitFor(ctx, func(state string) bool { return state == "ready" })
	}()
	n, _ := tx.WaitReceivers(ctx, func(n int) bool { return n > 0 })
	fmt.Println("receivers:", n)
	tx.Send(ctx, "ready")
	n, _ = tx.WaitReceivers(ctx, func(n int) bool { return n == 0 })
	fmt.Println("receivers:", n)
	// Output:
	// receivers: 1
	// receivers: 0
}

// A listener hands out further listeners. It has no sender handle, so it cannot
// send, and does not keep the channel open.
func ExampleReceiver_Subscribe() {
	tx := watch.New(1)
	rx := tx.Subscribe()
	other := rx.Subscribe()
	rx.Close()
	tx.TrySend(2)
	tx.Close()
	fmt.Println(other.TryRecv())
	fmt.Println(other.TryRecv())
	// Output:
	// 2 <nil>
	// 0 leat: channel closed
}

// A configuration that changes many times in a row is reloaded once, when it
// has not changed for 50 milliseconds, and at the latest a second after the
// first change.
func ExampleReceiver_Settled() {
	ctx := context.Background()
	tx := watch.New("v0")
	rx := tx.Subscribe()
	for _, config := range []string{"v1", "v2", "v3"} {
		tx.Send(ctx, config)
	}
	config, err := rx.Settled(ctx, 50*time.Millisecond, time.Second)
	fmt.Println("reload:", config, err)
	// Output: reload: v3 <nil>
}

// A receiver that waits for a newer value learns why none will come. The last
// value stays.
func ExampleSender_CloseWith() {
	tx := watch.New("config 1")
	rx := tx.Subscribe()
	tx.CloseWith(errors.New("lost the leadership"))
	_, err := rx.Recv(context.Background())
	fmt.Println(err)
	fmt.Println(rx.Get())
	// Output:
	// leat: channel closed: lost the leadership
	// config 1
}

// A receiver that somebody else closes learns why, and no other does.
func ExampleReceiver_CloseWith() {
	tx := watch.New(0)
	a, b := tx.Subscribe(), tx.Subscribe()
	a.CloseWith(errors.New("permission withdrawn"))
	tx.TrySend(1)
	_, err := a.TryRecv()
	fmt.Println(err)
	fmt.Println(b.TryRecv())
	// Output:
	// leat: channel closed: permission withdrawn
	// 1 <nil>
}

// After a loop, Err says why it ended, as a bufio.Scanner's does.
func ExampleReceiver_Err() {
	ctx := context.Background()
	tx := watch.New(0)
	rx := tx.Subscribe()
	tx.TrySend(1)
	tx.TrySend(2)
	tx.CloseWith(errors.New("source lost"))
	for v := range rx.All(ctx) {
		fmt.Println(v)
	}
	if err := rx.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2
	// leat: channel closed: source lost
}
