package natstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// freePorts returns three ports that nobody has now.
func freePorts(t *testing.T) (ports [3]int) {
	t.Helper()
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// A rawCluster is three servers that can be stopped and started again.
type rawCluster struct {
	opts    [3]*natsserver.Options
	servers [3]*natsserver.Server
	js      jetstream.JetStream // of a connection to the first two
}

// startRawCluster starts three servers. If there are users, they are those and
// root, who may do anything, and has the connection.
func startRawCluster(t *testing.T, users map[string]*natsserver.Permissions) *rawCluster {
	t.Helper()
	c := &rawCluster{}
	dir, routes := t.TempDir(), ""
	ports := freePorts(t)
	for i := range ports {
		routes += fmt.Sprintf(",nats://127.0.0.1:%d", ports[i])
		name := fmt.Sprintf("node%d", i+1)
		c.opts[i] = &natsserver.Options{
			ServerName: name, Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: filepath.Join(dir, name),
			Cluster: natsserver.ClusterOpts{Name: "raw", Host: "127.0.0.1", Port: ports[i]},
		}
		if users != nil {
			c.opts[i].Users = []*natsserver.User{{Username: "root", Password: "secret"}}
		}
		for name, p := range users {
			c.opts[i].Users = append(c.opts[i].Users,
				&natsserver.User{Username: name, Password: "secret", Permissions: p})
		}
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	for i := range c.servers {
		c.opts[i].Routes = natsserver.RoutesFromStr(routes[1:])
		c.start(t, i)
	}
	c.js = c.connect(t, "root")
	return c
}

// connect connects a user with one of the first two servers.
func (c *rawCluster) connect(t *testing.T, user string) jetstream.JetStream {
	t.Helper()
	return dial(t, c.servers[0].ClientURL()+","+c.servers[1].ClientURL(), nats.UserInfo(user, "secret"),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// start starts a server with the files and the ports that it had before.
func (c *rawCluster) start(t *testing.T, i int) {
	t.Helper()
	s, err := natsserver.NewServer(c.opts[i].Clone())
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	c.servers[i] = s
	if !s.ReadyForConnections(time.Minute) {
		t.Fatalf("server %d is not ready", i)
	}
	c.opts[i].Port = s.Addr().(*net.TCPAddr).Port
}

func (c *rawCluster) stop(i int) {
	if c.servers[i] != nil {
		c.servers[i].Shutdown()
		c.servers[i].WaitForShutdown()
	}
}

// do calls f until it returns nil: requests are lost while servers are away.
func (c *rawCluster) do(ctx context.Context, t *testing.T, what string, f func(ctx context.Context) error) {
	t.Helper()
	var last error
	until(ctx, t, what, func() bool {
		attempt, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if last = f(attempt); last != nil && ctx.Err() != nil {
			t.Fatalf("%s: %v", what, last)
		}
		return last == nil
	})
}

// lead has a server lead a stream of which all replicas are up to date.
func (c *rawCluster) lead(ctx context.Context, t *testing.T, stream, name string, replicas int) {
	t.Helper()
	c.do(ctx, t, name+" leads "+stream, func(ctx context.Context) error {
		s, err := c.js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		current := 1
		for _, r := range s.CachedInfo().Cluster.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		switch leader := s.CachedInfo().Cluster.Leader; {
		case current < replicas:
			return fmt.Errorf("%d replicas are up to date", current)
		case leader == name:
			return nil
		default:
			c.js.Conn().RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+stream,
				[]byte(`{"placement":{"preferred":"`+name+`"}}`))
			return errors.New(leader + " leads")
		}
	})
}

// Nobody acknowledges anything. While a server is away, somebody makes another
// consumer in place of the first, as a receiver does that comes back. Then the
// two other servers restart, which shortens the log of the cluster, so that the
// third gets the state of the cluster at once. It deletes the first consumer,
// then it has none, and removes all messages of a stream with interest
// retention; then it makes the second consumer. When it leads the stream later,
// the messages are lost. A stream with limits retention keeps them. So natschan
// uses that, and removes values itself: see prune.go. The test fails if the
// servers do not lose messages any more, or lose those of the second stream.
func TestClusterLosesWhatNobodyAcknowledged(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := startRawCluster(t, nil)
	const messages = 10
	for round := range 3 { // if the log was not shortened, the server takes the right steps
		interest, limits := fmt.Sprintf("interest%d", round), fmt.Sprintf("limits%d", round)
		c.fill(ctx, t, interest, jetstream.InterestPolicy, messages)
		c.fill(ctx, t, limits, jetstream.LimitsPolicy, messages)
		c.missAConsumer(ctx, t, interest, limits)
		lost, left := c.left(ctx, t, interest) < messages, c.left(ctx, t, limits)
		if left < messages {
			t.Errorf("a stream with limits retention has lost %d of %d messages, so it does not help", messages-left, messages)
		}
		if lost {
			return
		}
	}
	t.Error("interest retention has lost nothing: if that is so each time, natschan need not prune")
}

// fill makes a stream with a consumer and messages.
func (c *rawCluster) fill(
	ctx context.Context, t *testing.T, name string, policy jetstream.RetentionPolicy, messages int,
) {
	t.Helper()
	c.do(ctx, t, "make a stream", func(ctx context.Context) error {
		_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: []string{name}, Replicas: 3, Retention: policy,
		})
		return err
	})
	c.consume(ctx, t, name, "first")
	for i := range messages {
		c.do(ctx, t, "publish", func(ctx context.Context) error {
			_, err := c.js.Publish(ctx, name, nil, jetstream.WithMsgID(fmt.Sprint(i)))
			return err
		})
	}
	c.lead(ctx, t, name, "node1", 3)
}

func (c *rawCluster) consume(ctx context.Context, t *testing.T, stream, name string) {
	t.Helper()
	c.do(ctx, t, "make a consumer", func(ctx context.Context) error {
		_, err := c.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
			Durable: name, AckPolicy: jetstream.AckExplicitPolicy,
			DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 1,
		})
		return err
	})
}

// missAConsumer replaces the consumers of streams while the third server is
// away, and has that server lead the streams when it is back.
func (c *rawCluster) missAConsumer(ctx context.Context, t *testing.T, streams ...string) {
	t.Helper()
	c.stop(2)
	for _, name := range streams {
		c.consume(ctx, t, name, "second")
		c.do(ctx, t, "delete a consumer", func(ctx context.Context) error {
			err := c.js.DeleteConsumer(ctx, name, "first")
			if errors.Is(err, jetstream.ErrConsumerNotFound) {
				return nil
			}
			return err
		})
	}
	for i, other := range []string{"node2", "node1"} {
		c.stop(i)
		c.start(t, i)
		for _, name := range streams {
			c.lead(ctx, t, name, other, 2)
		}
	}
	c.start(t, 2)
	for _, name := range streams {
		c.lead(ctx, t, name, "node3", 3)
	}
}

// left returns how many messages the leader of a stream has.
func (c *rawCluster) left(ctx context.Context, t *testing.T, stream string) (messages uint64) {
	t.Helper()
	c.do(ctx, t, "ask for the stream", func(ctx context.Context) error {
		s, err := c.js.Stream(ctx, stream)
		if err == nil {
			messages = s.CachedInfo().State.Msgs
		}
		return err
	})
	t.Logf("%s: %d messages are left", stream, messages)
	return messages
}
