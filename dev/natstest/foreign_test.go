package natstest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// allKinds is every kind of channel, in each of its forms.
var allKinds = []struct {
	name string
	ch   natschan.Channel
	opts []natschan.ReceiverOption
}{
	{"mpsc", natschan.Channel{Kind: natschan.MPSC, Capacity: 8}, nil},
	{"mpsc unbounded", natschan.Channel{Kind: natschan.MPSC}, nil},
	{"mpmc", natschan.Channel{Kind: natschan.MPMC, Capacity: 8}, nil},
	{"mpmc unbounded", natschan.Channel{Kind: natschan.MPMC}, nil},
	{"broadcast lossy", natschan.Channel{Kind: natschan.Broadcast, Capacity: 8}, nil},
	{"broadcast exact", natschan.Channel{Kind: natschan.Broadcast, Capacity: 8},
		[]natschan.ReceiverOption{natschan.Prefetch(1)}},
	{"broadcast durable", natschan.Channel{Kind: natschan.Broadcast, Capacity: 8},
		[]natschan.ReceiverOption{natschan.Durable("worker")}},
	{"broadcast lossless", natschan.Channel{Kind: natschan.Broadcast, Capacity: 8, Lossless: true}, nil},
	{"watch", natschan.Channel{Kind: natschan.Watch}, nil},
}

// foreign returns a message to subject with an empty body. With a status it
// looks like a message of the server's own.
func foreign(subject, status string) *nats.Msg {
	m := nats.NewMsg(subject)
	if status != "" {
		m.Header.Set("Status", status)
		m.Header.Set("Description", "Consumer Deleted")
	}
	return m
}

// wantDecodeError fails the test unless err is a *DecodeError of an empty body.
func wantDecodeError(t *testing.T, what string, err error) {
	t.Helper()
	var decode *natschan.DecodeError
	if !errors.As(err, &decode) || len(decode.Data) != 0 {
		t.Errorf("%s = %v; want a *DecodeError of no bytes", what, err)
	}
}

// receives returns the ways to receive from rx, by name.
func receives(ctx context.Context, rx *natschan.Receiver[int]) map[string]func() (int, error) {
	return map[string]func() (int, error){
		"Recv":    func() (int, error) { return rx.Recv(ctx) },
		"TryRecv": rx.TryRecv,
		"RecvMsg": func() (int, error) {
			m, err := rx.RecvMsg(ctx)
			if err != nil {
				return 0, err
			}
			return m.Value, m.Ack()
		},
	}
}

// Another program publishes a message with an empty body, and the header of a
// server's status, to the subject of a channel. The test fails if any receive
// treats it as anything but one value that cannot be decoded, if a later value
// does not arrive, or if the channel does not end.
func TestForeignStatusIsAValue(t *testing.T) {
	js := server(t, nil)
	for _, kind := range allKinds {
		for _, status := range []string{"", "100", "404", "408", "409", "503"} {
			t.Run(fmt.Sprintf("%s/status %q", kind.name, status), func(t *testing.T) {
				ch := kind.ch
				ch.Name = unique()
				ctx, tx, rx := ends(t, js, ch, kind.opts...)
				ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				value := 0
				for how, receive := range receives(ctx, rx) {
					value++
					if _, err := js.PublishMsg(ctx, foreign("leat.d."+ch.Name, status)); err != nil {
						t.Fatal(err)
					}
					if ch.Kind == natschan.Watch {
						_, err := rx.Get(ctx)
						wantDecodeError(t, "Get", err)
					}
					_, err := receive()
					wantDecodeError(t, how, err)
					if err := tx.Send(ctx, value); err != nil {
						t.Fatal(err)
					}
					if v, err := receive(); v != value || err != nil {
						t.Fatalf("%s after it = %d, %v; want %d", how, v, err, value)
					}
				}
				if v, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
					t.Errorf("TryRecv = %d, %v; want ErrEmpty", v, err)
				}
				if err := tx.Close(); err != nil {
					t.Error(err)
				}
				if v, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
					t.Errorf("Recv at the end = %d, %v; want ErrClosed", v, err)
				}
			})
		}
	}
}

// As above, with a receiver that is blocked in Recv when the message comes, and
// two of them one after the other.
func TestForeignStatusWakesRecv(t *testing.T) {
	js := server(t, nil)
	for _, kind := range allKinds {
		for _, status := range []string{"100", "404", "409", "503"} {
			t.Run(kind.name+"/status "+status, func(t *testing.T) {
				ch := kind.ch
				ch.Name = unique()
				ctx, tx, rx := ends(t, js, ch, kind.opts...)
				ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				for range 2 {
					asked := pulls(t, js, ch.Name)
					got := make(chan error, 1)
					go func() { _, err := rx.Recv(ctx); got <- err }()
					if ch.Kind == natschan.MPMC || ch.Kind == natschan.Watch {
						<-asked // the other kinds may have asked ahead
					}
					if _, err := js.PublishMsg(ctx, foreign("leat.d."+ch.Name, status)); err != nil {
						t.Fatal(err)
					}
					wantDecodeError(t, "Recv", <-got)
				}
				if err := tx.Send(ctx, 7); err != nil {
					t.Fatal(err)
				}
				if v, err := rx.Recv(ctx); v != 7 || err != nil {
					t.Errorf("Recv = %d, %v; want 7", v, err)
				}
			})
		}
	}
}

