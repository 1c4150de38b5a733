package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/testkit/proxy"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// How long a channel may need to come to its end after a fault, and how long
// after the end of one leader for the next. The promise is shorter; the
// machine may be slow.
const natsPatience = 60 * time.Second

// A natsPart is some of the faults, which -only names.
type natsPart struct {
	name   string
	faults []func(*table) error
}

// natsFaults exposes natschan to the faults of servers, processes and
// connections. Every line is a real fault: a process that is killed, a
// connection that is cut.
func natsFaults(t *table, args []string) error {
	flags := flag.NewFlagSet("nats", flag.ExitOnError)
	only := flags.String("only", "", "do one part: server, process, channel, storage, kills or cluster")
	kills := flags.Int("kills", 8, "how many senders, and how many receivers, to kill for each kind")
	cluster := flags.Bool("cluster", false, "do the faults of three servers, too")
	rounds := flags.Int("rounds", 1, "how often to do each fault of three servers")
	parseFlags(flags, args)
	// The lanes run side by side. Most of the time is waiting.
	lanes := [][]natsPart{{
		{"server", []func(*table) error{each(serverKilled), serverKilledLossy}},
		{"process", []func(*table) error{each(receiverKilled), aheadKilled, each(senderKilled), receiverStopped}},
		{"channel", []func(*table) error{
			slowSubscriber, each(fullStream), each(streamDeleted), connectionCut, each(foreignStatus),
		}},
	}, {
		{"storage", []func(*table) error{each(batchRefused), batchesAbandoned, diskFull}},
		{"kills", []func(*table) error{sendersKilled(*kills), receiversKilled(*kills)}},
	}}
	if *cluster || *only == "cluster" {
		lanes = append(lanes, []natsPart{{"cluster", []func(*table) error{clusterFaults(*rounds)}}})
	}
	before := runtime.NumGoroutine()
	t.head("NATS: what became of the values", "fault", "acknowledged", "unknown", "received", "again", "missed", "lost", "took", "promise")
	if err := runLanes(t, lanes, *only); err != nil {
		return err
	}
	left := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if left = runtime.NumGoroutine() - before; left <= 0 {
			break
		}
	}
	t.head("NATS: left over", "what", "count", "promise")
	t.line(left <= 0, "goroutines, after all of this", strconv.Itoa(max(left, 0)), "none")
	return nil
}

// runLanes does the parts of each lane one after another, or one part only. It
// prints the lines of a lane when the lanes before it have ended.
func runLanes(t *table, lanes [][]natsPart, only string) error {
	type result struct {
		table *table
		lines bytes.Buffer
		err   error
		done  chan struct{}
	}
	results := make([]*result, len(lanes))
	known := false
	for i, lane := range lanes {
		if only != "" {
			lane = slices.DeleteFunc(lane, func(p natsPart) bool { return p.name != only })
		}
		known = known || len(lane) > 0
		r := &result{done: make(chan struct{})}
		r.table = &table{w: &r.lines}
		results[i] = r
		go func() {
			defer close(r.done)
			r.err = runParts(r.table, lane)
		}()
	}
	var failed error
	for _, r := range results {
		<-r.done
		t.w.Write(r.lines.Bytes())
		t.add(r.table)
		failed = errors.Join(failed, r.err)
	}
	if !known {
		return fmt.Errorf("-only %q names no part; -help lists the parts", only)
	}
	return failed
}

