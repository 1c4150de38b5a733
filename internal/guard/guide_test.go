package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

var background = context.Background()

// The code of docs/guide.md, in its order. What native channels do in its place
// is in guide_before_test.go.

func Example_hub() {
	ctx := context.Background()
	hub := broadcast.New[string](2)
	page := hub.Subscribe()                      // may miss messages, and is told how many
	audit := hub.Subscribe(broadcast.Lossless()) // misses none: Send waits for it

	var auditor sync.WaitGroup
	auditor.Go(func() {
		defer audit.Close()
		for msg := range audit.All(ctx) {
			fmt.Println("audit:", msg)
		}
	})
	for _, msg := range []string{"a", "b", "c", "d", "e"} {
		if err := hub.Send(ctx, msg); err != nil {
			fmt.Println(err)
		}
	}
	hub.Close()
	auditor.Wait()

	for msg, missed := range page.All(ctx) { // comes late
		fmt.Println("page:", msg, "after", missed, "missed")
	}
	// Output:
	// audit: a
	// audit: b
	// audit: c
	// audit: d
	// audit: e
	// page: d after 3 missed
	// page: e after 0 missed
}

func Example_configReload() {
	type config struct {
		level   string
		workers int
	}
	ctx := context.Background()
	current := watch.New(config{"info", 4})

	var applied config
	var follower sync.WaitGroup
	rx := current.Subscribe()
	follower.Go(func() {
		defer rx.Close()
		for c := range rx.All(ctx) { // the current one first, then each newer one that it finds
			applied = c
		}
	})

	current.Update(func(c *config) bool { // loses no change that another goroutine makes meanwhile
		c.workers *= 2
		return true
	})
	current.Update(func(c *config) bool { // declines, and wakes nobody
		return c.workers < 8
	})
	fmt.Println("anybody reads:", current.Get())
	if err := current.Send(ctx, config{"debug", 1}); err != nil {
		fmt.Println(err)
	}
	current.Close()
	follower.Wait()
	fmt.Println("applied last:", applied)
	// Output:
	// anybody reads: {info 8}
	// applied last: {debug 1}
}

type job func(context.Context)

