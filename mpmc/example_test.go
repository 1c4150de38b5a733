package mpmc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat/mpmc"
)

// Three workers share the jobs. A free worker takes the next one; the end
// reaches all of them.
func Example() {
	ctx := context.Background()
	tx, rx := mpmc.New[int](4)
	var done [3]int
	var wg sync.WaitGroup
	for i := range done {
		rx := rx.Clone()
		wg.Go(func() {
			defer rx.Close()
			for job := range rx.All(ctx) {
				done[i] += job
			}
		})
	}
	rx.Close() // the workers have theirs
	for job := range 100 {
		if err := tx.Send(ctx, job); err != nil {
			fmt.Println(err)
		}
	}
	tx.Close()
	wg.Wait()
	fmt.Println(done[0] + done[1] + done[2])
	// Output: 4950
}

func ExampleNew() {
	tx, rx := mpmc.New[string](1)
	fmt.Println(tx.TrySend("a"))
	fmt.Println(tx.TrySend("b"))
	fmt.Println(rx.TryRecv())
	// Output:
	// <nil>
	// leat: channel full
	// a <nil>
}

// A channel of capacity 0 holds nothing: a send that returns nil has met its
// receiver.
func ExampleNew_rendezvous() {
	ctx := context.Background()
	tx, rx := mpmc.New[string](0)
	fmt.Println(tx.TrySend("nobody is there"))
	go func() {
		v, err := rx.Recv(ctx)
		fmt.Println(v, err)
		rx.Close()
	}()
	tx.Send(ctx, "hand to hand")
	<-tx.Done()
	// Output:
	// leat: channel full
	// hand to hand <nil>
}

func ExampleNewUnbounded() {
	tx, rx := mpmc.NewUnbounded[int]()
	for i := range 1000 {
		tx.TrySend(i) // never full
	}
	fmt.Println(rx.Len())
	// Output: 1000
}

// ForceSend keeps the newest values, and tells which ones it evicted for them.
func ExampleSender_ForceSend() {
	tx, rx := mpmc.New[int](2)
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

func ExampleSender_Reserve() {
	ctx := context.Background()
	tx, rx := mpmc.New[string](1)
	permit, err := tx.Reserve(ctx)
	if err != nil {
		return
	}
	defer permit.Release() // does nothing once the permit is used
	fmt.Println(permit.Send("made when there was room"))
	fmt.Println(rx.TryRecv())
	// Output:
	// <nil>
	// made when there was room <nil>
}

func ExampleSender_TrySendMany() {
	tx, rx := mpmc.New[int](3)
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

func ExampleSender_TryReserve() {
	tx, rx := mpmc.New[string](1)
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

// On a channel of capacity 0, TryRecvMany takes the values of waiting senders.
func ExampleReceiver_TryRecvMany() {
	tx, rx := mpmc.New[string](0)
	buf := make([]string, 2)
	n, err := rx.TryRecvMany(buf)
	fmt.Println(buf[:n], err)

	go tx.Send(context.Background(), "waits for a receiver")
	<-rx.Ready()
	n, err = rx.TryRecvMany(buf)
	fmt.Println(buf[:n], err)
	// Output:
	// [] leat: channel empty
	// [waits for a receiver] <nil>
}

// Closing one of several receivers is its own affair; closing the last stops
// the senders.
func ExampleReceiver_Close() {
	tx, a := mpmc.New[int](4)
	b := a.Clone()
	a.Close()
	fmt.Println(tx.TrySend(1))
	b.Close()
	fmt.Println(tx.TrySend(2))
	fmt.Println(b.TryRecv()) // the accepted value is still there
	fmt.Println(b.TryRecv())
	// Output:
	// <nil>
	// leat: channel closed
	// 1 <nil>
	// 0 leat: channel closed
}

// Several values at once. SendMany returns how many were accepted; RecvMany
// takes the values that are there.
func ExampleReceiver_RecvMany() {
	ctx := context.Background()
	tx, rx := mpmc.New[int](3)
	n, err := tx.SendMany(ctx, []int{1, 2, 3})
	fmt.Println(n, err, "-", rx.Len(), "of", rx.Cap())

	buf := make([]int, 2)
	for rx.Len() > 0 {
		n, err := rx.RecvMany(ctx, buf)
		fmt.Println(buf[:n], err)
	}
	// Output:
	// 3 <nil> - 3 of 3
	// [1 2] <nil>
	// [3] <nil>
}

// RecvBatch returns a batch when it is full, and a smaller one when its first
// value has waited for a second, or at the end.
func ExampleReceiver_RecvBatch() {
	ctx := context.Background()
	tx, rx := mpmc.New[int](4)
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

// Ready joins a native select. Another receiver may be faster; then TryRecv
// says so, and it is looked again.
func ExampleReceiver_Ready() {
	tx, rx := mpmc.New[string](1)
	tx.TrySend("value")
	select {
	case <-rx.Ready():
		v, err := rx.TryRecv()
		fmt.Println(v, err)
	case <-time.After(time.Hour):
	}
	// Output: value <nil>
}

// Workers that stop say why. When the last one has stopped, the senders get the
// first reason.
func ExampleReceiver_CloseWith() {
	tx, a := mpmc.New[string](4)
	b := a.Clone()
	a.CloseWith(errors.New("worker a: out of memory"))
	fmt.Println(tx.TrySend("for b"))
	b.Close()
	fmt.Println(tx.TrySend("for nobody"))
	// Output:
	// <nil>
	// leat: channel closed: worker a: out of memory
}

// All receivers get the cause, after the values from before.
func ExampleSender_CloseWith() {
	tx, rx := mpmc.New[string](4)
	tx.TrySend("job")
	tx.CloseWith(errors.New("no more jobs today"))
	fmt.Println(rx.TryRecv())
	_, err := rx.TryRecv()
	fmt.Println(err)
	// Output:
	// job <nil>
	// leat: channel closed: no more jobs today
}

// After a loop, Err says why it ended, as a bufio.Scanner's does.
func ExampleReceiver_Err() {
	ctx := context.Background()
	tx, rx := mpmc.New[int](4)
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
