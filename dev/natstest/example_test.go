package natstest

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

// embedded starts a server in this process. A program that has one of its own
// does nats.Connect and jetstream.New.
func embedded() (ctx context.Context, js jetstream.JetStream, end func()) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s, err := natsembed.Start(nil)
	if err != nil {
		panic(err)
	}
	if js, err = s.JetStream(); err != nil {
		panic(err)
	}
	return ctx, js, func() { cancel(); s.Close() }
}

// Two ends that could be in two processes: they share a description and a
// server.
func Example() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "orders", Kind: natschan.MPSC, Capacity: 32}
	tx, err := natschan.NewSender[string](ctx, js, ch)
	if err != nil {
		fmt.Println(err)
		return
	}
	rx, err := natschan.NewReceiver[string](ctx, js, ch)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rx.Close()

	for _, order := range []string{"two coffees", "a cake"} {
		if err := tx.Send(ctx, order); err != nil {
			fmt.Println(err)
		}
	}
	tx.Close()
	for order := range rx.All(ctx) {
		fmt.Println(order)
	}
	fmt.Println("closed:", rx.Err())
	// Output:
	// two coffees
	// a cake
	// closed: <nil>
}

// Work that must not be lost when a worker crashes is acknowledged when it is
// done. Term ends work that can never be done.
func Example_acknowledge() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "jobs", Kind: natschan.MPMC, Capacity: 8}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	tx.SendMany(ctx, []int{7, -1})
	tx.Close()
	for {
		job, err := rx.RecvMsg(ctx)
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case job.Value < 0:
			fmt.Println(job.Value, "makes no sense")
			job.Term()
		case job.Deliveries == 1:
			fmt.Println(job.Value, "failed")
			job.Nak() // somebody tries again
		default:
			job.InProgress() // if the work takes longer than AckWait
			fmt.Println(job.Value, "done")
			job.Ack()
		}
	}
	// Unordered output:
	// 7 failed
	// -1 makes no sense
	// 7 done
	// leat: channel closed
}

// Send waits for room, and TrySend does not. A second receiver of an mpsc is
// refused.
func Example_limits() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "narrow", Kind: natschan.MPSC, Capacity: 1}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	defer tx.Close()
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	fmt.Println(tx.TrySend(1), tx.TrySend(2))
	fmt.Println(rx.TryRecv())
	fmt.Println(rx.TryRecv())

	_, err := natschan.NewReceiver[int](ctx, js, ch)
	fmt.Println(errors.Is(err, natschan.ErrReceiverTaken))
	ch.Capacity = 2
	_, err = natschan.NewSender[int](ctx, js, ch)
	fmt.Println(err)
	// Output:
	// <nil> leat: channel full
	// 1 <nil>
	// 0 leat: channel empty
	// true
	// natschan: the channel exists with another description: narrow has capacity "1", not "2"; delete it, or use another name
}

// Each receiver of a broadcast sees each value, or learns how many it missed. A
// receiver with Replay begins with kept values.
func Example_broadcast() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "news", Kind: natschan.Broadcast, Capacity: 2}
	tx, _ := natschan.NewSender[string](ctx, js, ch)
	slow, _ := natschan.NewReceiver[string](ctx, js, ch)
	defer slow.Close()
	tx.SendMany(ctx, []string{"a", "b", "c", "d", "e"})
	late, _ := natschan.NewReceiver[string](ctx, js, ch, natschan.Replay(1))
	defer late.Close()
	tx.Close()
	for v, missed := range slow.All(ctx) {
		fmt.Println("slow:", v, missed)
	}
	for v := range late.All(ctx) {
		fmt.Println("late:", v)
	}
	fmt.Println(slow.Missed())
	// Output:
	// slow: d 3
	// slow: e 0
	// late: e
	// 3
}