type pool struct {
	submit  *mpmc.Sender[job]
	jobs    *mpmc.Receiver[job]
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func newPool(workers, capacity int) *pool {
	p := new(pool)
	p.submit, p.jobs = mpmc.New[job](capacity)
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	for range workers {
		p.workers.Go(func() {
			for do := range p.jobs.All(ctx) { // one handle for all workers: its Close is the pool's
				do(ctx)
			}
		})
	}
	return p
}

// shutdown accepts no more, and waits until all accepted jobs are done. If ctx
// ends first, it cancels the running ones, and returns the others.
func (p *pool) shutdown(ctx context.Context) (undone []job) {
	p.jobs.Close() // whoever submits gets ErrClosed, also who waits for room
	p.submit.Close()
	defer p.cancel()
	defer context.AfterFunc(ctx, p.cancel)()
	p.workers.Wait()
	for do, err := p.jobs.TryRecv(); err == nil; do, err = p.jobs.TryRecv() {
		undone = append(undone, do)
	}
	return undone
}

func Example_workerPool() {
	ctx := context.Background()
	p := newPool(3, 8)
	var done atomic.Int64
	for range 20 {
		if err := p.submit.Send(ctx, func(context.Context) { done.Add(1) }); err != nil {
			fmt.Println(err)
		}
	}
	undone := p.shutdown(ctx)
	fmt.Println(done.Load(), "done,", len(undone), "undone")
	fmt.Println(p.submit.Send(ctx, func(context.Context) {}))

	p = newPool(1, 8) // and one that is out of time
	started := make(chan bool)
	p.submit.Send(ctx, func(ctx context.Context) { close(started); <-ctx.Done() })
	for range 3 {
		p.submit.Send(ctx, func(context.Context) {})
	}
	<-started
	expired, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	fmt.Println(len(p.shutdown(expired)), "undone")
	// Output:
	// 20 done, 0 undone
	// leat: channel closed
	// 3 undone
}

type request struct {
	key   string
	reply *oneshot.Sender[string]
}

func lookUp(ctx context.Context, requests *mpsc.Sender[request], key string) (string, error) {
	reply, answer := oneshot.New[string]()
	defer answer.Close() // tells the server, if ctx has ended: see reply.Done
	if err := requests.Send(ctx, request{key, reply}); err != nil {
		return "", err
	}
	return answer.Recv(ctx)
}

func answerAll(ctx context.Context, requests *mpsc.Receiver[request], table map[string]string) {
	for r := range requests.All(ctx) {
		if v, ok := table[r.key]; ok {
			r.reply.TrySend(v) // never waits; an error says that the asker has gone
		}
		r.reply.Close() // without an answer, the asker gets ErrClosed at once
	}
	requests.Close() // accepts no more
	for r, err := requests.TryRecv(); err == nil; r, err = requests.TryRecv() {
		r.reply.Close() // was accepted, and will not be answered
	}
}

func Example_requestReply() {
	ctx, stop := context.WithCancel(context.Background())
	requests, rx := mpsc.New[request](8)
	var server sync.WaitGroup
	server.Go(func() { answerAll(ctx, rx, map[string]string{"a": "1"}) })

	fmt.Println(lookUp(ctx, requests, "a"))
	_, err := lookUp(ctx, requests, "b")
	fmt.Println("no such key:", err)
	stop()
	server.Wait()
	_, err = lookUp(context.Background(), requests, "a")
	fmt.Println("server gone:", err)
	// Output:
	// 1 <nil>
	// no such key: leat: channel closed
	// server gone: leat: channel closed
}

// It fails if an asker is left waiting when the server leaves: then the bubble
// does not end.
func TestGuideServerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests, rx := mpsc.New[request](2)
		var askers sync.WaitGroup
		for range 3 { // two of them accepted, one about to be
			askers.Go(func() {
				if v, err := lookUp(background, requests, "a"); err != leat.ErrClosed {
					t.Errorf("the server left, but lookUp returned %q, %v", v, err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(background)
		cancel()
		answerAll(ctx, rx, nil)
		askers.Wait()
	})
}

// gather returns the first answers, as many as are wanted, or those that came
// before ctx ended.
func gather(ctx context.Context, wanted int, sources ...func(context.Context) string) []string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // stops the sources that are late
	tx, rx := mpsc.New[string](1)
	defer rx.Close() // frees those that are about to send
	for _, source := range sources {
		tx := tx.Clone()
		go func() {
			defer tx.Close()
			tx.Send(ctx, source(ctx)) // an error says that it is not wanted any more
		}()
	}
	tx.Close()

	var answers []string
	for answer := range rx.All(ctx) { // ends with the last source, or with ctx
		answers = append(answers, answer)
		if len(answers) == wanted {
			break
		}
	}
	return answers
}

func Example_fanIn() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	stopped := make(chan bool)
	answers := gather(ctx, 2,
		func(context.Context) string { return "a" },
		func(ctx context.Context) string { <-ctx.Done(); close(stopped); return "too late" },
		func(context.Context) string { return "c" },
	)
	slices.Sort(answers)
	fmt.Println(answers)
	<-stopped
	// Output: [a c]
}

// It fails if gather takes longer than it may, loses an answer that came in
// time, or leaves a goroutine behind: then the bubble does not end.
func TestGuideFanInDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration) func(context.Context) string {
			return func(context.Context) string { <-time.After(d); return d.String() }
		}
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		start := time.Now()
		got := gather(ctx, 3, after(2*time.Second), after(2*time.Millisecond), after(time.Millisecond), after(3*time.Second))
		if !slices.Equal(got, []string{"1ms", "2ms"}) || time.Since(start) != time.Second {
			t.Errorf("gathered %q in %v, want the two that came within the second", got, time.Since(start))
		}
		<-time.After(time.Minute) // by then the others have come, too late
	})
}

