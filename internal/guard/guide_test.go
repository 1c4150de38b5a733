package guard_test

import (
	"context"
	"fmt"
	"os"
	"slices"
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

// The recipes of docs/guide.md, in its order. pitfalls_test.go has what native
// channels do in their place.

func Example_hub() {
	ctx := context.Background()
	hub := broadcast.New[string](2)
	page := hub.Subscribe()                      // may miss messages, and learns how many
	audit := hub.Subscribe(broadcast.Lossless()) // misses none: Send waits for it

	var auditor sync.WaitGroup
	auditor.Go(func() {
		defer audit.Close()
		for msg := range audit.All(ctx) {
			fmt.Print(msg, " ")
		}
	})
	for _, msg := range []string{"a", "b", "c", "d", "e"} {
		hub.Send(ctx, msg)
	}
	hub.Close()
	auditor.Wait()
	fmt.Println("heard by audit")
	for msg, missed := range page.All(ctx) { // reads late
		fmt.Println("page:", msg, "after", missed, "missed")
	}
	// Output:
	// a b c d e heard by audit
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
	rx := current.Subscribe()
	var applied config
	var follower sync.WaitGroup
	follower.Go(func() {
		defer rx.Close()
		for c := range rx.All(ctx) { // the current value, then newer ones
			applied = c
		}
	})
	current.Update(func(c *config) bool { // loses no other change
		c.workers *= 2
		return true // store c, and wake the followers
	})
	fmt.Println("current:", current.Get())
	current.Send(ctx, config{"debug", 1})
	current.Close()
	follower.Wait()
	fmt.Println("applied last:", applied)
	// Output:
	// current: {info 8}
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

// shutdown waits until all accepted jobs are done. If ctx ends first, it
// cancels the running jobs and returns the others.
func (p *pool) shutdown(ctx context.Context) (undone []job) {
	p.jobs.Close() // every submit gets ErrClosed, a waiting one too
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

	p = newPool(1, 8) // another one, out of time
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
	defer answer.Close() // closes reply.Done, if ctx has ended
	if err := requests.Send(ctx, request{key, reply}); err != nil {
		return "", err
	}
	return answer.Recv(ctx)
}

func answerAll(ctx context.Context, requests *mpsc.Receiver[request], table map[string]string) {
	for r := range requests.All(ctx) {
		if v, ok := table[r.key]; ok {
			r.reply.TrySend(v) // never blocks; an error means that the asker has gone
		}
		r.reply.Close() // without an answer, the asker gets ErrClosed at once
	}
	requests.Close() // refuses new requests
	for r, err := requests.TryRecv(); err == nil; r, err = requests.TryRecv() {
		r.reply.Close() // accepted, and never answered
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

// gather returns the first answers: as many as wanted, or those that came
// before ctx ended.
func gather(ctx context.Context, wanted int, sources ...func(context.Context) string) []string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // stops the sources that are late
	tx, rx := mpsc.New[string](1)
	defer rx.Close() // ends the waiting sends
	for _, source := range sources {
		tx := tx.Clone()
		go func() {
			defer tx.Close()
			tx.Send(ctx, source(ctx)) // an error means that nobody wants it any more
		}()
	}
	tx.Close()
	var answers []string
	for answer := range rx.All(ctx) { // until the last source, or ctx, has ended
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

func Example_manySenders() {
	ctx := context.Background()
	links := map[string][]string{"/": {"/a", "/b"}, "/a": {"/c"}, "/b": {"/d", "/e"}}
	var crawl func(tx *mpsc.Sender[string], page string)
	crawl = func(tx *mpsc.Sender[string], page string) {
		defer tx.Close()
		if err := tx.Send(ctx, page); err != nil {
			return // the reader has closed
		}
		for _, link := range links[page] {
			go crawl(tx.Clone(), link) // cloned before ours is closed, so the channel cannot end here
		}
	}
	tx, rx := mpsc.New[string](1)
	go crawl(tx, "/")
	var pages []string
	for page := range rx.All(ctx) { // until the last page is done
		pages = append(pages, page)
	}
	slices.Sort(pages)
	fmt.Println(pages)
	// Output: [/ /a /b /c /d /e]
}

func Example_softLimit() {
	ctx := context.Background()
	tx, rx := mpsc.New[string](leat.Unbounded)
	defer rx.Close()
	submit := func(event string, important bool) error {
		if !important && tx.Len() >= 2 {
			return leat.ErrFull
		}
		return tx.Send(ctx, event) // never blocks
	}
	submit("click", false)
	submit("click", false)
	fmt.Println("click:", submit("click", false))
	fmt.Println("payment:", submit("payment", true))
	// Output:
	// click: leat: channel full
	// payment: <nil>
}

// record keeps the newest readings. It never blocks, and counts the readings
// that the collector does not get.
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

// writeBatches writes the values of rx in batches of up to 3. No value waits
// longer than a second for its batch. At the end of the channel, writeBatches
// returns ErrClosed.
func writeBatches(ctx context.Context, rx *mpsc.Receiver[int], write func([]int)) error {
	buf := make([]int, 3)
	for {
		n, err := rx.RecvBatch(ctx, buf, time.Second)
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
	// leat: channel closed
}

func Example_idle() {
	ctx := context.Background()
	tx, rx := mpsc.New[string](8)
	stop := make(chan os.Signal, 1) // a native channel, from signal.Notify
	tx.Send(ctx, "job")
	tx.Close()
	for open := true; open; {
		leat.Select(ctx,
			leat.OnRecv(rx, func(v string, err error) {
				fmt.Println(v, err)
				open = err == nil
			}),
			leat.OnRecv(leat.FromChan(stop), func(os.Signal, error) { open = false }),
			leat.OnRecv(leat.After(time.Minute), func(time.Time, error) { fmt.Println("idle") }))
	}
	// Output:
	// job <nil>
	//  leat: channel closed
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
