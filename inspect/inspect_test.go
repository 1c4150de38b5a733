package inspect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// find returns the one channel of a name as it stands now.
func find(t *testing.T, name string) inspect.Channel {
	t.Helper()
	c := all(t, name)
	if len(c) != 1 {
		t.Fatalf("%d channels are named %q, want one", len(c), name)
	}
	return c[0]
}

func all(t *testing.T, name string) (found []inspect.Channel) {
	t.Helper()
	for _, c := range inspect.Snapshot().Channels {
		if c.Name == name {
			found = append(found, c)
		}
	}
	return found
}

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

var bg = context.Background()

var runs atomic.Uint64

// unique returns a name for the channels of this run of a test: those of the
// last run may be remembered still.
func unique(t *testing.T) string { return fmt.Sprint(t.Name(), " run ", runs.Add(1)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// It fails if a number of a queue is wrong: values sent, received and held,
// permits, waiters.
func TestQueue(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[string](3, leat.Name(name))
		tx2 := tx.Clone()
		for range 3 {
			must(t, tx.TrySend("v"))
		}
		if _, err := rx.Recv(bg); err != nil {
			t.Fatal(err)
		}
		permit, err := tx.Reserve(bg)
		must(t, err)
		sent := make(chan error)
		go func() { sent <- tx2.Send(bg, "late") }()
		synctest.Wait()
		pass(2 * time.Second)

		c := find(t, name)
		if c.Kind != "mpsc" || c.Type != "string" || c.State != inspect.Open || !strings.Contains(c.MadeAt.Func, "TestQueue") {
			t.Errorf("described as %+v", c)
		}
		if c.Capacity != 3 || c.Depth != 2 || c.HighWater < 2 || c.Accepted != 3 || c.Received != 1 || !c.Counted || c.Permits != 1 || c.Senders != 2 || c.Receivers != 1 {
			t.Errorf("counted %+v", c)
		}
		if c.ParkedSenders != 1 || c.ParkedReceivers != 0 || len(c.Parked) != 1 {
			t.Fatalf("waiting: %+v, want one sender", c.Parked)
		}
		if p := c.Parked[0]; p.Op != "Send" || !p.Sending || !strings.HasSuffix(p.From.File, "inspect_test.go") || inspect.Snapshot().Time.Sub(p.Since) < 2*time.Second {
			t.Errorf("waiting: %+v, want a Send of this file for two seconds", p)
		}

		permit.Release()
		must(t, <-sent)
		tx.Close()
		tx2.Close()
		for range 3 {
			_, err := rx.Recv(bg)
			must(t, err)
		}
		c = find(t, name)
		if c.State != inspect.Ended || c.ClosedBy != "sender closed" || !strings.HasSuffix(c.ClosedAt.File, "inspect_test.go") || c.Depth != 0 || c.Accepted != 4 || c.Received != 4 {
			t.Errorf("at the end: %+v", c)
		}
		rx.Close()
	})
}

// It fails if values that pass from hand to hand are not counted.
func TestRendezvous(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[int](0, leat.Name(name))
		defer rx.Close()
		defer tx.Close()
		for i := range 3 {
			go tx.Send(bg, i)
			if i > 0 { // once the receiver is first, then the sender
				synctest.Wait()
			}
			_, err := rx.Recv(bg)
			must(t, err)
		}
		if c := find(t, name); c.Accepted != 3 || c.Received != 3 || c.Depth != 0 || c.Capacity != 0 {
			t.Errorf("counted %+v, want 3 in and out", c)
		}
	})
}

