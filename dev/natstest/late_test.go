package natstest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go/jetstream"
)

const bubbleEnv = "LEAT_NATSTEST_BUBBLE"

// inBubble runs f, the whole of a test, in a bubble, where time is exact and
// passes only while everybody waits. The bubble has a process of its own. The
// NATS client keeps timers in a pool for all connections of a process, and a
// bubble's timers must not be used outside it.
func inBubble(t *testing.T, f func(t *testing.T)) {
	if os.Getenv(bubbleEnv) != "" {
		ats.Register() // a clock of the process, which the first server would start in its bubble
		defer ats.Unregister()
		synctest.Test(t, f)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), bubbleEnv+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// A late channel is an MPMC channel whose values come late, on a server of its
// own.
type late struct {
	server  *natsembed.Server
	ch      natschan.Channel
	arrived chan int // the values that receivers got
}

const lateAckWait = 8 * time.Second

// newLate returns a late channel, a connection to its server, and a sender.
func newLate(t *testing.T) (*late, jetstream.JetStream, *natschan.Sender[int]) {
	t.Helper()
	s, err := natsembed.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	js, err := s.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	l := &late{s, natschan.Channel{Name: unique(), Kind: natschan.MPMC, AckWait: lateAckWait}, make(chan int, 16)}
	tx, err := natschan.NewSender[int](t.Context(), js, l.ch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Close() })
	return l, js, tx
}

// open returns a receiver with a connection of its own, and a function that
// ends the connection as a crash would.
func (l *late) open(t *testing.T, prefetch int) (rx *natschan.Receiver[int], crash func()) {
	t.Helper()
	nc, err := l.server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if rx, err = natschan.NewReceiver[int](t.Context(), js, l.ch, natschan.Prefetch(prefetch)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rx.Close() })
	return rx, nc.Close
}

// receive has rx receive n values, or until ctx ends.
func (l *late) receive(ctx context.Context, rx *natschan.Receiver[int], n int) {
	for range n {
		v, err := rx.Recv(ctx)
		if err != nil {
			return
		}
		l.arrived <- v
	}
}

// A receiver takes 15 values ahead, and then its program does not receive, or
// its connection ends. Others do the same with what it returns. One receiver
// waits all the time. The test fails if a value comes later than Prefetch says,
// twice, or not at all.
func TestPrefetchMPMCIsAtMostAckWaitLate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		for _, others := range []int{0, 1, 3} {
			for _, crash := range []bool{false, true} {
				measureLateness(t, others, crash)
			}
		}
	})
}

func measureLateness(t *testing.T, others int, crash bool) {
	ctx := t.Context()
	l, js, tx := newLate(t)
	sendAll(ctx, t, tx, 16)
	sent := time.Now()
	first, end := l.open(t, 16)
	l.receive(ctx, first, 1)
	synctest.Wait()
	if n := pending(ctx, t, js, l.ch.Name); n != 15 {
		t.Fatalf("%d values are under way, want 15", n)
	}
	if crash {
		end()
	}
	for range others {
		rx, _ := l.open(t, 16)
		go l.receive(ctx, rx, 1)
	}
	waiting, _ := l.open(t, 1)
	go l.receive(ctx, waiting, 16)
	latest := lateAckWait
	if crash {
		latest += time.Duration(others)*lateAckWait/4 + 2*time.Millisecond // the server's timer is a millisecond late
	}
	var got []int
	for range 16 {
		got = append(got, <-l.arrived)
	}
	after := time.Since(sent)
	t.Logf("crash %v, %d others: the last value came after %v", crash, others, after)
	if after > latest {
		t.Errorf("that is late; AckWait is %v, want at most %v", lateAckWait, latest)
	}
	slices.Sort(got)
	for i, v := range got {
		if v != i {
			t.Fatalf("received %v; want 0 to 15, each once", got)
		}
	}
}

// Two receivers with a Prefetch wait, and then values are sent. The test fails
// if the server does not deal them in turn: the fairness that Prefetch states.
func TestPrefetchMPMCDealsInTurn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		ctx := t.Context()
		l, _, tx := newLate(t)
		var rxs []*natschan.Receiver[int]
		for range 2 {
			rx, _ := l.open(t, 8)
			go l.receive(ctx, rx, 1)
			rxs = append(rxs, rx)
		}
		synctest.Wait() // both have asked
		if _, err := tx.SendMany(ctx, []int{0, 1, 2, 3, 4, 5, 6, 7}); err != nil {
			t.Fatal(err)
		}
		if got := (<-l.arrived) + (<-l.arrived); got != 0+1 {
			t.Errorf("the first values of both add up to %d, want those of 0 and 1", got)
		}
		synctest.Wait() // the others have arrived
		for _, rx := range rxs {
			var own []int
			for {
				v, err := rx.TryRecv()
				if errors.Is(err, leat.ErrEmpty) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				own = append(own, v)
			}
			if len(own) != 3 || own[1] != own[0]+2 || own[2] != own[1]+2 {
				t.Errorf("one of two receivers then received %v; want every other value", own)
			}
		}
	})
}