// Values of a broadcast are numbered. A receiver goes on From a number, and
// learns exactly how many values are gone.
func Example_from() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "events", Kind: natschan.Broadcast, Capacity: 2}
	tx, _ := natschan.NewSender[string](ctx, js, ch)
	first, _ := natschan.NewReceiver[string](ctx, js, ch)
	tx.Send(ctx, "a")
	v, _ := first.Recv(ctx)
	number := first.Next()
	fmt.Println(v, number)
	first.Close()
	tx.SendMany(ctx, []string{"b", "c", "d"})
	tx.Close()
	second, _ := natschan.NewReceiver[string](ctx, js, ch, natschan.From(number))
	defer second.Close()
	for v, missed := range second.All(ctx) {
		fmt.Println(v, missed)
	}
	// Output:
	// a 1
	// c 1
	// d 0
}

// RecvBatch collects values until the buffer is full or the first one is old.
func Example_recvBatch() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "rows", Kind: natschan.MPSC, Capacity: 100}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	tx.SendMany(ctx, []int{1, 2, 3, 4, 5})
	tx.Close()
	rows := make([]int, 3)
	for {
		n, err := rx.RecvBatch(ctx, rows, time.Second)
		if err != nil {
			fmt.Println(errors.Is(err, leat.ErrClosed))
			return
		}
		fmt.Println(rows[:n]) // insert them at once
	}
	// Output:
	// [1 2 3]
	// [4 5]
	// true
}

// A Durable receiver goes on where it was, also in another process, until its
// position is forgotten.
func Example_durable() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "ledger", Kind: natschan.Broadcast, Capacity: 8, Lossless: true}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	defer tx.Close()
	first, _ := natschan.NewReceiver[int](ctx, js, ch, natschan.Durable("audit"))
	tx.SendMany(ctx, []int{1, 2, 3})
	fmt.Println(first.Recv(ctx))
	first.Close()
	second, _ := natschan.NewReceiver[int](ctx, js, ch, natschan.Durable("audit"))
	fmt.Println(second.Recv(ctx))
	second.Close()
	fmt.Println(natschan.Forget(ctx, js, "ledger", "audit"))
	third, _ := natschan.NewReceiver[int](ctx, js, ch, natschan.Durable("audit"))
	defer third.Close()
	_, err := third.TryRecv()
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// 2 <nil>
	// <nil>
	// leat: channel empty
}

// A receiver of a watch sees the newest value, never a backlog.
func Example_watch() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "level", Kind: natschan.Watch}
	tx, _ := natschan.NewSender[string](ctx, js, ch)
	defer tx.Close()
	rx, _ := natschan.NewReceiver[string](ctx, js, ch)
	defer rx.Close()
	for _, level := range []string{"low", "high", "flood"} {
		tx.Send(ctx, level)
	}
	fmt.Println(rx.Recv(ctx))
	fmt.Println(rx.TryRecv())
	fmt.Println(rx.Get(ctx)) // whether or not it was received
	// Output:
	// flood <nil>
	//  leat: channel empty
	// flood <nil>
}

// A question and its answer, and what there is without one.
func Example_request() {
	ctx, js, end := embedded()
	defer end()
	nc := js.Conn()
	stop, _ := natschan.Reply(nc, "math.half", func(_ context.Context, n int) (int, error) {
		if n%2 != 0 {
			return 0, errors.New("odd")
		}
		return n / 2, nil
	})
	fmt.Println(natschan.Request[int, int](ctx, nc, "math.half", 42))
	_, err := natschan.Request[int, int](ctx, nc, "math.half", 7)
	var remote *natschan.RemoteError
	fmt.Println(errors.As(err, &remote), err)
	stop()
	_, err = natschan.Request[int, int](ctx, nc, "math.half", 42)
	fmt.Println(err)
	// Output:
	// 21 <nil>
	// true natschan: remote: odd
	// leat: channel closed
}

// One answer, to the address that the asker made.
func Example_oneshot() {
	ctx, js, end := embedded()
	defer end()
	rx, _ := natschan.NewOneshot[string](js.Conn())
	defer rx.Close()
	tx := natschan.OpenOneshot[string](js.Conn(), rx.Address())
	fmt.Println(tx.Send(ctx, "yes"), tx.Send(ctx, "no"))
	<-rx.Ready()
	fmt.Println(rx.TryRecv())
	_, err := rx.Recv(ctx)
	fmt.Println(err)
	// Output:
	// <nil> leat: channel closed
	// yes <nil>
	// leat: channel closed
}