func Example_softLimit() {
	ctx := context.Background()
	tx, rx := mpsc.NewUnbounded[string]()
	const softLimit = 2
	submit := func(event string, important bool) error {
		if !important && tx.Len() >= softLimit {
			return leat.ErrFull
		}
		return tx.Send(ctx, event) // never waits
	}
	for _, event := range []string{"click", "click", "click", "click"} {
		fmt.Println(event, submit(event, false))
	}
	fmt.Println("payment", submit("payment", true))
	fmt.Println(rx.Len(), "queued")
	// Output:
	// click <nil>
	// click <nil>
	// click leat: channel full
	// click leat: channel full
	// payment <nil>
	// 3 queued
}

func Example_hardLimit() {
	tx, rx := mpsc.New[string](2)
	dropped := 0
	for _, event := range []string{"a", "b", "c", "d"} {
		switch err := tx.TrySend(event); {
		case errors.Is(err, leat.ErrFull):
			dropped++ // event is still ours: count it, write it to disk, or wait with Send
		case err != nil:
			fmt.Println(err) // the receiver is gone
		}
	}
	fmt.Println(rx.Len(), "queued,", dropped, "dropped")
	// Output: 2 queued, 2 dropped
}

func Example_replay() {
	ctx := context.Background()
	events := broadcast.New[int](100)
	events.SendMany(ctx, []int{1, 2, 3, 4})
	rx := events.Subscribe(broadcast.Replay(2))
	events.SendMany(ctx, []int{5, 6})
	events.Close()
	for event := range rx.All(ctx) {
		fmt.Print(event, " ")
	}
	// Output: 3 4 5 6
}

// follow writes events to a browser. The browser connects again by itself when
// the connection breaks, and says in Last-Event-ID which event it has.
func follow(ctx context.Context, w io.Writer, events *broadcast.Sender[string], lastEventID string) {
	var start []broadcast.SubscribeOption
	if last, err := strconv.ParseUint(lastEventID, 10, 64); err == nil {
		start = append(start, broadcast.From(last+1))
	}
	rx := events.Subscribe(start...)
	defer rx.Close()
	for event, missed := range rx.All(ctx) {
		if missed > 0 {
			fmt.Fprintf(w, "event: missed\ndata: %d\n\n", missed)
		}
		fmt.Fprintf(w, "id: %d\ndata: %s\n\n", rx.Next()-1, event)
	}
}

func Example_resume() {
	ctx := context.Background()
	events := broadcast.New[string](2)
	events.SendMany(ctx, []string{"a", "b", "c", "d"}) // numbers 0 to 3, of which 2 and 3 are kept
	events.Close()
	follow(ctx, os.Stdout, events, "0") // the connection broke after a
	// Output:
	// event: missed
	// data: 1
	//
	// id: 2
	// data: c
	//
	// id: 3
	// data: d
}

type entry struct {
	key   string
	value int
}

type store struct {
	mu      sync.Mutex
	state   map[string]int
	changes *broadcast.Sender[entry]
}

func (s *store) set(key string, value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[key] = value
	s.changes.TrySend(entry{key, value}) // never waits; never full, as no receiver is lossless
}

// follow returns what is, and what will be, with nothing lost or doubled
// between the two.
func (s *store) follow() (map[string]int, *broadcast.Receiver[entry]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state), s.changes.Subscribe()
}

func Example_snapshotAndFollow() {
	ctx := context.Background()
	s := &store{state: make(map[string]int), changes: broadcast.New[entry](2)}
	s.set("a", 1)
	state, rx := s.follow()
	for i := range 10 {
		s.set("b", i)
	}
	s.changes.Close()

	for {
		change, err := rx.Recv(ctx)
		if err == nil {
			state[change.key] = change.value
			continue
		}
		var lag *leat.LaggedError // declared after the check of err: it escapes, so declaring it allocates
		if !errors.As(err, &lag) {
			break
		}
		fmt.Println("missed", lag.Missed, "after", state)
		rx.Close()
		state, rx = s.follow() // take a new snapshot, and follow from there
	}
	fmt.Println(state)
	// Output:
	// missed 8 after map[a:1]
	// map[a:1 b:9]
}