// It fails if the receivers of a broadcast are mixed up, or what closed ones
// have received is forgotten.
func TestBroadcast(t *testing.T) {
	name := unique(t)
	tx := broadcast.New[int](4, leat.Name(name))
	defer tx.Close()
	lossy, slow, gone := tx.Subscribe(), tx.Subscribe(broadcast.Lossless()), tx.Subscribe()
	defer lossy.Close()
	defer slow.Close()
	for i := range 4 {
		must(t, tx.TrySend(i))
		_, err := gone.Recv(bg)
		must(t, err)
	}
	gone.Close()
	if err := tx.TrySend(4); err != leat.ErrFull {
		t.Fatal(err)
	}
	c := find(t, name)
	if c.Accepted != 4 || c.Received != 4 || c.Depth != 4 || c.Receivers != 2 || len(c.Cursors) != 2 {
		t.Fatalf("counted %+v", c)
	}
	if r := c.Cursors[1]; r.ID != 2 || r.Lag != 4 || !r.Lossless || r.Received != 0 {
		t.Errorf("the slow receiver is %+v", r)
	}
	if len(c.Lints) != 1 || c.Lints[0].Code != inspect.HoldsBack || c.Lints[0].Receiver != 2 {
		t.Errorf("lints %+v, want that receiver 2 holds back", c.Lints)
	}
	if _, err := slow.Recv(bg); err != nil {
		t.Fatal(err)
	}
	must(t, tx.TrySend(4))
	if _, err := lossy.Recv(bg); err == nil {
		t.Fatal("missed nothing")
	}
	if c := find(t, name); c.Missed != 1 || c.Cursors[0].Missed != 1 || c.Received != 5 {
		t.Errorf("counted %+v, want one missed by receiver 1, and 5 received", c)
	}
}

// It fails if a receiver's policy is wrong, if the time that senders have
// waited for a receiver is, or if a receiver on which senders gave up is said
// to hold them back.
func TestPolicies(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2, leat.Name(name))
		defer tx.Close()
		lossy, lossless := tx.Subscribe(), tx.Subscribe(broadcast.Lossless())
		patient := tx.Subscribe(broadcast.LosslessFor(10 * time.Second))
		defer lossy.Close()
		defer lossless.Close()
		defer patient.Close()
		want := func(holdsBack string, receivers ...inspect.Receiver) inspect.Channel {
			t.Helper()
			c := find(t, name)
			if !slices.Equal(c.Cursors, receivers) {
				t.Errorf("the receivers are\n%+v, want\n%+v", c.Cursors, receivers)
			}
			var text string
			for _, l := range c.Lints {
				switch {
				case l.Code == inspect.HoldsBack && l.Receiver == 3:
					_, text, _ = strings.Cut(l.Text, "; ")
				case l.Code != inspect.LagGrows:
					t.Errorf("an unwanted lint: %+v", l)
				}
			}
			if text != holdsBack {
				t.Errorf("receiver 3 holds back: %q, want %q", text, holdsBack)
			}
			return c
		}
		first := inspect.Receiver{ID: 1, Policy: inspect.Lossy}
		second := inspect.Receiver{ID: 2, Policy: inspect.Lossless, Lossless: true}
		third := inspect.Receiver{ID: 3, Policy: inspect.LosslessFor, Lossless: true, Patience: 10 * time.Second}
		want("", first, second, third)

		for i := range 2 {
			must(t, tx.TrySend(i))
			_, err := lossless.TryRecv()
			must(t, err)
		}
		first.Lag, third.Lag, second.Received = 2, 2, 2
		pass(time.Hour) // nobody waits yet
		want("a sender waits at most 10s for it", first, second, third)

		sent := make(chan error)
		third.WaitedSince = time.Now()
		go func() { sent <- tx.Send(bg, 2) }()
		synctest.Wait()
		pass(4 * time.Second)
		c := want("senders have waited 4s of at most 10s for it", first, second, third)
		text, err := json.Marshal(c.Cursors)
		must(t, err)
		if s := string(text); strings.Count(s, `"patienceNs":10000000000,"waitedSince":"`) != 1 || strings.Count(s, `"patienceNs"`) != 1 ||
			strings.Count(s, `"lossless":true,`) != 2 || strings.Contains(s, "lapsed") {
			t.Errorf("as JSON: %s", s)
		}

		must(t, <-sent) // after 10 s
		pass(4 * time.Second)
		first.Lag, second.Lag, third.Lag = 3, 1, 3
		third.Lossless, third.WaitedSince, third.Lapsed = false, time.Time{}, true
		want("", first, second, third)

		_, err = patient.TryRecv() // a lag of one
		if lag := new(leat.LaggedError); !errors.As(err, &lag) {
			t.Fatal(err)
		}
		for range 2 {
			_, err := patient.TryRecv()
			must(t, err)
		}
		third = inspect.Receiver{ID: 3, Policy: inspect.LosslessFor, Lossless: true, Patience: 10 * time.Second, Received: 2, Missed: 1}
		find(t, name)
		pass(time.Minute) // until nobody says any more that it missed a value
		want("", first, second, third)
	})
}

