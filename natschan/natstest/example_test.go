package natstest

import (
	"context"
	"fmt"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
)

// Two ends that could be in two processes: they share a description and a server.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := natsembed.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	js, err := s.JetStream()
	if err != nil {
		fmt.Println(err)
		return
	}
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

// Work that must not be lost when a worker crashes is acknowledged when it is done.
func Example_acknowledge() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := natsembed.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	js, err := s.JetStream()
	if err != nil {
		fmt.Println(err)
		return
	}
	ch := natschan.Channel{Name: "jobs", Kind: natschan.MPMC, Capacity: 8}
	tx, _ := natschan.NewSender[int](ctx, js, ch)
	rx, _ := natschan.NewReceiver[int](ctx, js, ch)
	defer rx.Close()
	tx.Send(ctx, 7)
	tx.Close()
	for {
		job, err := rx.RecvMsg(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		if job.Deliveries == 1 {
			fmt.Println(job.Value, "failed")
			job.Nak() // somebody tries again
			continue
		}
		fmt.Println(job.Value, "done")
		job.Ack()
	}
	// Output:
	// 7 failed
	// 7 done
	// leat: channel closed
}
