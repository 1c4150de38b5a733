package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// Three receivers each see every value. They are lossless, so the sender waits
// for the slowest.
func Example() {
	ctx := context.Background()
	tx := broadcast.New[int](2)
	var sums [3]int
	var wg sync.WaitGroup
	for i := range sums {
		rx := tx.Subscribe(broadcast.Lossless())
		wg.Go(func() {
			defer rx.Close()
			for v := range rx.All(ctx) {
				sums[i] += v
			}
		})
	}
	for v := range 100 {
		tx.Send(ctx, v)
	}
	tx.Close()
	wg.Wait()
	fmt.Println(sums)
	// Output: [4950 4950 4950]
}

// A receiver that falls behind learns how many values it missed, and goes on.
func ExampleReceiver_Recv() {
	ctx := context.Background()
	tx := broadcast.New[string](2)
	rx := tx.Subscribe()
	tx.SendMany(ctx, []string{"one", "two", "three", "four", "five"})
	tx.Close()
	for {
		v, err := rx.Recv(ctx)
		var lag *leat.LaggedError
		switch {
		case errors.As(err, &lag):
			fmt.Println("missed", lag.Missed)
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Println(v)
		}
	}
	// Output:
	// missed 3
	// four
	// five
	// leat: channel closed
}

// All passes the number of missed values along with the next value.
func ExampleReceiver_All() {
	ctx := context.Background()
	tx := broadcast.New[int](2)
	rx := tx.Subscribe()
	tx.SendMany(ctx, []int{1, 2, 3, 4})
	tx.Close()
	for v, missed := range rx.All(ctx) {
		fmt.Println(v, missed)
	}
	// Output:
	// 3 2
	// 4 0
}

func ExampleReplay() {
	tx := broadcast.New[string](10)
	tx.TrySend("yesterday")
	tx.TrySend("today")
	rx := tx.Subscribe(broadcast.Replay(1))
	tx.TrySend("tomorrow")
	fmt.Println(rx.TryRecv())
	fmt.Println(rx.TryRecv())
	// Output:
	// today <nil>
	// tomorrow <nil>
}

// A lossless receiver holds the sender back rather than miss a value; a lossy
// one beside it is not held back by it.
func ExampleLossless() {
	tx := broadcast.New[int](1)
	lossless, lossy := tx.Subscribe(broadcast.Lossless()), tx.Subscribe()
	fmt.Println(tx.TrySend(1))
	fmt.Println(lossy.TryRecv())
	fmt.Println(tx.TrySend(2))
	fmt.Println(lossless.TryRecv())
	fmt.Println(tx.TrySend(2))
	// Output:
	// <nil>
	// 1 <nil>
	// leat: channel full
	// 1 <nil>
	// <nil>
}

// A batch stops before a gap, which the next call tells.
func ExampleReceiver_RecvMany() {
	ctx := context.Background()
	tx := broadcast.New[int](4)
	rx := tx.Subscribe()
	buf := make([]int, 3)
	tx.SendMany(ctx, []int{1, 2, 3, 4})
	n, err := rx.RecvMany(ctx, buf)
	fmt.Println(buf[:n], err)
	tx.SendMany(ctx, []int{5, 6, 7, 8})
	n, err = rx.RecvMany(ctx, buf)
	fmt.Println(buf[:n], err)
	n, err = rx.RecvMany(ctx, buf)
	fmt.Println(buf[:n], err, "- in total", rx.Missed())
	// Output:
	// [1 2 3] <nil>
	// [] leat: receiver lagged, 1 value missed
	// [5 6 7] <nil> - in total 1
}

// Ready joins a native select.
func ExampleReceiver_Ready() {
	tx := broadcast.New[string](1)
	rx := tx.Subscribe()
	tx.TrySend("value")
	select {
	case <-rx.Ready():
		fmt.Println(rx.TryRecv())
	case <-time.After(time.Hour):
	}
	// Output: value <nil>
}

// How far behind the receivers are: each by its own Len, the slowest by the
// sender's, which ends at the capacity.
func ExampleSender_Len() {
	tx := broadcast.New[int](2)
	fast, slow := tx.Subscribe(), tx.Subscribe()
	for v := range 3 {
		tx.TrySend(v)
		fast.TryRecv()
	}
	fmt.Println("fast", fast.Len(), "slow", slow.Len())
	fmt.Println(tx.Len(), "of", tx.Cap(), "for", tx.Receivers(), "receivers")
	// Output:
	// fast 0 slow 3
	// 2 of 2 for 2 receivers
}

