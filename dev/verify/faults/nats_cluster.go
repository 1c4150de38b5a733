package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat/internal/testkit/proxy"
	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A clusterFault breaks a cluster while values go through its channels. The
// first server leads all streams then.
type clusterFault struct {
	what string
	do   func(ctx context.Context, c *cluster) error
}

var allClusterFaults = []clusterFault{
	{"leader killed, back after 10 s",
		func(_ context.Context, c *cluster) error { return c.nodes[0].bounce(10 * time.Second) }},
	{"follower killed, back after 5 s",
		func(_ context.Context, c *cluster) error { return c.nodes[1].bounce(5 * time.Second) }},
	{"leader cut off for 15 s",
		func(ctx context.Context, c *cluster) error { return c.cut(ctx, 15*time.Second, c.routes, c.clients) }},
	{"leader cut off for 15 s, clients stay with it",
		func(ctx context.Context, c *cluster) error { return c.cut(ctx, 15*time.Second, c.routes) }},
	{"each server restarted in turn", func(ctx context.Context, c *cluster) error { return c.roll(ctx) }},
}

// clusterLanes is how many clusters there are at a time: most of the time is
// waiting.
const clusterLanes = 3

// clusterFaults does each fault a number of times while values go through a
// channel of each kind, with three replicas.
func clusterFaults(rounds int) func(*table) error {
	return func(t *table) error {
		flows := make([][]*flow, len(allClusterFaults))
		failed := make([]error, len(allClusterFaults))
		var lanes sync.WaitGroup
		for lane := range clusterLanes {
			lanes.Go(func() {
				for i := lane; i < len(allClusterFaults); i += clusterLanes {
					fault := allClusterFaults[i]
					err := withCluster(rounds, func(ctx context.Context, c *cluster) (err error) {
						flows[i], err = c.suffer(ctx, rounds, fault.do)
						return err
					})
					if err != nil {
						failed[i] = fmt.Errorf("%s: %w", fault.what, err)
					}
				}
			})
		}
		lanes.Wait()
		t.head(fmt.Sprintf("NATS: three servers, three replicas, each fault done %d times", rounds), "fault", "kind",
			"acknowledged", "unknown", "received", "again", "missed", "lost", "no send for", "no value for", "took", "promise")
		for i, fault := range allClusterFaults {
			for _, f := range flows[i] {
				f.print(t, fault.what, rounds)
			}
		}
		return errors.Join(failed...)
	}
}

// A cluster is three server processes. All that goes to or from the first one
// goes through cables that can be pulled.
type cluster struct {
	nodes           []*node
	routes, clients *cable
	near            jetstream.JetStream // prefers the first server
	far             jetstream.JetStream // knows the other servers
}

// A cable is proxies that let everything pass, or nothing.
type cable struct {
	pulled  atomic.Bool
	proxies []*proxy.Proxy
}

// join makes an address that leads to another one through the cable.
func (c *cable) join(target string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	var d net.Dialer
	c.proxies = append(c.proxies, proxy.Start(l, func(ctx context.Context) (net.Conn, error) {
		if c.pulled.Load() {
			return nil, errors.New("the cable is pulled")
		}
		return d.DialContext(ctx, "tcp", target)
	}, proxy.Faults{}))
	return l.Addr().String(), nil
}

func (c *cable) pull() {
	c.pulled.Store(true)
	for _, p := range c.proxies {
		p.Cut()
	}
}

func (c *cable) plug() { c.pulled.Store(false) }

func (c *cable) close() {
	for _, p := range c.proxies {
		p.Close()
	}
}

// withCluster runs f with a cluster.
func withCluster(rounds int, f func(ctx context.Context, c *cluster) error) error {
	dir, err := os.MkdirTemp("", "leat-faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &cluster{routes: &cable{}, clients: &cable{}}
	defer c.routes.close()
	defer c.clients.close()
	near, far, err := c.start(dir)
	defer func() {
		for _, n := range c.nodes {
			n.stop()
		}
	}()
	if err != nil {
		return err
	}
	nc, js, err := connectNATS(near+","+far, nats.DontRandomize())
	if err != nil {
		return err
	}
	defer nc.Close()
	c.near = js
	if nc, js, err = connectNATS(far); err != nil {
		return err
	}
	defer nc.Close()
	c.far = js
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(2+rounds)*2*natsPatience)
	defer cancel()
	err = retry(ctx, func(ctx context.Context) error { // until the servers know each other, and have a leader
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "probe", Replicas: 3})
		return err
	})
	if err == nil {
		err = js.DeleteStream(ctx, "probe")
	}
	if err != nil {
		return err
	}
	return f(ctx, c)
}

