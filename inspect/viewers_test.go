package inspect_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpsc"
)

// views returns the times of the next n Views of a stream.
func views(body io.Reader, n int) (times []time.Time, err error) {
	in := bufio.NewScanner(body)
	in.Buffer(nil, 64<<20)
	for len(times) < n && in.Scan() {
		if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			var v inspect.View
			if err := json.Unmarshal([]byte(data), &v); err != nil {
				return nil, err
			}
			times = append(times, v.Time)
		}
	}
	if len(times) < n {
		return nil, fmt.Errorf("%d events, then %v; want %d", len(times), in.Err(), n)
	}
	return times, nil
}

// It fails if two viewers of one snapshot each encode it.
func TestViewIsEncodedOnce(t *testing.T) {
	for range 100 {
		a, b := inspect.SharedJSON(), inspect.SharedJSON()
		if &a[0] == &b[0] {
			return // the first may have been made just before it was too old
		}
	}
	t.Error("two viewers never share an encoding")
}

// It fails if a viewer that waited while another took a snapshot takes its own.
// Where a snapshot takes longer than its time as a fresh one, each viewer then
// takes one at each tick, and all the others wait for it. It also fails if a
// viewer that asks later gets an old one.
func TestViewersShareASlowSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := time.Now()
		pass(time.Second) // it waits for the mutex
		v := inspect.Snapshot()
		pass(time.Second) // the snapshot takes long
		if got := inspect.SharedSince(asked); got.Time != v.Time {
			t.Errorf("a viewer that asked before the snapshot of %v gets another, of %v", v.Time, got.Time)
		}
		if asked = time.Now(); inspect.SharedSince(asked).Time != asked {
			t.Error("a viewer that asked a second after the snapshot gets the old one")
		}
	})
}

// It fails if streams that begin at different times tick at different times:
// then each would need a snapshot and an encoding of its own.
func TestViewersTickTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 500 * time.Millisecond
		ticks := make(map[time.Time]bool)
		for range 10 {
			ticks[time.Now().Add(inspect.UntilTick(every))] = true
			<-time.After(31 * time.Millisecond)
		}
		if len(ticks) > 2 { // one tick may lie between the first stream and the last
			t.Errorf("10 streams that began within 279 ms tick at %d times, want 1 or 2", len(ticks))
		}
		for at := range ticks {
			for other := range ticks {
				if d := at.Sub(other); d%every != 0 {
					t.Errorf("two streams tick %v apart", d)
				}
			}
		}
	})
}

// It fails if there can be more viewers than the limit, if the answer does not
// say what to do, or if a viewer that left keeps its place.
func TestViewersAreLimited(t *testing.T) {
	for _, c := range []struct {
		limit int
		opts  []inspect.Option
	}{{64, nil}, {2, []inspect.Option{inspect.MaxViewers(2)}}} {
		s := httptest.NewServer(inspect.Handler(c.opts...))
		defer s.Close()
		stream := func() *http.Response {
			r, err := s.Client().Get(s.URL + "/events?every=1m") // only the first View, or they would be busy
			must(t, err)
			return r
		}
		var open []*http.Response
		for range c.limit {
			r := stream()
			defer r.Body.Close()
			if r.StatusCode != 200 {
				t.Fatalf("viewer %d: %v", len(open)+1, r.Status)
			}
			open = append(open, r)
		}
		r := stream()
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(string(text), fmt.Sprint(c.limit)) {
			t.Errorf("viewer %d: %v %v: %s", c.limit+1, r.Status, r.Header, text)
		}
		open[0].Body.Close()
		for deadline := time.Now().Add(20 * time.Second); ; {
			r := stream()
			r.Body.Close()
			if r.StatusCode == 200 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("a viewer left, and nobody can take its place")
			}
		}
	}
}

// It fails if a viewer that does not read stalls the others.
func TestSlowViewersStallNobody(t *testing.T) {
	name := unique(t)
	for range 2000 { // a View of about a megabyte, which no socket takes whole
		tx, rx := mpsc.New[int](1, leat.Name(name))
		defer tx.Close()
		defer rx.Close()
	}
	s := serve(t)
	for range 8 {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		must(t, err)
		defer conn.Close()
		fmt.Fprintf(conn, "GET /debug/leat/events?every=100ms HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	r, err := s.Client().Get(s.URL + "/debug/leat/events?every=100ms")
	must(t, err)
	defer r.Body.Close()
	if _, err := views(r.Body, 5); err != nil {
		t.Error(err)
	}
}

// It fails if a web page can read the channels of its visitor's machine under a
// name of its own, or if an honest request is refused.
func TestHosts(t *testing.T) {
	h := inspect.Handler(inspect.AllowHosts("Debug.Example.com"))
	s := httptest.NewServer(h)
	defer s.Close()
	for host, want := range map[string]int{
		"":                         200, // the client sends the server's address
		"localhost":                200,
		"LOCALHOST.:8080":          200,
		"app.localhost:1":          200,
		"127.0.0.1:99":             200,
		"[::1]:99":                 200,
		"[::1]":                    200,
		"debug.example.com":        200,
		"debug.example.com:80":     200,
		"evil.example.com":         403,
		"evil.example.com:80":      403,
		"127.0.0.1.example.com":    403,
		"localhost.example.com":    403,
		"notlocalhost":             403,
		"debug.example.com.evil":   403,
		"x.debug.example.com:8080": 403,
	} {
		for _, path := range []string{"/", "/snapshot.json", "/metrics", "/events"} {
			r, err := http.NewRequest("GET", s.URL+path, nil)
			must(t, err)
			r.Host = host
			answer, err := s.Client().Do(r)
			must(t, err)
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("host %q, %s: %v, want %d", host, path, answer.Status, want)
			}
		}
	}
	// Where the address is not loopback, the name is the program's affair.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://service.example.com/metrics", nil)
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("an address that is not loopback: %d", w.Code)
	}
}