// xmlCodec is a Codec: two functions of the standard library.
type xmlCodec struct{}

func (xmlCodec) Marshal(v any) ([]byte, error)      { return xml.Marshal(v) }
func (xmlCodec) Unmarshal(data []byte, v any) error { return xml.Unmarshal(data, v) }

// Values in another encoding than JSON. A message that cannot be decoded is an
// error, and the next one can be received.
func Example_codec() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "xml", Kind: natschan.MPSC, Capacity: 8, Codec: xmlCodec{}}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	tx.Send(ctx, 1)
	js.Publish(ctx, "leat.d.xml", []byte("two")) // somebody else's
	tx.Send(ctx, 3)
	tx.Close()
	for {
		v, err := rx.Recv(ctx)
		var broken *natschan.DecodeError
		switch {
		case errors.As(err, &broken):
			fmt.Printf("%q is not a value\n", broken.Data)
		case errors.Is(err, leat.ErrClosed):
			return
		default:
			fmt.Println(v, err)
		}
	}
	// Output:
	// 1 <nil>
	// "two" is not a value
	// 3 <nil>
}

// What there is, and how it goes away.
func Example_list() {
	ctx, js, end := embedded()
	defer end()
	tx, _ := natschan.NewSender[int](ctx, js, natschan.Channel{Name: "stock", Kind: natschan.MPSC, Capacity: 8})
	tx.SendMany(ctx, []int{1, 2, 3})
	for range 2 {
		all, err := natschan.List(ctx, js)
		for _, c := range all {
			fmt.Println(c.Name, c.Kind, c.Capacity, "holds", c.Len, "of", c.Sent, "senders:", c.Senders, "closed:", c.Closed, err)
		}
		tx.Close()
	}
	fmt.Println(natschan.Delete(ctx, js, "stock"))
	all, err := natschan.List(ctx, js)
	fmt.Println(len(all), err)
	// Output:
	// stock mpsc 8 holds 3 of 3 senders: 1 closed: false <nil>
	// stock mpsc 8 holds 3 of 3 senders: 0 closed: true <nil>
	// <nil>
	// 0 <nil>
}

// A service that only consumes opens the channel if it is there, and makes
// none.
func Example_find() {
	ctx, js, end := embedded()
	defer end()
	_, err := natschan.Find(ctx, js, "orders")
	fmt.Println(err, errors.Is(err, natschan.ErrNotFound))

	tx, _ := natschan.NewSender[string](ctx, js, natschan.Channel{Name: "orders", Kind: natschan.MPSC, Capacity: 32})
	defer tx.Close()
	tx.Send(ctx, "two coffees")

	ch, err := natschan.Find(ctx, js, "orders")
	fmt.Println(ch.Name, ch.Kind, ch.Capacity, err)
	rx, _ := natschan.NewReceiver[string](ctx, js, ch)
	defer rx.Close()
	fmt.Println(rx.Recv(ctx))
	// Output:
	// natschan: the channel does not exist: orders true
	// orders mpsc 32 <nil>
	// two coffees <nil>
}

// A janitor may try to delete every channel: only those that have ended go.
func Example_deleteEnded() {
	ctx, js, end := embedded()
	defer end()
	ch := natschan.Channel{Name: "batch7", Kind: natschan.MPMC}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	fmt.Println(natschan.DeleteEnded(ctx, js, "batch7"))
	tx.Send(ctx, 1)
	tx.Close()
	err := natschan.DeleteEnded(ctx, js, "batch7")
	fmt.Println(err, errors.Is(err, natschan.ErrInUse))
	job, _ := rx.RecvMsg(ctx)
	job.Ack()
	fmt.Println(natschan.DeleteEnded(ctx, js, "batch7"))
	_, err = natschan.Find(ctx, js, "batch7")
	fmt.Println(err)
	// Output:
	// natschan: the channel is in use: batch7 is not closed
	// natschan: the channel is in use: batch7 holds 1 values that are not acknowledged true
	// <nil>
	// natschan: the channel does not exist: batch7
}
