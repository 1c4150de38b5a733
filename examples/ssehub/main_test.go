package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/leat-go/leat/dev/browsertest"
	"github.com/leat-go/leat/examples/internal/program"
	"github.com/leat-go/leat/internal/testkit/proxy"
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// start starts the hub. A tab may be behind by seconds: on a busy machine, too,
// none is slow unless the test makes it so.
func start(t *testing.T, every string, keep int) (p *program.Process, url string) {
	t.Helper()
	p = program.Start(t, "-addr", "127.0.0.1:0", "-every", every, "-keep", strconv.Itoa(keep))
	return p, p.Until(`^open (http://\S+) `)[1]
}

// A stream is a reader of frames without a browser.
type stream struct {
	t                             *testing.T
	url, tab                      string
	lines                         *bufio.Scanner
	received, missed, first, last int
	id                            string // of the last frame
	resumed                       bool
	close                         func()
}

// read begins to read frames, after the one with the id if there is one.
func read(t *testing.T, url, id string) *stream {
	t.Helper()
	request, err := http.NewRequest("GET", url+"/frames", nil)
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		request.Header.Set("Last-Event-ID", id)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, url: url, lines: bufio.NewScanner(response.Body), close: func() { response.Body.Close() }}
	t.Cleanup(s.close)
	s.lines.Buffer(nil, 1<<20)
	s.next()
	return s
}

// next reads one event, reports it, and returns false at the hub's end.
func (s *stream) next() bool {
	s.t.Helper()
	var event string
	for s.lines.Scan() && s.lines.Text() != "" {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		number, _ := strconv.Atoi(value[strings.LastIndex(value, ".")+1:])
		switch {
		case name == "event":
			event = value
		case name == "data" && (event == "tab" || event == "resumed"):
			s.tab, s.resumed = value, event == "resumed"
		case name == "data" && event == "missed":
			s.missed += number
		case name == "id":
			if s.received++; s.first == 0 {
				s.first = number
			}
			s.last, s.id = number, value
		}
	}
	if err := s.lines.Err(); err != nil {
		s.t.Error(err)
		return false
	}
	response, err := http.PostForm(s.url+"/drawn", url.Values{"tab": {s.tab}, "frames": {strconv.Itoa(s.received)}})
	if err == nil {
		response.Body.Close()
	}
	return event != "end" // then the hub listens no more, and the report may have failed
}

// check fails unless all frames sent while s was there were received or missed.
func (s *stream) check(who string) {
	s.t.Helper()
	if sent := s.last - s.first + 1; s.received+s.missed != sent {
		s.t.Errorf("%s: received %d and missed %d of %d", who, s.received, s.missed, sent)
	}
}

// It fails if one who does not read holds up another or the hub's end, if it is
// not told exactly what it missed, or if the other misses anything.
func TestSlowReader(t *testing.T) {
	const kept = 300
	p, url := start(t, "10ms", kept)
	fast := read(t, url, "")
	slow := read(t, url, "")
	for fast.last-fast.first < kept+50 { // slow reads nothing until it is further behind than the channel keeps and is on the way
		fast.next()
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		for fast.next() {
		}
	}()
	for slow.missed == 0 && slow.next() {
	}
	told := p.Until(`^tab 2 missed (\d+)$`)[1]
	if told != strconv.Itoa(slow.missed) {
		t.Errorf("the slow one counts %d missed, the hub says %s", slow.missed, told)
	}

	p.Signal(os.Interrupt)
	for slow.next() {
	}
	<-done
	slow.check("slow")
	fast.check("fast")
	if fast.missed != 0 {
		t.Errorf("the fast one missed %d", fast.missed)
	}
	lines := p.Ends(0)
	if last := lines[len(lines)-1]; last != fmt.Sprintf("the hub has closed, after %d frames", fast.last) || slow.last != fast.last {
		t.Errorf("the fast one saw frames up to %d, the slow one up to %d; the hub says %q", fast.last, slow.last, last)
	}
}

// It fails if one who comes back does not go on with the frame after its last
// one, is not told exactly how many the hub does not keep any more, or resumes
// by an id of another run or by none that makes sense.
func TestResume(t *testing.T) {
	const kept = 50
	_, url := start(t, "10ms", kept)
	witness := read(t, url, "")
	first := read(t, url, "")
	for first.received < 3 {
		first.next()
	}
	first.close()
	second := read(t, url, first.id)
	for second.received == 0 {
		second.next()
	}
	if !second.resumed || second.first != first.last+1+second.missed {
		t.Errorf("resumed: %t, with frame %d after %d and %d missed", second.resumed, second.first, first.last, second.missed)
	}
	for witness.last < first.last+kept+20 {
		witness.next()
	}
	late := read(t, url, first.id)
	for late.received == 0 {
		late.next()
	}
	if late.missed < 20 || late.first != first.last+1+late.missed {
		t.Errorf("too late: went on with frame %d after %d and %d missed", late.first, first.last, late.missed)
	}
	for _, id := range []string{"another." + strconv.Itoa(first.last), "x", strings.Replace(first.id, ".", ".-", 1)} {
		if s := read(t, url, id); s.resumed || s.missed != 0 {
			t.Errorf("id %q: resumed %t, %d missed", id, s.resumed, s.missed)
		}
	}
}