func Example_manySenders() {
	ctx := context.Background()
	links := map[string][]string{"/": {"/a", "/b"}, "/a": {"/c"}, "/b": {"/d", "/e"}}

	var crawl func(tx *mpsc.Sender[string], page string)
	crawl = func(tx *mpsc.Sender[string], page string) {
		defer tx.Close()
		if err := tx.Send(ctx, page); err != nil {
			return // nobody reads any more
		}
		for _, link := range links[page] {
			go crawl(tx.Clone(), link) // cloned before ours is closed: there is no end in between
		}
	}
	tx, rx := mpsc.New[string](1)
	go crawl(tx, "/")

	var pages []string
	for page := range rx.All(ctx) { // ends with the last page, whichever that is
		pages = append(pages, page)
	}
	slices.Sort(pages)
	fmt.Println(pages)
	// Output: [/ /a /b /c /d /e]
}

// record keeps the newest readings. It never waits, and counts what the
// collector did not get.
func record(tx *mpsc.Sender[int], reading int, lost *int) {
	_, full, err := tx.ForceSend(reading)
	if full || err != nil {
		*lost++ // the oldest reading; or this one, if there was nothing to evict
	}
}

func Example_keepNewest() {
	tx, rx := mpsc.New[int](3)
	lost := 0
	for reading := range 10 {
		record(tx, reading, &lost)
	}
	tx.Close()
	for reading := range rx.All(context.Background()) {
		fmt.Println(reading)
	}
	fmt.Println("lost:", lost)
	// Output:
	// 7
	// 8
	// 9
	// lost: 7
}

// writeBatches passes on what rx brings, in batches of up to 3. No value waits
// for its batch longer than a second.
func writeBatches(ctx context.Context, rx *mpsc.Receiver[int], write func([]int)) error {
	buf := make([]int, 3)
	for {
		n, err := rx.RecvBatch(ctx, buf, time.Second)
		if errors.Is(err, leat.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		write(buf[:n])
	}
}

func Example_recvBatch() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](8)
	if n, err := tx.TrySendMany([]int{1, 2, 3, 4, 5, 6, 7}); err != nil {
		fmt.Println(n, "fit:", err)
	}
	tx.Close()
	err := writeBatches(ctx, rx, func(batch []int) { fmt.Println(batch) })
	fmt.Println(err)
	// Output:
	// [1 2 3]
	// [4 5 6]
	// [7]
	// <nil>
}

// batches passes on what rx brings in batches of size, or smaller ones if the
// first value of one has waited for patience.
func batches(ctx context.Context, rx *mpsc.Receiver[int], size int, patience time.Duration, flush func([]int)) error {
	var batch []int
	deadline := leat.Never[time.Time]() // while the batch is empty
	for {
		full, closed := false, false
		_, err := leat.Select(ctx,
			leat.OnRecv(rx, func(v int, err error) {
				if err != nil {
					closed = true
					return
				}
				if batch = append(batch, v); len(batch) == 1 {
					deadline = leat.After(patience)
				}
				full = len(batch) == size
			}),
			leat.OnRecv(deadline, func(time.Time, error) { full = true }))

		if (full || closed || err != nil) && len(batch) > 0 {
			flush(batch)
			batch, deadline = nil, leat.Never[time.Time]()
		}
		if closed || err != nil {
			return err
		}
	}
}

func Example_batches() {
	ctx := context.Background()
	tx, rx := mpsc.New[int](5)
	tx.SendMany(ctx, []int{1, 2, 3, 4, 5})
	tx.Close()
	err := batches(ctx, rx, 2, time.Second, func(batch []int) { fmt.Println(batch) })
	fmt.Println(err)
	// Output:
	// [1 2]
	// [3 4]
	// [5]
	// <nil>
}

