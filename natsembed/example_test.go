package natsembed_test

import (
	"context"
	"fmt"
	"time"

	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go/jetstream"
)

func ExampleStart() {
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
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	js.Publish(ctx, "orders", []byte("two coffees"))
	msg, err := stream.GetMsg(ctx, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(msg.Data))
	// Output: two coffees
}