// start starts the servers, and returns the URLs of the first one and of the
// others for clients. The second and the third dial the first through the
// cable. The first dials nobody but itself, also if others tell it of a server,
// because all advertise its own address: so no route goes past the cable.
func (c *cluster) start(dir string) (near, far string, err error) {
	var addrs, routes [3]string
	for i := range 3 {
		if addrs[i], err = freeAddr(); err == nil {
			routes[i], err = freeAddr()
		}
		if err != nil {
			return "", "", err
		}
	}
	route, err := c.routes.join(routes[0])
	if err != nil {
		return "", "", err
	}
	near, err = c.clients.join(addrs[0])
	if err != nil {
		return "", "", err
	}
	for i := range 3 {
		to := "nats://" + route
		if i > 0 {
			to += ",nats://" + routes[3-i]
		}
		_, port, err := net.SplitHostPort(routes[i])
		if err != nil {
			return "", "", err
		}
		name := fmt.Sprintf("node%d", i+1)
		n, err := startNode(name, filepath.Join(dir, name), addrs[i], port, to, route)
		if err != nil {
			return "", "", err
		}
		c.nodes = append(c.nodes, n)
	}
	return "nats://" + near, "nats://" + addrs[1] + ",nats://" + addrs[2], nil
}

// retry calls try, for three seconds at most each time, until it succeeds.
func retry(ctx context.Context, try func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// bounce kills the server, and starts it again after a while.
func (n *node) bounce(after time.Duration) error {
	n.kill()
	time.Sleep(after)
	return n.restart()
}

// cut pulls cables of the first server for a while.
func (c *cluster) cut(ctx context.Context, d time.Duration, cables ...*cable) error {
	for _, cable := range cables {
		cable.pull()
		defer cable.plug()
	}
	began := time.Now()
	for leads := true; leads; { // or the server was not cut off
		var err error
		if leads, err = c.leads(ctx, "LEAT_mpsc", "node1"); err != nil {
			return err
		}
	}
	time.Sleep(d - time.Since(began))
	return nil
}

// roll stops and starts each server, and waits in between, as an operator does,
// until the cluster is healthy.
func (c *cluster) roll(ctx context.Context) error {
	for _, n := range c.nodes {
		n.stop()
		if err := n.restart(); err != nil {
			return err
		}
		if err := c.healthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leads reports whether a server leads a stream, as soon as somebody does.
func (c *cluster) leads(ctx context.Context, stream, name string) (leads bool, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		s, err := c.far.Stream(ctx, stream)
		if err != nil {
			return err
		}
		leader := s.CachedInfo().Cluster.Leader
		if leads = leader == name; leader == "" {
			return errors.New("no leader")
		}
		return nil
	})
	return leads, err
}

// lead has the first server lead a stream.
func (c *cluster) lead(ctx context.Context, stream string) error {
	for range 100 {
		leads, err := c.leads(ctx, stream, "node1")
		if leads || err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		c.far.Conn().RequestWithContext(attempt, "$JS.API.STREAM.LEADER.STEPDOWN."+stream,
			[]byte(`{"placement":{"preferred":"node1"}}`))
		cancel()
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the first server does not become the leader of %s", stream)
}

// healthy returns when every stream has a leader that all replicas follow. On a
// busy machine elections fail and are repeated, which has taken over a minute.
func (c *cluster) healthy(ctx context.Context) error {
	own, cancel := context.WithTimeout(ctx, 3*natsPatience)
	defer cancel()
	return retry(own, func(ctx context.Context) error {
		streams, list := 0, c.far.ListStreams(ctx)
		for s := range list.Info() {
			streams++
			if s.Cluster == nil || s.Cluster.Leader == "" || len(s.Cluster.Replicas) != s.Config.Replicas-1 {
				return fmt.Errorf("%s has no leader, or not all replicas", s.Config.Name)
			}
			for _, r := range s.Cluster.Replicas {
				if !r.Current || r.Offline {
					return fmt.Errorf("%s of %s is not current", r.Name, s.Config.Name)
				}
			}
		}
		if streams == 0 && list.Err() == nil {
			return errors.New("there are no streams")
		}
		return list.Err()
	})
}

// suffer does one fault, and returns what became of the values of each kind.
func (c *cluster) suffer(
	ctx context.Context, rounds int, do func(context.Context, *cluster) error,
) (flows []*flow, err error) {
	going, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		for _, f := range flows {
			f.close()
		}
	}()
	for _, kind := range []string{"mpsc", "mpmc", "lossless broadcast", "lossy broadcast", "watch"} {
		ch := channelOf(kind)
		ch.Name = strings.ReplaceAll(kind, " ", "-")
		ch.Replicas, ch.Lease = 3, 10*time.Second // longer than an election
		f, err := newFlow(going, c.near, ch)
		if err != nil {
			return flows, fmt.Errorf("%s: %w", kind, err)
		}
		flows = append(flows, f)
	}
	stop := make(chan struct{})
	for _, f := range flows {
		f.going.Go(func() { f.send(going, stop) })
	}
	err = c.rounds(ctx, rounds, do)
	close(stop)
	time.AfterFunc(natsPatience/2, cancel) // what hangs is then seen in its line
	for _, f := range flows {
		f.going.Wait()
		f.took = time.Since(f.began)
	}
	return flows, err
}

// rounds does the fault a number of times, each time when the first server
// leads all streams of a healthy cluster.
func (c *cluster) rounds(ctx context.Context, n int, do func(context.Context, *cluster) error) error {
	for range n {
		for _, stream := range []string{"LEAT_LEASES", "LEAT_mpsc", "LEAT_mpmc", "LEAT_lossless-broadcast",
			"LEAT_lossy-broadcast", "LEAT_watch"} {
			if err := c.lead(ctx, stream); err != nil {
				return err
			}
		}
		time.Sleep(time.Second)
		if err := do(ctx, c); err != nil {
			return err
		}
		if err := c.healthy(ctx); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}

// A flow is values that go through a channel all the time.
type flow struct {
	ch              natschan.Channel
	tx              *natschan.Sender[int]
	rxs             []*natschan.Receiver[int]
	sent            *ledger
	received        []*ledger // of each receiver of a lossless broadcast; else one of all receivers
	sends, receives service
	going           sync.WaitGroup
	began           time.Time
	took            time.Duration
}

// newFlow opens both ends of a channel, and receives.
func newFlow(ctx context.Context, js jetstream.JetStream, ch natschan.Channel) (f *flow, err error) {
	f = &flow{ch: ch, sent: newLedger(), began: time.Now()}
	n := 1
	if ch.Kind == natschan.MPMC || ch.Lossless {
		n = 2
	}
	for i := range n {
		if i == 0 || ch.Lossless {
			l := newLedger()
			l.latest, l.complete = ch.Kind == natschan.Watch, queue(ch) || ch.Lossless
			f.received = append(f.received, l)
		}
		received := f.received[len(f.received)-1]
		rx, err := natschan.NewReceiver[int](ctx, js, ch)
		if err != nil {
			f.close()
			return nil, err
		}
		f.rxs = append(f.rxs, rx)
		f.going.Go(func() { received.receive(ctx, rx, f.receives.happened) })
	}
	if f.tx, err = natschan.NewSender[int](ctx, js, ch); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// print prints what became of the values.
func (f *flow) print(t *table, fault string, rounds int) {
	for i, received := range f.received {
		name := label(f.ch)
		if len(f.received) > 1 {
			name += fmt.Sprintf(", receiver %d", i+1)
		}
		received.acked, received.doubtful = f.sent.acked, f.sent.doubtful
		if received.failed == nil {
			received.failed = f.sent.failed
		}
		f.line(t, fault, name, rounds, received)
	}
}

// line prints what one ledger has, and how long nothing was sent or received.
func (f *flow) line(t *table, fault, name string, rounds int, received *ledger) {
	again, promise := 0, "none lost, nothing twice"
	if queue(f.ch) || f.ch.Lossless {
		again, promise = rounds*f.ch.Capacity, "none lost; again at most the capacity each time"
	}
	c := received.tally(again)
	if c.failed == nil && c.unknown > 0 {
		c.failed = errors.New("a Send did not wait")
	}
	cells := append([]string{fault, name}, c.counts()...)
	for _, d := range []time.Duration{f.sends.longest, f.receives.longest, f.took} {
		cells = append(cells, round(d).String())
	}
	t.line(c.failed == nil, append(cells, c.explain(promise))...)
}

func (f *flow) close() {
	for _, rx := range f.rxs {
		rx.Close()
	}
	if f.tx != nil {
		f.tx.Close()
	}
}

// send sends with several handles, or with one to a watch, until stop. Then it
// closes the channel.
func (f *flow) send(ctx context.Context, stop <-chan struct{}) {
	senders := 3
	if f.ch.Kind == natschan.Watch {
		senders = 1
	}
	var all sync.WaitGroup
	for s := range senders {
		tx := f.tx.Clone()
		all.Go(func() {
			defer tx.Close()
			for v := s * 1_000_000; ; v++ {
				err := tx.Send(ctx, v)
				if f.sent.sent(v, err) {
					f.sends.happened()
				} else if !errors.Is(err, natschan.ErrUnknown) || ctx.Err() != nil {
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	all.Wait()
	f.sends.end()
	f.receives.end() // the end takes longer than a value
	f.tx.Close()
}

// A service is how long a thing that happens all the time has not happened.
type service struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
	over    bool
}

func (s *service) happened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happenedLocked()
}

func (s *service) happenedLocked() {
	now := time.Now()
	if !s.last.IsZero() && !s.over {
		s.longest = max(s.longest, now.Sub(s.last))
	}
	s.last = now
}

// end ends the measurement.
func (s *service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happenedLocked()
	s.over = true
}
