package oneshot_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/oneshot"
)

// A request carries the sender for its answer.
func Example() {
	type request struct {
		n     int
		reply *oneshot.Sender[int]
	}
	ctx := context.Background()
	requests := make(chan request)
	go func() {
		for r := range requests {
			r.reply.Send(ctx, r.n*r.n)
		}
	}()
	for n := range 3 {
		tx, rx := oneshot.New[int]()
		requests <- request{n, tx}
		fmt.Println(rx.Recv(ctx))
	}
	close(requests)
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 4 <nil>
}

func ExampleNew() {
	tx, rx := oneshot.New[string]()
	fmt.Println(tx.TrySend("answer"))
	fmt.Println(tx.TrySend("another"))
	fmt.Println(rx.TryRecv())
	_, err := rx.TryRecv()
	fmt.Println(err)
	// Output:
	// <nil>
	// leat: channel closed
	// answer <nil>
	// leat: channel closed
}

// A send never waits for the receiver. It fails once the receiver is closed.
func ExampleSender_Send() {
	ctx := context.Background()
	tx, rx := oneshot.New[int]()
	rx.Close()
	fmt.Println(tx.Send(ctx, 1))
	// Output: leat: channel closed
}

// Done tells a sender that its answer is not wanted any more.
func ExampleSender_Done() {
	tx, rx := oneshot.New[int]()
	rx.Close()
	select {
	case <-time.After(time.Hour): // hard work
		tx.TrySend(42)
	case <-tx.Done():
		fmt.Println("stopped early")
	}
	// Output: stopped early
}

// A sender that has no answer closes, and the receiver does not wait for ever.
func ExampleSender_Close() {
	tx, rx := oneshot.New[int]()
	go func() {
		defer tx.Close() // does nothing after a Send
	}()
	_, err := rx.Recv(context.Background())
	fmt.Println(err)
	// Output: leat: channel closed
}

// A Recv that gives up has taken nothing: the answer can still be received.
func ExampleReceiver_Recv() {
	tx, rx := oneshot.New[string]()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := rx.Recv(ctx)
	fmt.Println(err)
	tx.TrySend("late answer")
	fmt.Println(rx.Recv(context.Background()))
	// Output:
	// context deadline exceeded
	// late answer <nil>
}

// Ready joins a native select.
func ExampleReceiver_Ready() {
	tx, rx := oneshot.New[string]()
	tx.TrySend("answer")
	select {
	case <-rx.Ready():
		fmt.Println(rx.TryRecv())
	case <-time.After(time.Hour):
	}
	// Output: answer <nil>
}

// A value sent before the receiver's Close can still be received.
func ExampleReceiver_Close() {
	tx, rx := oneshot.New[int]()
	tx.TrySend(1)
	rx.Close()
	fmt.Println(rx.TryRecv())
	// Output: 1 <nil>
}

// A oneshot is a future: it ends with a value, by Send, or with an error, by
// CloseWith.
func ExampleSender_CloseWith() {
	read := func(path string) *oneshot.Receiver[string] {
		tx, rx := oneshot.New[string]()
		go func() {
			if path != "a.txt" {
				tx.CloseWith(&fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist})
				return
			}
			tx.TrySend("the text of " + path)
		}()
		return rx
	}
	ctx := context.Background()
	fmt.Println(read("a.txt").Recv(ctx))

	_, err := read("b.txt").Recv(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	var closed *leat.ClosedError
	if errors.As(err, &closed) {
		fmt.Println("the error alone:", closed.Cause)
	}
	// Output:
	// the text of a.txt <nil>
	// leat: channel closed: open b.txt: file does not exist
	// true
	// the error alone: open b.txt: file does not exist
}

// A receiver that no longer wants the answer says why.
func ExampleReceiver_CloseWith() {
	tx, rx := oneshot.New[string]()
	rx.CloseWith(errors.New("the user has left"))
	<-tx.Done()
	fmt.Println(tx.TrySend("answer"))
	// Output: leat: channel closed: the user has left
}
