package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// window is how many values are under way at a time.
const window = 64

// A target is a channel, by natschan and by hand.
type target struct {
	name string
	tx   *natschan.Sender[value]
	js   jetstream.JetStream
}

// A remoteWay sends n values to the stream of a channel, and returns when the
// server has stored all.
type remoteWay struct {
	name string
	n    int
	send func(ctx context.Context, to target, n int) error
}

var remoteWays = []remoteWay{
	{"by hand, PublishMsg, one at a time", 500, func(ctx context.Context, to target, n int) error {
		for i := range n {
			m, err := to.message(i)
			if err == nil {
				_, err = to.js.PublishMsg(ctx, m)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"natschan, Send, one at a time", 500, func(ctx context.Context, to target, n int) error {
		for i := range n {
			if err := to.tx.Send(ctx, sample(i)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"by hand, PublishMsgAsync, a window of 64", 64 * 100, func(ctx context.Context, to target, n int) error {
		var futures []jetstream.PubAckFuture
		for i := range n {
			if len(futures) == window {
				if err := acked(futures[0]); err != nil {
					return err
				}
				futures = futures[1:]
			}
			m, err := to.message(i)
			if err != nil {
				return err
			}
			future, err := to.js.PublishMsgAsync(m)
			if err != nil {
				return err
			}
			futures = append(futures, future)
		}
		for _, f := range futures {
			if err := acked(f); err != nil {
				return err
			}
		}
		return nil
	}},
	{"natschan, SendMany of 64", 64 * 100, sendMany(window)},
	{"natschan, SendMany of 1000", 10000, sendMany(1000)},
	{"natschan, Send by 64 goroutines, each with a clone", 64 * 100, func(ctx context.Context, to target, n int) error {
		errs := make([]error, window)
		var all sync.WaitGroup
		for g := range window {
			all.Go(func() {
				own := to.tx.Clone()
				for i := 0; i < n/window && errs[g] == nil; i++ {
					errs[g] = own.Send(ctx, sample(i))
				}
				errs[g] = errors.Join(errs[g], own.Close())
			})
		}
		all.Wait()
		return errors.Join(errs...)
	}},
}

func sendMany(size int) func(context.Context, target, int) error {
	return func(ctx context.Context, to target, n int) error {
		batch := make([]value, size)
		for start := 0; start < n; start += size {
			for i := range batch {
				batch[i] = sample(start + i)
			}
			if _, err := to.tx.SendMany(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	}
}

// message is value i, as by hand.
func (to *target) message(i int) (*nats.Msg, error) {
	data, err := json.Marshal(sample(i))
	m := nats.NewMsg("leat.d." + to.name)
	m.Data = data
	m.Header.Set(jetstream.MsgIDHeader, strconv.Itoa(i))
	return m, err
}

func acked(f jetstream.PubAckFuture) error {
	select {
	case <-f.Ok():
		return nil
	case err := <-f.Err():
		return err
	}
}

// remote measures senders whose server is a millisecond away, each way.
func remote() error {
	s, err := natsembed.Start(&natsembed.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go farAway(l, strings.TrimPrefix(s.URL(), "nats://"))
	nc, err := nats.Connect("nats://" + l.Addr().String())
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(window))
	if err != nil {
		return err
	}
	rtt, err := roundTrip(nc)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d cores; the server is %v away, there and back\n\n", runtime.Version(), runtime.NumCPU(),
		rtt.Round(10*time.Microsecond))
	fmt.Println("| values of 128 bytes a second | in memory | in files |\n| --- | --- | --- |")
	for _, w := range remoteWays {
		fmt.Printf("| %s |", w.name)
		for _, storage := range []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage} {
			rate, err := w.measure(js, storage)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Printf(" %.0f |", rate)
		}
		fmt.Println()
	}
	return nil
}

// farAway passes on what l accepts to a server, and back, a millisecond late
// each way: as a long line does, and not one piece after another.
func farAway(l net.Listener, server string) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", server)
		if err != nil {
			near.Close()
			continue
		}
		go late(near, far)
		go late(far, near)
	}
}

// late copies from src to dst until one of them is closed, and closes both.
func late(src, dst net.Conn) {
	type piece struct {
		data []byte
		due  time.Time
	}
	line := make(chan piece, 1000)
	go func() {
		defer dst.Close()
		for p := range line {
			time.Sleep(time.Until(p.due))
			dst.Write(p.data)
		}
	}()
	defer close(line)
	for {
		buf := make([]byte, 64<<10)
		n, err := src.Read(buf)
		if err != nil {
			return
		}
		line <- piece{buf[:n], time.Now().Add(time.Millisecond)}
	}
}

func roundTrip(nc *nats.Conn) (time.Duration, error) {
	var all []time.Duration
	for range 51 {
		rtt, err := nc.RTT()
		if err != nil {
			return 0, err
		}
		all = append(all, rtt)
	}
	return median(all), nil
}

// measure returns the median of five.
func (w *remoteWay) measure(js jetstream.JetStream, storage jetstream.StorageType) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var rates []float64
	for range 5 {
		ch := natschan.Channel{Name: "remote", Kind: natschan.MPSC, Storage: storage}
		tx, err := natschan.NewSender[value](ctx, js, ch)
		if err != nil {
			return 0, err
		}
		runtime.GC()
		began := time.Now()
		err = w.send(ctx, target{ch.Name, tx, js}, w.n)
		took := time.Since(began)
		stored := 0
		if s, e := js.Stream(ctx, "LEAT_"+ch.Name); e == nil {
			stored = int(s.CachedInfo().State.Msgs)
		}
		if err := errors.Join(err, tx.Close(), natschan.Delete(ctx, js, ch.Name)); err != nil {
			return 0, err
		}
		if stored != w.n {
			return 0, fmt.Errorf("%d values stored, want %d", stored, w.n)
		}
		rates = append(rates, float64(w.n)/took.Seconds())
	}
	return median(rates), nil
}
