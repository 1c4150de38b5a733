package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpsc"
)

// serve serves the page at addr until the func that it returns is called.
func serve(t *testing.T, addr string) (where string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/leat/", inspect.Handler())
	s := &http.Server{Handler: mux}
	go s.Serve(l)
	return l.Addr().String(), func() { s.Close() }
}

const child = "LEAT_TEST_BROWSER_CHILD"

// alone runs the test in a process of its own, because the page shows the
// channels of a whole process. In that process it returns a browser's tab that
// works until limit has passed, and nil in this one.
func alone(t *testing.T, limit time.Duration) (tab context.Context) {
	t.Helper()
	if os.Getenv(child) != "" {
		tab, cancel, err := Browser(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cancel)
		return tab
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip(ErrNoBrowser)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the test alone: %v", err)
	}
	return nil
}

// until waits for an expression of the page to be true; the page asks itself at
// each frame.
func until(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	var ok bool
	err := chromedp.Run(tab, chromedp.Poll(expression, &ok, chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		var text string
		chromedp.Run(tab, chromedp.Evaluate("document.body.innerText", &text))
		t.Fatalf("never true: %s: %v; the page says:\n%.2000s", expression, err, text)
	}
}

// It fails if the page does not load, teach, update, filter, pause, show a
// channel, obey keys, come back after its server, run without a script error,
// or put a name into the page as anything but text.
func TestPage(t *testing.T) {
	tab := alone(t, 2*time.Minute)
	if tab == nil {
		return
	}
	addr, stop := serve(t, "127.0.0.1:0")
	defer func() { stop() }()
	page := "http://" + addr + "/debug/leat/"

	Do(t, tab, "load", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(page),
		chromedp.Evaluate("window.errors = []; addEventListener('error', e => errors.push(e.message)); addEventListener('securitypolicyviolation', e => errors.push(e.violatedDirective)); 0", nil))
	until(t, tab, `document.querySelector('#nothing').innerText.includes('leat.Name("jobs")')`)

	evil := `<img src=x onerror="window.evil=1">`
	tx, rx := mpsc.New[int](10, leat.Name(evil))
	defer rx.Close()
	defer tx.Close()
	b := broadcast.New[int](4, leat.Name("orders"))
	defer b.Close()
	slow := b.Subscribe(broadcast.Lossless())
	defer slow.Close()
	until(t, tab, "document.querySelectorAll('.row:not([hidden])').length === 2")
	until(t, tab, "document.body.innerText.includes('<img src=x') && !window.evil && !document.querySelector('#rows img')")

	for range 7 {
		if err := tx.TrySend(1); err != nil {
			t.Fatal(err)
		}
	}
	until(t, tab, "document.body.innerText.includes('7 / 10')")

	for range 4 {
		if err := b.TrySend(1); err != nil {
			t.Fatal(err)
		}
	}
	until(t, tab, "document.querySelector('.row.bad0 .name')?.textContent === 'orders' && !document.querySelector('#banner').hidden && document.title.startsWith('(1)')")

	// As an event of the page: the browser's driver would type the slash, too,
	// although the page has taken it.
	Do(t, tab, "filter", chromedp.Evaluate("dispatchEvent(new KeyboardEvent('keydown', { key: '/' }))", nil), chromedp.KeyEvent("orders"))
	until(t, tab, "document.querySelectorAll('.row:not([hidden])').length === 1 && document.querySelector('.row:not([hidden]) .name')?.textContent === 'orders'")
	Do(t, tab, "open by key", chromedp.KeyEvent("\r"), chromedp.KeyEvent("\r"))
	until(t, tab, "!document.querySelector('#detail').hidden && document.querySelector('#detail .box.cause')?.innerText.includes('receiver 1')")

	// The server goes away and comes back: the page says so, and goes on where
	// it was.
	stop()
	until(t, tab, "document.querySelector('#live').textContent.includes('no connection')")
	_, stop = serve(t, addr)
	until(t, tab, "document.querySelector('#live').textContent === 'live'")
	if _, err := slow.TryRecv(); err != nil {
		t.Fatal(err)
	}
	until(t, tab, "document.querySelector('#detail').innerText.includes('3 / 4')")
	Do(t, tab, "close", chromedp.KeyEvent("\u001b"), chromedp.KeyEvent("\u001b"))
	until(t, tab, "document.querySelector('#detail').hidden && document.querySelectorAll('.row:not([hidden])').length === 2")

	Do(t, tab, "pause", chromedp.Click("#pause"))
	if err := tx.TrySend(1); err != nil {
		t.Fatal(err)
	}
	until(t, tab, "waiting && waiting.channels.some(c => c.depth === 8)") // it came, and is not shown
	until(t, tab, "document.body.innerText.includes('7 / 10')")
	Do(t, tab, "go on", chromedp.Click("#pause"))
	until(t, tab, "document.body.innerText.includes('8 / 10')")

	Do(t, tab, "phone", chromedp.EmulateViewport(390, 800))
	until(t, tab, "document.documentElement.scrollWidth <= innerWidth && document.querySelectorAll('.row:not([hidden])').length === 2")
	var errs []string
	Do(t, tab, "errors", chromedp.Evaluate("window.errors", &errs))
	if len(errs) > 0 {
		t.Errorf("the page's errors: %s", strings.Join(errs, "\n"))
	}
}

// It fails if the page does not show the policies of receivers, or how much of
// a receiver's patience is used up.
func TestPolicies(t *testing.T) {
	tab := alone(t, time.Minute)
	if tab == nil {
		return
	}
	tx := broadcast.New[int](1, leat.Name("orders"))
	defer tx.Close()
	defer tx.Subscribe().Close()
	defer tx.Subscribe(broadcast.LosslessFor(time.Millisecond)).Close()
	if err := tx.TrySend(0); err != nil {
		t.Fatal(err)
	}
	if err := tx.Send(t.Context(), 1); err != nil { // gives up on receiver 2
		t.Fatal(err)
	}
	defer tx.Subscribe(broadcast.Replay(1), broadcast.LosslessFor(time.Hour)).Close()
	ctx, end := context.WithCancel(t.Context())
	sent := make(chan error)
	go func() { sent <- tx.Send(ctx, 2) }() // waits for receiver 3
	defer func() {
		end()
		<-sent
	}()
	addr, stop := serve(t, "127.0.0.1:0")
	defer stop()
	Do(t, tab, "load", chromedp.EmulateViewport(1280, 800), chromedp.Navigate("http://"+addr+"/debug/leat/"))
	until(t, tab, "state.shown.length === 1")
	Do(t, tab, "open", chromedp.Evaluate("document.querySelector('.row').click()", nil))
	for receiver, want := range map[int]string{
		1: "/^lossy$/",
		2: "/^lossless for 1 ms, lossy until it has caught up$/",
		3: `/^lossless for 60 min, used \d+(\.\d)? (ms|s)$/`,
	} {
		until(t, tab, fmt.Sprintf(`%s.test([...document.querySelectorAll('#detail .box')].find(b => b.innerText.includes('receiver %d'))?.querySelector('.policy')?.textContent)`, want, receiver))
	}
}

// It fails if a thousand channels cost the page more than a screenful of rows,
// or one of them cannot be found. How long a drawing takes is logged, not
// judged: that is the machine's affair.
func TestThousandChannels(t *testing.T) {
	tab := alone(t, time.Minute)
	if tab == nil {
		return
	}
	for i := range 1000 {
		tx, rx := mpsc.New[int](10, leat.Name(fmt.Sprintf("channel %04d", i)))
		defer rx.Close()
		defer tx.Close()
	}
	addr, stop := serve(t, "127.0.0.1:0")
	defer stop()
	Do(t, tab, "load", chromedp.EmulateViewport(1280, 800), chromedp.Navigate("http://"+addr+"/debug/leat/"))
	until(t, tab, "state.shown.length >= 1000")
	var rows int
	Do(t, tab, "count", chromedp.Evaluate("document.querySelectorAll('.row').length", &rows))
	if rows > 40 {
		t.Errorf("%d rows exist, want a screenful", rows)
	}
	Do(t, tab, "scroll to the end", chromedp.Evaluate("scrollTo(0, 1e9)", nil))
	until(t, tab, "[...document.querySelectorAll('.row:not([hidden])')].some(r => r.channel === state.shown.at(-1).id)")
	var draws []float64
	Do(t, tab, "draw", chromedp.Evaluate("[...Array(21)].map(() => { const t = performance.now(); draw(); document.body.offsetHeight; return performance.now() - t; }).sort((a, b) => a - b)", &draws))
	t.Logf("drawing takes %.1f ms, median of %d", draws[len(draws)/2], len(draws))
	Do(t, tab, "filter", chromedp.Evaluate("scrollTo(0, 0); $('filter').focus()", nil), chromedp.KeyEvent("0777"))
	until(t, tab, "state.shown.length === 1")
}
