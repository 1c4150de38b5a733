package systems

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

// A Crew is the clients of a system, and the server that they talk to.
type Crew struct {
	*System
	Clients []*Client

	flags  *ServerFlags
	addr   string  // where the server really listens
	server *Server // nil if it is external
	total  int     // values that the system is to send

	running sync.WaitGroup
	up      chan error   // from each client, once: whether it could connect
	gone    atomic.Int32 // clients that gave up
}

// NewCrew makes n clients, to be started, and starts the server, unless an
// external one is to be used. The system is to send total values. The Crew must
// be ended. From now on an interrupt ends the program as promised.
func NewCrew(s *System, f *ServerFlags, n, total int) (*Crew, error) {
	w := &Crew{System: s, flags: f, addr: f.Addr, total: total, up: make(chan error, n)}
	if !f.External {
		l, err := Listen("addr", f.Addr, ", or use the server there with --external")
		if err != nil {
			return nil, err
		}
		w.addr = l.Addr().String()
		// It serves this system, however many clients that has and however long
		// they are silent.
		w.server = StartServer(s.Process, l, &rpc.Server{MaxConns: -1, IdleTimeout: -1})
	}
	for i := range n {
		w.Clients = append(w.Clients, &Client{Name: fmt.Sprintf("client %d", i+1), crew: w})
	}
	s.ObeySignals("no further value is sent, and accepted values are being answered", w.undone)
	return w, nil
}

// Connected waits until all clients, which were started, are connected. An
// error says what kept one from it.
func (w *Crew) Connected() error {
	for range w.Clients {
		var err error
		select {
		case err = <-w.up:
		case <-w.Ctx.Done():
		}
		if w.Stopped() != nil {
			return fmt.Errorf("%w while connecting; no value was sent", w.Stopped())
		}
		if err != nil {
			w.Stop(err) // so that the others don't try any longer
			return err
		}
	}
	return nil
}

var errNobodyLeft = errors.New("gave up")

// gaveUp is called by each client that gives up. When none is left, there is
// nobody to send to.
func (w *Crew) gaveUp() {
	if int(w.gone.Add(1)) == len(w.Clients) {
		w.Stop(errNobodyLeft)
	}
}

// End waits for the clients, each of which ends when its receiver does, and
// stops the server. It may be called twice.
func (w *Crew) End() {
	w.running.Wait()
	if w.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), Goodbye)
		defer cancel()
		w.server.Stop(ctx)
	}
}

// Finish ends the crew of a channel that was closed, and says what came of the
// values.
func (w *Crew) Finish() error {
	w.End()
	return w.Conclude(w.total, accountFor(w.Clients, each(w.Sent.Load())))
}

// FinishReceiving is Finish for a crew that does not know how many values were
// sent to a client: one that continues where a killed process stopped has fewer
// than the others. That it received them all follows from the end of the
// channel.
func (w *Crew) FinishReceiving() error {
	w.End()
	settled := func(c *Client) int64 { return c.tally.settled() }
	for _, c := range w.Clients {
		w.Sent.Store(max(w.Sent.Load(), settled(c)))
	}
	return w.Conclude(int(w.Sent.Load()), accountFor(w.Clients, settled))
}

// undone says what a crew that ends now leaves.
func (w *Crew) undone() string {
	left := w.Sent.Load() * int64(len(w.Clients))
	for _, c := range w.Clients {
		left -= c.tally.settled()
	}
	return program.Plural(max(left, 0), "accepted value") + " not answered"
}
