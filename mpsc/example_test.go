package mpsc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

// Four workers hand their results to one collector. Each closes its own handle;
// nobody needs to know who is last.
func Example() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](2)
	for worker := range 4 {
		tx := tx.Clone()
		go func() {
			defer tx.Close()
			for i := range 10 {
				if err := tx.Send(ctx, worker*i); err != nil {
					return // the collector is gone
				}
			}
		}()
	}
	tx.Close()

	sum := 0
	for v := range rx.All(ctx) {
		sum += v
	}
	fmt.Println("sum", sum)
	// Output: sum 270
}

func ExampleNew() {
	tx, rx := mpsc.New[string](2, leat.Name("greetings"))
	fmt.Println(tx.TrySend("hello"), tx.TrySend("world"))
	fmt.Println(tx.TrySend("again"))
	fmt.Println(rx.TryRecv())
	fmt.Println(tx.Len(), "of", tx.Cap())
	// Output:
	// <nil> <nil>
	// leat: channel full
	// hello <nil>
	// 1 of 2
}

func ExampleNewUnbounded() {
	tx, rx := mpsc.NewUnbounded[int]()
	for i := range 1000 {
		tx.TrySend(i) // never full
	}
	fmt.Println(rx.Len())
	// Output: 1000
}

// A send that fails has not sent: the value is still the caller's.
func ExampleSender_Send() {
	tx, rx := mpsc.New[string](1)
	defer rx.Close()
	tx.TrySend("first")

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := tx.Send(ctx, "second")
	fmt.Println(errors.Is(err, context.DeadlineExceeded), tx.Len())
	// Output: true 1
}

func ExampleSender_SendMany() {
	tx, rx := mpsc.New[int](3)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	n, err := tx.SendMany(ctx, []int{1, 2, 3, 4, 5})
	fmt.Println(n, "accepted:", err)

	buf := make([]int, 10)
	n, _ = rx.RecvMany(context.Background(), buf)
	fmt.Println(buf[:n])
	// Output:
	// 3 accepted: context deadline exceeded
	// [1 2 3]
}

// TrySendMany tells how many values fit, so the caller can keep the others.
func ExampleSender_TrySendMany() {
	tx, rx := mpsc.New[int](3)
	values := []int{1, 2, 3, 4, 5}
	n, err := tx.TrySendMany(values)
	fmt.Println(n, err, values[n:])

	buf := make([]int, 10)
	n, err = rx.TryRecvMany(buf)
	fmt.Println(buf[:n], err)
	// Output:
	// 3 leat: channel full [4 5]
	// [1 2 3] <nil>
}

// ForceSend keeps the newest values, and tells which ones it evicted for them.
func ExampleSender_ForceSend() {
	tx, rx := mpsc.New[int](2)
	for reading := range 5 {
		evicted, full, err := tx.ForceSend(reading)
		if full {
			fmt.Println("evicted", evicted, err)
		}
	}
	tx.Close()
	for reading := range rx.All(context.Background()) {
		fmt.Println("received", reading)
	}
	// Output:
	// evicted 0 <nil>
	// evicted 1 <nil>
	// evicted 2 <nil>
	// received 3
	// received 4
}

// A permit makes sure of the room before the work is done.
func ExampleSender_Reserve() {
	ctx := context.Background()
	tx, rx := mpsc.New[string](1)

	permit, err := tx.Reserve(ctx)
	if err != nil {
		return
	}
	defer permit.Release() // does nothing once the permit is used
	fmt.Println(tx.TrySend("other"))

	rx.Close() // the permit is still good
	fmt.Println(permit.Send("result of hard work"))
	fmt.Println(rx.Recv(ctx))
	// Output:
	// leat: channel full
	// <nil>
	// result of hard work <nil>
}

// TryReserve makes a value only if there is room for it.
func ExampleSender_TryReserve() {
	tx, rx := mpsc.New[string](1)
	for range 2 {
		permit, err := tx.TryReserve()
		if err != nil {
			fmt.Println(err)
			continue
		}
		permit.Send("made because there was room")
	}
	fmt.Println(rx.TryRecv())
	// Output:
	// leat: channel full
	// made because there was room <nil>
}

// Done tells a sender that waits for something else that its work is not wanted
// any more.
func ExampleSender_Done() {
	tx, rx := mpsc.New[int](1)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-time.After(time.Hour):
			tx.TrySend(1)
		case <-tx.Done():
			fmt.Println("stopped early")
		}
	})
	rx.Close()
	wg.Wait()
	// Output: stopped early
}

// TryRecvMany empties the channel without blocking, here before the program
// ends.
func ExampleReceiver_TryRecvMany() {
	tx, rx := mpsc.New[string](4)
	tx.TrySendMany([]string{"a", "b", "c"})
	tx.Close()
	buf := make([]string, 2)
	for {
		n, err := rx.TryRecvMany(buf)
		fmt.Println(buf[:n], err)
		if err != nil {
			break
		}
	}
	// Output:
	// [a b] <nil>
	// [c] <nil>
	// [] leat: channel closed
}

// RecvBatch returns a batch when it is full, and a smaller one when its first
// value has waited for a second, or at the end.
func ExampleReceiver_RecvBatch() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](4)
	go func() {
		defer tx.Close()
		for i := range 5 {
			if err := tx.Send(ctx, i); err != nil {
				return
			}
		}
	}()
	buf := make([]int, 2)
	for {
		n, err := rx.RecvBatch(ctx, buf, time.Second)
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(buf[:n])
	}
	// Output:
	// [0 1]
	// [2 3]
	// [4]
	// leat: channel closed
}

// Ready joins a native select. There is no goroutine between, and the value
// stays in the channel until TryRecv takes it.
func ExampleReceiver_Ready() {
	tx, rx := mpsc.New[string](1)
	tx.TrySend("value")
	tick := make(chan time.Time)
	for done := false; !done; {
		select {
		case <-rx.Ready():
			v, err := rx.TryRecv()
			fmt.Println(v, err)
			tx.Close()
			done = err != nil
		case <-tick:
		}
	}
	// Output:
	// value <nil>
	//  leat: channel closed
}

func ExampleReceiver_Close() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](4)
	tx.SendMany(ctx, []int{1, 2})
	rx.Close()
	fmt.Println(tx.Send(ctx, 3))
	for v := range rx.All(ctx) {
		fmt.Println(v)
	}
	// Output:
	// leat: channel closed
	// 1
	// 2
}

// A producer that fails says why. The consumer gets all values from before,
// then the cause.
func ExampleSender_CloseWith() {
	errNoDisk := errors.New("no space left on device")
	tx, rx := mpsc.New[string](8)
	tx.TrySend("line 1")
	tx.TrySend("line 2")
	tx.CloseWith(errNoDisk)

	for {
		line, err := rx.Recv(context.Background())
		if err != nil {
			fmt.Println(err)
			fmt.Println(errors.Is(err, leat.ErrClosed), errors.Is(err, errNoDisk))
			return
		}
		fmt.Println(line)
	}
	// Output:
	// line 1
	// line 2
	// leat: channel closed: no space left on device
	// true true
}

// A consumer that stops says why, and the producers learn it from their next
// Send.
func ExampleReceiver_CloseWith() {
	tx, rx := mpsc.New[string](8)
	rx.CloseWith(errors.New("maintenance until 14:00"))
	fmt.Println(tx.TrySend("job"))
	// Output: leat: channel closed: maintenance until 14:00
}

// After a loop, Err says why it ended, as a bufio.Scanner's does.
func ExampleReceiver_Err() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](4)
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
	// 1
	// 2
	// leat: channel closed: source lost
}
