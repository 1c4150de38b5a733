package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/rpc"
)

type pingCmd struct {
	Addr     string        `default:"127.0.0.1:8123" help:"Address of the server."`
	Clients  int           `default:"10" help:"How many clients, each with its own connection."`
	Window   int           `default:"1" help:"How many pings of a connection are unanswered at once."`
	Rate     int           `default:"1000" help:"Pings a second, from all clients together; 0 is as many as are answered."`
	Duration time.Duration `default:"10s" help:"How long to ping."`
	Count    int           `default:"0" help:"End after so many pings, if that is earlier; 0 is no such limit."`
	Channel  string        `default:"mpmc" help:"The kind of channel that drives the clients: mpmc deals the pings out in turn, broadcast makes all clients ping at once."`
	Timeout  time.Duration `default:"5s" help:"How long a ping may take before it counts as not answered."`
	JSON     bool          `help:"Print the report as JSON."`
	SVG      string        `placeholder:"FILE" help:"Draw the percentiles into a file, which is replaced when the report is there."`
}

func (*pingCmd) Help() string {
	return `A goroutine sends a tick into the clients' channel whenever a ping is due, whether the server keeps up or not,
and latency counts from when a ping was due. So a server that stalls for a second shows in each ping that was
due in that second, and not in one alone. (With --rate 0 the next ping is due when the last is answered, and
such a stall shows once.)

Ctrl-C ends it with the report so far. Pings that were not answered, or with an error, make the exit code 1.

Example: is it up?

    $ leat ping --addr 127.0.0.1:8123 --clients 1 --count 1

Example: a thousand a second over ten connections, with a figure

    $ leat ping --addr 127.0.0.1:8123 --duration 30s --svg ping.svg

Example: as fast as it goes, for a program to read

    $ leat ping --addr 127.0.0.1:8123 --clients 100 --window 64 --rate 0 --json
`
}

// Validate checks the values, for program.Main.
func (cmd *pingCmd) Validate() error {
	for _, n := range []struct {
		flag                 string
		value, least, atMost int
	}{
		{"clients", cmd.Clients, 1, 100_000},
		{"window", cmd.Window, 1, 1 << 16},
		{"rate", cmd.Rate, 0, 10_000_000},
		{"count", cmd.Count, 0, 1_000_000_000},
	} {
		if n.value < n.least || n.value > n.atMost {
			return fmt.Errorf("--%s must be between %d and %d, is %d", n.flag, n.least, n.atMost, n.value)
		}
	}
	if err := systems.CheckChoice("channel", cmd.Channel, "mpmc", "broadcast"); err != nil {
		return err
	}
	if cmd.Duration <= 0 {
		return fmt.Errorf("--duration must be longer than 0, is %v", cmd.Duration)
	}
	if cmd.Timeout <= 0 || cmd.Timeout > longestLatency {
		return fmt.Errorf("--timeout must be longer than 0 and at most %v, is %v", longestLatency, cmd.Timeout)
	}
	return systems.CheckAddr("addr", cmd.Addr)
}

func (cmd *pingCmd) Run(p *program.Process) error {
	var svg *replacement
	if cmd.SVG != "" {
		var err error
		if svg, err = prepareReplacement(cmd.SVG); err != nil { // now, so that a wrong name does not cost the run
			return err
		}
	}
	l := newLoad(p, cmd)
	p.ObeySignals("the report so far follows", func() string { return "there is no report" })
	if err := l.connect(); err != nil {
		return err
	}
	defer l.close()
	l.run()
	r := l.report()
	if !p.Out.Print(r.text(cmd.JSON)) {
		return program.ErrOutput
	}
	if svg != nil {
		if err := svg.write(r.figure()); err != nil {
			return err
		}
	}
	return l.verdict(r)
}

// A load is one run of leat ping.
type load struct {
	*program.Process
	cmd     *pingCmd
	clients []*pinger

	start   time.Time
	took    time.Duration
	due     atomic.Int64 // pings that the ticks asked for
	hurried atomic.Bool  // due pings are dropped
	record  recorder

	sleepShort func(time.Duration) // in tests with a fake clock, time.Sleep
}

// A tick is a number, from 0, that says when its pings are due. It is an alias
// so that the compiler makes the channels of int only once for this program.
type tick = int