// It fails if, in a browser, a tab whose connection breaks again and again
// loses a frame, gets one twice, or starts again instead of resuming.
func TestTabResumes(t *testing.T) {
	tab, cancel, err := browsertest.Browser(t.Context(), 3*time.Minute)
	if errors.Is(err, browsertest.ErrNoBrowser) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	p, url := start(t, "25ms", 100_000) // keeps all of a busy machine's test
	network, addr, err := proxy.TCP(strings.TrimPrefix(url, "http://"), proxy.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	open(t, tab, "http://"+addr)
	var first int
	browsertest.Do(t, tab, "first", chromedp.Evaluate("seen.first", &first))
	for cut := 1; cut <= 4; cut++ {
		network.Cut()
		p.Until(`^tab \d+ has resumed after frame (\d+)$`)
		until(t, tab, fmt.Sprintf("seen.resumed >= %d", cut))
		var now int
		browsertest.Do(t, tab, "count", chromedp.Evaluate("seen.last", &now))
		until(t, tab, fmt.Sprintf("seen.last > %d", now+10))
	}
	until(t, tab, "document.querySelector('#log').innerText.includes('Resumed after frame')")
	var seen struct{ First, Last, Received, Missed, Wrong int }
	browsertest.Do(t, tab, "seen", chromedp.Evaluate("seen", &seen))
	if seen.First != first || seen.Missed != 0 || seen.Wrong != 0 || seen.Received != seen.Last-seen.First+1 {
		t.Errorf("first %d, then %+v", first, seen)
	}
	var errs []string
	if browsertest.Do(t, tab, "errors", chromedp.Evaluate("errors", &errs)); len(errs) > 0 {
		t.Errorf("errors of the page: %s", strings.Join(errs, "\n"))
	}
}

// until waits for an expression of a page to be true.
func until(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	err := chromedp.Run(tab, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		var text string
		chromedp.Run(tab, chromedp.Evaluate("document.body.innerText", &text))
		t.Fatalf("never true: %s: %v; the page says:\n%s", expression, err, text)
	}
}

// open opens a page, and has it keep its errors.
func open(t *testing.T, tab context.Context, url string) {
	t.Helper()
	browsertest.Do(t, tab, "open", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url),
		chromedp.Evaluate("window.errors = []; addEventListener('error', e => errors.push(e.message)); addEventListener('unhandledrejection', e => errors.push(String(e.reason))); 0", nil))
	until(t, tab, "seen.received > 0")
}

// It fails if, in a browser, the slow tab is not told what it missed, the fast
// one misses anything or does not go on, the two do not add up, a page does not
// fit a phone, or has an error, or does not learn of the end.
func TestTabs(t *testing.T) {
	fast, cancel, err := browsertest.Browser(t.Context(), 3*time.Minute)
	if errors.Is(err, browsertest.ErrNoBrowser) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	slow, cancelSlow := chromedp.NewContext(fast)
	defer cancelSlow()
	const kept = 160
	p, url := start(t, "25ms", kept)
	open(t, fast, url)
	until(t, fast, "document.querySelector('h1').textContent === 'Rain in tab 1'")
	open(t, slow, url+"/?doze=600")
	until(t, slow, "document.querySelector('h1').textContent === 'Rain in tab 2'")

	until(t, slow, "document.querySelector('#state').textContent === 'asleep'")
	var now int
	browsertest.Do(t, fast, "count", chromedp.Evaluate("seen.last", &now))
	until(t, fast, fmt.Sprintf("seen.last > %d", now+kept+50)) // further than the channel keeps and is on the way
	browsertest.Do(t, slow, "wake up", chromedp.Click("#doze"))
	missed := p.Until(`^tab 2 missed (\d+)$`)[1]
	until(t, slow, "document.querySelector('#log').innerText.includes('You missed "+missed+" frame')")
	browsertest.Do(t, fast, "count", chromedp.Evaluate("seen.last", &now))
	for name, tab := range map[string]context.Context{"fast": fast, "slow": slow} {
		until(t, tab, fmt.Sprintf("seen.last > %d && seen.received + seen.missed === seen.last - seen.first + 1", now+10))
		browsertest.Do(t, tab, "phone", chromedp.EmulateViewport(390, 800))
		until(t, tab, "document.documentElement.scrollWidth <= innerWidth")
		var errs []string
		if browsertest.Do(t, tab, "errors", chromedp.Evaluate("errors", &errs)); len(errs) > 0 {
			t.Errorf("errors of the %s page: %s", name, strings.Join(errs, "\n"))
		}
	}
	var fastMissed int
	if browsertest.Do(t, fast, "missed", chromedp.Evaluate("seen.missed", &fastMissed)); fastMissed != 0 {
		t.Errorf("the fast tab missed %d frames", fastMissed)
	}

	p.Signal(os.Interrupt)
	for _, tab := range []context.Context{fast, slow} {
		until(t, tab, "document.querySelector('#log').innerText.includes('The hub has closed.')")
	}
	p.Until(`^the hub has closed`)
	p.Ends(0)
}
