package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/rpc"
)

// A crew is the clients of a system, and the server that they talk to.
type crew struct {
	*process
	flags  *ServerFlags
	addr   string  // where the server really listens
	server *server // nil if it is external
	total  int     // values that the system is to send

	clients []*client
	running sync.WaitGroup
	upTx    *mpsc.Sender[error] // what came of each client's dialing
	up      *mpsc.Receiver[error]
	gone    atomic.Int32 // clients that gave up
}

// newCrew makes n clients, to be started, and starts the server, unless an external one is to be used. The crew must be
// ended. From now on an interrupt ends the program as promised.
func newCrew(p *process, f *ServerFlags, n, total int) (*crew, error) {
	w := &crew{process: p, flags: f, addr: f.Addr, total: total}
	w.upTx, w.up = mpsc.NewUnbounded[error]()
	if !f.External {
		l, err := listen("addr", f.Addr, ", or use the server there with --external")
		if err != nil {
			return nil, err
		}
		w.addr = l.Addr().String()
		// It serves this system, however many clients that has and however long they are silent.
		w.server = startServer(p, l, &rpc.Server{MaxConns: -1, IdleTimeout: -1})
	}
	for i := range n {
		w.clients = append(w.clients, &client{name: fmt.Sprintf("client %d", i+1), crew: w})
	}
	p.obeySignals("no further value is sent, and what was accepted is being answered", w.undone)
	return w, nil
}

// connected waits for the clients, which were all started, to connect. An error says what kept one from it.
func (w *crew) connected() error {
	for range w.clients {
		err, stopped := w.up.Recv(w.ctx)
		if stopped != nil || w.stopped() != nil {
			return fmt.Errorf("%w while connecting; no value was sent", w.stopped())
		}
		if err != nil {
			w.stop(err) // so that the others don't try any longer
			return err
		}
	}
	return nil
}

var errNobodyLeft = errors.New("gave up")

// gaveUp is called by each client that gives up. When none is left, there is nobody to send to.
func (w *crew) gaveUp() {
	if int(w.gone.Add(1)) == len(w.clients) {
		w.stop(errNobodyLeft)
	}
}

// end waits for the clients, each of which ends when its receiver does, and stops the server. It may be called twice.
func (w *crew) end() {
	w.running.Wait()
	w.upTx.Close()
	if w.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		w.server.stop(ctx)
	}
}

// finish ends the crew of a channel that was closed, and says what came of the values.
func (w *crew) finish() error {
	w.end()
	return w.conclude(w.total, accountFor(w.clients, each(w.sent.Load())))
}

// undone says what a crew that ends now leaves.
func (w *crew) undone() string {
	left := w.sent.Load() * int64(len(w.clients))
	for _, c := range w.clients {
		left -= c.tally.settled()
	}
	return plural(max(left, 0), "accepted value") + " not answered"
}
