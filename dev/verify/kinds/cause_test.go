//go:build modelcheck

package kinds

import (
	"context"
	"errors"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/model"
	"github.com/leat-go/leat/dev/verify/spec"
	"github.com/leat-go/leat/internal/ring"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// The programs of TestEveryInterleaving close each handle from the goroutine
// that uses it. Here several goroutines use and close one handle.

type causeSender interface {
	leat.Sender[int]
	CloseWith(cause error) error
}

type causeReceiver interface {
	leat.Receiver[int]
	CloseWith(cause error) error
}

const (
	causeA spec.Cause = 1 + iota
	causeB
	causeOfSender
)

// A closing is a CloseWith of a handle, and when it was.
type closing struct {
	cause           spec.Cause
	begun, returned int
}

// closes adds a goroutine that closes a handle by f.
func closes(r *model.Run, cause spec.Cause, f func(error) error) *closing {
	c := &closing{cause: cause}
	r.Go("closes with "+cause.Error(), func() {
		c.begun = r.Begin()
		f(c.cause)
		c.returned = r.End()
	})
	return c
}

// wantFirst fails r if cause is not that of the first of two closes, where one
// was first.
func wantFirst(r *model.Run, a, b *closing, cause spec.Cause) {
	switch {
	case cause != a.cause && cause != b.cause,
		a.returned < b.begun && cause != a.cause,
		b.returned < a.begun && cause != b.cause:
		r.Failf("the handle is closed with %v; %v in [%d, %d], %v in [%d, %d]",
			cause, a.cause, a.begun, a.returned, b.cause, b.begun, b.returned)
	}
}

// Two goroutines close one sender handle, each with a cause, while a third
// sends by it. It fails if not everybody gets the cause of the first.
func TestOneSenderClosesTwice(t *testing.T) {
	ring.SegmentSize = 1
	for name, open := range map[string]func() (causeSender, leat.Receiver[int]){
		"mpmc":      func() (causeSender, leat.Receiver[int]) { return mpmc.New[int](0) },
		"broadcast": func() (causeSender, leat.Receiver[int]) { tx := broadcast.New[int](1); return tx, tx.Subscribe() },
		"lossless": func() (causeSender, leat.Receiver[int]) {
			tx := broadcast.New[int](1)
			return tx, tx.Subscribe(broadcast.Lossless())
		},
		"watch":   func() (causeSender, leat.Receiver[int]) { tx := watch.New(0); return tx, tx.Subscribe() },
		"oneshot": func() (causeSender, leat.Receiver[int]) { return oneshot.New[int]() },
	} {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				tx, rx := open()
				var sent int
				var refused, end error
				a, b := closes(r, causeA, tx.CloseWith), closes(r, causeB, tx.CloseWith)
				r.Go("sends", func() {
					for sent < 2 && refused == nil {
						if refused = tx.Send(context.Background(), sent); refused == nil {
							sent++
						}
					}
				})
				r.Go("receives", func() {
					for end == nil || errors.As(end, new(*leat.LaggedError)) {
						_, end = rx.Recv(context.Background())
					}
				})
				r.Check(func() {
					later := tx.TrySend(9)
					if name == "oneshot" && sent > 0 { // it ended by the value
						for _, err := range []error{refused, end, later} {
							if err != leat.ErrClosed {
								r.Failf("a oneshot that has sent: %v", err)
							}
						}
						return
					}
					wantFirst(r, a, b, spec.CauseOf(later))
					if spec.CauseOf(end) != spec.CauseOf(later) || refused != nil && spec.CauseOf(refused) != spec.CauseOf(later) {
						r.Failf("the sender is closed: %v; Send: %v; the receiver's end: %v", later, refused, end)
					}
				})
			})
		})
	}
}

// Two goroutines close one receiver of a kind whose receivers each see every
// value, each with a cause, while a third receives from it, and the sender
// closes. It fails if a receive returns a cause that is neither the first nor
// the sender's, or if the sender or another receiver gets a receiver's cause.
func TestOneReceiverClosesTwice(t *testing.T) {
	ring.SegmentSize = 1
	for name, open := range map[string]func() (causeSender, func() causeReceiver){
		"broadcast": func() (causeSender, func() causeReceiver) {
			tx := broadcast.New[int](1)
			return tx, func() causeReceiver { return tx.Subscribe() }
		},
		"lossless": func() (causeSender, func() causeReceiver) {
			tx := broadcast.New[int](1)
			return tx, func() causeReceiver { return tx.Subscribe(broadcast.Lossless()) }
		},
		"watch": func() (causeSender, func() causeReceiver) {
			tx := watch.New(0)
			return tx, func() causeReceiver { return tx.Subscribe() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			explore(t, func(r *model.Run) {
				tx, subscribe := open()
				rx := subscribe()
				a, b := closes(r, causeA, rx.CloseWith), closes(r, causeB, rx.CloseWith)
				var end error
				r.Go("receives", func() {
					for end == nil || errors.As(end, new(*leat.LaggedError)) {
						_, end = rx.Recv(context.Background())
					}
				})
				r.Go("sends", func() {
					if err := tx.Send(context.Background(), 1); err != nil {
						r.Failf("Send: %v", err)
					}
					tx.CloseWith(causeOfSender)
				})
				r.Check(func() {
					_, later := rx.TryRecv()
					wantFirst(r, a, b, spec.CauseOf(later))
					if c := spec.CauseOf(end); c != causeOfSender && c != spec.CauseOf(later) {
						r.Failf("the receiver is closed: %v; Recv: %v", later, end)
					}
					if _, err := subscribe().TryRecv(); spec.CauseOf(err) != causeOfSender {
						r.Failf("another receiver: %v", err)
					}
				})
			})
		})
	}
}
