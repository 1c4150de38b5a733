package natschan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// A script is a server that answers only when the test says so. It is inside
// the test's bubble, where time is exact.
type script struct {
	conn     net.Conn
	replies  chan string // where the answer to each request goes, in order
	unsubbed chan string // the numbers of the subscriptions that ended
	sids     map[string]string
}

// InProcessConn is what the client connects by.
func (s *script) InProcessConn() (net.Conn, error) {
	client, own := net.Pipe()
	s.conn = own
	go s.serve()
	return client, nil
}

// serve reads the client's protocol, one line at a time, and skips what it does
// not need.
func (s *script) serve() {
	fmt.Fprintf(s.conn,
		"INFO {\"server_id\":\"x\",\"version\":\"2.14.0\",\"headers\":true,\"max_payload\":1048576}\r\n")
	in := bufio.NewReader(s.conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "PING":
			fmt.Fprint(s.conn, "PONG\r\n")
		case words[0] == "SUB":
			s.sids[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case words[0] == "UNSUB":
			s.unsubbed <- words[1]
		case words[0] == "PUB" && len(words) == 4:
			if _, err := in.ReadString('\n'); err != nil { // the body
				return
			}
			s.replies <- words[2]
		}
	}
}

// answer sends body to the subscription that reply is for.
func (s *script) answer(reply, body string) {
	sid := s.sids[reply[:strings.LastIndex(reply, ".")+1]]
	fmt.Fprintf(s.conn, "MSG %s %s %d\r\n%s\r\n", reply, sid, len(body), body)
}

// connect returns a client of a script, in a bubble.
func connect(t *testing.T) (*script, *nats.Conn) {
	t.Helper()
	s := &script{replies: make(chan string, 10), unsubbed: make(chan string, 10), sids: make(map[string]string)}
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	return s, nc
}

type result struct {
	answer string
	err    error
	took   time.Duration
}

// ask starts a request.
func ask(r *requester, ctx context.Context, patience time.Duration) <-chan result {
	done := make(chan result, 1)
	go func() {
		began := time.Now()
		m, err := r.request(ctx, &nats.Msg{Subject: "s", Data: []byte("x")}, patience)
		res := result{err: err, took: time.Since(began)}
		if err == nil {
			res.answer = string(m.Data)
		}
		done <- res
	}()
	return done
}

func wantAnswer(t *testing.T, got result, want string) {
	t.Helper()
	if got.err != nil || got.answer != want {
		t.Errorf("a request got %q, %v; want %q", got.answer, got.err, want)
	}
}

// A request waits for exactly its patience, or for its ctx. It fails if the
// timer, which goes on from one request to the next, wakes a request early,
// late, or not at all.
func TestRequestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		defer nc.Close()
		r := newRequester(nc)
		for i := range 5 {
			done := ask(&r, t.Context(), 2*time.Second)
			<-time.After(700 * time.Millisecond)
			s.answer(<-s.replies, fmt.Sprint(i))
			wantAnswer(t, <-done, fmt.Sprint(i))
		}
		for _, patience := range []time.Duration{2 * time.Second, 250 * time.Millisecond, 3 * time.Second} {
			res := <-ask(&r, t.Context(), patience)
			if !errors.Is(res.err, context.DeadlineExceeded) || res.took != patience {
				t.Errorf("a request without an answer ended after %v with %v, want %v", res.took, res.err, patience)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if res := <-ask(&r, ctx, 2*time.Second); res.err != ctx.Err() || res.took != 100*time.Millisecond {
			t.Errorf("a request ended after %v with %v, want %v when its ctx ended", res.took, res.err, ctx.Err())
		}
	})
}

// It fails if a late answer to a request that was given up is taken for the
// answer to a later one: then Send would say that a value is stored which is
// not.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		defer nc.Close()
		r := newRequester(nc)
		<-ask(&r, t.Context(), time.Second)
		first := <-s.replies
		s.answer(first, "late, and waits")
		second := ask(&r, t.Context(), time.Second)
		reply := <-s.replies
		s.answer(first, "late")
		s.answer(reply, "right")
		wantAnswer(t, <-second, "right")
	})
}