// The channel ends with its last handle, and then each receiver gets what it
// has before it.
func ExampleSender_Clone() {
	tx := broadcast.New[string](2)
	rx := tx.Subscribe()
	other := tx.Clone()
	tx.Close()
	fmt.Println(tx.TrySend("too late"))
	fmt.Println(other.TrySend("still open"))
	other.Close()
	fmt.Println(rx.TryRecv())
	_, err := rx.TryRecv()
	fmt.Println(err)
	// Output:
	// leat: channel closed
	// <nil>
	// still open <nil>
	// leat: channel closed
}

// A reader that was away continues where it stopped, and learns how much is
// gone meanwhile.
func ExampleFrom() {
	ctx := context.Background()
	tx := broadcast.New[string](3)
	defer tx.Close()
	rx := tx.Subscribe()
	tx.SendMany(ctx, []string{"a", "b"})
	fmt.Println(rx.Recv(ctx))
	next := rx.Next() // for a reader in another process, keep this number beside the work that is done
	rx.Close()

	tx.SendMany(ctx, []string{"c", "d", "e"})
	rx = tx.Subscribe(broadcast.From(next))
	defer rx.Close()
	for range 4 {
		fmt.Println(rx.Recv(ctx))
	}
	// Output:
	// a <nil>
	//  leat: receiver lagged, 1 value missed
	// c <nil>
	// d <nil>
	// e <nil>
}

// Next is the number of the next value to be accepted; the first has number 0.
// A receiver's Next is the number of the value that it receives next.
func ExampleSender_Next() {
	tx := broadcast.New[string](2)
	defer tx.Close()
	rx := tx.Subscribe()
	tx.TrySend("a")
	tx.TrySend("b")
	tx.TrySend("c")
	fmt.Println("sent", tx.Next(), "looks for", rx.Next())
	rx.TryRecv() // reports that value 0 is gone
	fmt.Println("sent", tx.Next(), "looks for", rx.Next())
	// Output:
	// sent 3 looks for 0
	// sent 3 looks for 1
}

func ExampleReceiver_Next() {
	tx := broadcast.New[string](2)
	defer tx.Close()
	rx := tx.Subscribe()
	tx.TrySend("a")
	tx.TrySend("b")
	for {
		number := rx.Next()
		v, err := rx.TryRecv()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(number, v)
	}
	// Output:
	// 0 a
	// 1 b
	// leat: channel empty
}

// Search finds the number at which something begins that the values themselves
// count.
func ExampleSender_Search() {
	type event struct{ rev int }
	tx := broadcast.New[event](10)
	defer tx.Close()
	for _, rev := range []int{3, 10, 42, 57} {
		tx.TrySend(event{rev})
	}
	n := tx.Search(func(e event) bool { return e.rev >= 40 })
	rx := tx.Subscribe(broadcast.From(n))
	defer rx.Close()
	fmt.Println(n)
	fmt.Println(rx.TryRecv())
	// Output:
	// 2
	// {42} <nil>
}

// A listener makes further listeners without a handle that can send.
func ExampleReceiver_Subscribe() {
	tx := broadcast.New[string](4)
	listener := tx.Subscribe()
	tx.TrySend("before")
	other := listener.Subscribe()
	tx.TrySend("after")
	tx.Close() // the only sender: no listener keeps the channel open
	for v := range other.All(context.Background()) {
		fmt.Println(v)
	}
	// Output: after
}

// A publisher starts its work when somebody listens, and stops it when nobody
// does any more.
func ExampleSender_WaitReceivers() {
	ctx := context.Background()
	tx := broadcast.New[string](8)
	defer tx.Close()

	var wg sync.WaitGroup
	rx := tx.Subscribe()
	wg.Go(func() {
		defer rx.Close()
		v, _ := rx.Recv(ctx)
		fmt.Println("received", v)
	})
	n, _ := tx.WaitReceivers(ctx, func(n int) bool { return n > 0 })
	fmt.Println("receivers:", n)
	tx.Send(ctx, "hello")
	n, _ = tx.WaitReceivers(ctx, func(n int) bool { return n == 0 })
	fmt.Println("receivers:", n)
	wg.Wait()
	// Output:
	// receivers: 1
	// received hello
	// receivers: 0
}

