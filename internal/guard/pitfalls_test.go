package guard_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The code of docs/pitfalls.md: usual constructs of native channels. For each,
// a test shows the failure that the page describes. It fails if the native
// version works, so that the page is wrong.

// mustWait runs f in a goroutine of the bubble, and fails if f does not wait
// when everything has come to rest. What it returns gets nil when f returns at
// last, or what f panicked with.
func mustWait(t *testing.T, what string, f func()) chan any {
	t.Helper()
	end := make(chan any, 1)
	go func() { end <- caught(f) }()
	synctest.Wait()
	if len(end) > 0 {
		t.Errorf("%s: it does not wait; the page says that it does", what)
	}
	return end
}

// caught returns what f panics with.
func caught(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func mustSayClosed(t *testing.T, got any) {
	t.Helper()
	if err, ok := got.(error); !ok || !strings.Contains(err.Error(), "send on closed channel") {
		t.Errorf("panic value %v; the page says that the send panics", got)
	}
}

// chatHub is the goroutine that owns the map of subscribers.
type chatHub struct {
	subscribe, unsubscribe chan chan string
	publish                chan string
}

func (h *chatHub) run(ctx context.Context) {
	subscribers := make(map[chan string]bool)
	for {
		select {
		case ch := <-h.subscribe:
			subscribers[ch] = true
		case ch := <-h.unsubscribe:
			delete(subscribers, ch)
		case msg := <-h.publish:
			for ch := range subscribers {
				ch <- msg
			}
		case <-ctx.Done():
			return
		}
	}
}

func TestBefore_hub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &chatHub{make(chan chan string), make(chan chan string), make(chan string)}
		ctx, cancel := context.WithCancel(background)
		hub := mustWait(t, "the hub", func() { h.run(ctx) })
		slow := make(chan string, 1)
		h.subscribe <- slow
		h.publish <- "1"
		h.publish <- "2" // the hub takes it, and waits for slow

		publisher := mustWait(t, "to publish beside a slow subscriber", func() { h.publish <- "3" })
		newcomer := mustWait(t, "to subscribe beside a slow subscriber", func() { h.subscribe <- make(chan string, 9) })
		leaver := mustWait(t, "to unsubscribe the slow subscriber, which would be the cure", func() { h.unsubscribe <- slow })
		cancel()
		synctest.Wait()
		if len(hub) > 0 {
			t.Error("the hub heard of its context; the page says that it does not while it waits for a subscriber")
		}

		// Somebody receives everything after all, so that the bubble can end.
		go func() {
			for open := true; open; {
				select {
				case <-h.publish:
				case <-h.subscribe:
				case <-h.unsubscribe:
				case _, open = <-slow:
				}
			}
		}()
		<-hub
		<-publisher
		<-newcomer
		<-leaver
		close(slow)
	})
}

func kickSlow(subscribers map[chan string]bool, msg string) {
	for ch := range subscribers {
		select {
		case ch <- msg:
		default: // full: throw it out
			delete(subscribers, ch)
			close(ch)
		}
	}
}

func TestBefore_hubKicks(t *testing.T) {
	slow := make(chan string, 1)
	subscribers := map[chan string]bool{slow: true}
	for _, msg := range []string{"1", "2", "3"} {
		kickSlow(subscribers, msg)
	}
	var got []string
	for msg := range slow {
		got = append(got, msg)
	}
	if !slices.Equal(got, []string{"1"}) {
		t.Errorf("received %q; the page says that the loop ends after the first, as if nothing more had come", got)
	}
}

type settings struct {
	mu       sync.RWMutex
	current  string
	onChange []func(string)
}

func (s *settings) set(config string) {
	s.mu.Lock()
	s.current = config
	callbacks := s.onChange
	s.mu.Unlock() // not under the lock: a callback may read
	for _, f := range callbacks {
		f(config)
	}
}

func TestBefore_configReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan string)
		applied := ""
		s := &settings{onChange: []func(string){
			func(c string) {
				if c == "old" {
					<-slow
				}
			},
			func(c string) { applied = c },
		}}
		old := mustWait(t, "set with a slow callback", func() { s.set("old") })
		if applied != "" {
			t.Errorf("the second callback has run, though the first has not returned")
		}
		s.set("new")
		close(slow)
		<-old
		if s.current != "new" || applied != "old" {
			t.Errorf("current is %q, applied is %q; the page says that the old one is applied last, and stays", s.current, applied)
		}
	})
}

