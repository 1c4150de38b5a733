package natsembed_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func start(t *testing.T, o *natsembed.Options) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ask calls f, and again after some seconds if it got no answer: while a
// cluster has no leader, a request is lost.
func ask[T any](t *testing.T, f func(ctx context.Context) (T, error)) (T, error) {
	t.Helper()
	ctx := patient(t)
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		v, err := f(once)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return v, err
		}
	}
}

func publish(t *testing.T, js jetstream.JetStream, replicas int) {
	t.Helper()
	if _, err := ask(t, func(ctx context.Context) (jetstream.Stream, error) {
		return js.CreateOrUpdateStream(ctx,
			jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: replicas})
	}); err != nil {
		t.Fatal(err)
	}
	id := nats.NewInbox() // so that it is stored once
	if _, err := ask(t, func(ctx context.Context) (*jetstream.PubAck, error) {
		return js.Publish(ctx, "s", []byte("hi"), jetstream.WithMsgID(id))
	}); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	s, err := ask(t, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, "S") })
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// It fails if a value does not survive a restart on a directory, or does
// survive one without.
func TestDirIsWhatSurvives(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		dir  string
		want uint64
	}{{"", 0}, {dir, 1}} {
		s := start(t, &natsembed.Options{Dir: c.dir})
		js, err := s.JetStream()
		if err != nil {
			t.Fatal(err)
		}
		publish(t, js, 1)
		s.Close()
		if js, err = start(t, &natsembed.Options{Dir: c.dir}).JetStream(); err != nil {
			t.Fatal(err)
		}
		if n := stored(t, js); n != c.want {
			t.Errorf("directory %q: %d values after a restart, want %d", c.dir, n, c.want)
		}
	}
}

// It fails if Close leaves goroutines, files or a connection that hangs, or
// lets a later caller in.
func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := runtime.NumGoroutine()
	s := start(t, nil)
	if s.URL() != "" {
		t.Errorf("it listens at %s; nobody asked for it", s.URL())
	}
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, js, 1)
	s.Close()
	if _, err := js.Publish(patient(t), "s", nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Publish after Close: %v, want nats.ErrConnectionClosed", err)
	}
	if _, err := s.Connect(); !errors.Is(err, natsembed.ErrClosed) {
		t.Errorf("Connect after Close: %v, want ErrClosed", err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("%s is left behind", left[0].Name())
	}
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
	}
}

// It fails if a client from outside does not reach the same server as one from
// inside.
func TestListen(t *testing.T) {
	s := start(t, &natsembed.Options{Listen: "127.0.0.1:0"})
	inside, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, inside, 1)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	outside, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if n := stored(t, outside); n != 1 {
		t.Errorf("a client at %s sees %d values, want 1", s.URL(), n)
	}
}

// It fails if the cluster is not ready for a stream with three replicas when
// Start returns, or its servers do not know each other.
func TestCluster(t *testing.T) {
	s := start(t, &natsembed.Options{Cluster: 3})
	for i := range 3 {
		nc, err := s.ConnectTo(i)
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, js, 3)
		if n := stored(t, js); n != uint64(i+1) {
			t.Errorf("server %d has %d values, want %d", i, n, i+1)
		}
	}
}

// It fails if what cannot work is not refused with a word of advice.
func TestBadOptions(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]*natsembed.Options{
		"use 1, or 3 or more": {Cluster: 2},
		"give host:port":      {Listen: "here"},
		"use port 0":          {Cluster: 3, Listen: "127.0.0.1:4222"},
		"not a directory":     {Dir: file},
	} {
		s, err := natsembed.Start(o)
		if err == nil {
			s.Close()
			t.Errorf("%+v: no error, want %q", *o, want)
		} else if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "natsembed: ") {
			t.Errorf("%+v: %v; want %q", *o, err, want)
		}
	}
}