// dueAt returns when the pings of a tick are due, since the load's start. In a
// closed loop that is when a client takes it.
func (l *load) dueAt(t tick) time.Duration {
	if l.cmd.Rate == 0 {
		return time.Since(l.start)
	}
	return time.Duration(float64(t*l.perTick()) / float64(l.cmd.Rate) * float64(time.Second))
}

// perTick returns how many pings a tick asks for.
func (l *load) perTick() int {
	if l.cmd.Channel == "broadcast" {
		return len(l.clients)
	}
	return 1
}

// A pinger is a client with its connection and its end of the channel. As many
// goroutines as its window is wide receive from rx, which must allow that.
type pinger struct {
	conn *rpc.Client
	rx   leat.Receiver[tick]
}

func newLoad(p *program.Process, cmd *pingCmd) *load {
	l := &load{Process: p, cmd: cmd, sleepShort: sleepShort}
	l.record.init(cmd.Clients)
	return l
}

// connect connects all clients, at most so many at once as a server's queue
// holds.
func (l *load) connect() error {
	ctx, cancel := context.WithTimeout(l.Ctx, l.cmd.Timeout)
	defer cancel()
	l.clients = make([]*pinger, l.cmd.Clients)
	next := make(chan int)
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range min(l.cmd.Clients, 64) {
		all.Go(func() {
			for i := range next {
				conn, err := rpc.Dial(ctx, l.cmd.Addr, &rpc.ClientOptions{
					Window: l.cmd.Window, MaxBackoff: systems.MaxBackoff, Logger: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					failed.CompareAndSwap(nil, &err)
					cancel()
					continue
				}
				l.clients[i] = &pinger{conn: conn}
			}
		})
	}
	for i := range l.clients {
		next <- i
	}
	close(next)
	all.Wait()
	if err := failed.Load(); err != nil {
		l.close()
		if l.Stopped() != nil {
			return fmt.Errorf("%w while connecting; no ping was sent", l.Stopped())
		}
		return systems.CannotConnect("a client", l.cmd.Addr, *err, fmt.Sprintf("start a server with leat serve --addr %s", l.cmd.Addr))
	}
	return nil
}

func (l *load) close() {
	for _, c := range l.clients {
		if c != nil {
			c.conn.Close()
			if c.rx != nil {
				c.rx.Close()
			}
		}
	}
}

// run pings until everything due is done, and no longer than the timeout after
// the last ping was due. So it ends at the latest when the duration and the
// timeout have passed.
func (l *load) run() {
	send, end := l.channel()
	// The pings have a ctx of their own: an interrupt lets those under way be
	// answered.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.start = time.Now()
	defer l.ShowProgress((&meter{load: l}).line)()
	var all sync.WaitGroup
	for i, c := range l.clients {
		for range l.cmd.Window {
			all.Go(func() { l.ping(ctx, c, i) })
		}
	}
	defer context.AfterFunc(l.Ctx, func() { // a person who interrupts it does not want to wait
		l.hurried.Store(true)
		time.AfterFunc(program.LastWords, cancel)
	})()
	l.pace(send)
	end()
	defer time.AfterFunc(l.cmd.Timeout, func() {
		l.hurried.Store(true)
		cancel()
	}).Stop()
	all.Wait()
	l.took = time.Since(l.start)
}

// channel makes the channel that drives the clients, and gives each its
// receiver. It returns a function that sends one tick, for which it waits for
// room until ctx ends, and a function that ends the ticks.
func (l *load) channel() (send func(context.Context, tick) error, end func()) {
	if l.cmd.Channel == "broadcast" {
		tx := broadcast.New[tick](1024, leat.Name("ping"))
		for _, c := range l.clients {
			c.rx = share(tx.Subscribe(broadcast.Lossless()), l.cmd.Window)
		}
		return func(ctx context.Context, t tick) error { return sendTick(ctx, tx, t) }, func() { tx.Close() }
	}
	var txs []*mpmc.Sender[tick]
	for i, c := range l.clients {
		name := leat.Name(fmt.Sprintf("ping %d", i+1))
		if l.cmd.Rate == 0 {
			tx, rx := mpmc.New[tick](2*l.cmd.Window, name)
			txs, c.rx = append(txs, tx), rx
			continue
		}
		tx, rx := mpmc.NewUnbounded[tick](name) // the ticks come when they are due, also if the client does not keep up
		txs, c.rx = append(txs, tx), rx
	}
	turn := 0
	return func(ctx context.Context, t tick) error {
			tx := txs[turn]
			turn = (turn + 1) % len(txs)
			return sendTick(ctx, tx, t)
		}, func() {
			for _, tx := range txs {
				tx.Close()
			}
		}
}

// sendTick sends a tick that is due, also if ctx has ended, unless there is no
// room.
func sendTick(ctx context.Context, tx leat.Sender[tick], t tick) error {
	if err := tx.TrySend(t); !errors.Is(err, leat.ErrFull) {
		return err
	}
	return tx.Send(ctx, t)
}

// share returns a receiver of the same ticks that n goroutines may use at once,
// which those of a broadcast may not.
func share(rx *broadcast.Receiver[tick], n int) leat.Receiver[tick] {
	if n == 1 {
		return rx
	}
	tx, shared := mpmc.New[tick](0)
	go func() {
		defer tx.Close()
		defer rx.Close()
		leat.Copy(context.Background(), tx, rx) // to the end of either
	}()
	return shared
}

// pace sends the ticks when they are due, until the duration is over or the
// process is stopped. After a while in which it could not run it sends all that
// became due; a tick for which there is no room until the duration is over
// counts as not sent in time. So none is left out.
func (l *load) pace(send func(context.Context, tick) error) {
	ctx, cancel := context.WithDeadline(l.Ctx, l.start.Add(l.cmd.Duration))
	defer cancel()
	closed, perTick := l.cmd.Rate == 0, l.perTick()
	for t := tick(0); l.cmd.Count == 0 || t*perTick < l.cmd.Count; t++ {
		if closed {
			if ctx.Err() != nil {
				return
			}
		} else if due := l.dueAt(t); due >= l.cmd.Duration || !l.sleepUntil(due) {
			return
		}
		if err := send(ctx, t); err != nil {
			if closed || l.Ctx.Err() != nil {
				return
			}
			l.record.undone.Add(int64(perTick))
		}
		l.due.Add(int64(perTick))
	}
}

// sleepUntil waits until so long after the start, and not less: a ping before
// it is due would flatter.
func (l *load) sleepUntil(due time.Duration) bool {
	const short = 2 * time.Millisecond
	for {
		wait := due - time.Since(l.start)
		switch {
		case wait <= 0:
			return l.Ctx.Err() == nil
		case wait > short:
			if !l.Sleep(wait - short/2) {
				return false
			}
		default:
			l.sleepShort(wait)
		}
	}
}

// ping takes ticks and pings for each until the channel ends. A ping under way
// ends with ctx.
func (l *load) ping(ctx context.Context, c *pinger, shard int) {
	for {
		t, err := c.rx.Recv(context.Background()) // to the end of the channel, so that each tick is counted
		if err != nil {
			return
		}
		if l.hurried.Load() {
			l.record.undone.Add(1)
			continue
		}
		due := l.dueAt(t)
		pingCtx, cancel := context.WithTimeout(ctx, l.cmd.Timeout)
		err = c.conn.Ping(pingCtx)
		cancel()
		l.record.add(shard, time.Since(l.start)-due, err)
	}
}

// verdict is what the command returns when the report is out.
func (l *load) verdict(r *report) error {
	switch failed := r.Refused + r.Unanswered + r.Undone; {
	case l.Stopped() != nil:
		return fmt.Errorf("%w after %v of %v", l.Stopped(), l.took.Round(100*time.Millisecond), l.cmd.Duration)
	case failed > 0:
		return fmt.Errorf("%d of %d pings failed: %s", failed, failed+r.Acks, r.why())
	case r.Acks == 0:
		return errors.New("no ping was due; use a longer --duration or a higher --rate")
	}
	return nil
}

// firstError says why pings failed, for people.
func (r *recorder) firstError() string {
	err := r.first.Load()
	if err == nil {
		return ""
	}
	var op *net.OpError
	switch {
	case errors.Is(*err, context.DeadlineExceeded):
		return "no answer in time; see --timeout"
	case errors.Is(*err, context.Canceled):
		return "no answer before the end"
	case errors.As(*err, &op):
		return program.Reason(op).Error()
	case errors.Is(*err, io.EOF):
		return "the server closed the connection"
	}
	return program.Clean((*err).Error())
}