// With the lock held, a callback that reads would wait for its own caller.
func TestBefore_configReloadUnderTheLock(t *testing.T) {
	var mu sync.RWMutex
	read := func() {
		if mu.TryRLock() {
			t.Error("a callback under the lock can read; the page says that it deadlocks")
		}
	}
	mu.Lock()
	read()
	mu.Unlock()
}

type nativePool struct {
	queue chan int
	quit  chan struct{}
}

func (p *nativePool) submit(job int) error {
	select {
	case p.queue <- job:
		return nil
	case <-p.quit:
		return errors.New("stopped")
	}
}

func (p *nativePool) work(do func(int)) {
	for {
		select {
		case job := <-p.queue:
			do(job)
		case <-p.quit:
			return
		}
	}
}

func TestBefore_workerPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 64
		p := &nativePool{make(chan int, n), make(chan struct{})}
		hold := make(chan struct{})
		done := 0
		worker := mustWait(t, "a worker without work", func() { p.work(func(int) { <-hold; done++ }) })
		p.submit(0)
		synctest.Wait() // the worker has it
		for job := 1; job <= n; job++ {
			if err := p.submit(job); err != nil {
				t.Fatal(err)
			}
		}
		close(p.quit)
		close(hold)
		<-worker
		if done == 1+n { // the worker would have to decide for the queue 64 times in a row, by chance
			t.Errorf("all %d accepted jobs were done; the page says that some are left", done)
		}

		for len(p.queue) > 0 {
			<-p.queue
		}
		accepted := 0
		for job := range n {
			if p.submit(job) == nil {
				accepted++
			}
		}
		if accepted == 0 { // by chance again
			t.Error("submit accepted nothing after the stop; the page says that it does, with nobody there to do it")
		}
	})
}

func TestBefore_workerPoolClosesQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := make(chan int)
		submitter := mustWait(t, "to submit without a worker", func() { queue <- 1 })
		close(queue)
		mustSayClosed(t, <-submitter)
	})
}

type nativeRequest struct {
	key   string
	reply chan string
}

func ask(ctx context.Context, requests chan<- nativeRequest, key string) (string, error) {
	r := nativeRequest{key, make(chan string)}
	select {
	case requests <- r:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	select {
	case answer := <-r.reply:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func serve(requests <-chan nativeRequest, find func(string) string) {
	for r := range requests {
		r.reply <- find(r.key)
	}
}

func TestBefore_requestReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan nativeRequest)
		go serve(requests, func(key string) string {
			if key == "slow" {
				<-time.After(time.Minute)
			}
			return key
		})
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		asked := make(chan nativeRequest) // so that the test knows the reply channel, and can end the bubble
		asker := mustWait(t, "ask", func() { ask(ctx, asked, "slow") })
		r := <-asked
		requests <- r
		<-asker // which gives up after a second

		patient, cancel := context.WithTimeout(background, 24*time.Hour)
		defer cancel()
		if v, err := ask(patient, requests, "quick"); err != context.DeadlineExceeded {
			t.Errorf("a day later: %q, %v; the page says that the server waits for ever for the one who gave up", v, err)
		}
		<-r.reply
		if v, err := ask(background, requests, "quick"); v != "quick" || err != nil {
			t.Errorf("with the reply taken after all: %q, %v", v, err)
		}
		close(requests)
	})
}

// With room for the reply, the server goes on; but one that leaves without an
// answer leaves the asker waiting.
func TestBefore_requestReplyBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan nativeRequest, 1)
		ctx, cancel := context.WithCancel(background)
		asker := mustWait(t, "to ask a server that has left", func() { ask(ctx, requests, "key") })
		<-requests // the server took the request, and returned
		synctest.Wait()
		if len(asker) > 0 {
			t.Error("the asker learned that the server has left; the page says that it waits on")
		}
		cancel()
		<-asker
	})
}