// It fails if a request waits for another one of the same requester, or gets
// the other's answer.
func TestConcurrentRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		defer nc.Close()
		r := newRequester(nc)
		first := ask(&r, t.Context(), time.Second)
		firstReply := <-s.replies
		second := ask(&r, t.Context(), time.Second)
		s.answer(<-s.replies, "second")
		wantAnswer(t, <-second, "second")
		s.answer(firstReply, "first")
		wantAnswer(t, <-first, "first")
	})
}

// It fails if close takes the subscription away under a request, or leaves it
// to the server for ever.
func TestRequesterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		defer nc.Close()
		r := newRequester(nc)
		first := ask(&r, t.Context(), time.Second)
		reply := <-s.replies
		r.close()
		r.close()
		synctest.Wait()
		if len(s.unsubbed) > 0 {
			t.Fatal("close has ended the subscription under a request")
		}
		s.answer(reply, "first")
		wantAnswer(t, <-first, "first")
		<-s.unsubbed
		second := ask(&r, t.Context(), time.Second)
		s.answer(<-s.replies, "second")
		wantAnswer(t, <-second, "second")
	})
}

// Draining a connection ends the requester's subscription before the client's.
// It fails if the request under way, or a later one, does not go on by the
// client's.
func TestRequestWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		defer nc.Close()
		r := newRequester(nc)
		done := ask(&r, t.Context(), time.Second)
		<-s.replies
		r.sub.Unsubscribe()
		s.answer(<-s.replies, "again")
		wantAnswer(t, <-done, "again")
		done = ask(&r, t.Context(), time.Second)
		s.answer(<-s.replies, "later")
		wantAnswer(t, <-done, "later")
	})
}

// A connection that its owner closes while a send is under way leaves the
// outcome open. It fails if Send does not say so, or waits, or if a later Send,
// which sends nothing, says so too.
func TestConnectionClosedUnderSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, nc := connect(t)
		tx := (&family{nc: nc, ch: Channel{Name: "x"}}).handle()
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- tx.send(t.Context(), []byte("1")) }()
		synctest.Wait()
		nc.Close()
		err := <-done
		if !errors.Is(err, nats.ErrConnectionClosed) || !errors.Is(err, ErrUnknown) || time.Since(began) != 0 {
			t.Errorf("Send returned %v after %v; want an error at once that is ErrConnectionClosed and ErrUnknown",
				err, time.Since(began))
		}
		err = tx.send(t.Context(), []byte("2"))
		if !errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, ErrUnknown) {
			t.Errorf("a later Send returned %v; want ErrConnectionClosed, not ErrUnknown", err)
		}
		s.conn.Close()
	})
}

// The answer that natschan reads without a JSON decoder must mean what it would
// mean to one. It fails if anything but a stored message is taken for one.
func TestJudgeAnswer(t *testing.T) {
	f := &family{stored: []byte(`{"stream":"LEAT_x","seq":`)}
	for _, good := range []string{
		`{"stream":"LEAT_x","seq":12}`, `{"stream":"LEAT_x","seq":12,"duplicate":true}`,
		`{"stream":"LEAT_x","domain":"hub","seq":1}`, `{"error":{"err_code":10201},"stream":"LEAT_x","seq":0}`,
	} {
		if err := f.judgeAnswer([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		``, `{}`, `{"stream":"LEAT_x","seq":}`, `{"stream":"LEAT_x","seq":12`, `{"stream":"LEAT_x","seq":1}}`, `{"seq":1}`,
		`{"stream":"LEAT_x","seq":1,"error":{"err_code":10077}}`, `{"error":{"err_code":10077},"stream":"LEAT_x","seq":0}`,
	} {
		if err := f.judgeAnswer([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