// It fails if a value that ForceSend evicts counts as received, or is not
// counted.
func TestEvicted(t *testing.T) {
	name := unique(t)
	tx, rx := mpsc.New[int](2, leat.Name(name))
	defer tx.Close()
	defer rx.Close()
	for i := range 5 {
		if _, _, err := tx.ForceSend(i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rx.TryRecv(); err != nil {
		t.Fatal(err)
	}
	if c := find(t, name); c.Accepted != 5 || c.Evicted != 3 || c.Received != 1 || c.Depth != 1 {
		t.Errorf("counted %+v, want 5 accepted, 3 evicted, 1 received and 1 left", c)
	}
}

// It fails if a watch or a oneshot tells nonsense.
func TestWatchAndOneshot(t *testing.T) {
	name := unique(t)
	w := watch.New(0, leat.Name(name+"/watch"))
	defer w.Close()
	r := w.Subscribe()
	defer r.Close()
	must(t, w.TrySend(1))
	must(t, w.TrySend(2))
	if c := find(t, name+"/watch"); c.Accepted != 2 || c.Counted || len(c.Cursors) != 1 || c.Cursors[0].Lag != 2 || len(c.Lints) != 0 {
		t.Errorf("watch: %+v", c)
	}
	tx, rx := oneshot.New[int](leat.Name(name + "/oneshot"))
	defer tx.Close() // or the garbage collector may take both before they are looked at
	defer rx.Close()
	must(t, tx.TrySend(1))
	if c := find(t, name+"/oneshot"); c.Accepted != 1 || c.Received != 0 || c.Depth != 1 {
		t.Errorf("oneshot that was sent to: %+v", c)
	}
	_, err := rx.TryRecv()
	must(t, err)
	if c := find(t, name+"/oneshot"); c.Received != 1 || c.Depth != 0 {
		t.Errorf("oneshot that was received from: %+v", c)
	}
}

// It fails if two channels of one name have the same label.
func TestDuplicateNames(t *testing.T) {
	name := unique(t)
	for range 2 {
		tx, rx := mpsc.New[int](1, leat.Name(name))
		defer tx.Close()
		defer rx.Close()
	}
	c := all(t, name)
	if len(c) != 2 || c[0].ID == c[1].ID || c[0].Label == c[1].Label || c[0].Label == c[0].Name {
		t.Errorf("found %+v, want two, with labels that differ", c)
	}
}

// It fails if looking keeps a channel's memory, or its counts go with it.
func TestGoneIsCollectedAndRemembered(t *testing.T) {
	name := unique(t)
	collected := make(chan struct{})
	func() {
		tx, rx := mpsc.New[*[1 << 16]byte](8, leat.Name(name))
		value := new([1 << 16]byte)
		runtime.AddCleanup(value, func(c chan struct{}) { close(c) }, collected)
		must(t, tx.TrySend(value))
		must(t, tx.TrySend(nil))
		inspect.Snapshot()
		rx.Close()
		tx.Close()
	}()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.GC() {
		if c := find(t, name); c.State == inspect.Gone {
			if c.Accepted != 2 || c.Received != 0 || c.ClosedBy != "receiver closed" {
				t.Errorf("remembered %+v, want 2 accepted, none received, closed by its receiver", c)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a channel that nobody holds is still there after many collections")
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; runtime.GC() {
		select {
		case <-collected:
			return
		case <-time.After(time.Millisecond): // cleanups run in a goroutine of their own
		}
		if time.Now().After(deadline) {
			t.Fatal("the value in it is still reachable after many collections")
		}
	}
}

// It fails if ClosedBy does not say the cause that the peers get, calls a cause
// that is not shown, or shows a cause as more than one line.
func TestClosedBySaysTheCause(t *testing.T) {
	causes := func(name string, closes func(tx *mpsc.Sender[int], rx *mpsc.Receiver[int])) string {
		t.Helper()
		tx, rx := mpsc.New[int](1, leat.Name(name))
		closes(tx, rx)
		got := find(t, name).ClosedBy
		tx.Close()
		rx.Close()
		return got
	}
	for i, c := range []struct {
		closes func(tx *mpsc.Sender[int], rx *mpsc.Receiver[int])
		want   string
	}{
		{func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) { tx.CloseWith(errors.New("disk full")) }, "sender closed: disk full"},
		{func(_ *mpsc.Sender[int], rx *mpsc.Receiver[int]) { rx.CloseWith(errors.New("bored")) }, "receiver closed: bored"},
		{func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) { tx.CloseWith(nil) }, "sender closed"},
		{func(tx *mpsc.Sender[int], rx *mpsc.Receiver[int]) {
			rx.Close()
			tx.CloseWith(errors.New("too late"))
		}, "receiver closed"},
		{func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) { // the first cause, of a handle that was not the last
			first, second := tx.Clone(), tx.Clone()
			first.CloseWith(errors.New("first"))
			second.CloseWith(errors.New("second"))
			tx.Close()
		}, "sender closed: first"},
		{func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) { tx.CloseWith(errors.New("a\nb\x1b[31mc\u202ed")) }, "sender closed: a b\ufffd[31mc\ufffdd"},
		{func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) { tx.CloseWith(panics{}) }, "sender closed: a cause whose Error method panics"},
	} {
		if got := causes(unique(t)+strconv.Itoa(i), c.closes); got != c.want {
			t.Errorf("ClosedBy is %q, want %q", got, c.want)
		}
	}
	long := causes(unique(t)+"long", func(tx *mpsc.Sender[int], _ *mpsc.Receiver[int]) {
		tx.CloseWith(errors.New(strings.Repeat("ü", 1<<16)))
	})
	if n := utf8.RuneCountInString(long); n > 120 || !strings.HasSuffix(long, "üü…") {
		t.Errorf("a long cause is shown with %d runes: %q", n, long)
	}

	tx, _ := mpsc.New[int](1) // without a name nobody looks at the cause
	tx.CloseWith(panics{})
}