func Example_ready() {
	tx, rx := mpsc.New[string](1)
	reload := make(chan os.Signal) // from signal.Notify
	tx.TrySend("value")
	tx.Close()
	for {
		select {
		case <-rx.Ready():
			v, err := rx.TryRecv()
			if errors.Is(err, leat.ErrClosed) {
				return
			}
			if err == nil { // ErrEmpty: look again
				fmt.Println(v)
			}
		case <-reload:
			fmt.Println("reload")
		}
	}
	// Output: value
}

// The clock of a bubble goes on when everybody waits, so an hour takes no time,
// and a second is exactly one.
func TestGuideBatchAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](5)
		start := time.Now()
		go func() {
			defer tx.Close()
			tx.Send(t.Context(), 1)
			<-time.After(time.Hour)
			tx.Send(t.Context(), 2)
		}()
		var flushed []time.Duration
		err := batches(t.Context(), rx, 2, time.Second, func([]int) { flushed = append(flushed, time.Since(start)) })
		if want := []time.Duration{time.Second, time.Hour}; err != nil || !slices.Equal(flushed, want) {
			t.Errorf("flushed at %v, %v; want %v: each value waits for a second at most", flushed, err, want)
		}
	})
}

// synctest.Wait returns when every other goroutine of the bubble waits: what
// waits then is known, and not guessed after a while.
func TestGuideBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpsc.New[int](1)
		sent := 0
		var producer sync.WaitGroup
		producer.Go(func() {
			for tx.Send(t.Context(), sent) == nil {
				sent++
			}
		})
		synctest.Wait()
		if sent != 1 {
			t.Errorf("%d sent into a channel of capacity 1; the producer should wait", sent)
		}
		rx.Recv(t.Context())
		synctest.Wait()
		if sent != 2 {
			t.Errorf("%d sent after one receive, want 2", sent)
		}
		rx.Close()
		producer.Wait() // hangs if Close does not end the wait of Send
	})
}

// The classic: each prime is a goroutine, and takes its multiples out. All wait
// for each other, one value at a time. When the reader has enough, one Close
// after the other goes back through the row: it deadlocks if one of them is
// lost.
func Example_primeSieve() {
	ctx := context.Background()
	var row sync.WaitGroup
	first, rx := mpmc.New[int](0)
	row.Go(func() {
		defer first.Close()
		for n := 2; first.Send(ctx, n) == nil; n++ {
		}
	})
	for range 10 {
		prime, err := rx.Recv(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(prime, " ")
		in := rx
		out, next := mpmc.New[int](0)
		row.Go(func() {
			defer in.Close()
			defer out.Close()
			for n := range in.All(ctx) {
				if n%prime != 0 && out.Send(ctx, n) != nil {
					return
				}
			}
		})
		rx = next
	}
	rx.Close()
	row.Wait()
	// Output: 2 3 5 7 11 13 17 19 23 29
}

// 10,000 oneshots, through a channel with as many senders. It fails if an
// answer is lost, doubled, or goes to somebody else.
func TestTenThousandOneshots(t *testing.T) {
	const n = 10_000
	type question struct {
		i     int
		reply *oneshot.Sender[int]
	}
	tx, rx := mpsc.New[question](32)
	var askers sync.WaitGroup
	for i := range n {
		tx := tx.Clone()
		askers.Go(func() {
			defer tx.Close()
			reply, answer := oneshot.New[int]()
			if err := tx.Send(background, question{i, reply}); err != nil {
				t.Errorf("question %d: %v", i, err)
				return
			}
			if v, err := answer.Recv(background); v != -i || err != nil {
				t.Errorf("question %d: answer %d, %v", i, v, err)
			}
			if v, err := answer.Recv(background); err != leat.ErrClosed {
				t.Errorf("question %d: second answer %d, %v", i, v, err)
			}
		})
	}
	tx.Close()
	answered := 0
	for q := range rx.All(background) {
		if err := q.reply.Send(background, -q.i); err != nil {
			t.Errorf("reply %d: %v", q.i, err)
		}
		answered++
	}
	askers.Wait()
	if answered != n {
		t.Errorf("%d questions answered, want %d", answered, n)
	}
}
