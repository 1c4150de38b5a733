package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		l.line(t, fmt.Sprintf("%s, %d foreign messages that look like the server's", label(ch), len(statuses)), time.Since(began), 0,
			"each is one DecodeError; none lost; the channel ends")
		return nil
	})
}