// panics is an error with a mistake in it.
type panics struct{}

func (panics) Error() string { panic("mistake") }

// It fails if a handle that was dropped without Close is not told of.
func TestLeakedHandle(t *testing.T) {
	name := unique(t)
	_, rx := mpsc.New[int](1, leat.Name(name))
	for deadline := time.Now().Add(10 * time.Second); ; runtime.GC() {
		c := find(t, name)
		if c.Leaked == 1 && len(c.Lints) == 1 && c.Lints[0].Code == inspect.Leaked && strings.Contains(c.Lints[0].Text, "inspect_test.go") &&
			c.ClosedBy == "sender dropped without Close" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("found %+v, want a leaked sender", c)
		}
	}
	rx.Close()
}

// It fails if a channel that stands still, or a receiver that waits for a
// forgotten permit, is not told of.
func TestLints(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1, leat.Name(name+"/stuck"))
		must(t, tx.TrySend(1))
		go tx.Send(bg, 2)
		synctest.Wait()
		pass(9 * time.Second)
		if c := find(t, name+"/stuck"); len(c.Lints) != 0 {
			t.Errorf("after 9 s: %+v, want nothing yet", c.Lints)
		}
		pass(3 * time.Second)
		if c := find(t, name+"/stuck"); len(c.Lints) != 1 || c.Lints[0].Code != inspect.Stuck {
			t.Errorf("after 12 s: %+v, want stuck", c.Lints)
		}
		rx.Close()
		tx.Close()

		tx, rx = mpsc.New[int](1, leat.Name(name+"/orphan"))
		permit, err := tx.Reserve(bg)
		must(t, err)
		tx.Close()
		go rx.Recv(bg)
		synctest.Wait()
		if c := find(t, name+"/orphan"); len(c.Lints) != 1 || c.Lints[0].Code != inspect.NoSender {
			t.Errorf("lints %+v, want no sender", c.Lints)
		}
		permit.Release()

		lag := broadcast.New[int](100, leat.Name(name+"/lag"))
		slow := lag.Subscribe()
		for range 10 {
			for i := range 5 {
				must(t, lag.TrySend(i))
			}
			find(t, name+"/lag")
			pass(time.Second)
		}
		if c := find(t, name+"/lag"); len(c.Lints) != 1 || c.Lints[0].Code != inspect.LagGrows || c.Lints[0].Receiver != 1 {
			t.Errorf("lints %+v, want growing lag of receiver 1", c.Lints)
		}
		slow.Close()
		lag.Close()
	})
}

