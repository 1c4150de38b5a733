// Command nats measures natschan against nats.go doing the same work by hand,
// in one run:
//
//	go run ./dev/bench/nats              # from the root of the repository: half a minute
//	go run ./dev/bench/nats -rounds 3
//	go run ./dev/bench/nats -scale       # many channels, many processes
//	go run ./dev/bench/nats -receivers   # the second part of -scale
//
// By hand is: encode as JSON, publish with a message id and wait for the
// answer; receive with a pull consumer's Messages, acknowledge (where a sender
// may wait for room, with an answer), decode. Both take turns, round by round,
// on the same server, in memory storage, where the server costs least and the
// library most. The tables show the median of the rounds, per value.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	rounds := flag.Int("rounds", 9, "how often each is measured")
	n := flag.Int("n", 3000, "values in each round")
	scaling := flag.Bool("scale", false, "measure many channels, and many processes, instead")
	url := flag.String("receive", "", "be a process that receives; for -scale")
	work := flag.Duration("work", 0, "how long it waits for each value")
	prefetch := flag.Int("prefetch", 1, "how many values it takes ahead")
	receivers := flag.Bool("receivers", false, "measure the receivers of one mpmc instead; a part of -scale")
	flag.Parse()
	var err error
	switch {
	case *url != "":
		err = receive(*url, *work, *prefetch)
	case *receivers:
		err = scaleReceivers()
	case *scaling:
		err = scale()
	default:
		err = run(*rounds, *n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

func run(rounds, n int) error {
	fmt.Printf("%s, %d cores; %d rounds of %d values of 128 bytes\n\n", runtime.Version(), runtime.NumCPU(), rounds, n)
	fmt.Println("| what | connection | by hand | natschan | overhead |\n| --- | --- | --- | --- | --- |")
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer s.Close()
	inside, err := s.Connect()
	if err != nil {
		return err
	}
	outside, err := nats.Connect(s.URL())
	if err != nil {
		return err
	}
	defer outside.Close()
	for _, c := range []struct {
		name string
		nc   *nats.Conn
	}{{"in process", inside}, {"TCP", outside}} {
		for _, capacity := range []int{0, n} {
			if err := compare(c.nc, c.name, capacity, rounds, n); err != nil {
				return err
			}
		}
	}
	return start(rounds)
}

type value struct {
	Number int
	Text   string
}

func sample(i int) value {
	return value{i, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"}
}

// A way is one of the two to move n values over a fresh channel: it returns how
// long sending and receiving took.
type way func(ctx context.Context, js jetstream.JetStream, name string, capacity, n int) (send, recv time.Duration, err error)

func compare(nc *nats.Conn, connection string, capacity, rounds, n int) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var send, recv [2][]time.Duration
	for round := range rounds {
		for i, do := range []way{byHand, byNatschan} {
			runtime.GC()
			s, r, err := do(ctx, js, fmt.Sprintf("bench%d-%d", round, i), capacity, n)
			if err != nil {
				return err
			}
			send[i], recv[i] = append(send[i], s), append(recv[i], r)
		}
	}
	kind := "unbounded"
	if capacity > 0 {
		kind = "bounded"
	}
	row("send, "+kind, connection, send, n)
	row("receive, "+kind, connection, recv, n)
	return nil
}

func row(what, connection string, took [2][]time.Duration, n int) {
	hand, ours := median(took[0])/time.Duration(n), median(took[1])/time.Duration(n)
	fmt.Printf("| %s | %s | %v | %v | %+.1f %% |\n", what, connection, hand, ours, 100*(float64(ours)/float64(hand)-1))
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func byHand(ctx context.Context, js jetstream.JetStream, name string, capacity, n int) (send, recv time.Duration, err error) {
	cfg := jetstream.StreamConfig{Name: name, Subjects: []string{"hand." + name}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.MemoryStorage, Discard: jetstream.DiscardNew, MaxMsgs: -1, AllowAtomicPublish: true, AllowDirect: true}
	if capacity > 0 {
		cfg.MaxMsgs = int64(capacity)
	}
	stream, err := js.CreateStream(ctx, cfg)
	if err != nil {
		return 0, 0, err
	}
	defer js.DeleteStream(ctx, name)
	began := time.Now()
	for i := range n {
		data, err := json.Marshal(sample(i))
		if err != nil {
			return 0, 0, err
		}
		m := nats.NewMsg("hand." + name)
		m.Data = data
		if _, err := js.PublishMsg(ctx, m, jetstream.WithMsgID(name+strconv.Itoa(i)), jetstream.WithRetryAttempts(0)); err != nil {
			return 0, 0, err
		}
	}
	send = time.Since(began)
	c, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Name: "c", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		return 0, 0, err
	}
	began = time.Now()
	it, err := c.Messages(jetstream.PullMaxMessages(256))
	if err != nil {
		return 0, 0, err
	}
	defer it.Stop()
	for i := range n {
		m, err := it.Next()
		if err != nil {
			return 0, 0, err
		}
		if _, err := m.Metadata(); err != nil { // the sequence, to tell what came twice
			return 0, 0, err
		}
		if capacity > 0 {
			err = m.DoubleAck(ctx)
		} else {
			err = m.Ack()
		}
		if err != nil {
			return 0, 0, err
		}
		var v value
		if err := json.Unmarshal(m.Data(), &v); err != nil || v.Number != i {
			return 0, 0, fmt.Errorf("received %d, want %d (%w)", v.Number, i, err)
		}
	}
	return send, time.Since(began), nil
}

func byNatschan(ctx context.Context, js jetstream.JetStream, name string, capacity, n int) (send, recv time.Duration, err error) {
	ch := natschan.Channel{Name: name, Kind: natschan.MPSC, Capacity: capacity, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[value](ctx, js, ch)
	if err != nil {
		return 0, 0, err
	}
	defer natschan.Delete(ctx, js, name)
	defer tx.Close()
	began := time.Now()
	for i := range n {
		if err := tx.Send(ctx, sample(i)); err != nil {
			return 0, 0, err
		}
	}
	send = time.Since(began)
	rx, err := natschan.NewReceiver[value](ctx, js, ch)
	if err != nil {
		return 0, 0, err
	}
	defer rx.Close()
	began = time.Now()
	for i := range n {
		v, err := rx.Recv(ctx)
		if err != nil || v.Number != i {
			return 0, 0, errors.Join(fmt.Errorf("received %d, want %d", v.Number, i), err)
		}
	}
	return send, time.Since(began), nil
}

// start measures how long it takes from nothing to the first acknowledged send.
func start(rounds int) error {
	var took []time.Duration
	for range rounds {
		began := time.Now()
		if err := firstSend(func() { took = append(took, time.Since(began)) }); err != nil {
			return err
		}
	}
	fmt.Printf("\nembedded, from nothing to the first acknowledged send: %v (median of %d)\n", median(took), rounds)
	return nil
}

// embedded starts a server inside, and connects to it.
func embedded(o *natsembed.Options) (*natsembed.Server, jetstream.JetStream, error) {
	s, err := natsembed.Start(o)
	if err != nil {
		return nil, nil, err
	}
	js, err := s.JetStream()
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, js, nil
}

func firstSend(sent func()) error {
	ctx := context.Background()
	s, js, err := embedded(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	tx, err := natschan.NewSender[int](ctx, js, natschan.Channel{Name: "first", Kind: natschan.MPSC, Capacity: 32})
	if err != nil {
		return err
	}
	defer tx.Close()
	if err := tx.Send(ctx, 1); err != nil {
		return err
	}
	sent()
	return nil
}
