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
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// start starts the hub. A tab may be behind by seconds: on a busy machine, too, none is slow unless it is told to be.
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
}

// read begins to read frames.
func read(t *testing.T, url string) *stream {
	t.Helper()
	response, err := http.Get(url + "/frames")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	s := &stream{t: t, url: url, lines: bufio.NewScanner(response.Body)}
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
		number, _ := strconv.Atoi(value)
		switch {
		case name == "event":
			event = value
		case name == "data" && event == "tab":
			s.tab = value
		case name == "data" && event == "missed":
			s.missed += number
		case name == "id":
			if s.received++; s.first == 0 {
				s.first = number
			}
			s.last = number
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

// It fails if one who does not read holds up another or the hub's end, if it is not told exactly what it missed, or if the other misses anything.
func TestSlowReader(t *testing.T) {
	const kept = 300
	p, url := start(t, "10ms", kept)
	fast := read(t, url)
	slow := read(t, url)
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
		t.Errorf("the slow one was told that it missed %d, the hub says %s", slow.missed, told)
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

// It fails if, in a browser, the slow tab is not told what it missed, the fast one misses anything or does not go on, the two do not add up, a
// page does not fit a phone, or has an error, or does not learn of the end.
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
