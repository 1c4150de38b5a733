package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// foreignStatus publishes messages that look like a status of the server to the
// subject of a channel, one before each value.
func foreignStatus(t *table, ch natschan.Channel) error {
	return withEnds(ch, func(ctx context.Context, js jetstream.JetStream, tx *natschan.Sender[int], rx *natschan.Receiver[int]) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		l, began := newLedger(), time.Now()
		statuses := []string{"100", "404", "408", "409", "503", ""}
		for v, status := range statuses {
			m := nats.NewMsg("leat.d." + ch.Name)
			if status != "" {
				m.Header.Set("Status", status)
			}
			if _, err := js.PublishMsg(ctx, m); err != nil {
				return err
			}
			var decode *natschan.DecodeError
			if _, err := rx.Recv(ctx); !errors.As(err, &decode) && l.failed == nil {
				l.failed = fmt.Errorf("receiving a status %q: %w", status, err)
			}
			if l.sent(v, tx.Send(ctx, v)); l.failed != nil {
				break
			}
			if v, err := rx.Recv(ctx); err != nil {
				l.failed = fmt.Errorf("receiving after it: %w", err)
			} else {
				l.got[v]++
			}
		}
		if tx.Close(); l.failed == nil {
			l.receive(ctx, rx, nil) // the end
		}
		l.line(t, fmt.Sprintf("%s, %d messages of others that look like the server's", label(ch), len(statuses)), time.Since(began), 0,
			"each is one DecodeError; none lost; the channel ends")
		return nil
	})
}

// stoppable returns the channels whose receiver another process can take over
// while it has acknowledged nothing of what it has buffered.
func stoppable(kind string) (natschan.Channel, []natschan.ReceiverOption) {
	ch := natschan.Channel{Name: "stopped", Kind: natschan.MPSC, Lease: time.Second}
	if kind == "durable lossy broadcast" {
		ch.Kind, ch.Capacity = natschan.Broadcast, 1000
		return ch, []natschan.ReceiverOption{natschan.Durable("worker")}
	}
	return ch, nil
}

// natsStopped receives until the end of the channel, or until it is fenced, and
// prints each value. It takes 2 ms for each, so that others wait in its buffer.
func natsStopped(args []string) error {
	_, js, err := connectNATS(args[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	ch, opts := stoppable(args[1])
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		return err
	}
	defer rx.Close()
	fmt.Println("ready")
	for {
		v, err := rx.Recv(ctx)
		if errors.Is(err, leat.ErrClosed) || errors.Is(err, natschan.ErrFenced) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(v)
		time.Sleep(2 * time.Millisecond)
	}
}

// receiverStopped stops a receiver's process for longer than its lease, has
// another one take over and receive everything, and lets the first go on.
func receiverStopped(t *table) error {
	for _, kind := range []string{"unbounded mpsc", "durable lossy broadcast"} {
		if err := stopReceiver(t, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func stopReceiver(t *table, kind string) error {
	return withServer(func(ctx context.Context, n *node, js jetstream.JetStream) error {
		url, l, began := "nats://"+n.args[2], newLedger(), time.Now()
		first, err := startChild("nats-stopped", url, kind)
		if err != nil {
			return err
		}
		defer first.stop()
		var before, after int
		at, resumed := make(chan struct{}), make(chan struct{})
		var reading sync.WaitGroup
		reading.Go(func() {
			first.lines(func(v int) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.got[v]++
				select {
				case <-resumed:
					after++
				default:
					if before++; before == 20 {
						close(at)
					}
				}
			})
		})
		ch, _ := stoppable(kind)
		if err := pump(ctx, js, ch, l, 1, 300, 0); err != nil {
			return err
		}
		<-at
		if err := freeze(first.cmd.Process); err != nil {
			return err
		}
		time.Sleep(2 * ch.Lease)
		second, err := startChild("nats-stopped", url, kind)
		if err != nil {
			return err
		}
		second.lines(func(v int) { l.mu.Lock(); l.got[v]++; l.mu.Unlock() })
		second.stop()
		close(resumed)
		thaw(first.cmd.Process)
		reading.Wait()
		l.line(t, kind+", receiver stopped for 2 leases, another one takes over", time.Since(began), 1,
			fmt.Sprintf("none lost; again at most the one in hand (received by the first after it went on: %d)", after))
		return nil
	})
}