// It fails if a receiver of an unbounded broadcast is shown as one that senders
// wait for, or one that may miss values.
func TestUnboundedHasNoPolicy(t *testing.T) {
	name := unique(t)
	tx := broadcast.New[int](leat.Unbounded, leat.Name(name))
	defer tx.Close()
	defer tx.Subscribe().Close()
	defer tx.Subscribe(broadcast.LosslessFor(time.Second)).Close()
	for _, r := range find(t, name).Cursors {
		if r.Policy != "" || r.Lossless || r.Patience != 0 {
			t.Errorf("receiver %+v, want no policy", r)
		}
	}
}

// It fails if the one receiver that holds senders back is overlooked, or not
// shown, because it is not among the first 512.
func TestStuckByOneOfManyReceivers(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](1, leat.Name(name))
		defer tx.Close()
		receivers := make([]*broadcast.Receiver[int], 600)
		for i := range receivers {
			receivers[i] = tx.Subscribe(broadcast.Lossless())
			defer receivers[i].Close()
		}
		must(t, tx.TrySend(1))
		for _, rx := range receivers[:599] { // the last one does not read
			_, err := rx.TryRecv()
			must(t, err)
		}
		find(t, name)
		pass(12 * time.Second)

		c := find(t, name)
		codes := make(map[inspect.Code]uint64)
		for _, l := range c.Lints {
			codes[l.Code] = l.Receiver
		}
		if _, stuck := codes[inspect.Stuck]; !stuck || codes[inspect.HoldsBack] != 600 {
			t.Errorf("lints %+v, want stuck, and held back by receiver 600", c.Lints)
		}
		if n := len(c.Cursors); n != 512 || c.Cursors[n-1].ID != 600 || c.Cursors[n-1].Lag != 1 {
			t.Errorf("%d receivers are shown, want 512, with the one that holds senders back", n)
		}
	})
}

// It fails if a rate is not what happened in a second.
func TestRates(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](100, leat.Name(name))
		defer rx.Close()
		defer tx.Close()
		find(t, name)
		for range 4 {
			for i := range 10 {
				must(t, tx.TrySend(i))
			}
			_, err := rx.TryRecv()
			must(t, err)
			pass(time.Second)
			find(t, name)
		}
		if c := find(t, name); c.InRate < 8 || c.InRate > 12 || c.OutRate < 0.8 || c.OutRate > 1.2 {
			t.Errorf("rates %v in, %v out; want about 10 and 1", c.InRate, c.OutRate)
		}
	})
}