// As above, with a receiver that has closed its queue and takes the rest.
func TestForeignStatusAfterClose(t *testing.T) {
	js := server(t, nil)
	for _, kind := range []natschan.Kind{natschan.MPSC, natschan.MPMC} {
		for _, status := range []string{"", "100", "404", "409", "503"} {
			ch := natschan.Channel{Name: unique(), Kind: kind}
			ctx, tx, rx := ends(t, js, ch)
			if _, err := js.PublishMsg(ctx, foreign("leat.d."+ch.Name, status)); err != nil {
				t.Fatal(err)
			}
			if err := tx.Send(ctx, 7); err != nil {
				t.Fatal(err)
			}
			if err := rx.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := rx.Recv(ctx)
			wantDecodeError(t, fmt.Sprintf("%v, status %q: Recv", kind, status), err)
			if v, err := rx.Recv(ctx); v != 7 || err != nil {
				t.Errorf("%v, status %q: Recv after it = %d, %v; want 7", kind, status, v, err)
			}
			if v, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
				t.Errorf("%v, status %q: Recv at the end = %d, %v; want ErrClosed", kind, status, v, err)
			}
		}
	}
}

// A oneshot has no server between its ends: a status is a value there, too.
func TestForeignStatusOneshot(t *testing.T) {
	js := server(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, status := range []string{"", "100", "404", "409", "503"} {
		rx, err := natschan.NewOneshot[int](js.Conn())
		if err != nil {
			t.Fatal(err)
		}
		defer rx.Close()
		if err := js.Conn().PublishMsg(foreign(rx.Address(), status)); err != nil {
			t.Fatal(err)
		}
		_, err = rx.Recv(ctx)
		wantDecodeError(t, fmt.Sprintf("status %q: Recv", status), err)
		if _, err := rx.Recv(ctx); !errors.Is(err, leat.ErrClosed) {
			t.Errorf("status %q: Recv after it = %v; want ErrClosed", status, err)
		}
	}
}

// pulls returns a channel that gets the inbox of each pull request for name.
func pulls(t *testing.T, js jetstream.JetStream, name string) <-chan string {
	t.Helper()
	inboxes := make(chan string, 1000)
	sub, err := js.Conn().Subscribe("$JS.API.CONSUMER.MSG.NEXT.LEAT_"+name+".*", func(m *nats.Msg) { inboxes <- m.Reply })
	if err == nil {
		err = js.Conn().Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Unsubscribe() })
	return inboxes
}

// The server's own messages reach a receiver that waits: heartbeats, a request
// of flow control, which has a reply subject, too, and the end of the request.
// The test fails if one of them becomes a value or an error, or if a heartbeat
// makes the receiver create its consumer again.
func TestServerStatusIsNotAValue(t *testing.T) {
	t.Parallel()
	js := server(t, nil)
	for _, kind := range allKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ch := kind.ch
			ch.Name = unique()
			asked := pulls(t, js, ch.Name)
			ctx, tx, rx := ends(t, js, ch, kind.opts...)
			created := make(chan *nats.Msg, 1000)
			api, err := js.Conn().ChanSubscribe("$JS.API.CONSUMER.CREATE.LEAT_"+ch.Name+".>", created)
			if err != nil {
				t.Fatal(err)
			}
			defer api.Unsubscribe()
			type result struct {
				v   int
				err error
			}
			got := make(chan result, 1)
			go func() { v, err := rx.Recv(ctx); got <- result{v, err} }()
			inbox := <-asked
			heartbeats := make(chan *nats.Msg, 1000)
			beats, err := js.Conn().ChanSubscribe(inbox, heartbeats)
			if err != nil {
				t.Fatal(err)
			}
			defer beats.Unsubscribe()
			control := foreign(inbox, "100")
			control.Reply = "$JS.FC.LEAT_" + ch.Name + ".rx.abcd"
			for _, m := range []*nats.Msg{foreign(inbox, "100"), control} {
				if err := js.Conn().PublishMsg(m); err != nil {
					t.Fatal(err)
				}
			}
			for beat := 0; beat < 3; { // two of the test's, one of the server's own
				select {
				case m := <-heartbeats:
					if m.Header.Get("Status") == "100" {
						beat++
					}
				case r := <-got:
					t.Fatalf("Recv = %d, %v after %d heartbeats", r.v, r.err, beat)
				}
			}
			if n := len(created); n > 0 {
				t.Errorf("heartbeats made the receiver create its consumer %d times again", n)
			}
			for _, status := range []string{"404", "408", "409", "503"} {
				if err := js.Conn().PublishMsg(foreign(inbox, status)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Send(ctx, 7); err != nil {
				t.Fatal(err)
			}
			if r := <-got; r.v != 7 || r.err != nil {
				t.Errorf("Recv = %d, %v; want 7", r.v, r.err)
			}
			if v, err := rx.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
				t.Errorf("TryRecv = %d, %v; want ErrEmpty", v, err)
			}
		})
	}
}