// A hub that drops a subscriber says why. The subscriber tells this from the
// end of the channel, and other subscribers do not notice.
func ExampleReceiver_CloseWith() {
	errTooSlow := errors.New("more than 3 values behind")
	hub := broadcast.New[int](4)
	slow, fast := hub.Subscribe(), hub.Subscribe()
	for v := range 8 {
		hub.TrySend(v)
		fast.TryRecv()
		if slow.Len() > 3 {
			slow.CloseWith(errTooSlow)
		}
	}
	hub.Close()

	_, err := slow.TryRecv()
	fmt.Println(err, errors.Is(err, errTooSlow))
	_, err = fast.TryRecv()
	fmt.Println(err, errors.Is(err, errTooSlow))
	// Output:
	// leat: channel closed: more than 3 values behind true
	// leat: channel closed false
}

// A publisher that cannot go on says why, after the values from before.
func ExampleSender_CloseWith() {
	tx := broadcast.New[string](4)
	a, b := tx.Subscribe(), tx.Subscribe()
	tx.TrySend("price 17")
	tx.CloseWith(errors.New("exchange closed"))
	for _, rx := range []*broadcast.Receiver[string]{a, b} {
		v, _ := rx.TryRecv()
		_, err := rx.TryRecv()
		fmt.Println(v, "|", err)
	}
	// Output:
	// price 17 | leat: channel closed: exchange closed
	// price 17 | leat: channel closed: exchange closed
}

// A hub waits for slow subscribers, and at most 10 milliseconds for a dead one.
func ExampleLosslessFor() {
	ctx := context.Background()
	hub := broadcast.New[int](2)
	dead := hub.Subscribe(broadcast.LosslessFor(10 * time.Millisecond))
	defer dead.Close()

	for v := range 5 { // the third waits, and then nobody waits any more
		if err := hub.Send(ctx, v); err != nil {
			fmt.Println(err)
		}
	}
	hub.Close()

	for v, missed := range dead.All(ctx) { // it lives after all
		fmt.Println(v, "after", missed, "missed")
	}
	// Output:
	// 3 after 3 missed
	// 4 after 0 missed
}

// An unbounded channel loses nothing and never makes a sender wait. It keeps
// what the slowest receiver has still to receive, and nothing else.
func ExampleNew_unbounded() {
	tx := broadcast.New[int](leat.Unbounded)
	fast, slow := tx.Subscribe(), tx.Subscribe()
	for v := range 1000 {
		tx.TrySend(v)
		fast.TryRecv()
	}
	fmt.Println("kept:", tx.Len())
	for range 999 {
		slow.TryRecv()
	}
	fmt.Println("kept:", tx.Len())
	fmt.Println(slow.TryRecv())
	fmt.Println("kept:", tx.Len())
	// Output:
	// kept: 1000
	// kept: 1
	// 999 <nil>
	// kept: 0
}

// TrySendMany tells how many values fit before a lossless receiver.
func ExampleSender_TrySendMany() {
	tx := broadcast.New[int](3)
	rx := tx.Subscribe(broadcast.Lossless())
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

// TryRecvMany stops before a gap, and reports it when it is called again.
func ExampleReceiver_TryRecvMany() {
	tx := broadcast.New[int](2)
	rx := tx.Subscribe()
	tx.TrySendMany([]int{1, 2, 3, 4, 5})
	tx.Close()
	buf := make([]int, 10)
	for {
		n, err := rx.TryRecvMany(buf)
		fmt.Println(buf[:n], err)
		if errors.Is(err, leat.ErrClosed) {
			break
		}
	}
	// Output:
	// [] leat: receiver lagged, 3 values missed
	// [4 5] <nil>
	// [] leat: channel closed
}

// RecvBatch returns a batch when it is full, and a smaller one when its first
// value has waited for a second, or at the end.
func ExampleReceiver_RecvBatch() {
	ctx := context.Background()
	tx := broadcast.New[int](8)
	rx := tx.Subscribe()
	tx.TrySendMany([]int{0, 1, 2, 3, 4})
	tx.Close()
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

// After a loop, Err says why it ended, as a bufio.Scanner's does.
func ExampleReceiver_Err() {
	ctx := context.Background()
	tx := broadcast.New[int](4)
	rx := tx.Subscribe()
	tx.TrySend(1)
	tx.TrySend(2)
	tx.CloseWith(errors.New("source lost"))
	for v, missed := range rx.All(ctx) {
		fmt.Println(v, missed)
	}
	if err := rx.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 0
	// 2 0
	// leat: channel closed: source lost
}