func TestBefore_fanIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration) func() string {
			return func() string { <-time.After(d); return d.String() }
		}
		sources := []func() string{after(time.Millisecond), after(2 * time.Second), after(3 * time.Second)}
		running := 0
		var mu sync.Mutex
		for i, source := range sources {
			running++
			sources[i] = func() string { v := source(); mu.Lock(); running--; mu.Unlock(); return v }
		}
		var got []string

		results := make(chan string)
		for _, source := range sources {
			go func() { results <- source() }()
		}
		timeout := time.After(time.Second)
	collect:
		for range sources {
			select {
			case result := <-results:
				got = append(got, result)
			case <-timeout:
				break collect
			}
		}

		if !slices.Equal(got, []string{"1ms"}) {
			t.Errorf("collected %q, want the quick one", got)
		}
		<-time.After(24 * time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if running != 0 {
			t.Fatalf("%d sources have not returned", running)
		}
		if len(results) > 0 {
			t.Error("the late results lie in the channel; the page says that their senders wait")
		}
		for range 2 { // a day later
			select {
			case <-results:
			default:
				t.Error("no goroutine waits to send; the page says that each late one does, for ever")
			}
		}
	})
}

func unbounded(in <-chan int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		var queue []int
		for in != nil || len(queue) > 0 {
			var next int
			var send chan int // nil while there is nothing to send
			if len(queue) > 0 {
				next, send = queue[0], out
			}
			select {
			case v, ok := <-in:
				if !ok {
					in = nil
					continue
				}
				queue = append(queue, v)
			case send <- next:
				queue = queue[1:]
			}
		}
	}()
	return out
}

func TestBefore_unboundedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan int)
		out := unbounded(in)
		for i := range 1000 {
			in <- i
		}
		synctest.Wait()
		if len(in)+len(out) != 0 {
			t.Errorf("len is %d; the page says that nobody sees the 1000", len(in)+len(out))
		}
		<-out     // the consumer takes one, and leaves
		close(in) // the producer is done
		synctest.Wait()
		left := 0
		for range out { // which also ends the goroutine, and so the bubble
			left++
		}
		if left != 999 {
			t.Errorf("%d values were left; the page says that goroutine and values stay when the consumer leaves", left)
		}
	})
}

type eventLog struct {
	mu   sync.Mutex
	past []int
	live []chan int
}

func (l *eventLog) add(event int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = append(l.past, event)
	for _, ch := range l.live {
		select {
		case ch <- event:
		default: // full
		}
	}
}

func (l *eventLog) history() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.past)
}

func (l *eventLog) subscribe() <-chan int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan int, 2)
	l.live = append(l.live, ch)
	return ch
}

func TestBefore_eventLog(t *testing.T) {
	all := func(past []int, live <-chan int) []int {
		for len(live) > 0 {
			past = append(past, <-live)
		}
		return past
	}

	var l eventLog
	l.add(1)
	past := l.history()
	l.add(2) // by another goroutine, at this moment
	live := l.subscribe()
	l.add(3)
	if got := all(past, live); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("history, then subscribe: %v; the page says that 2 is lost", got)
	}

	l = eventLog{}
	live = l.subscribe()
	l.add(1)
	if got := all(l.history(), live); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("subscribe, then history: %v; the page says that 1 comes twice", got)
	}

	l = eventLog{}
	live = l.subscribe()
	for event := range 5 {
		l.add(event)
	}
	if got := all(nil, live); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("a slow subscriber got %v; the page says that events that do not fit are dropped, and not counted", got)
	}
}

func TestBefore_manySenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := []string{"/a", "/b", "/c"}
		fetch := func(page string) string { return page }

		results := make(chan string)
		var senders sync.WaitGroup
		for _, page := range pages {
			senders.Go(func() { results <- fetch(page) })
		}
		go func() {
			senders.Wait()
			close(results)
		}()

		<-results // the reader has what it wants, and returns
		synctest.Wait()
		if len(results) > 0 {
			t.Error("the results lie in the channel; the page says that their senders wait")
		}
		left := 0
		for range results { // which also ends the goroutines, and so the bubble
			left++
		}
		if left != 2 {
			t.Errorf("%d senders waited; the page says that both do, for ever, and the closer with them", left)
		}

		synctest.Wait()
		mustSayClosed(t, caught(func() { results <- fetch("/found later") }))
	})
}
