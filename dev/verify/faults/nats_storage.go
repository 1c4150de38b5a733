package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// batchRefused lets SendMany fail often on its last value, which is too large
// for the server, and then sends many.
func batchRefused(t *table, ch natschan.Channel) error {
	if ch.Kind == natschan.Watch {
		return nil // SendMany stores the last value alone
	}
	return sendManyAfter(t, ch, label(ch)+", 60 times a SendMany whose last value is too large, then 640 values",
		"none of the 60 sends anything; the 640 are stored at once",
		func(ctx context.Context, js jetstream.JetStream, ch natschan.Channel) error {
			tx, err := natschan.NewSender[any](ctx, js, ch)
			if err != nil {
				return err
			}
			defer tx.Close()
			for range 60 {
				n, err := tx.SendMany(ctx, []any{1, 2, strings.Repeat("x", 1<<20)})
				if n != 0 || !errors.Is(err, nats.ErrMaxPayload) {
					return fmt.Errorf("SendMany with a value that is too large = %d, %w", n, err)
				}
			}
			return nil
		})
}

// batchesAbandoned leaves the server with as many unfinished batches as it
// keeps, as a program does that crashes often, and then sends many.
func batchesAbandoned(t *table) error {
	ch := channelOf("mpsc")
	return sendManyAfter(t, ch, "mpsc, 50 batches abandoned by another program, then 640 values",
		"SendMany goes on when the server has dropped them, after 10 s",
		func(_ context.Context, js jetstream.JetStream, ch natschan.Channel) error {
			for i := range 50 {
				m := nats.NewMsg("leat.d." + ch.Name)
				m.Header.Set("Nats-Batch-Id", fmt.Sprintf("abandoned%d", i))
				m.Header.Set("Nats-Batch-Sequence", "1")
				if err := js.Conn().PublishMsg(m); err != nil {
					return err
				}
			}
			return nil
		})
}

// sendManyAfter does something to a channel, then sends ten times 64 values,
// and prints the line.
func sendManyAfter(t *table, ch natschan.Channel, fault, promise string,
	first func(context.Context, jetstream.JetStream, natschan.Channel) error) error {
	return withServer(func(ctx context.Context, _ *node, js jetstream.JetStream) error {
		tx, err := natschan.NewSender[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer tx.Close()
		d, err := drainAll(ctx, js, ch, 1)
		if err != nil {
			return err
		}
		defer d.close()
		began := time.Now()
		if err := first(ctx, js, ch); err != nil {
			return err
		}
		sent := newLedger()
		for batch := range 10 {
			vs := make([]int, 64)
			for i := range vs {
				vs[i] = 64*batch + i
			}
			n, err := tx.SendMany(ctx, vs)
			for _, v := range vs[:n] {
				sent.sent(v, nil)
			}
			if err != nil {
				sent.sent(vs[n], err)
				break
			}
		}
		tx.Close()
		d.lines(t, sent, fault, began, 0, promise)
		return nil
	})
}

// diskFull fills the disk of the server under a sender, makes room, and starts
// the server again.
func diskFull(t *table) error {
	const (
		fault   = "mpsc, the server's disk full, then room and a restart"
		promise = "Send says so within its ctx, or after 30 s; none lost; goes on after the restart"
	)
	dir, err := os.MkdirTemp("", "leat-faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	unmount, err := mountTiny(dir)
	if err != nil {
		t.line(true, fault, "-", "-", "-", "-", "-", "-", "-", fmt.Sprintf("not tried: mounting a tmpfs: %v", err))
		return nil
	}
	defer unmount()
	return withServerIn(dir, 2*natsPatience, func(ctx context.Context, n *node, js jetstream.JetStream) error {
		ch := channelOf("mpsc")
		ch.Capacity, ch.Lease = 0, time.Minute
		tx, err := natschan.NewSender[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer tx.Close()
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer rx.Close()
		ballast := filepath.Join(dir, "ballast")
		if err := fill(ballast, 256<<10); err != nil {
			return err
		}
		l, v := newLedger(), 0
		began := time.Now()
		for err == nil && v < 1e6 {
			err = tx.Send(ctx, v)
			l.sent(v, err)
			v++
		}
		patient := time.Since(began)
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		hurried := tx.Send(short, v)
		l.sent(v, hurried)
		v++
		if !errors.Is(err, natschan.ErrResource) || !errors.Is(hurried, natschan.ErrResource) || !errors.Is(hurried, context.DeadlineExceeded) {
			l.failed = fmt.Errorf("without a deadline %w, with one %w", err, hurried)
		}
		if err := os.Remove(ballast); err != nil {
			return err
		}
		n.kill()
		if err := n.restart(); err != nil {
			return err
		}
		for range 100 {
			if !l.sent(v, tx.Send(ctx, v)) {
				break
			}
			v++
		}
		tx.Close()
		l.receive(ctx, rx, nil)
		l.line(t, fault, time.Since(began), 0, fmt.Sprintf("%s (it took %v)", promise, round(patient)))
		return nil
	})
}

// fill makes a file that fills its disk, except for that many bytes.
func fill(name string, but int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(0)
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, 4096))
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Truncate(size - but)
}