func get(t *testing.T, s *httptest.Server, path string) (*http.Response, string) {
	t.Helper()
	r, err := s.Client().Get(s.URL + path)
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	return r, string(text)
}

func serve(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/debug/leat/", inspect.Handler())
	mux.Handle("/stripped/", http.StripPrefix("/stripped", inspect.Handler()))
	mux.Handle("/bare", http.StripPrefix("/bare", inspect.Handler()))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// It fails if the handler does not serve what it promises, or serves a
// request that asks for more than reading.
func TestHandler(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/debug/leat/", "/stripped/"} {
		r, text := get(t, s, path)
		if r.StatusCode != 200 || !strings.Contains(text, "<!doctype html>") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "script-src 'sha256-") {
			t.Errorf("%s: %v %v", path, r.Status, r.Header)
		}
		r, text = get(t, s, path+"snapshot.json")
		var v inspect.View
		if err := json.Unmarshal([]byte(text), &v); err != nil || v.PID == 0 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%ssnapshot.json: %v, %v: %.200s", path, r.Status, err, text)
		}
	}
	if r, _ := get(t, s, "/debug/leat/nothing"); r.StatusCode != 404 {
		t.Errorf("an unknown path: %v", r.Status)
	}
	if r, _ := get(t, s, "/debug/leat/events?every=1ns"); r.StatusCode != 400 {
		t.Errorf("a pace that is too fast: %v", r.Status)
	}
	r, err := s.Client().Post(s.URL+"/debug/leat/", "text/plain", nil)
	must(t, err)
	r.Body.Close()
	if r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("POST: %v", r.Status)
	}
	noFollow := *s.Client()
	noFollow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err = noFollow.Get(s.URL + "/bare")
	must(t, err)
	r.Body.Close()
	if to, _ := r.Location(); to == nil || to.Path != "/bare/" {
		t.Errorf("a path without its slash leads to %v", to)
	}
}

// It fails if events do not come, or do not tell what happened meanwhile.
func TestEvents(t *testing.T) {
	name := unique(t)
	tx, rx := mpsc.New[int](10, leat.Name(name))
	defer rx.Close()
	defer tx.Close()
	s := serve(t)
	r, err := s.Client().Get(s.URL + "/debug/leat/events?every=100ms")
	must(t, err)
	defer r.Body.Close()
	must(t, tx.TrySend(0))
	in := bufio.NewScanner(r.Body)
	in.Buffer(nil, 64<<20)
	for want := uint64(1); want <= 3; {
		if !in.Scan() {
			t.Fatalf("the stream ended before an event told of value %d: %v", want, in.Err())
		}
		data, isData := strings.CutPrefix(in.Text(), "data: ")
		if !isData {
			continue
		}
		var v inspect.View
		must(t, json.Unmarshal([]byte(data), &v))
		for _, c := range v.Channels {
			if c.Name == name && c.Accepted == want {
				want++
				must(t, tx.TrySend(0))
			}
		}
	}
}

// It fails if the metrics are not valid, also with names that need escaping.
func TestMetrics(t *testing.T) {
	name := unique(t)
	evil := name + "\"} 1\n\\<script>\xff"
	tx, rx := mpsc.New[int](10, leat.Name(evil))
	defer rx.Close()
	defer tx.Close()
	b := broadcast.New[int](10, leat.Name(name))
	defer b.Close()
	defer b.Subscribe().Close()
	inspect.Snapshot() // or the handler may show what another test has looked at just now
	_, text := get(t, serve(t), "/debug/leat/metrics")
	if !strings.Contains(text, `channel="`+name+`\"} 1\n\\<script>`+"\uFFFD\"") {
		t.Errorf("the name is not escaped:\n%s", text)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool on PATH (apt-get install prometheus): only the escaping was tested")
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
