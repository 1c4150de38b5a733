// Command nats measures natschan against nats.go doing the same work by hand,
// in one run:
//
//	go run ./dev/bench/nats              # from the root of the repository: a minute
//	go run ./dev/bench/nats -runs 3      # the table three times
//	go run ./dev/bench/nats -rounds 5
//	go run ./dev/bench/nats -remote      # senders whose server is a millisecond away
//	go run ./dev/bench/nats -scale       # many channels, many processes
//	go run ./dev/bench/nats -receivers   # the second part of -scale
//	go run ./dev/bench/nats -scale -channels 10000   # what so many cost a server
//
// By hand is: encode as JSON, publish with a message id and wait for the
// answer; receive with a pull consumer's Messages, acknowledge (where a sender
// may wait for room, with an answer), decode. It is done on the same server, in
// memory storage, where the server costs least and the library most.
//
// A round is one pair: a way, then the other. Rounds alternate in which is
// first (ABBA), so that a machine that becomes slower or faster favours none.
// Before each way the garbage is collected. The overhead is the median of the
// rounds' ratios, so a disturbance in some of them does not count. Allocations
// are those of the whole process, the server's included.
package main

import (
	"cmp"
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
	rounds := flag.Int("rounds", 21, "how often each is measured")
	n := flag.Int("n", 2000, "values in each round")
	runs := flag.Int("runs", 1, "how often the table is made")
	scaling := flag.Bool("scale", false, "measure many channels, and many processes, instead")
	url := flag.String("receive", "", "be a process that receives; for -scale")
	work := flag.Duration("work", 0, "how long it waits for each value")
	prefetch := flag.Int("prefetch", 1, "how many values it takes ahead")
	receivers := flag.Bool("receivers", false, "measure the receivers of one mpmc instead; a part of -scale")
	away := flag.Bool("remote", false, "measure senders whose server is a millisecond away instead")
	channels := flag.Int("channels", 0, "with -scale: measure what so many channels cost a server instead")
	lease := flag.Duration("lease", 10*time.Minute, "the Lease of these channels")
	storage := flag.String("storage", "", "where these channels hold values: memory or file; both if empty")
	dir := flag.String("dir", "", "where that server has its files; a temporary directory is made in it")
	listen := flag.String("serve", "", "be that server, on an address")
	flag.Parse()
	var err error
	switch {
	case *listen != "":
		err = serve(*listen, *dir)
	case *scaling && *channels > 0:
		err = scaleChannels(*channels, *lease, *storage, *dir)
	case *url != "":
		err = receive(*url, *work, *prefetch)
	case *away:
		err = remote()
	case *receivers:
		err = scaleReceivers()
	case *scaling:
		err = scale()
	default:
		err = compareAll(*runs, *rounds, *n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

// compareAll prints the table so many times, and checks that all values came.
func compareAll(runs, rounds, n int) error {
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
	for range runs {
		fmt.Printf("%s, %d cores; %d rounds of %d values of 128 bytes\n\n", runtime.Version(), runtime.NumCPU(),
			rounds, n)
		fmt.Println("| what | connection | by hand | natschan | overhead | allocations by hand | natschan |\n| --- | --- | --- | --- | --- | --- | --- |")
		delivered := 0
		for _, c := range []struct {
			name string
			nc   *nats.Conn
		}{{"in process", inside}, {"TCP", outside}} {
			for _, capacity := range []int{0, n} {
				got, err := compare(c.nc, c.name, capacity, rounds, n)
				if err != nil {
					return err
				}
				delivered += got
			}
		}
		if want := 4 * 2 * (rounds + 1) * n; delivered != want {
			return fmt.Errorf("%d values delivered, want %d", delivered, want)
		}
		fmt.Printf("\n%d values sent and received, in order\n\n", delivered)
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

// A way is one of the two to move n values over a fresh channel, in order.
type way func(ctx context.Context, js jetstream.JetStream, name string, capacity, n int) (send, recv cost, err error)

// A cost is that of n values.
type cost struct {
	took    time.Duration
	mallocs uint64
}

// A meter measures a cost from its begin to its end.
type meter struct {
	began  time.Time
	before runtime.MemStats
}

func (m *meter) begin() {
	runtime.ReadMemStats(&m.before)
	m.began = time.Now()
}

func (m *meter) end() cost {
	took := time.Since(m.began)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return cost{took, after.Mallocs - m.before.Mallocs}
}

// compare prints two rows, and returns how many values were received. The
// first round warms up and is not counted.
func compare(nc *nats.Conn, connection string, capacity, rounds, n int) (received int, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ways := [2]way{byHand, byNatschan}
	var send, recv [2][]cost
	for round := range rounds + 1 {
		for turn := range 2 {
			i := (round + turn) % 2
			runtime.GC()
			s, r, err := ways[i](ctx, js, fmt.Sprintf("bench%d-%d", round, i), capacity, n)
			if err != nil {
				return received, err
			}
			received += n
			if round > 0 {
				send[i], recv[i] = append(send[i], s), append(recv[i], r)
			}
		}
	}
	kind := "unbounded"
	if capacity > 0 {
		kind = "bounded"
	}
	row("send, "+kind, connection, send, n)
	row("receive, "+kind, connection, recv, n)
	return received, nil
}

func row(what, connection string, costs [2][]cost, n int) {
	var took [2][]time.Duration
	var mallocs [2][]uint64
	var ratios []float64
	for i, cs := range costs {
		for _, c := range cs {
			took[i], mallocs[i] = append(took[i], c.took/time.Duration(n)), append(mallocs[i], c.mallocs/uint64(n))
		}
	}
	for i := range took[0] {
		ratios = append(ratios, float64(took[1][i])/float64(took[0][i]))
	}
	micro := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	fmt.Printf("| %s | %s | %.1f µs | %.1f µs | %+.1f %% | %d | %d |\n", what, connection, micro(median(took[0])),
		micro(median(took[1])),
		100*(median(ratios)-1), median(mallocs[0]), median(mallocs[1]))
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

func byHand(ctx context.Context, js jetstream.JetStream, name string, capacity, n int) (send, recv cost, err error) {
	cfg := jetstream.StreamConfig{Name: name, Subjects: []string{"hand." + name}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.MemoryStorage, Discard: jetstream.DiscardNew, MaxMsgs: -1, AllowAtomicPublish: true, AllowDirect: true}
	if capacity > 0 {
		cfg.MaxMsgs = int64(capacity)
	}
	stream, err := js.CreateStream(ctx, cfg)
	if err != nil {
		return send, recv, err
	}
	defer js.DeleteStream(ctx, name)
	var m meter
	m.begin()
	for i := range n {
		data, err := json.Marshal(sample(i))
		if err != nil {
			return send, recv, err
		}
		msg := nats.NewMsg("hand." + name)
		msg.Data = data
		_, err = js.PublishMsg(ctx, msg, jetstream.WithMsgID(name+strconv.Itoa(i)), jetstream.WithRetryAttempts(0))
		if err != nil {
			return send, recv, err
		}
	}
	send = m.end()
	c, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Name: "c", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		return send, recv, err
	}
	m.begin()
	it, err := c.Messages(jetstream.PullMaxMessages(256))
	if err != nil {
		return send, recv, err
	}
	defer it.Stop()
	for i := range n {
		msg, err := it.Next()
		if err != nil {
			return send, recv, err
		}
		if _, err := msg.Metadata(); err != nil { // a receiver by hand, too, finds out whether a value came twice
			return send, recv, err
		}
		if capacity > 0 {
			err = msg.DoubleAck(ctx)
		} else {
			err = msg.Ack()
		}
		if err != nil {
			return send, recv, err
		}
		var v value
		if err := json.Unmarshal(msg.Data(), &v); err != nil || v.Number != i {
			return send, recv, fmt.Errorf("received %d, want %d (%w)", v.Number, i, err)
		}
	}
	return send, m.end(), nil
}

func byNatschan(
	ctx context.Context, js jetstream.JetStream, name string, capacity, n int,
) (send, recv cost, err error) {
	ch := natschan.Channel{Name: name, Kind: natschan.MPSC, Capacity: capacity, Storage: jetstream.MemoryStorage}
	tx, err := natschan.NewSender[value](ctx, js, ch)
	if err != nil {
		return send, recv, err
	}
	defer natschan.Delete(ctx, js, name)
	defer tx.Close()
	var m meter
	m.begin()
	for i := range n {
		if err := tx.Send(ctx, sample(i)); err != nil {
			return send, recv, err
		}
	}
	send = m.end()
	rx, err := natschan.NewReceiver[value](ctx, js, ch)
	if err != nil {
		return send, recv, err
	}
	defer rx.Close()
	m.begin()
	for i := range n {
		v, err := rx.Recv(ctx)
		if err != nil || v.Number != i {
			return send, recv, errors.Join(fmt.Errorf("received %d, want %d", v.Number, i), err)
		}
	}
	return send, m.end(), nil
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
