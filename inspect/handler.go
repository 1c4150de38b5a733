package inspect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// page is the whole page: markup, style and script.
//
//go:embed page.html
var page []byte

// policy lets the page run its own script and style, talk to its own server, and nothing else.
var policy = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"script-src '" + digest("<script>", "</script>") + "'; style-src '" + digest("<style>", "</style>") + "'"

// digest names the part of the page between two tags, as a browser does.
func digest(begin, end string) string {
	_, rest, _ := bytes.Cut(page, []byte(begin))
	part, _, _ := bytes.Cut(rest, []byte(end))
	sum := sha256.Sum256(part)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// How often a stream of events shows something new.
const (
	defaultEvery = time.Second
	leastEvery   = 100 * time.Millisecond
	mostEvery    = time.Minute
)

// writeWait is how long a viewer may leave what is written to it untouched.
const writeWait = 10 * time.Second

// Handler returns what serves the live page and what it is made from. Mount it at a path that ends in a slash, such as /debug/leat/,
// with or without http.StripPrefix:
//
//	…/                the page
//	…/snapshot.json   a View
//	…/events          Views as server-sent events, one a second; ?every=250ms for another pace, 100ms at least
//	…/metrics         counters and gauges in the Prometheus text format
//
// It answers GET and HEAD, only reads, and ends a stream whose viewer does not read. A handler may be mounted more than once.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "inspect only reads: GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch what := path.Base(r.URL.Path); {
	case what == "snapshot.json":
		h.Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(shared())
	case what == "metrics":
		h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		writeMetrics(w, shared())
	case what == "events":
		serveEvents(w, r)
	case r.URL.Path == "": // StripPrefix took all; the page's own links need the slash
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		h.Set("Location", "./"+path.Base(asked)+"/")
		w.WriteHeader(http.StatusMovedPermanently)
	case strings.HasSuffix(r.URL.Path, "/"):
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(page)
	default:
		http.Error(w, "there are the page, snapshot.json, events and metrics; the page's address ends in a slash", http.StatusNotFound)
	}
}

// serveEvents streams Views until the viewer leaves.
func serveEvents(w http.ResponseWriter, r *http.Request) {
	every := defaultEvery
	if text := r.URL.Query().Get("every"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < leastEvery || d > mostEvery {
			http.Error(w, fmt.Sprintf("every must be a duration from %v to %v, such as 250ms", leastEvery, mostEvery), http.StatusBadRequest)
			return
		}
		every = d
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or a proxy keeps events until it has many
	if r.Method == http.MethodHead {
		return
	}
	out := http.NewResponseController(w)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var b bytes.Buffer
	b.WriteString("retry: 1000\n\n")
	for {
		b.WriteString("data: ")
		json.NewEncoder(&b).Encode(shared()) // which ends in a newline, and has no other
		b.WriteByte('\n')
		out.SetWriteDeadline(time.Now().Add(writeWait)) // not every writer can; then the server's own deadline holds
		if _, err := w.Write(b.Bytes()); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		b.Reset()
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