func runParts(t *table, parts []natsPart) error {
	for _, part := range parts {
		for _, fault := range part.faults {
			if err := fault(t); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return nil
}

// each does a fault to one kind after another.
func each(fault func(t *table, ch natschan.Channel) error) func(*table) error {
	return func(t *table) error {
		for _, kind := range []string{"mpsc", "mpmc", "lossless broadcast", "watch"} {
			if err := fault(t, channelOf(kind)); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
		return nil
	}
}

// A ledger is what became of the values of one fault.
type ledger struct {
	mu              sync.Mutex
	acked, doubtful map[int]bool
	got             map[int]int
	missed          uint64
	latest          bool // of a watch: overwritten values count as missed, but not the last value
	complete        bool // a missed value counts as lost
	failed          error
}

func newLedger() *ledger {
	return &ledger{acked: map[int]bool{}, doubtful: map[int]bool{}, got: map[int]int{}}
}

// sent notes what came of a send, and reports whether there is any use in going
// on.
func (l *ledger) sent(v int, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.acked[v] = true
		return true
	case errors.Is(err, natschan.ErrUnknown):
		l.doubtful[v] = true
	case !errors.Is(err, leat.ErrClosed):
		l.failed = fmt.Errorf("sending %d: %w", v, err)
	}
	return false
}

// receive notes what rx gets, to its end.
func (l *ledger) receive(ctx context.Context, rx *natschan.Receiver[int], each func()) {
	for {
		v, err := rx.Recv(ctx)
		var lag *leat.LaggedError
		l.mu.Lock()
		switch {
		case err == nil:
			l.got[v]++
		case errors.As(err, &lag):
			l.missed += lag.Missed
		default:
			if !errors.Is(err, leat.ErrClosed) {
				l.failed = fmt.Errorf("receiving: %w", err)
			}
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if each != nil {
			each()
		}
	}
}

// A tally is what the ledgers of a fault come to.
type tally struct {
	acked, unknown, received, again, missed, lost int
	failed                                        error // the first broken promise
}

// tally counts. Again is how many values may come more than once.
func (l *ledger) tally(again int) tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := tally{acked: len(l.acked), unknown: len(l.doubtful), received: len(l.got), failed: l.failed}
	foreign := 0
	for v := range l.acked {
		if l.got[v] == 0 {
			t.lost++
		}
	}
	for v, n := range l.got {
		t.again += n - 1
		if !l.acked[v] && !l.doubtful[v] {
			foreign++
		}
	}
	if l.latest && len(l.got) > 0 && len(l.acked) > 0 && newest(l.got) >= newest(l.acked) {
		l.missed = uint64(t.lost)
	}
	t.missed = int(l.missed)
	t.lost = max(0, t.lost-t.missed) // the missed values, exactly, or the sum below is wrong
	sum := t.received + t.missed
	switch {
	case t.failed != nil:
	case t.acked == 0:
		t.failed = errors.New("nothing was acknowledged")
	case t.lost > 0, l.complete && t.missed > 0:
		t.failed = errors.New("values are lost")
	case t.again > again:
		t.failed = fmt.Errorf("more than %d came again", again)
	case foreign > 0:
		t.failed = fmt.Errorf("%d were received that nobody sent", foreign)
	case sum < t.acked || sum > t.acked+t.unknown:
		t.failed = errors.New("received + missed is not acknowledged + unknown")
	}
	return t
}

// add adds the counts of another channel.
func (t *tally) add(u tally) {
	t.acked += u.acked
	t.unknown += u.unknown
	t.received += u.received
	t.again += u.again
	t.missed += u.missed
	t.lost += u.lost
	t.failed = errors.Join(t.failed, u.failed)
}

// counts returns the cells of the table from acknowledged to lost.
func (c *tally) counts() (cells []string) {
	for _, n := range []int{c.acked, c.unknown, c.received, c.again, c.missed, c.lost} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// explain returns the promise, after the reason why it is broken.
func (c *tally) explain(promise string) string {
	if c.failed == nil {
		return promise
	}
	return strings.ReplaceAll(c.failed.Error(), "\n", "; ") + "; " + promise
}

func (c *tally) line(t *table, fault string, took time.Duration, promise string) {
	cells := append([]string{fault}, c.counts()...)
	t.line(c.failed == nil, append(cells, round(took).String(), c.explain(promise))...)
}

// line prints the fault's line. Again is how many values may come more than
// once.
func (l *ledger) line(t *table, fault string, took time.Duration, again int, promise string) {
	c := l.tally(again)
	c.line(t, fault, took, promise)
}

func newest[V any](values map[int]V) int { return slices.Max(slices.Collect(maps.Keys(values))) }

// A node is a server process that can be killed and started again.
type node struct {
	args []string
	*child
}

func startNode(args ...string) (*node, error) {
	c, err := startChild("nats-server", args...)
	return &node{args, c}, err
}

func (n *node) kill() {
	n.cmd.Process.Kill()
	n.stop()
}

// restart starts the server again. If that fails, n stays stopped.
func (n *node) restart() error {
	c, err := startChild("nats-server", n.args...)
	if err == nil {
		n.child = c
	}
	return err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// withServer runs f with one server, and a connection to it.
func withServer(f func(ctx context.Context, n *node, js jetstream.JetStream) error) error {
	return withServerFor(natsPatience, f)
}

// withServerFor is withServer, for as long as patience.
func withServerFor(patience time.Duration, f func(ctx context.Context, n *node, js jetstream.JetStream) error) error {
	dir, err := os.MkdirTemp("", "leat-faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return withServerIn(dir, patience, f)
}

// withServerIn is withServerFor with the server's files in dir.
func withServerIn(dir string, patience time.Duration, f func(ctx context.Context, n *node, js jetstream.JetStream) error) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	n, err := startNode("single", dir, addr)
	if err != nil {
		return err
	}
	defer func() { n.stop() }()
	nc, js, err := connectNATS("nats://" + addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return f(ctx, n, js)
}

// withEnds runs f with one server, and both ends of ch.
func withEnds(ch natschan.Channel, f func(ctx context.Context, js jetstream.JetStream, tx *natschan.Sender[int], rx *natschan.Receiver[int]) error) error {
	return withServer(func(ctx context.Context, _ *node, js jetstream.JetStream) error {
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer rx.Close()
		tx, err := natschan.NewSender[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer tx.Close()
		return f(ctx, js, tx, rx)
	})
}

// pump sends n values with each of several senders, paced, and closes them. It
// returns when all have ended.
func pump(ctx context.Context, js jetstream.JetStream, ch natschan.Channel, l *ledger, senders, each int, pace time.Duration) error {
	var txs []*natschan.Sender[int]
	for range senders {
		tx, err := natschan.NewSender[int](ctx, js, ch)
		if err != nil {
			return err
		}
		txs = append(txs, tx)
	}
	var wg sync.WaitGroup
	for s, tx := range txs {
		wg.Go(func() {
			defer tx.Close()
			for v := s * each; v < (s+1)*each; v++ {
				if !l.sent(v, tx.Send(ctx, v)) {
					return
				}
				time.Sleep(pace)
			}
		})
	}
	wg.Wait()
	return nil
}

// A drain is what the receivers of a channel get: each everything, or all of a
// queue together.
type drain struct {
	ledgers   []*ledger
	rxs       []*natschan.Receiver[int]
	receiving sync.WaitGroup
}

// drainAll receives from ch with n receivers, which are made before it returns.
func drainAll(ctx context.Context, js jetstream.JetStream, ch natschan.Channel, n int) (*drain, error) {
	d := &drain{}
	for i := range n {
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			d.close()
			return nil, err
		}
		d.rxs = append(d.rxs, rx)
		if i == 0 || !queue(ch) {
			d.ledgers = append(d.ledgers, newLedger())
		}
		l := d.ledgers[len(d.ledgers)-1]
		l.latest, l.complete = ch.Kind == natschan.Watch, queue(ch) || ch.Lossless
		d.receiving.Go(func() { l.receive(ctx, rx, nil) })
	}
	return d, nil
}

func (d *drain) close() {
	for _, rx := range d.rxs {
		rx.Close()
	}
}

// wait waits for the end of the channel, and has each ledger know what was
// sent.
func (d *drain) wait(sent *ledger) {
	d.receiving.Wait()
	for _, l := range d.ledgers {
		l.acked, l.doubtful = sent.acked, sent.doubtful
		if l.failed == nil {
			l.failed = sent.failed
		}
	}
}

// lines waits for the end of the channel, and prints a line for each ledger
// against the sent values.
func (d *drain) lines(t *table, sent *ledger, fault string, began time.Time, again int, promise string) {
	d.wait(sent)
	for i, l := range d.ledgers {
		which := fault
		if len(d.ledgers) > 1 {
			which = fmt.Sprintf("%s, receiver %d", fault, i+1)
		}
		l.line(t, which, time.Since(began), again, promise)
	}
}

func serverKilled(t *table, ch natschan.Channel) error {
	receivers, senders, again, promise := 2, 3, 0, "none lost, nothing twice"
	switch ch.Kind {
	case natschan.MPSC, natschan.MPMC:
		again, promise = 3*ch.Capacity, "none lost; again at most the capacity each time"
		receivers = 1 + int(ch.Kind-natschan.MPSC)
	case natschan.Watch:
		receivers, senders, promise = 1, 1, "the newest is received; missed is what it overwrote"
	}
	return killServer(t, ch, receivers, senders, 3, again, promise)
}

func serverKilledLossy(t *table) error {
	return killServer(t, natschan.Channel{Name: "lossy", Kind: natschan.Broadcast, Capacity: 4096}, 2, 2, 1, 0, "received + missed = acknowledged, nothing twice")
}

// killServer kills the server and starts it again, some times, while values go
// through ch.
func killServer(t *table, ch natschan.Channel, receivers, senders, times, again int, promise string) error {
	return withServer(func(ctx context.Context, n *node, js jetstream.JetStream) error {
		d, err := drainAll(ctx, js, ch, receivers)
		if err != nil {
			return err
		}
		defer d.close()
		began := time.Now()
		var killing sync.WaitGroup
		var restarted error
		killing.Go(func() {
			for range times {
				time.Sleep(300 * time.Millisecond)
				n.kill()
				time.Sleep(300 * time.Millisecond)
				if restarted = n.restart(); restarted != nil {
					return
				}
			}
		})
		sent := newLedger()
		if err := pump(ctx, js, ch, sent, senders, 1000, time.Millisecond); err != nil {
			return err
		}
		d.lines(t, sent, fmt.Sprintf("%s, server killed and restarted (%d times), files", label(ch), times), began, again, promise)
		killing.Wait()
		return restarted
	})
}

// lines collects the numbers that a child prints until it ends.
func (c *child) lines(each func(v int)) {
	for {
		var v int
		if _, err := fmt.Fscanln(c.out, &v); err != nil {
			return
		}
		each(v)
	}
}

func receiverKilled(t *table, ch natschan.Channel) error {
	promise := map[natschan.Kind]string{
		natschan.MPSC:      "none lost; again the one in hand; taken over within 2 s",
		natschan.MPMC:      "none lost; again the one in hand, after AckWait (2 s)",
		natschan.Broadcast: "none lost; again the one in hand; it is Durable",
		natschan.Watch:     "the newest is received; missed is what it overwrote",
	}[ch.Kind]
	return killReceiver(t, ch, label(ch), promise)
}

// aheadKilled kills a receiver that has values in its buffer that others could
// have.
func aheadKilled(t *table) error {
	promise := "none lost; again the one in hand; the buffered ones after AckWait (2 s)"
	return killReceiver(t, channelOf("mpmc"), "mpmc, Prefetch(64)", promise, "64")
}

// killReceiver kills the process of a receiver, which has args, and starts
// another one.
func killReceiver(t *table, ch natschan.Channel, what, promise string, args ...string) error {
	return withServer(func(ctx context.Context, n *node, js jetstream.JetStream) error {
		l, began := newLedger(), time.Now()
		l.latest = ch.Kind == natschan.Watch
		got := func(v int) { l.mu.Lock(); l.got[v]++; l.mu.Unlock() }
		args := append([]string{"nats://" + n.args[2], label(ch)}, args...)
		first, err := startChild("nats-receiver", args...)
		if err != nil {
			return err
		}
		var reading sync.WaitGroup
		reading.Go(func() { first.lines(got) })
		var taken time.Duration
		var second *child
		reading.Go(func() {
			time.Sleep(300 * time.Millisecond)
			first.cmd.Process.Kill()
			at := time.Now()
			for ctx.Err() == nil { // until the dead one's lease has ended
				if second, err = startChild("nats-receiver", args...); err == nil {
					taken = time.Since(at)
					second.lines(got)
					return
				}
			}
		})
		if err := pump(ctx, js, ch, l, 1, 1500, time.Millisecond); err != nil {
			return err
		}
		reading.Wait()
		first.stop()
		if err != nil {
			return err
		}
		second.stop()
		l.line(t, what+", receiver killed, another one comes", time.Since(began), 1, fmt.Sprintf("%s (after %v)", promise, round(taken)))
		return nil
	})
}

func senderKilled(t *table, ch natschan.Channel) error {
	return withServer(func(ctx context.Context, n *node, js jetstream.JetStream) error {
		d, err := drainAll(ctx, js, ch, 1)
		if err != nil {
			return err
		}
		defer d.close()
		c, err := startChild("nats-sender", "nats://"+n.args[2], label(ch))
		if err != nil {
			return err
		}
		sent, last := newLedger(), -1
		time.AfterFunc(500*time.Millisecond, func() { c.cmd.Process.Kill() })
		c.lines(func(v int) { sent.sent(v, nil); last = v })
		c.stop()
		sent.doubtful[last+1] = true // it may have been stored before the process could say so
		d.lines(t, sent, label(ch)+", sender killed", time.Now(), 0, "none lost; the channel ends within 3 leases of 1 s, and some")
		return nil
	})
}

func slowSubscriber(t *table) error {
	return withServer(func(ctx context.Context, _ *node, js jetstream.JetStream) error {
		ch := natschan.Channel{Name: "slow", Kind: natschan.Broadcast, Capacity: 16}
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer rx.Close()
		l, began := newLedger(), time.Now()
		var receiving sync.WaitGroup
		receiving.Go(func() { l.receive(ctx, rx, func() { time.Sleep(2 * time.Millisecond) }) })
		if err := pump(ctx, js, ch, l, 1, 5000, 0); err != nil {
			return err
		}
		took := time.Since(began)
		receiving.Wait()
		l.line(t, "broadcast of 16, a subscriber that needs 2 ms a value", took, 0, "received + missed = acknowledged; the sender is not held back")
		return nil
	})
}

func fullStream(t *table, ch natschan.Channel) error {
	if ch.Kind == natschan.Watch {
		return nil // there is always room for the newest
	}
	ch.Capacity = 8
	return withEnds(ch, func(ctx context.Context, _ jetstream.JetStream, tx *natschan.Sender[int], rx *natschan.Receiver[int]) error {
		l := newLedger()
		for v := range 8 {
			l.sent(v, tx.Send(ctx, v))
		}
		if err := tx.TrySend(99); !errors.Is(err, leat.ErrFull) {
			l.failed = fmt.Errorf("TrySend = %w", err)
		}
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		if err := tx.Send(short, 98); err != context.DeadlineExceeded {
			l.failed = fmt.Errorf("a Send with a deadline: %w", err)
		}
		cancel()
		var sending sync.WaitGroup
		began := time.Now()
		sending.Go(func() { l.sent(8, tx.Send(ctx, 8)); tx.Close() })
		l.receive(ctx, rx, nil)
		sending.Wait()
		l.line(t, label(ch)+" of 8, full", time.Since(began), 0, "TrySend is ErrFull, Send obeys its ctx, and goes on when there is room")
		return nil
	})
}

func streamDeleted(t *table, ch natschan.Channel) error {
	return withServer(func(ctx context.Context, _ *node, js jetstream.JetStream) error {
		full, empty := ch, ch
		full.Name, full.Capacity, empty.Name = "full", 1, "empty"
		tx, err := natschan.NewSender[int](ctx, js, full)
		if err != nil {
			return err
		}
		defer tx.Close()
		slow, err := natschan.NewReceiver[int](ctx, js, full) // a broadcast is full only for somebody
		if err != nil {
			return err
		}
		defer slow.Close()
		rx, err := natschan.NewReceiver[int](ctx, js, empty)
		if err != nil {
			return err
		}
		defer rx.Close()
		return deleteUnder(ctx, t, js, ch, tx, rx)
	})
}

// deleteUnder deletes the streams of two channels, while tx waits for room in
// the one, and rx for a value in the other.
func deleteUnder(ctx context.Context, t *table, js jetstream.JetStream, ch natschan.Channel, tx *natschan.Sender[int], rx *natschan.Receiver[int]) error {
	if err := tx.Send(ctx, 0); err != nil {
		return err
	}
	sent, received, deleted := make(chan error, 1), make(chan error, 1), make(chan struct{})
	go func() {
		if ch.Kind == natschan.Watch {
			<-deleted // Send would not wait
		}
		sent <- tx.Send(ctx, 1)
	}()
	go func() { _, err := rx.Recv(ctx); received <- err }()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	for _, stream := range []string{"LEAT_full", "LEAT_empty"} { // as an operator would
		if err := js.DeleteStream(ctx, stream); err != nil {
			return err
		}
	}
	close(deleted)
	sendErr, recvErr := <-sent, <-received
	took := time.Since(began)
	ok := errors.Is(sendErr, leat.ErrClosed) && errors.Is(recvErr, leat.ErrClosed) && took < 8*time.Second
	t.line(ok, label(ch)+", stream deleted under Send and Recv", "1", "0", "0", "0", "0", "with the stream", round(took).String(), "both return ErrClosed within 8 s")
	return nil
}

func connectionCut(t *table) error {
	return withServer(func(ctx context.Context, n *node, direct jetstream.JetStream) error {
		proxy, addr, err := proxy.TCP(n.args[2], proxy.Faults{Seed: 8, Cut: 400_000, Reset: true})
		if err != nil {
			return err
		}
		defer proxy.Close()
		nc, js, err := connectNATS("nats://" + addr)
		if err != nil {
			return err
		}
		defer nc.Close()
		ch := natschan.Channel{Name: "cut", Kind: natschan.MPSC, Capacity: 64}
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			return err
		}
		defer rx.Close()
		l, began := newLedger(), time.Now()
		var receiving sync.WaitGroup
		receiving.Go(func() { l.receive(ctx, rx, nil) })
		if err := pump(ctx, js, ch, l, 3, 1000, 0); err != nil {
			return err
		}
		receiving.Wait()
		l.line(t, fmt.Sprintf("mpsc, connection cut %d times by a proxy", nc.Stats().Reconnects), time.Since(began), 0, "none lost, nothing twice")
		return nil
	})
}
