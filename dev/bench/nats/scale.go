package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scale measures what many channels cost, and many processes bring.
func scale() error {
	fmt.Printf("%s, %d cores\n\n| %d bounded queues, each with a receiver | to make one | to send one value | memory each | goroutines each |\n| --- | --- | --- | --- | --- |\n",
		runtime.Version(), runtime.NumCPU(), channels)
	for _, storage := range []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage} {
		for _, l := range layouts {
			if err := l.measure(storage); err != nil {
				return err
			}
		}
	}
	return scaleReceivers()
}

// scaleReceivers measures how many values a second several receivers get from
// one mpmc, without and with Prefetch.
func scaleReceivers() error {
	fmt.Printf("\n| processes that receive from one mpmc | 2 ms of waiting a value | the same, Prefetch(64) | no work | no work, Prefetch(64) |\n| --- | --- | --- | --- | --- |\n")
	for _, n := range []int{1, 2, 4, 8} {
		fmt.Printf("| %d |", n)
		for _, work := range []time.Duration{2 * time.Millisecond, 0} {
			for _, prefetch := range []int{1, 64} {
				values := 10000
				if work > 0 {
					values = 1000
				}
				rate, err := shared(n, work, prefetch, values)
				if err != nil {
					return err
				}
				fmt.Printf(" %.0f |", rate)
			}
		}
		fmt.Println()
	}
	fmt.Printf("\n| one receiver, in the process of the server | values/s |\n| --- | --- |\n")
	for _, prefetch := range []int{1, 8, 64} {
		var rates []time.Duration
		for range 5 {
			took, err := alone(prefetch, 10000)
			if err != nil {
				return err
			}
			rates = append(rates, took)
		}
		fmt.Printf("| Prefetch(%d) | %.0f |\n", prefetch, 10000/median(rates).Seconds())
	}
	return nil
}

// alone returns how long one receiver takes for values that are sent already.
func alone(prefetch, values int) (time.Duration, error) {
	s, js, err := embedded(nil)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	ctx := context.Background()
	tx, err := natschan.NewSender[int](ctx, js, queue)
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	if n, err := tx.SendMany(ctx, make([]int, values)); err != nil {
		return 0, fmt.Errorf("after %d values: %w", n, err)
	}
	rx, err := natschan.NewReceiver[int](ctx, js, queue, natschan.Prefetch(prefetch))
	if err != nil {
		return 0, err
	}
	defer rx.Close()
	began := time.Now()
	for range values {
		if _, err := rx.Recv(ctx); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

const (
	channels = 200
	capacity = 32
)

// A layout is a way to put many queues on JetStream. It is done by hand in
// both, so that nothing else differs.
type layout struct {
	name string
	make func(ctx context.Context, js jetstream.JetStream, storage jetstream.StorageType, i int) error
}

var layouts = []layout{
	{"a stream for each", func(ctx context.Context, js jetstream.JetStream, storage jetstream.StorageType, i int) error {
		s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "one" + strconv.Itoa(i), Subjects: []string{"scale." + strconv.Itoa(i)}, Storage: storage,
			Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxMsgs: capacity})
		if err == nil {
			_, err = s.CreateConsumer(ctx, jetstream.ConsumerConfig{Name: "rx", AckPolicy: jetstream.AckExplicitPolicy})
		}
		return err
	}},
	{"one stream, a subject for each", func(ctx context.Context, js jetstream.JetStream, storage jetstream.StorageType, i int) error {
		var s jetstream.Stream
		var err error
		if i == 0 {
			s, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "all", Subjects: []string{"scale.*"}, Storage: storage,
				Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxMsgsPerSubject: capacity, DiscardNewPerSubject: true})
		} else {
			s, err = js.Stream(ctx, "all")
		}
		if err == nil {
			_, err = s.CreateConsumer(ctx, jetstream.ConsumerConfig{Name: "rx" + strconv.Itoa(i), FilterSubject: "scale." + strconv.Itoa(i), AckPolicy: jetstream.AckExplicitPolicy})
		}
		return err
	}},
}

func (l *layout) measure(storage jetstream.StorageType) error {
	s, js, err := embedded(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	before, goroutines := heap(), runtime.NumGoroutine()
	began := time.Now()
	for i := range channels {
		if err := l.make(ctx, js, storage, i); err != nil {
			return err
		}
	}
	made := time.Since(began)
	const each = 20
	began = time.Now()
	for n := range each * channels {
		if _, err := js.Publish(ctx, "scale."+strconv.Itoa(n%channels), make([]byte, 128)); err != nil {
			return err
		}
	}
	sent := time.Since(began)
	fmt.Printf("| %s, %v | %v | %v | %d KiB | %.1f |\n", l.name, storage, (made / channels).Round(time.Microsecond), (sent / (each * channels)).Round(100*time.Nanosecond),
		(heap()-before)>>10/channels, float64(runtime.NumGoroutine()-goroutines)/channels)
	return nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // objects with a finalizer go the second time
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// shared returns how many values a second go through one mpmc to n processes,
// each of which waits for so long for each value.
func shared(n int, work time.Duration, prefetch, values int) (float64, error) {
	s, js, err := embedded(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	ctx := context.Background()
	tx, err := natschan.NewSender[int](ctx, js, queue)
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var children []*exec.Cmd
	for range n {
		c := exec.Command(self, "-receive", s.URL(), "-work", work.String(), "-prefetch", strconv.Itoa(prefetch))
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		if err != nil {
			return 0, err
		}
		if err := c.Start(); err != nil {
			return 0, err
		}
		defer c.Process.Kill()
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return 0, fmt.Errorf("a receiver: %w", err)
		}
		children = append(children, c)
	}
	vs := make([]int, values)
	began := time.Now()
	if n, err := tx.SendMany(ctx, vs); err != nil {
		return 0, fmt.Errorf("after %d values: %w", n, err)
	}
	if err := tx.Close(); err != nil {
		return 0, err
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			return 0, err
		}
	}
	return float64(values) / time.Since(began).Seconds(), nil
}

var queue = natschan.Channel{Name: "shared", Kind: natschan.MPMC, Storage: jetstream.MemoryStorage}

// receive is what the processes do.
func receive(url string, work time.Duration, prefetch int) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx := context.Background()
	rx, err := natschan.NewReceiver[int](ctx, js, queue, natschan.Prefetch(prefetch))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		_, err := rx.Recv(ctx)
		if errors.Is(err, leat.ErrClosed) {
			return rx.Close()
		}
		if err != nil {
			return err
		}
		time.Sleep(work)
	}
}
